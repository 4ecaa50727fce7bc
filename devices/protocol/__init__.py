"""Pure rules of devices: no Django, no network, no clock, no randomness."""
