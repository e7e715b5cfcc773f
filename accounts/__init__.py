"""Who acts, and what is theirs: users, sessions and tokens, and ownership enforced by the database."""
