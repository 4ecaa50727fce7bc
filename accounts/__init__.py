"""Accounts: people, their OpenPGP public keys and passwords; registration, login, activation."""
