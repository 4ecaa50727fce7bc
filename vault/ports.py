"""What the vault needs of rooms above it, as typed ports that hvx/wiring.py connects."""

from audit.ports import Question

# A database has its first keys: called in the transaction that makes them, with a ring that has them.
ring_begun: Question[[], None] = Question()
