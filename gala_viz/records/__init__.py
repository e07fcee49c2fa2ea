"""What people did: participants, rounds, trials and notes in a database; exports. Knows no network and no page."""
