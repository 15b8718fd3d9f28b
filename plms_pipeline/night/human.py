"""Human leg marks of a night as the scorer takes them, beside detected movements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from plms_pipeline import ingest, scoring
from plms_pipeline.night.part import LEG_CODE

ANNOTATION = "annotation"


class HumanMarks(NamedTuple):
    """Human leg marks ready to be scored.

    Attributes
    ----------
    movements : Movements
        A mark without a duration, or with one of 0 s, only says where a movement began (open point A24).
    legs : str
        both, left, right or combined.
    findings : tuple of Finding
    """

    movements: scoring.Movements
    legs: str
    findings: tuple[ingest.Finding, ...]


def human_marks(annotations: ingest.Annotations, recorded: str) -> HumanMarks | None:
    """The leg marks of the annotations, or None when they hold none and do not say that legs were looked at.

    Parameters
    ----------
    annotations
        Of the night.
    recorded
        `legs_used` of the detection.
    """
    marks = annotations.movements
    return None if marks is None else marks_of(marks.leg, marks.onset_us, marks.offset_us, recorded)


def marks_of(leg: Sequence[str], onset_us: np.ndarray, offset_us: np.ndarray, recorded: str) -> HumanMarks:
    """Leg marks ready to be scored.

    Parameters
    ----------
    leg
        L, R or C of each mark.
    onset_us, offset_us
        int64[n]; an offset that is not after its onset says nothing.
    recorded
        `legs_used` of the detection: which legs the recording holds.

    Notes
    -----
    A quiet leg is not a missing one: marks of one side stand for both legs when both were recorded. One combined
    channel has no sides, whatever the label of a mark says, and marks of which some have no side cannot be told apart:
    both are scored as of one combined channel (open point A22).
    """
    sides = set(leg)
    findings: list[ingest.Finding] = []
    if "C" in sides or recorded == "combined":
        legs = "combined"
        n_sided = sum(side != "C" for side in leg)
        findings.append(ingest.finding("leg_marks_combined", f"{n_sided} of {len(leg)} marks have a side"))
    elif sides == {"L", "R"} or recorded == "both" or not sides:
        legs = recorded if not sides and recorded in ("left", "right") else "both"
    else:
        legs = "left" if sides == {"L"} else "right"
    offset = np.where(offset_us > onset_us, offset_us, scoring.NO_DURATION)
    n_without = int((offset == scoring.NO_DURATION).sum())
    if n_without:
        findings.append(ingest.finding("leg_marks_without_duration", f"{n_without} of {len(leg)} marks"))
    codes = [scoring.COMBINED if legs == "combined" else LEG_CODE[side] for side in leg]
    return HumanMarks(scoring.make_movements(codes, onset_us, offset), legs, tuple(findings))


def gaps_for(gaps: scoring.Spans, legs: str, recorded: str) -> scoring.Spans:
    """Gaps of a detection for marks of other legs.

    What one leg lacks is a gap for marks of sides. Marks without a side could have been made on either leg: for them
    only time that both legs lack is a gap.
    """
    if legs != "combined" or recorded == "combined":
        return gaps
    both = gaps.leg == scoring.BOTH_LEGS
    left, right = ((gaps.onset_us[gaps.leg == leg], gaps.offset_us[gaps.leg == leg]) for leg in (0, 1))
    onset, offset = [], []
    for begin, end in zip(left[0].tolist(), left[1].tolist(), strict=True):
        near = (right[0] < end) & (right[1] > begin)
        onset.extend(np.maximum(right[0][near], begin).tolist())
        offset.extend(np.minimum(right[1][near], end).tolist())
    return scoring.make_spans([*gaps.onset_us[both].tolist(), *onset], [*gaps.offset_us[both].tolist(), *offset])
