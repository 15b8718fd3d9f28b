"""Every defect ends in data or in a named finding, and the page about them is complete."""

from __future__ import annotations

from pathlib import Path

import pytest

from plms_pipeline import contracts, ingest
from plms_pipeline.errors import InputError
from tests.ingest.defect_cases import CASES, LEGS, Case, legs, outcome
from tests.ingest.edf_bytes import build


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_defect_ends_in_data_or_a_named_finding(tmp_path: Path, case: Case) -> None:
    path = tmp_path / "night"
    path.write_bytes(case.content())
    codes, is_refused, _ = outcome(path, LEGS)
    assert (sorted(codes), is_refused) == (sorted(case.codes), case.is_refused)


def groups() -> dict[str, list[str]]:
    return contracts.load_yaml("rules/reading.yaml")["defects"]


def test_every_declared_defect_is_produced_by_a_case() -> None:
    declared = {code for group in groups().values() for code in group}
    elsewhere = {"unit_declared", "refused_by_policy"}  # what the user declares decides them: tested below
    assert declared - elsewhere == {code for case in CASES for code in case.codes} - {"one_leg"}


def test_page_has_every_defect_once() -> None:
    page = ingest.defects_markdown()
    for group in groups().values():
        for code in group:
            assert page.count(f"| `{code}` |") == 1


def test_policy_refuses_what_is_otherwise_repaired(tmp_path: Path) -> None:
    path = tmp_path / "night.edf"
    path.write_bytes(build(legs(), n_records=-1)[:-3])
    assert ingest.open_recording(path, LEGS, policy={}).duration_us == 3_000_000
    with pytest.raises(ingest.EdfDefect) as caught:
        ingest.open_recording(path, LEGS, policy={"truncated": "refuse"})
    assert caught.value.code == "refused_by_policy" and "truncated: " in caught.value.text


@pytest.mark.parametrize("code", ["samples_outside_range", "duplicate_label", "gap"])
def test_policy_reaches_channels_time_line_and_samples(tmp_path: Path, code: str) -> None:
    path = tmp_path / "night.edf"
    path.write_bytes(next(case for case in CASES if case.codes == (code,)).content())
    with pytest.raises(ingest.EdfDefect) as caught:
        ingest.open_recording(path, LEGS, policy={code: "refuse"})
    assert caught.value.code == "refused_by_policy"


def test_unit_that_the_user_declares_is_said(tmp_path: Path) -> None:
    path = tmp_path / "night.edf"
    path.write_bytes(build(legs(unit="")))
    codes = [found.code for found in ingest.open_recording(path, LEGS._replace(unit="uV")).findings]
    assert codes == ["unit_declared"]


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"truncatd": "refuse"}, "did you mean truncated"),
        ({"truncated": "ignore"}, "write repair or refuse"),
        ({"short_header": "repair"}, "cannot be repaired"),
        ({"unknown_label": "refuse"}, "no defect of a recording"),
    ],
)
def test_policy_that_means_nothing_is_an_error(declared: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ingest.check_policy(declared, "COHORT.yaml: defects")


def test_policy_keeps_what_is_refused_only() -> None:
    assert ingest.check_policy({"truncated": "refuse", "gap": "repair"}) == {"truncated": "refuse"}
