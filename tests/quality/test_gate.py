"""The gate: four statuses, thresholds and domains that an analyst may change, and the same rows every time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from plms_pipeline import contracts
from plms_pipeline.errors import ContractError, InputError
from plms_pipeline.quality import check_release, load_checks
from plms_pipeline.quality.expectations import Suite, expectation, validate
from tests.quality.plants import PLANTS, put
from tests.quality.synthetic import Release

Planted = Callable[[Callable[[Release], None]], Path]


def row_of(candidate: Path, check: str, table: str | None = None, column: str = "*") -> dict[str, object]:
    """The row of quality_result of one check."""
    rows = check_release(candidate, only=[check]).rows
    for values in zip(*rows.values(), strict=True):
        row = dict(zip(rows, values, strict=True))
        if table is None or (row["table_name"], row["column_name"]) == (table, column):
            return row
    raise AssertionError(f"no row of {check}")


def test_check_that_cannot_run_is_an_error_and_closes_the_gate(planted: Planted) -> None:
    def without_column(release: Release) -> None:
        for row in release.rows["night"]:
            del row["n_plms"]

    candidate = planted(without_column)
    row = row_of(candidate, "index_is_count_over_hours")
    assert row["status"] == "error"
    assert row["numerator"] is None
    assert "n_plms" in str(row["detail"])
    result = check_release(candidate, only=["index_is_count_over_hours"])
    assert not result.open
    assert result.closed == ["index_is_count_over_hours"]


def test_warning_that_cannot_run_is_an_error_but_leaves_the_gate_open(planted: Planted) -> None:
    def without_column(release: Release) -> None:
        for row in release.rows["signal_quality"]:
            del row["is_duplicate_suspected"]

    candidate = planted(without_column)
    assert row_of(candidate, "leg_channels_differ")["status"] == "error"
    assert check_release(candidate, only=["leg_channels_differ"]).open


def test_generated_rule_on_a_missing_column_is_an_error(planted: Planted) -> None:
    def without_column(release: Release) -> None:
        for row in release.rows["analysis"]:
            del row["age_years"]

    row = row_of(planted(without_column), "declared_range", "analysis", "age_years")
    assert row["status"] == "error"


def test_expectation_that_raises_has_no_verdict() -> None:
    import pandas as pd

    frame = pd.DataFrame({"unit": ["a"], "x": [1.0]})
    verdicts = validate(
        [Suite("s", frame, ("unit",), [
            expectation("expect_column_values_to_be_between", "absent", column="y", min_value=0),
            expectation("expect_column_values_to_be_between", "failed", column="x", min_value=2),
        ])]
    )  # fmt: skip
    assert verdicts["s", "absent"].success is None
    assert verdicts["s", "absent"].detail
    assert verdicts["s", "failed"].success is False
    assert verdicts["s", "failed"].unexpected == (("a",),)


def test_nothing_to_look_at_is_not_applicable(candidate: Path) -> None:
    row = row_of(candidate, "dialysis_has_no_egfr")
    assert (row["status"], row["denominator"]) == ("not_applicable", 0)


def test_numerator_denominator_units_and_query(planted: Planted) -> None:
    row = row_of(planted(PLANTS["interval_holds_the_point"]), "interval_holds_the_point")
    assert (row["numerator"], row["denominator"]) == (1, 16)
    assert row["units_outside"] == ["demo_s1_v1"]
    assert str(row["violated_rows_query"]).startswith("SELECT * FROM (")


def test_every_violated_rows_query_runs(candidate: Path) -> None:
    from plms_pipeline.quality.candidate import opened

    with opened(candidate) as connection:
        for check in load_checks().values():
            query = check.violated_rows_query()
            if query is not None:
                assert connection.execute(query).fetchall() == [], check.name


def test_changed_domain_changes_the_verdict(own_schemas: Path, planted: Planted, candidate: Path) -> None:
    assert row_of(candidate, "declared_domain", "recording", "sensor")["status"] == "passed"
    path = own_schemas / "codes" / "sensor.yaml"
    path.write_text(path.read_text().replace("value: emg,", "value: surface_emg,"))
    contracts.forget()
    row = row_of(candidate, "declared_domain", "recording", "sensor")
    assert row["status"] == "failed"
    assert check_release(candidate, only=["declared_domain"]).closed == ["declared_domain"]


def test_changed_threshold_changes_the_verdict(own_schemas: Path, planted: Planted) -> None:
    candidate = planted(PLANTS["medication_is_mapped"])
    assert row_of(candidate, "medication_is_mapped")["status"] == "failed"
    path = own_schemas / "checks" / "medication_is_mapped.yaml"
    path.write_text(path.read_text().replace("threshold: 0.05", "threshold: 0.5"))
    contracts.forget()
    row = row_of(candidate, "medication_is_mapped")
    assert (row["status"], row["numerator"], row["threshold_high"]) == ("passed", 3, 0.5)


def test_changed_severity_opens_the_gate(own_schemas: Path, planted: Planted) -> None:
    candidate = planted(put("night", "n_lm", 100))
    path = own_schemas / "checks" / "counts_are_nested.yaml"
    path.write_text(path.read_text().replace("severity: error", "severity: warning"))
    contracts.forget()
    assert row_of(candidate, "counts_are_nested")["status"] == "failed"
    assert check_release(candidate, only=["counts_are_nested"]).open


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("severity: error", "severity: grave", "grave"),
        ("threshold: 0", "threshold: 7", "no rate"),
        ("why:", "because:", "'why' is missing"),
        ("level: recording", "level: planet", "planet"),
        ("violated: n_plms", "violated: ${nowhere} > n_plms", "nowhere"),
    ],
)
def test_defective_declaration_is_named(own_schemas: Path, candidate: Path, old: str, new: str, message: str) -> None:
    path = own_schemas / "checks" / "counts_are_nested.yaml"
    path.write_text(path.read_text().replace(old, new, 1))
    contracts.forget()
    with pytest.raises(ContractError, match=r"schemas/checks/counts_are_nested.yaml") as caught:
        check_release(candidate)
    assert message in str(caught.value)


def test_result_is_the_same_every_time(planted: Planted) -> None:
    candidate = planted(PLANTS["declared_domain"])
    only = ["declared_domain", "index_is_count_over_hours", "part_in_its_place"]
    first, second = check_release(candidate, only=only), check_release(candidate, only=only)
    assert first == second
    assert str(candidate) not in str(first.rows)


def test_no_direction_of_an_association_is_a_failure() -> None:
    for check in load_checks().values():
        if check.name in ("prevalence_is_plausible", "ferritin_level_is_plausible"):
            assert check.severity == "warning"


def test_folder_that_is_no_release(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no table"):
        check_release(tmp_path)
    with pytest.raises(InputError, match="no such release"):
        check_release(tmp_path / "nowhere")
