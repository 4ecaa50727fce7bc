"""HTTP of the activitypub room."""
