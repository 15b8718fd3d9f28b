"""Plots as inline SVG with the same bytes every time: fixed id salt, no dates, text as text."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

INK = "#22303c"
MUTED = "#5f6c78"
GRID = "#e3e7ea"
EVIDENCE_COLOURS = {
    "full": "#14608f",
    "partial": "#7fb2d3",
    "one_leg": "#e09a2b",
    "combined": "#8f6bae",
    "none": "#c3c8cc",
}
_PAPER = {"boxstyle": "round,pad=0.15", "fc": "#f4f2ec", "ec": "none"}
ANSWER_COLOURS = {"yes": "#b0472c", "no": "#5b8c7b", "unknown": "#d5d0c4"}
_SIZE_ATTRIBUTES = re.compile(r'<svg([^>]*?) width="[^"]*"', re.DOTALL)
_IDS = re.compile(r'(id="|url\(#|href="#)')


@contextmanager
def _style() -> Iterator[Any]:
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    settings = {
        "svg.fonttype": "none",
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial"],
        "font.size": 10,
        "axes.edgecolor": MUTED,
        "axes.labelcolor": INK,
        "axes.titlesize": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": GRID,
        "grid.linewidth": 0.8,
        "xtick.color": MUTED,
        "ytick.color": MUTED,
        "text.color": INK,
        "legend.frameon": False,
        "figure.constrained_layout.use": True,
        "hatch.linewidth": 0.6,
    }
    with plt.rc_context(settings):
        yield plt


def svg(name: str, draw: Callable[[Any], None], *, width: float = 7.6, height: float = 3.2, label: str = "") -> str:
    """Draw one figure and return it as an ``<svg>`` element.

    Parameters
    ----------
    name
        Word that salts and prefixes the ids of the figure, so that several figures share a page.
    draw
        Gets the matplotlib Axes.
    width, height
        Inches; the element itself scales with the page.
    label
        Text for screen readers.

    Returns
    -------
    str
        SVG text without XML header, dates, or machine-dependent ids.
    """
    import matplotlib

    with _style() as plt, matplotlib.rc_context({"svg.hashsalt": f"plms-{name}"}):
        figure, axes = plt.subplots(figsize=(width, height))
        try:
            draw(axes)
            out = io.StringIO()
            figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
        finally:
            plt.close(figure)
    content = out.getvalue()
    content = content[content.index("<svg") :]
    content = re.sub(r"<metadata>.*?</metadata>", "", content, flags=re.DOTALL)
    content = _IDS.sub(lambda match: f"{match[1]}{name}-", content)
    content = re.sub(r'\s(?:xmlns:xlink|xmlns|version)="[^"]*"', "", content, count=3)
    content = content.replace("xlink:href", "href")
    content = re.sub(r'<svg([^>]*?)\s(?:width|height)="[^"]*"', r"<svg\1", content, count=1)
    content = re.sub(r'<svg([^>]*?)\s(?:width|height)="[^"]*"', r"<svg\1", content, count=1)
    return content.replace("<svg", f'<svg role="img" aria-label="{_attribute(label)}"', 1)


def _attribute(value: str) -> str:
    return value.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")


def stacked_histogram(
    axes: Any, values: Mapping[str, Sequence[float]], edges: Sequence[float], colours: Mapping[str, str]
) -> None:
    """Histogram of several groups on top of each other; groups without a value are left out of the legend."""
    groups = [name for name in colours if values.get(name)]
    if groups:
        axes.hist(
            [list(values[name]) for name in groups],
            bins=list(edges),
            stacked=True,
            color=[colours[name] for name in groups],
            label=[name.replace("_", " ") for name in groups],
            edgecolor="white",
            linewidth=0.7,
        )
        axes.legend(title="evidence", fontsize=9, title_fontsize=9)


def reference_line(axes: Any, at: float, text: str) -> None:
    """Dashed vertical line of a published threshold with its name."""
    axes.axvline(at, color=INK, linestyle=(0, (4, 3)), linewidth=1.0)
    axes.annotate(text, (at, 1.0), xycoords=("data", "axes fraction"), xytext=(4, -2), textcoords="offset points",
                  va="top", fontsize=9, color=INK)  # fmt: skip


def answer_bars(axes: Any, rows: Sequence[tuple[str, Mapping[str, int]]], names: Sequence[str]) -> None:
    """Horizontal bars of yes, unknown, no (under these names), first row on top; unknown is hatched, never left out."""
    for at, (_, counts) in enumerate(reversed(rows)):
        start = 0
        for answer in ("yes", "unknown", "no"):
            n = counts.get(answer, 0)
            if not n:
                continue
            axes.barh(at, n, left=start, color=ANSWER_COLOURS[answer], edgecolor="white", height=0.68,
                      hatch="////" if answer == "unknown" else None)  # fmt: skip
            axes.text(start + n / 2, at, str(n), ha="center", va="center", fontsize=9,
                      color=INK if answer == "unknown" else "white",
                      bbox=_PAPER if answer == "unknown" else None)  # fmt: skip
            start += n
    axes.set_yticks(range(len(rows)), [label for label, _ in reversed(rows)])
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.grid(axis="y", visible=False)
    handles = [
        _patch(ANSWER_COLOURS[answer], name, answer == "unknown")
        for answer, name in zip(("yes", "unknown", "no"), names, strict=True)
    ]
    axes.legend(handles=handles, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0), fontsize=9)


def _patch(colour: str, label: str, hatched: bool) -> Any:
    from matplotlib.patches import Patch

    return Patch(facecolor=colour, edgecolor="white", label=label, hatch="////" if hatched else None)
