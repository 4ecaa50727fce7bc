"""The `hvx` command."""

from client.cli.app import main

__all__ = ["main"]
