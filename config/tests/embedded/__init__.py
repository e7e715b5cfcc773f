"""Tests of the embedded PostgreSQL, on real servers, each in a directory of its own."""
