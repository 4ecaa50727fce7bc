"""Draws the table of `machine.py`: `python -m keyexchange.protocol.diagram > docs/exchange-states.md`."""

from keyexchange.protocol.machine import OPEN, TABLE, State

_HEAD = """\
# The states of an exchange

Drawn from the table in `keyexchange/protocol/machine.py` by `python -m keyexchange.protocol.diagram`;
a test holds the two together. N is the new device, E the one whose `accept` was taken. Any pair of
state and event that has no arrow is refused as `out_of_order` and changes nothing.
"""


def mermaid() -> str:
    """The table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2"]
    for (state, event), (target, _) in TABLE.items():
        source = "[*]" if state is State.UNKNOWN else state
        lines.append(f"    {source} --> {target}: {event}")
    ends = dict.fromkeys(target for target, _ in TABLE.values() if target not in OPEN)
    lines.extend(f"    {end} --> [*]" for end in ends)
    return "\n".join(lines)


def rows() -> str:
    """The table as a Markdown table, effects in their order."""
    lines = ["| state | event | → state | effects |", "| --- | --- | --- | --- |"]
    for (state, event), (target, effects) in TABLE.items():
        lines.append(f"| {state} | {event} | {target} | {'; '.join(effects)} |")
    return "\n".join(lines)


def page() -> str:
    """The whole of `docs/exchange-states.md`."""
    return f"{_HEAD}\n```mermaid\n{mermaid()}\n```\n\n{rows()}\n"


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201
