"""What other servers send: who sent it, that it is kept before it is answered, and what comes of it."""
