"""Storage: client-encrypted files, of which the server knows hash, CID and type (PROTOCOL §5)."""
