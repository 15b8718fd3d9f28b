"""Table ``movement_agreement``: detected movements against human marks of one night, per rule set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from plms_pipeline import contracts, scoring
from plms_pipeline.night.part import ID_NAMES, microseconds

# Reasons of a movement that lies in time that does not count.
_ELSEWHERE = frozenset({"outside_window", "in_unscorable_stretch", "in_one_leg_stretch"})

Columns = Mapping[str, Sequence[Any]]


def agreement_rows(
    detector: Mapping[str, Columns], annotation: Mapping[str, Columns], source: str, tolerance_us: int
) -> dict[str, list[Any]]:
    """Columns of ``movement_agreement`` (without ids) from the tables of both sources.

    Parameters
    ----------
    detector, annotation : mapping
        Tables ``scored_movement`` and ``night`` of one recording, the same rule sets in the same order.
    source : str
        Who found the movements of the first (code list ``movement_source``).
    tolerance_us : int
        See `scoring.match`.

    Returns
    -------
    dict
        One row per rule set. F1 is null when neither found anything, or when no leg could be scored. Movements of a
        piezo sensor are compared too; their index is another quantity, so its difference stays null.
    """
    rows = []
    for at, rule_set in enumerate(detector["night"]["rule_set"]):
        one = _counted(detector["scored_movement"], rule_set)
        two = _counted(annotation["scored_movement"], rule_set)
        unknown = _unknown(detector["night"], at) or _unknown(annotation["night"], at)
        rows.append(
            {"rule_set": rule_set, "detector_source": source}
            | _f1(one, two, unknown, tolerance_us)
            | _indices(detector["night"], annotation["night"], at)
        )
    names = [name for name in contracts.table("movement_agreement").column_names if name not in ID_NAMES]
    return {name: [row[name] for row in rows] for name in names}


def _counted(movements: Columns, rule_set: str) -> tuple[np.ndarray, np.ndarray]:
    """Onset and offset (-1 = no duration) of the combined leg movements in time that counts, sorted by onset."""
    kept = [
        at
        for at, name in enumerate(movements["rule_set"])
        if name == rule_set and movements["is_lm"][at] and movements["candidate_reason"][at] not in _ELSEWHERE
    ]
    onset = microseconds([movements["onset_s"][at] for at in kept])
    ends = [movements["offset_s"][at] for at in kept]
    offset = np.where([end is None for end in ends], scoring.NO_DURATION, microseconds([end or 0.0 for end in ends]))
    return onset, offset.astype(np.int64)


def _unknown(night: Columns, at: int) -> str | None:
    """Why no movement of this source could be counted, in either family of columns."""
    known = night["n_lm"][at] is not None or night["n_lm_piezo"][at] is not None
    return None if known else night["n_lm_reason"][at]


def _f1(
    one: tuple[np.ndarray, np.ndarray], two: tuple[np.ndarray, np.ndarray], unknown: str | None, tolerance_us: int
) -> dict[str, Any]:
    n_one, n_two = one[0].size, two[0].size
    if unknown is not None:
        empty = dict.fromkeys(("n_detector", "n_annotation", "n_matched", "sensitivity", "precision", "f1"))
        return empty | {"f1_reason": unknown, "onset_difference_median_s": None}
    pairs = scoring.match(*one, *two, tolerance_us)
    n = len(pairs)
    apart_us = one[0][pairs[:, 0]] - two[0][pairs[:, 1]]
    return {
        "n_detector": n_one,
        "n_annotation": n_two,
        "n_matched": n,
        "sensitivity": n / n_two if n_two else None,
        "precision": n / n_one if n_one else None,
        "f1": 2 * n / (n_one + n_two) if n_one + n_two else None,
        "f1_reason": None if n_one + n_two else "no_lm",
        "onset_difference_median_s": float(np.median(apart_us)) / 1e6 if n else None,
    }


def _indices(detector: Columns, annotation: Columns, at: int) -> dict[str, Any]:
    one, two = detector["plmsi_per_h"][at], annotation["plmsi_per_h"][at]
    why = (detector["plmsi_per_h_reason"][at] if one is None else None) or (
        annotation["plmsi_per_h_reason"][at] if two is None else None
    )
    return {
        "plmsi_detector_per_h": one,
        "plmsi_annotation_per_h": two,
        "plmsi_difference_per_h": None if one is None or two is None else one - two,
        "plmsi_difference_per_h_reason": why,
    }
