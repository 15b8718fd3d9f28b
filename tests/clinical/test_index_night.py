"""One index night per person, chosen without looking at the index."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plms_pipeline.phenotypes import mark_index_nights


def row(visit: str, evidence: str = "full", pap: str = "no", **more: Any) -> dict[str, Any]:
    return {
        "cohort": "c",
        "subject_id": "s",
        "visit": visit,
        "recording_id": f"c_s_{visit}",
        "night_number": None,
        "evidence_class": evidence,
        "pap_this_night": pap,
        "outcome": "analysed",
        **more,
    }


@pytest.mark.parametrize(
    ("rows", "chosen"),
    [
        ([row("v1"), row("v2")], 0),
        ([row("v10"), row("v2")], 1),
        ([row("v1", "partial"), row("v2")], 1),
        ([row("v1", "partial"), row("v2", "one_leg")], 0),
        ([row("v1", pap="yes"), row("v2", "partial")], 1),
        ([row("v1", pap="unknown"), row("v2", "partial")], 1),
        ([row("v1", pap="unknown"), row("v2", pap="unknown")], 0),
        ([row("v1", pap="yes")], None),
        ([row("v1", outcome="failed_input"), row("v2", "none")], 1),
        ([row("v1", night_number=2), row("v1", night_number=1)], 1),
    ],
)
def test_earliest_full_diagnostic_night(rows: list[dict[str, Any]], chosen: int | None) -> None:
    assert mark_index_nights(rows) == [position == chosen for position in range(len(rows))]


@given(st.permutations([row("v1", "partial"), row("v2"), row("v3"), row("v2", subject_id="t", recording_id="x")]))
def test_order_of_rows_does_not_matter(rows: list[dict[str, Any]]) -> None:
    marked = [
        (entry["subject_id"], entry["visit"])
        for entry, is_index in zip(rows, mark_index_nights(rows), strict=True)
        if is_index
    ]
    assert sorted(marked) == [("s", "v2"), ("t", "v2")]
