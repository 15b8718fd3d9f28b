"""Parts of the report as data: sections hold figures, a figure holds a plot, a table or a flow, and a caption."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple


class Head(NamedTuple):
    """Head of a table column."""

    text: str
    numeric: bool = False


class Listing(NamedTuple):
    """A table: heads and rows of text."""

    heads: Sequence[Head]
    rows: Sequence[Sequence[str]]


class Reason(NamedTuple):
    """Why recordings left the flow, and how many."""

    label: str
    n: int


class Step(NamedTuple):
    """A box of the flow diagram, and who leaves after it."""

    text: str
    n: int
    leaving_text: str = ""
    n_leaving: int = 0
    leaving: Sequence[Reason] = ()


class Figure(NamedTuple):
    """A figure with a caption that says what to look for."""

    name: str
    title: str
    caption: str
    look: str = ""
    svg: Any = None
    table: Listing | None = None
    problem: str | None = None


class Section(NamedTuple):
    """A part of the report."""

    name: str
    title: str
    figures: Sequence[Figure]
    text: str = ""


def guarded(connection: Any, name: str, title: str, make: Callable[[Any], Figure]) -> Figure:
    """A figure, or the reason why this release does not allow it: a report must open on a defective candidate too."""
    import duckdb

    try:
        return make(connection)
    except duckdb.Error as error:
        return Figure(name, title, "", problem=f"Cannot be shown for this release: {str(error).splitlines()[0]}")


def number(value: float | int | None, digits: int = 1) -> str:
    """A number for people: thin digits, an en dash for unknown."""
    if value is None:
        return "–"
    if isinstance(value, int) or (float(value).is_integer() and digits == 0):
        return f"{int(value):,}"
    return f"{value:,.{digits}f}"


def percent(numerator: int, denominator: int) -> str:
    """Share in per cent with one decimal; an en dash when there is nothing to share."""
    return "–" if not denominator else f"{100 * numerator / denominator:.1f} %"


def wilson(n_yes: int, n: int, z: float) -> tuple[float, float]:
    """Wilson score interval of a proportion (Wilson 1927, J Am Stat Assoc 22:209).

    Returns
    -------
    (float, float)
        Lower and upper limit as proportions; (0, 1) when ``n`` is 0.
    """
    if not n:
        return 0.0, 1.0
    p = n_yes / n
    centre = p + z * z / (2 * n)
    half = z * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
    return max(0.0, (centre - half) / (1 + z * z / n)), min(1.0, (centre + half) / (1 + z * z / n))
