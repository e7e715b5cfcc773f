"""Tests of the knowledge app."""
