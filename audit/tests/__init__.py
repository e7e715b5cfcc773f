"""Tests of the app `audit`."""
