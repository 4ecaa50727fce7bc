"""Pure rules of the vault: no Django, network, clock or randomness."""
