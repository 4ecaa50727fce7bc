"""Tests of who signed a request or a document."""
