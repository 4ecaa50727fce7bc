"""The audit: what happened that matters for security, in rows that cannot be changed unseen."""
