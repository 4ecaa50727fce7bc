"""Pure rules of files: what a CID says, what blocks hold, what an encrypted message looks like."""
