"""Key exchange: the server's side of handing the account key to a new device (PROTOCOL §4)."""
