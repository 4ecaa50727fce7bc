"""A hostile relay: a server that cheats in every way the protocol knows, and the clients that must notice."""
