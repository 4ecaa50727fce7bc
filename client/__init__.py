"""The Python reference client of Hvx: a library, and the `hvx` command.

It imports nothing of the server. For the key exchange the server is the adversary, so
whatever protects a user stands on this side, in `client.protocol`.
"""
