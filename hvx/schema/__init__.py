"""Whether the schema is what the maintainers wrote and the operator applied: docs/decisions/0018."""
