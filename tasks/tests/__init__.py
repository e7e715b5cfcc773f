"""Tests of the app `tasks`."""
