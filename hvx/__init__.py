"""Settings, addresses and wiring: the one package that may import every room."""

__version__ = "0.1.0"
