"""This process's way to other servers: their actors, keys and documents."""
