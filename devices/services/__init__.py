"""Writing devices: a file an idea, a function a verb, and each function one transaction."""
