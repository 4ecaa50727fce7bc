"""Tests of hvx."""
