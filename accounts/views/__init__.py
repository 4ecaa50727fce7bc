"""HTTP of the accounts room."""
