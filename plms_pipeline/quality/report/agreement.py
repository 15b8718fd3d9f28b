"""Detected movements against human marks of the same nights."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from plms_pipeline.quality.report import drawing
from plms_pipeline.quality.report.figures import rows, rule_set_shown
from plms_pipeline.quality.report.model import Figure, Head, Listing, number

# Sums before the share: a night of two movements must not count as much as a night of two hundred.
_COUNTS = (
    "SELECT rule_set, count(*), sum(n_annotation), sum(n_detector), sum(n_matched), median(f1), "
    "median(onset_difference_median_s), count(plmsi_difference_per_h), median(plmsi_difference_per_h) "
    "FROM movement_agreement JOIN ledger USING (recording_id) WHERE ledger.outcome = 'analysed' GROUP BY 1 ORDER BY 1"
)
_INDICES = (
    "SELECT plmsi_annotation_per_h, plmsi_detector_per_h FROM movement_agreement JOIN ledger USING (recording_id) "
    "WHERE ledger.outcome = 'analysed' AND plmsi_difference_per_h IS NOT NULL AND rule_set = ? ORDER BY 1, 2"
)
_HEADS = (
    *(Head("rule set"), Head("recordings", True), Head("marked", True), Head("detected", True)),
    *(Head("pairs", True), Head("sensitivity", True), Head("precision", True)),
    *(Head("F1", True), Head("onset, s", True), Head("index, 1/h (nights)", True)),
)


def agreement(connection: Any) -> Figure:
    """How far detector and human scorer agree, and their two PLMS indices per night."""
    title = "Detected movements and human marks"
    found = rows(connection, _COUNTS)
    if not found:
        return Figure("agreement", title, "No analysed recording has human leg marks in its annotations.")
    shown = rule_set_shown(connection)
    points = connection.execute(_INDICES, [shown]).fetchall()
    listed = [
        (rule_set, *(number(None if n is None else int(n)) for n in (n_recordings, marked, detected, pairs)),
         _share(pairs, marked), _share(pairs, detected), number(f1, 2), number(onset_s, 2),
         f"{number(index)} ({n_index})")
        for rule_set, n_recordings, marked, detected, pairs, f1, onset_s, n_index, index in found
    ]  # fmt: skip

    def draw(axes: Any) -> None:
        top = max(max(pair) for pair in points) * 1.08 + 1
        axes.plot([0, top], [0, top], color=drawing.INK, linestyle=(0, (4, 3)), linewidth=1.0)
        axes.plot([human for human, _ in points], [machine for _, machine in points], "o", markersize=5,
                  color=drawing.EVIDENCE_COLOURS["full"], alpha=0.75, markeredgewidth=0)  # fmt: skip
        axes.set_xlim(0, top)
        axes.set_ylim(0, top)
        axes.set_xlabel(f"PLMS index of the human marks per hour ({shown})")
        axes.set_ylabel("of the detected, per hour")

    return Figure(
        "agreement",
        title,
        "Combined leg movements of recordings whose annotations hold human leg marks, scored by the same rules in the "
        "same time; pairs overlap or nearly touch. Sensitivity is the share of the marked that was found, precision "
        "the share of the detected that was marked, over all recordings together; F1, and onset and index of "
        "detected minus marked, are medians over recordings. Human scorers differ among themselves too: this is "
        "agreement, not truth." + ("" if points else f" No night has both indices by {shown}, so there is no plot."),
        "a difference of the indices in one direction; marks that are paired rarely although their number fits "
        "(a clock that is off); recordings far from the dashed line of equality.",
        svg=Markup(drawing.svg("agreement", draw, height=3.6, label="PLMS index of detected against marked movements"))
        if points
        else None,
        table=Listing(_HEADS, listed),
    )


def _share(part: int | None, whole: int | None) -> str:
    return "–" if part is None or not whole else f"{100 * part / whole:.0f} %"
