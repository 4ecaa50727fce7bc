"""What `manage.py serve` is made of: a master that holds the root key, and the processes it starts.

The master has no code of the web. It has the data folder's lock, the listening socket and the root
key, in one locked page, and it starts a `prepare` child, then the workers; or, without a root key, the
`sealed` child. Each hears from it by a link of its own.
"""

# Of a message between master and child, in bytes.
LONGEST_MESSAGE = 4096
