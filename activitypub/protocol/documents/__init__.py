"""Documents of ActivityPub as they come: read, checked for shape, and made into types."""
