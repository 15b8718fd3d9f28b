"""The declared mappings of real cohorts against the dictionaries of those cohorts (read in place, never copied)."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from plms_pipeline import contracts
from plms_pipeline.errors import InputError
from plms_pipeline.exposures import read_covariates
from plms_pipeline.exposures.mapping import ColumnMap, FileMap, Mapping, cohort_mappings, read_mapping

from . import miniature

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


def test_own_files_and_inputs_come_on_top_of_a_declared_cohort(tmp_path: Path) -> None:
    path = miniature.write_tables("wsc", tmp_path)
    (tmp_path / "ferritin.csv").write_text(
        "subject_id,visit,analyte,value,unit,collected_offset_d\n10001,v1,ferritin,38,ng/mL,-4\n", encoding="utf-8"
    )
    (tmp_path / "pap.csv").write_text("id,v,cpap\n10001,1,\n10002,1,1\n", encoding="utf-8")
    path.write_text(
        "format: plms-clinical-mapping/1\ncohort: wsc\nfolder: datasets\ncollected: [ferritin]\nage_precision: floor\n"
        "files:\n  - {table: laboratory, path: ferritin.csv}\n"
        "  - {table: demographics, path: pap.csv, columns: {subject_id: id, visit: {column: v, values: {'1': v1}}, "
        "pap_this_night: {column: cpap, values: {'': 'no', '1': 'yes'}}}}\n",
        encoding="utf-8",
    )
    covariates = read_covariates(path)
    assert {"ferritin", "ssri"} <= set(covariates.declaration["collected"])
    assert "crp" not in covariates.declaration["collected"]
    assert covariates.declaration["age_precision"] == "floor"
    rows = covariates.for_subject("10001", "v1")
    assert [row["value"] for row in rows["laboratory"] if row["analyte"] == "ferritin"] == ["38"]
    assert "no" in {row.get("pap_this_night") for row in rows["demographics"]}
    assert {row["class_id"] for row in rows["medication"] if row["taken"] == "yes"} == {"ssri"}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("cohort: wcs", r"no mapping is declared for cohort 'wcs' \(nearest: 'wsc'\); known: mros, wsc"),
        ("cohort: wsc\nfolder: elsewhere", r"no file named wsc-harmonized-dataset-\*\.csv in elsewhere"),
        ("cohort: wsc\nfolder: datasets\ncollected: ferritin", r"'collected' must be a list"),
        ("cohort: wsc\nfolder: datasets\nnot_collected: [ssri]", r"'ssri' stands under 'collected' and under 'not_col"),
        ("cohort: wsc\nfolder: datasets\nnot_collected: [ferritin]", r"stands neither under 'collected' nor under"),
    ],
)
def test_a_wrong_declaration_is_one_clear_line(lines: str, message: str, tmp_path: Path) -> None:
    path = miniature.write_tables("wsc", tmp_path)
    path.write_text(f"format: plms-clinical-mapping/1\n{lines}\n", encoding="utf-8")
    with pytest.raises(InputError, match=message) as caught:
        read_mapping(path)
    assert "\n" not in str(caught.value)


def test_two_releases_in_one_folder_are_refused(tmp_path: Path) -> None:
    path = miniature.write_tables("wsc", tmp_path)
    (tmp_path / "datasets" / "wsc-dataset-0.7.0.csv").touch()
    with pytest.raises(InputError, match=r"2 files named wsc-dataset-\*\.csv in datasets"):
        read_mapping(path)
