"""The fediverse: actors, their keys and documents, and what passes between servers."""
