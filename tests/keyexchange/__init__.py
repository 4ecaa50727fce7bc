"""Tests of the key exchange's server side."""
