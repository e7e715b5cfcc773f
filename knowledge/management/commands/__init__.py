"""Commands of what is known."""
