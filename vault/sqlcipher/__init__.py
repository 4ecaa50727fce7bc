"""Django's SQLite backend on SQLCipher: `ENGINE = "vault.sqlcipher"`.

Every page of the main file and of the WAL is encrypted and authenticated (AES-256-CBC under
HMAC-SHA-512, SQLCipher 4). `OPTIONS["encryption"] = False` opens a plain file by the same library.
"""
