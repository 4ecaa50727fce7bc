"""Tests of the pure rules of federation."""
