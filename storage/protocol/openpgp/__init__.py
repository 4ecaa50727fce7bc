"""Whether bytes are one OpenPGP encrypted message and nothing else (RFC 9580); `message.py` is the door.

It is asked of files as they pass, so it knows no key and opens nothing. It holds bytes to the form of an
encrypted message; what stands where ciphertext should stand, it cannot know.
"""
