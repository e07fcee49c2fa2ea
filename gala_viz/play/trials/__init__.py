"""An experiment on a server: its addresses, and what its pages are told."""
