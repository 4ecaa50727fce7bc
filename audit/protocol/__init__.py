"""The rules of the chains: what is hashed, in which order, under which key."""
