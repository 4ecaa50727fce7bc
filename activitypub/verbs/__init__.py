"""What `manage.py federation` can do, a file a verb, in the shape of `vault.verbs.Verb`."""
