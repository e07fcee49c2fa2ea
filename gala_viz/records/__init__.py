"""What people did: the game's rules, its rounds as records, and what is made of them. Knows no network and no page."""
