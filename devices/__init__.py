"""Devices: hashes and certificates, access tokens, proofs of possession, revocation, presence."""
