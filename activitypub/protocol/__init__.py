"""Pure rules of federation: no Django, network, clock or randomness."""
