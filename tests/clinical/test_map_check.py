"""``plms map-check``: what each cell of a clinical file is read as, with its count."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from plms_pipeline.cli import cli
from plms_pipeline.exposures import read_covariates

from . import miniature
from .conftest import MAPPING


def check(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, ["map-check", "--quiet", *map(str, arguments)])


def lines(result: Result) -> dict[tuple[str, str, str, str], tuple[int, str]]:
    """(column, canonical, says, cell) → rows and what they become."""
    rows = csv.DictReader(io.StringIO(result.stdout))
    return {(r["column"], r["canonical"], r["says"], r["cell"]): (int(r["n_rows"]), r["becomes"]) for r in rows}


def test_a_wsc_shaped_archive_cell_by_cell(tmp_path: Path) -> None:
    found = lines(check(miniature.write_tables("wsc", tmp_path), "--format", "csv"))
    for key, expected in {
        ("dep_ssri_med", "taken", "class_id ssri", "0"): (3, "no"),
        ("dep_ssri_med", "taken", "class_id ssri", "1"): (1, "yes"),
        ("dep_ssri_med", "taken", "class_id ssri", "(empty)"): (1, "unknown"),
        # fluoxetine or milnacipran: whoever takes it may take an SNRI
        ("dr401", "taken", "class_id snri", "1"): (1, "unknown"),
        ("dr783", "taken", "class_id da_antiemetic", "1"): (1, "unknown"),
        ("dr783", "taken", "class_id antihist_sedating", "1"): (1, "unknown"),
        ("dr408", "taken", "medication trazodone", "0"): (5, "no record"),
        ("psg_cpap", "pap_this_night", "", "1"): (1, "yes"),
        ("psg_cpap", "pap_this_night", "", "(empty)"): (4, "unknown"),
        ("nsrr_age", "age_years", "", "(numbers)"): (5, "48 to 70, median 61"),
        ("nsrr_sex", "sex", "", "not reported"): (1, "unknown"),
        ("nsrr_ahi_hp4u_aasm15", "ahi_per_h", "", "."): (1, "unknown"),
        ("kidney_disease_ynd", "status", "condition renal_self_report", "Y"): (1, "yes"),
        ("q16b_s2", "status", "condition narcolepsy", "1"): (1, "yes"),
    }.items():
        assert found[key] == expected, key


def test_mros_letters_are_unknown(tmp_path: Path) -> None:
    found = lines(check(miniature.write_tables("mros", tmp_path), "--format", "csv"))
    for key, expected in {
        ("m1ssri", "taken", "class_id ssri", "A"): (1, "unknown"),
        ("slrldes", "rls_urge", "", "D"): (1, "unknown"),
        ("slrlrest", "rls_rest", "", "M"): (2, "unknown"),
        ("mhrenalt", "status", "condition dialysis", "M"): (1, "unknown"),
        ("m1adepr", "taken", "class_id mirtazapine", "1"): (1, "unknown"),
        ("m1adepr", "taken", "class_id mirtazapine", "0"): (1, "no"),
        ("slrlscor", "rls_severity_irls", "", "A"): (2, "unknown"),
    }.items():
        assert found[key] == expected, key


def test_the_table_names_what_is_open(tmp_path: Path) -> None:
    text = check(miniature.write_tables("wsc", tmp_path)).stdout
    assert "dr401 -> taken (class_id snri)" in text
    assert "unit not listed for crp" in text
    assert "Not collected: dopamine_depleter, dopamine_agonist" in text
    assert "People with rows: 4" in text


def test_a_column_that_the_file_does_not_have_is_said(tmp_path: Path) -> None:
    mapping = miniature.write_tables("mros", tmp_path)
    path = tmp_path / "datasets" / "mros-visit1-dataset-0.6.0.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("slisicat", "slisicat_old"), encoding="utf-8")
    result = check(mapping)
    assert result.exit_code == 0
    assert "slisicat -> insomnia_complaint\n    (no such column)        3  unknown" in result.stdout
    read_covariates(mapping)


def test_cells_that_are_not_listed_are_all_named_and_end_with_code_2(tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_text("id,item,n\ns1,1,x\ns2,7,5\ns3,7,\n", encoding="utf-8")
    path = tmp_path / "mapping.yaml"
    path.write_text(
        MAPPING + "  - {table: questionnaire, path: q.csv, columns: {subject_id: id, ess_score: n, "
        'insomnia_complaint: {column: item, values: {"1": "yes", "0": "no"}}}}\n',
        encoding="utf-8",
    )
    result = check(path)
    assert result.exit_code == 2
    assert "7        2  refused   [neither a listed value nor a missing code]" in result.stdout
    assert "3 cells are neither a listed value nor a missing code (q.csv: item; q.csv: n)" in result.stderr


def test_medicines_show_their_classes(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("subject_id,medication\ns1,Zoloft 50 mg\ns2,Moonroot\ns3,Lisinopril\n", "utf-8")
    path = tmp_path / "mapping.yaml"
    path.write_text(MAPPING + "  - {table: medication, path: m.csv}\n", encoding="utf-8")
    found = lines(check(path, "--format", "csv"))
    assert found["medication", "medication", "", "Zoloft 50 mg"] == (1, "ssri")
    assert found["medication", "medication", "", "Moonroot"] == (1, "unknown")
    assert found["medication", "medication", "", "Lisinopril"] == (1, "of no class here")


def test_units_analytes_and_codes_show_what_they_are_taken_for(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text(
        "subject_id,analyte,value,unit\ns1,2276-4,40,mcg/L\ns2,ferritin,50,stones\ns3,zinc,1,mg/L\n", "utf-8"
    )
    (tmp_path / "m.csv").write_text("subject_id,atc_code\ns1,N06AB06\ns2,N02BE\n", "utf-8")
    path = tmp_path / "mapping.yaml"
    text = "  - {table: laboratory, path: l.csv}\n  - {table: medication, path: m.csv}\n"
    path.write_text(MAPPING + text, encoding="utf-8")
    found = lines(check(path, "--format", "csv"))
    assert found["analyte", "analyte", "", "2276-4"] == (1, "ferritin")
    assert found["analyte", "analyte", "", "zinc"] == (1, "not read")
    assert found["unit", "unit", "", "mcg/L"] == (1, "ug/L")
    assert found["unit", "unit", "", "stones"] == (1, "unknown")
    assert found["atc_code", "atc_code", "", "N06AB06"] == (1, "ssri")


def test_with_a_cohort_the_people_of_the_sheet_are_compared(tmp_path: Path) -> None:
    miniature.write_tables("mros", tmp_path)
    (tmp_path / "sheet.csv").write_text("subject_id,edf\nAA0001,a.edf\naa0002,b.edf\nZZ0001,c.edf\n", encoding="utf-8")
    (tmp_path / "cohort.yaml").write_text("cohort: m\nsheet: sheet.csv\nmapping: mapping.yaml\n", encoding="utf-8")
    text = check(tmp_path / "cohort.yaml").stdout
    assert "People in the sheet: 3, with clinical rows 1, without 2" in text
    assert "1 of those without differ from an id in the files only by capital letters" in text


# The codings of other cohorts that the mechanism must serve: CFS -2, APPLES -1/-2/-3 beside 0/1/2, STAGES -55, SAS '.',
# codes exported as 1.0, text beside numbers.
@pytest.mark.parametrize(
    ("column", "cells", "expected"),
    [
        ('{column: x, values: {"0": "no", "1": "yes"}, missing: ["-2"]}', ["0", "1", "-2", "-2.0"],
         ["no", "yes", None, None]),
        ('{column: x, values: {"0": "no", "1": "no", "2": "yes"}, missing: ["-1", "-2", "-3"]}',
         ["0", "1.0", "2", "-1", "-3"], ["no", "no", "yes", None, None]),
        ('{column: x, values: {"0": "no", "1": "yes"}, missing: ["-55"]}', ["-55", "1"], [None, "yes"]),
        ('{column: x, values: {"0": "no", "1": "yes"}}', [".", "1"], [None, "yes"]),
        ('{column: x, values: {"": "no", "1": "yes"}}', ["", "1"], ["no", "yes"]),
    ],
)  # fmt: skip
def test_codings_of_cohorts(column: str, cells: list[str], expected: list[str | None], tmp_path: Path) -> None:
    rows = "".join(f"s{at},{cell},k\n" for at, cell in enumerate(cells))
    (tmp_path / "q.csv").write_text("id,x,filler\n" + rows, encoding="utf-8")
    (tmp_path / "mapping.yaml").write_text(
        MAPPING + f"  - {{table: questionnaire, path: q.csv, columns: {{subject_id: id, rls_urge: {column}}}}}\n",
        encoding="utf-8",
    )
    covariates = read_covariates(tmp_path / "mapping.yaml")
    found = [covariates.for_subject(f"s{at}", "v1")["questionnaire"][0].get("rls_urge") for at in range(len(cells))]
    assert found == expected


def test_text_beside_numbers_is_listed_or_refused(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("id,age\ns1,55\ns2,>89\ns3,-9\n", encoding="utf-8")
    (tmp_path / "l.csv").write_text('id,v\ns1,0.9\ns2,"<0.3"\ns3,QNS\n', encoding="utf-8")
    text = (
        MAPPING
        + '  - {table: demographics, path: d.csv, missing: ["-9"], columns: {subject_id: id, '
        + 'age_years: {column: age, values: {">89": "90"}}}}\n'
        + "  - {table: laboratory, path: l.csv, columns: {subject_id: id}, "
        + 'wide: [{column: v, analyte: creatinine, unit: mg/dL, values: {"QNS": ""}}]}\n'
    )
    (tmp_path / "mapping.yaml").write_text(text.replace(', values: {"QNS": ""}', ', missing: ["QNS"]'), "utf-8")
    covariates = read_covariates(tmp_path / "mapping.yaml")
    ages = [covariates.for_subject(f"s{at}", "v1")["demographics"][0].get("age_years") for at in (1, 2, 3)]
    assert ages == [55.0, 90.0, None]
    values = [covariates.for_subject(f"s{at}", "v1")["laboratory"][0].get("value") for at in (1, 2, 3)]
    assert values == ["0.9", "<0.3", None]
