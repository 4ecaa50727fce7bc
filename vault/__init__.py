"""The vault: nothing secret that the server holds touches the disk unsealed."""
