"""Reads of the activitypub room."""
