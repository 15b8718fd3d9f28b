"""Every literal night through the linkage, and every reason for an unknown in one of the two hand-written tables."""

from __future__ import annotations

from typing import Any

import pytest

from plms_pipeline import contracts, simulate
from plms_pipeline.phenotypes import link_recording

from .night_cases import CASES, DECLARATION, FACTS, PERSON, NightCase

IDS = {"recording_id": "c_s_v1", "cohort": "c", "subject_id": "s", "visit": "v1"}


def linked(case: NightCase) -> dict[str, dict[str, list[Any]]]:
    declaration = {**DECLARATION, **case.declaration}
    declaration["collected"] = [*declaration["collected"], *contracts.codes("medication_class").values]
    return link_recording(IDS, {**PERSON, **case.person}, case.rows, {**FACTS, **case.facts}, declaration, {})


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_night_comes_out_as_written(case: NightCase) -> None:
    tables = linked(case)
    row = {name: values[0] for table in ("analysis", "phenotype") for name, values in tables[table].items()}
    wrong = {}
    for name, expected in case.expect.items():
        if isinstance(expected, tuple):
            found: Any = (row[name], row[f"{name}_reason"])
        else:
            found = row[name]
        if found != (pytest.approx(expected, abs=0.005) if isinstance(expected, float) else expected):
            wrong[name] = (found, expected)
    assert not wrong
    for name, columns in tables.items():
        contracts.to_arrow(name, columns)


def test_names_are_told_apart() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 60


def test_every_reason_for_an_unknown_is_in_a_hand_written_table() -> None:
    people = [*simulate.personas(), simulate.narrow_cohort()[0]]
    of_people = {item.reason for persona in people for item in persona.expect if item.reason}
    of_nights = {entry[1] for case in CASES for entry in case.expect.values() if isinstance(entry, tuple)}
    # Reasons of single values and sub-flags, which no column of a night holds: test_renal.py, test_medication.py.
    of_tables = {"acute_setting", "no_paired_draw", "under_18", "dose_unknown"}
    assert of_people | of_nights | of_tables == set(contracts.codes("clinical_reason").values)


def test_indices_keep_2_per_hour_from_the_threshold_unless_the_case_is_about_it() -> None:
    at_the_threshold = {15.0, 15.01, 5.0, 5.1}
    for case in CASES:
        for row in case.rows:
            value = row["plmsi_per_h"]
            if value is not None and value not in at_the_threshold:
                assert abs(value - 15.0) >= 2.0, case.name
                assert abs(value - 5.0) >= 2.0 or case.name.startswith("few") or value == 4.0, case.name
