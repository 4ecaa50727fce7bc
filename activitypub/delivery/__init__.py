"""Delivering what was sent: signed and posted, for each host at its own pace.

`jobs.py` is what is passed around here; `lanes.py` who goes next; `signing.py` and `posting.py` one attempt;
`working.py` the worker. What it reads and writes of the database is in `services/claims.py`,
`services/outcomes.py` and `services/hosts.py`.
"""
