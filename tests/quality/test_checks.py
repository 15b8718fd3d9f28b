"""Every check closes the gate (or warns) by its name when what it looks for is planted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from plms_pipeline import contracts
from plms_pipeline.quality import check_release, load_checks
from plms_pipeline.quality.gate import GateResult
from tests.quality.plants import PLANTS
from tests.quality.synthetic import Release


def statuses(result: GateResult, check: str) -> list[str]:
    """Statuses of all rows of one check."""
    rows = zip(result.rows["check_id"], result.rows["status"], strict=True)
    return [status for name, status in rows if name == check]


def test_every_check_has_a_plant() -> None:
    assert set(PLANTS) == set(load_checks())


def test_valid_release_opens_the_gate(candidate: Path) -> None:
    result = check_release(candidate)
    outside = [
        (name, table, column, detail)
        for name, table, column, status, detail in zip(
            *(result.rows[key] for key in ("check_id", "table_name", "column_name", "status", "detail")), strict=True
        )
        if status in ("failed", "error")
    ]
    assert outside == []
    assert result.open
    assert result.closed == []
    assert set(result.rows["check_id"]) == set(load_checks())
    assert contracts.to_arrow("quality_result", result.rows).num_rows > 1000


@pytest.mark.parametrize("check", sorted(PLANTS))
def test_planted_violation_is_named(check: str, planted: Callable[[Callable[[Release], None]], Path]) -> None:
    result = check_release(planted(PLANTS[check]), only=[check])
    assert "failed" in statuses(result, check), result.rows["detail"]
    assert "error" not in statuses(result, check)
    severity = load_checks()[check].severity
    assert result.closed == ([check] if severity == "error" else [])
    assert result.open == (severity == "warning")
    failed = result.rows["status"].index("failed")
    assert result.rows["numerator"][failed] > 0
    assert result.rows["n_units_outside"][failed] > 0
