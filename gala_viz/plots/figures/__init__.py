"""Figures for print, by matplotlib: plain arrays in, PNG, SVG and PDF out, each with its caption beside it."""
