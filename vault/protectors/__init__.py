"""What the root key is protected by at rest, a file a kind.

Each yields a key-encryption key of 32 bytes that opens the wrapped root key. `keyfile`, `keyring` and
`credential` yield it by themselves; `passphrase` and `shares` want a person.
"""
