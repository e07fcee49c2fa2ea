"""The ClickMe game: its rules and judge, one server for many players, players without a browser."""
