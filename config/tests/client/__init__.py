"""A client generated from the description."""
