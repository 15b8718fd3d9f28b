"""Flow of recordings: per stage in = passed on + excluded + failed, with reasons, drawn as one SVG."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Sequence
from html import escape
from typing import Any

from markupsafe import Markup

from plms_pipeline.quality.report.drawing import INK, MUTED
from plms_pipeline.quality.report.figures import labels, rows
from plms_pipeline.quality.report.model import Figure, Reason, Step, number

ACCENT = "#14608f"
SIDE = "#f5f7f8"
# All in user units of the drawing; the page scales it.
WIDTH, MAIN_WIDTH, SIDE_X = 760, 250, 300
LINE, PAD, GAP, SIZE = 17, 10, 26, 13
SIDE_CHARS, MAIN_CHARS = 64, 34

# Stage of the ledger → what a recording that passed it has become.
_PASSED = (
    ("input", "Files there and readable"),
    ("detect", "Leg movements detected"),
    ("score", "Scored with their annotations"),
    ("link", "Analysed nights"),
)
_OUTCOMES = (
    ("excluded", "excluded"),
    ("failed_input", "failed"),
    ("failed_system", "failed for reasons of the system"),
)


def flow(connection: Any) -> Figure:
    """In = analysed + excluded + failed, stage by stage; then from nights to persons."""
    reason_labels = labels(connection, "outcome_reason")
    steps, n, adds_up = _stages(connection, reason_labels)
    outcomes = dict(rows(connection, "SELECT outcome, count(*) FROM ledger GROUP BY 1"))
    analysed = outcomes.get("analysed", 0)
    excluded = outcomes.get("excluded", 0)
    failed = outcomes.get("failed_input", 0) + outcomes.get("failed_system", 0)
    n_in = sum(outcomes.values())
    adds_up = adds_up and n == analysed and n_in == analysed + excluded + failed
    index, full = rows(
        connection,
        "SELECT count(*) FILTER (WHERE is_index_night), "
        "count(*) FILTER (WHERE is_index_night AND evidence_class = 'full') FROM analysis WHERE outcome = 'analysed'",
    )[0]
    others, partial = analysed - index, index - full
    steps += [
        Step("Analysed nights", analysed, "Not the index night of their person:", others,
             [Reason("one night per person is used", others)] if others else []),
        Step("Index nights, one per person", index, "Evidence less than full:", partial,
             [Reason("one leg, partial staging or too little scorable sleep", partial)] if partial else []),
        Step("Index nights with full evidence", full),
    ]  # fmt: skip
    return Figure(
        "flow",
        "Flow of recordings",
        f"{number(n_in)} in = {number(analysed)} analysed + {number(excluded)} excluded + {number(failed)} failed"
        + (". Every stage adds up." if adds_up else ": THIS DOES NOT ADD UP."),
        "whether exclusions depend on who the person is (site, visit, severity): they bias a prevalence, "
        "failures at random do not. A failed recording keeps its rows in phenotype and analysis, as unknown.",
        svg=Markup(draw(steps)),
    )


def _stages(connection: Any, reason_labels: dict[str, str]) -> tuple[list[Step], int, bool]:
    """Boxes from the sheet to the last stage that somebody left, how many passed it, and whether that adds up."""
    found = rows(
        connection,
        "SELECT stage, outcome, reason, count(*) AS n FROM ledger WHERE outcome <> 'analysed' "
        "GROUP BY ALL ORDER BY n DESC, reason",
    )
    n = rows(connection, "SELECT count(*) FROM ledger")[0][0]
    known = [stage for stage, _ in _PASSED]
    steps: list[Step] = []
    text = "Recordings in the sheet"
    for stage, passed in _PASSED:
        leaving = [
            Reason(f"{word}: {reason_labels.get(reason, reason or 'no reason given')}", count)
            for outcome, word in _OUTCOMES
            for at, is_outcome, reason, count in found
            if at == stage and is_outcome == outcome
        ]
        n_leaving = sum(reason.n for reason in leaving)
        if n_leaving or not steps:
            steps.append(Step(text, n, f"Left at stage {stage}:" if n_leaving else "", n_leaving, leaving))
        n -= n_leaving
        text = passed
    return steps, n, all(row[0] in known for row in found)


def draw(steps: Sequence[Step]) -> str:
    """The boxes of the flow below each other, who left to the right; the same steps give the same bytes."""
    parts: list[str] = []
    top = 4.0
    middles: list[tuple[float, float]] = []
    for place, step in enumerate(steps):
        main = [*textwrap.wrap(step.text, MAIN_CHARS), f"{step.n:,}"]
        side = _side_lines(step)
        height = max(len(main), len(side)) * LINE + 2 * PAD
        own = len(main) * LINE + 2 * PAD
        box_top = top + (height - own) / 2
        is_last = place == len(steps) - 1
        colour, weight = (ACCENT, 2.5) if is_last else (INK, 1.5)
        parts.append(_box(4, box_top, MAIN_WIDTH, own, colour, weight, "#ffffff"))
        parts += _lines(main, 16, box_top, bold=len(main) - 1)
        if side:
            parts.append(_arrow(4 + MAIN_WIDTH, top + height / 2, SIDE_X, top + height / 2))
            side_height = len(side) * LINE + 2 * PAD
            side_top = top + (height - side_height) / 2
            parts.append(_box(SIDE_X, side_top, WIDTH - SIDE_X - 4, side_height, MUTED, 1.2, SIDE))
            parts += _lines(side, SIDE_X + 12, side_top, bold=0)
        middles.append((box_top, box_top + own))
        top += height + GAP
    middle = 4 + MAIN_WIDTH / 2
    arrows = [_arrow(middle, before[1], middle, after[0]) for before, after in itertools.pairwise(middles)]
    label = "; ".join(f"{step.text}: {step.n}" for step in steps)
    return (
        f'<svg role="img" aria-label="Flow of recordings. {escape(label)}" viewBox="0 0 {WIDTH} {top - GAP + 4:g}" '
        f'font-family="DejaVu Sans, Verdana, Arial, sans-serif" font-size="{SIZE}" fill="{INK}">'
        '<defs><marker id="flow-arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        f'orient="auto"><path d="M0 0 8 4 0 8z" fill="{INK}"/></marker></defs>' + "".join([*arrows, *parts]) + "</svg>"
    )


def _side_lines(step: Step) -> list[str]:
    if not step.n_leaving:
        return []
    lines = [f"{step.leaving_text} {step.n_leaving:,}"]
    for reason in step.leaving:
        lines += textwrap.wrap(f"{reason.n:,} {reason.label}", SIDE_CHARS, subsequent_indent="\u2003")
    return lines


def _box(x: float, y: float, width: float, height: float, colour: str, weight: float, fill: str) -> str:
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="6" fill="{fill}" stroke="{colour}" '
        f'stroke-width="{weight:g}"/>'
    )


def _arrow(x1: float, y1: float, x2: float, y2: float) -> str:
    path = f"M{x1:g} {y1:g}L{x2:g} {y2:g}"
    return f'<path d="{path}" stroke="{INK}" stroke-width="1.5" fill="none" marker-end="url(#flow-arrow)"/>'


def _lines(texts: Sequence[str], x: float, top: float, *, bold: int) -> list[str]:
    drawn = []
    for place, text in enumerate(texts):
        weight = ' font-weight="600"' if place == bold else ""
        drawn.append(f'<text x="{x:g}" y="{top + PAD + LINE * (place + 0.78):g}"{weight}>{escape(text)}</text>')
    return drawn
