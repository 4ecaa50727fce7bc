"""Pure rules of a client: no network, no clock, no randomness, no files.

Times, nonces and keys come in as arguments; bytes, frames and effects go out.
"""
