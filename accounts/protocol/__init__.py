"""Pure rules of accounts: no Django, no network, no clock, no randomness."""
