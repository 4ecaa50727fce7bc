"""Back-ups: everything that a server keeps, in one encrypted and authenticated file.

The form of the file is in docs/backup.md. It holds rows by model and not a database's own pages, so that
what was written from SQLite may be restored into PostgreSQL and the other way round.
"""
