"""Writes of the activitypub room, one function a verb."""
