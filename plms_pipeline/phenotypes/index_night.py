"""One index night per person, chosen by evidence and order, never by the result."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any


def _natural(text: str) -> tuple[tuple[int, int, str], ...]:
    return tuple((1, int(part), "") if part.isdigit() else (0, 0, part) for part in re.findall(r"\d+|\D+", text))


def mark_index_nights(rows: Sequence[dict[str, Any]]) -> list[bool]:
    """Decide ``is_index_night`` for all rows of table ``analysis``.

    Per cohort and subject, among analysed recordings that are not PAP nights: the earliest with evidence class
    ``full``; if there is none, the earliest of any class. Nights known to be without PAP go before nights of which
    that is not known. Earlier = visit word in natural order (v2 before v10), then night number, then recording id; the
    index itself is not looked at.

    Parameters
    ----------
    rows
        Dicts with ``cohort``, ``subject_id``, ``visit``, ``recording_id``, ``night_number``, ``evidence_class``,
        ``pap_this_night`` and ``outcome``, in any order.

    Returns
    -------
    list of bool
        One per row, in the order given; at most one true per cohort and subject.
    """
    best: dict[tuple[str, str], tuple[Any, int]] = {}
    for position, row in enumerate(rows):
        if row["outcome"] != "analysed" or row["pap_this_night"] == "yes":
            continue
        night = row["night_number"]
        rank = (
            row["pap_this_night"] != "no",
            row["evidence_class"] != "full",
            _natural(row["visit"]),
            (night is None, night or 0),
            _natural(row["recording_id"]),
        )
        key = (row["cohort"], row["subject_id"])
        if key not in best or rank < best[key][0]:
            best[key] = (rank, position)
    chosen = {position for _, position in best.values()}
    return [position in chosen for position in range(len(rows))]
