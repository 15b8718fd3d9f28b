"""What passes between the stages of one night."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from plms_pipeline import contracts, scoring

Ids = Mapping[str, str]
ID_NAMES = ("recording_id", "cohort", "subject_id", "visit")
LEG_OF_ROLE = {"left": "L", "right": "R", "combined": "C"}
LEG_CODE = {"L": scoring.LEFT, "R": scoring.RIGHT, "C": scoring.COMBINED, "": scoring.BOTH_LEGS}


class NightPart(NamedTuple):
    """What a stage found out about one recording.

    Attributes
    ----------
    tables
        Table name → columns (``contracts.to_arrow`` makes them Arrow).
    facts
        JSON-able facts that later stages need and that no table of this stage holds.
    """

    tables: dict[str, dict[str, Any]]
    facts: dict[str, Any]


def with_ids(table: str, ids: Ids, rows: Mapping[str, Any]) -> dict[str, Any]:
    columns = contracts.table(table).column_names
    given = [name for name in rows if name not in ids]
    n = len(rows[given[0]]) if given else 0
    return {name: [ids[name]] * n if name in ids else rows[name] for name in columns if name in ids or name in rows}


def seconds(values_us: Any) -> np.ndarray:
    return np.asarray(values_us, dtype=np.int64) / 1e6


def microseconds(values_s: Sequence[float]) -> np.ndarray:
    return np.rint(np.asarray(values_s, dtype=np.float64) * 1e6).astype(np.int64)
