"""Pure rules of the exchange: no Django, no network, no clock, no randomness."""
