"""Tests of getting documents from other servers."""
