"""What happened: the append-only record of every write, search and sign-in."""
