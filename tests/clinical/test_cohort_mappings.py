"""The declared mappings of real cohorts against the dictionaries of those cohorts (read in place, never copied)."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from plms_pipeline import contracts
from plms_pipeline.exposures.mapping import ColumnMap, FileMap, Mapping, cohort_mappings, read_mapping

DICTIONARIES = {"wsc": "wsc-{}-0.8.0.csv", "mros": "mros-{}-0.6.0.csv"}
# Columns by which a mapping finds the person and the visit: identifiers have no domain.
IDS = {"subject_id", "visit"}
# Exports of NSRR name their data files so (export steps in nsrr/wsc-data-dictionary and nsrr/mros-data-dictionary).
FILES = {
    "wsc": ("wsc-dataset-0.8.0.csv", "wsc-harmonized-dataset-0.8.0.csv"),
    "mros": ("mros-visit1-dataset-0.6.0.csv", "mros-visit1-harmonized-0.6.0.csv"),
}


def mapping_of(cohort: str, folder: Path) -> Mapping:
    for name in FILES[cohort]:
        (folder / name).write_text("", encoding="utf-8")
    path = folder / "mapping.yaml"
    path.write_text(f"format: plms-clinical-mapping/1\ncohort: {cohort}\n", encoding="utf-8")
    return read_mapping(path)


def columns_of(file: FileMap) -> list[ColumnMap]:
    return [*(file.columns or ()), *(wide.value for wide in file.wide)]


def test_every_declared_cohort_is_tested() -> None:
    assert set(cohort_mappings()) == set(DICTIONARIES) == set(FILES)


@pytest.mark.parametrize("cohort", sorted(DICTIONARIES))
def test_every_column_and_code_occurs_in_the_dictionary(cohort: str, shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "dictionaries"
    with (folder / DICTIONARIES[cohort].format("variables")).open(encoding="utf-8-sig", newline="") as handle:
        domain_of = {row["id"]: row["domain"].casefold() for row in csv.DictReader(handle)}
    codes: dict[str, set[str]] = {}
    with (folder / DICTIONARIES[cohort].format("domains")).open(encoding="utf-8-sig", newline="") as handle:
        for row in csv.DictReader(handle):
            codes.setdefault(row["domain"].casefold(), set()).add(row["value"])
    n_columns = 0
    for file in mapping_of(cohort, tmp_path).files:
        for column in columns_of(file):
            if column.column is None:
                continue
            n_columns += 1
            assert column.column in domain_of, f"{column.column} is in no dictionary of {cohort}"
            known = codes.get(domain_of[column.column], set())
            for code in column.values:
                assert code in known, f"{column.column}: code {code} is not among {sorted(known)}"
            if known and column.canonical not in IDS and column.kind != "text":
                unread = known - set(column.values) - column.missing
                assert not unread, f"{column.column}: codes {sorted(unread)} are neither listed nor missing"
    assert n_columns > 30


@pytest.mark.parametrize("cohort", sorted(DICTIONARIES))
def test_every_input_is_said_to_be_collected_or_not(cohort: str, tmp_path: Path) -> None:
    mapping = mapping_of(cohort, tmp_path)
    declared = contracts.load_yaml(cohort_mappings()[cohort])
    assert set(mapping.collected) == set(declared["collected"])
    assert set(mapping.not_collected) == set(declared["not_collected"])
    assert set(mapping.collected).isdisjoint(mapping.not_collected)


def test_mros_letters_are_missing_codes_of_every_column(tmp_path: Path) -> None:
    for file in mapping_of("mros", tmp_path).files:
        for column in columns_of(file):
            assert column.missing >= {"A", "D", "K", "M"}, column
