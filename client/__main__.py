"""`python -m client` is `hvx`."""

from client.cli import main

main()
