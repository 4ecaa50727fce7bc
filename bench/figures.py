"""Figures and the table that they are printed in."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Rate:
    """One round: how many a second by the wall clock, and the server's CPU seconds for each."""

    a_second: float
    cpu_each: float


def median(values: Iterable[float]) -> float:
    return statistics.median(values)


def rate(rounds: Sequence[Rate]) -> float:
    return median(one.a_second for one in rounds)


def cpu_microseconds(rounds: Sequence[Rate]) -> float:
    return median(one.cpu_each for one in rounds) * 1e6


def ratio(these: Sequence[Rate], those: Sequence[Rate]) -> float:
    """The median of the quotients of rounds that ran right after one another, so that what else
    the machine does falls on both sides alike."""
    return median(this.a_second / that.a_second for this, that in zip(these, those, strict=True))


def percentile(values: Sequence[float], share: float) -> float:
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))]


class Report:
    """Rows as they are found; `print` shows them."""

    def __init__(self) -> None:
        self._console = Console(width=120, highlight=False)
        self._table = Table(title="Hvx, measured in one run", title_justify="left")
        self._table.add_column("what")
        self._table.add_column("figure", justify="right")
        self._table.add_column("wanted", justify="right")
        self._table.add_column("")

    def progress(self, text: str) -> None:
        self._console.print(f"… {text}", style="dim")

    def section(self, title: str) -> None:
        self._table.add_section()
        self._table.add_row(f"[bold]{title}[/bold]", "", "", "")

    def row(self, what: str, figure: str, *, wanted: str = "", met: bool | None = None) -> None:
        verdict = {None: "", True: "[green]met[/green]", False: "[red]missed[/red]"}[met]
        self._table.add_row(what, figure, wanted, verdict)

    def print(self) -> None:
        self._console.print(self._table)
