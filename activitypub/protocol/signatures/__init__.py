"""Who signed a request or a document: draft-cavage-12, RFC 9421 and FEP-8b32.

`policy.py` is the door: `read_claim` says who claims to have signed, `check` whether that is so. The other
files know how a scheme works and nothing of what an inbox accepts.
"""
