"""Mapping files and clinical CSV files: decoding, missing codes, errors of one line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plms_pipeline import contracts
from plms_pipeline.errors import InputError
from plms_pipeline.exposures import clinical_rules, read_covariates
from plms_pipeline.exposures.canonical import REQUIRED, TABLES
from plms_pipeline.exposures.medication import medication_statuses

from .conftest import MAPPING, CohortWriter

DOCS = Path(__file__).resolve().parents[2] / "docs" / "clinical_inputs.md"
AGE = "subject_id,age_years\ns1,50\n"


def test_the_example_of_the_documentation_is_read(tmp_path: Path) -> None:
    example = re.search(r"```yaml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert example is not None
    (tmp_path / "mapping.yaml").write_text(example[1], encoding="utf-8")
    for table in ("demographics", "medication", "inventory", "laboratory", "condition"):
        header = ",".join(TABLES[table])
        (tmp_path / f"{table}.csv").write_text(f"{header}\n", encoding="utf-8")
    (tmp_path / "questionnaire.csv").write_text("id,rls1,ins,ess\ns1,1,yes,12\ns2,8,no,-9\n", encoding="utf-8")
    covariates = read_covariates(tmp_path / "mapping.yaml")
    assert covariates.for_subject("s1", "single")["questionnaire"] == [
        {"rls_urge": "yes", "insomnia_complaint": "yes", "ess_score": 12.0, "collected_offset_d": 0}
    ]
    assert covariates.for_subject("s2", "single")["questionnaire"] == [
        {"insomnia_complaint": "no", "collected_offset_d": 0}
    ]
    assert covariates.declaration["age_precision"] == "floor"
    assert "ssri" in covariates.declaration["collected"]


def test_the_documentation_names_every_column() -> None:
    text = DOCS.read_text(encoding="utf-8")
    for table, columns in TABLES.items():
        line = next(line for line in text.splitlines() if line.startswith(f"| {table} |"))
        assert set(re.findall(r"`([a-z][a-z0-9_]*)`", line)) >= set(columns), table


def test_kinds_of_columns_exist() -> None:
    plain = {"yes_no", "number", "integer", "date", "text", "measure"}
    for columns in TABLES.values():
        for kind in columns.values():
            assert kind in plain or contracts.codes(kind).values
    assert set(REQUIRED) == set(TABLES)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("age_precision: exact", "age_precisoin: exact"),
         r"mapping\.yaml: unknown key 'age_precisoin' \(nearest: 'age_precision'\)"),
        (("age_precision: exact", "age_precision: about"), r"'age_precision' must be one of exact, floor"),
        (("age_precision: exact\n", ""), r"'age_precision' must be one of"),
        (("ferritin,", "feritin,"), r"unknown input under 'collected' 'feritin' \(nearest: 'ferritin'\)"),
        (("plms-clinical-mapping/1", "other/2"), r"'format' must be"),
        (("table: demographics", "table: demografics"), r"unknown table 'demografics'.*'demographics'"),
        (("path: demographics.csv", "pth: demographics.csv"), r"unknown key under 'files' 'pth'"),
        (("path: demographics.csv", "path: nowhere.csv"), r"nowhere\.csv: cannot be opened; mapping\.yaml names it"),
        (("undated: unknown", "undated: maybe"), r"undated of demographics"),
        (("format:", "format:\nformat:"), r"mapping\.yaml, line 2: .*stands twice"),
    ],
)  # fmt: skip
def test_a_wrong_mapping_is_one_clear_line(change: tuple[str, str], message: str, write_tables: CohortWriter) -> None:
    path = write_tables(demographics=AGE)
    text = path.read_text(encoding="utf-8")
    assert change[0] in text
    path.write_text(text.replace(*change, 1), encoding="utf-8")
    with pytest.raises(InputError, match=message) as caught:
        read_covariates(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("table", "content", "message"),
    [
        ("demographics", "subject_id,age_yers\ns1,5\n", r"unknown column 'age_yers' \(nearest: 'age_years'\)"),
        ("demographics", "age_years\n5\n", r"column 'subject_id' is missing"),
        ("demographics", "subject_id,age_years\ns1,A\ns2,A\n", r"column 'age_years' holds 'A' in 2 rows"),
        ("demographics", "subject_id,sex\ns1,maybe\n", r"column 'sex' holds 'maybe' in 1 row,"),
        ("demographics", "subject_id,age_years\n,5\n", r"a row has no subject_id"),
        ("demographics", "subject_id,age_years\ns1,5,6\n", r"more cells than the header"),
        ("demographics", "subject_id,subject_id\ns1,s1\n", r"'subject_id' stands twice"),
        ("condition", "subject_id,condition,status\ns1,gout,yes\n", r"column 'condition' holds 'gout'"),
        ("condition", "subject_id,condition,status\ns1,rbd,2\n", r"column 'status' holds '2'"),
        ("medication", "subject_id,collected_date\ns1,31.01.2026\n", r"holds '31\.01\.2026'"),
        ("medication", "subject_id,collected_offset_d\ns1,1.5\n", r"holds '1\.5'"),
        ("medication", "subject_id,class_id\ns1,ssris\n", r"holds 'ssris'"),
    ],
)
def test_a_wrong_file_is_one_clear_line(table: str, content: str, message: str, write_tables: CohortWriter) -> None:
    with pytest.raises(InputError, match=rf"^{table}\.csv: .*{message}") as caught:
        read_covariates(write_tables(**{table: content}))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("code", ["", "NA", ".", "A", "-55", "-2"])
def test_missing_codes_are_unknown_never_zero(code: str, tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_text(f"id,item\ns1,{code}\n", encoding="utf-8")
    (tmp_path / "mapping.yaml").write_text(
        MAPPING
        + "  - {table: questionnaire, path: q.csv, columns: {subject_id: id, insomnia_complaint: "
        + '{column: item, values: {"1": "yes", "0": "no"}, missing: ["A", "-55", "-2"]}}}\n',
        encoding="utf-8",
    )
    assert read_covariates(tmp_path / "mapping.yaml").for_subject("s1", "v1")["questionnaire"] == [{}]


def test_a_mapped_column_that_is_not_in_the_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_text("id,esss\ns1,5\n", encoding="utf-8")
    (tmp_path / "mapping.yaml").write_text(
        MAPPING + "  - {table: questionnaire, path: q.csv, columns: {subject_id: id, ess_score: ess}}\n",
        encoding="utf-8",
    )
    with pytest.raises(InputError, match=r"q\.csv: column 'ess' named in mapping\.yaml is missing \(nearest: 'esss'\)"):
        read_covariates(tmp_path / "mapping.yaml")


def test_only_mapped_columns_are_read(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("id,name,age\ns1,Somebody,50\n", encoding="utf-8")
    (tmp_path / "mapping.yaml").write_text(
        MAPPING + "  - {table: demographics, path: d.csv, columns: {subject_id: id, age_years: age}}\n",
        encoding="utf-8",
    )
    assert read_covariates(tmp_path / "mapping.yaml").for_subject("s1", "v1")["demographics"] == [{"age_years": 50.0}]


def test_rows_join_on_subject_and_visit(write_tables: CohortWriter) -> None:
    content = "subject_id,visit,age_years\ns1,v1,50\ns1,v2,54\ns1,,51\ns2,v1,60\n"
    covariates = read_covariates(write_tables(demographics=content))
    assert covariates.for_subject("s1", "v2")["demographics"] == [{"age_years": 51.0}, {"age_years": 54.0}]
    assert covariates.for_subject("s3", "v1")["demographics"] == []
    assert covariates.subjects() == ["s1", "s2"]


def test_unmapped_medicines_are_counted(write_tables: CohortWriter) -> None:
    content = "subject_id,medication\ns1,zzz\ns2,zzz\ns2,Zoloft\ns2,zzz\ns3,yyy and Zoloft\n"
    covariates = read_covariates(write_tables(medication=content))
    columns = covariates.unmapped_medication()
    table = contracts.to_arrow("unmapped_medication", columns)
    assert table.to_pylist() == [
        {"source_text": "zzz", "unmapped_cause": "name_not_listed", "n_records": 3, "n_subjects": 2},
        {"source_text": "yyy", "unmapped_cause": "name_not_listed", "n_records": 1, "n_subjects": 1},
    ]
    assert covariates.medication_counts() == {
        "n_medication_records": 5, "n_medication_records_unmapped": 4,
        "n_medication_subjects": 3, "n_medication_subjects_unmapped": 3,
    }  # fmt: skip


def test_no_medicines_give_an_empty_table(write_tables: CohortWriter) -> None:
    covariates = read_covariates(write_tables(demographics=AGE))
    assert contracts.to_arrow("unmapped_medication", covariates.unmapped_medication()).num_rows == 0
    assert set(covariates.medication_counts().values()) == {0}


def test_flags_of_a_class_name_no_medicine(write_tables: CohortWriter) -> None:
    content = "subject_id,medication,class_id,taken\ns1,,ssri,yes\ns1,,tca,no\ns2,Zoloft,,\ns2,Tylenol,,\ns3,zzz,,\n"
    assert read_covariates(write_tables(medication=content)).medication_counts() == {
        "n_medication_records": 3, "n_medication_records_unmapped": 1,
        "n_medication_subjects": 2, "n_medication_subjects_unmapped": 1,
    }  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(content=st.text(max_size=200))
def test_any_file_is_read_or_refused_in_one_line(content: str, write_tables: CohortWriter) -> None:
    path = write_tables(laboratory="subject_id,analyte,value\n")
    (path.parent / "laboratory.csv").write_bytes(b"subject_id,analyte,value\n" + content.encode("utf-8", "replace"))
    try:
        read_covariates(path)
    except InputError as error:
        assert "\n" not in str(error)


def test_a_flag_without_an_answer_is_unknown_never_yes(tmp_path: Path) -> None:
    """MrOS letters: A = missing, D = does not know."""
    (tmp_path / "m.csv").write_text("id,m1ssri\na,1\nb,0\nc,A\nd,\n", encoding="utf-8")
    (tmp_path / "mapping.yaml").write_text(
        MAPPING
        + "  - {table: medication, path: m.csv, undated: at_visit, columns: {subject_id: id, "
        + "class_id: {constant: ssri}, "
        + 'taken: {column: m1ssri, values: {"1": "yes", "0": "no"}, missing: [A, D, K, M]}}}\n',
        encoding="utf-8",
    )
    covariates = read_covariates(tmp_path / "mapping.yaml")
    found = {}
    for subject in "abcd":
        rows = medication_statuses(
            covariates.for_subject(subject, "v1"), None, covariates.declaration, clinical_rules()
        )
        found[subject] = next((row["exposed"], row["exposed_reason"]) for row in rows if row["class_id"] == "ssri")
    assert found == {"a": ("yes", None), "b": ("no", None), "c": ("unknown", "missing"), "d": ("unknown", "missing")}


def test_the_wide_example_of_the_documentation_is_read(tmp_path: Path) -> None:
    examples = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "mapping.yaml").write_text(MAPPING + examples[1], encoding="utf-8")
    (tmp_path / "visit1.csv").write_text(
        "id,ssri_flag,dr408,dr783,creatinine\na,1,0,1,0.9\nb,0.0,1,0,-9\nc,A,,0,\n", encoding="utf-8"
    )
    covariates = read_covariates(tmp_path / "mapping.yaml")
    found = {
        subject: {
            row.get("class_id", row.get("medication")): row["taken"]
            for row in covariates.for_subject(subject, "v1")["medication"]
        }
        for subject in "abc"
    }
    assert found == {
        "a": {"ssri": "yes", "da_antiemetic": "mixed"},
        "b": {"ssri": "no", "trazodone": "yes", "da_antiemetic": "no"},
        "c": {"ssri": "unknown", "trazodone": "unknown", "da_antiemetic": "no"},
    }
    values = [covariates.for_subject(subject, "v1")["laboratory"] for subject in "abc"]
    assert [rows[0].get("value") for rows in values] == ["0.9", None, None]
    assert {rows[0]["collected_offset_d"] for rows in values} == {1}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("wide: [{class_id: ssri}]", r"every entry under 'wide' of medication needs 'column'"),
        ("wide: [{column: x, klass: ssri}]", r"column 'x' under 'wide' of medication: unknown key 'klass'"),
        ("wide: [{column: x, class_id: ssri, into: takn}]", r"unknown column 'takn' \(nearest: 'taken'\)"),
        ("wide: {column: x}", r"'wide' of medication must be a list"),
        ("wide: [{column: x, class_id: ssri, optional: maybe}]", r"'optional' must be true or false"),
        ("wide: [{column: x, class_id: ssris}]", r"column 'class_id' holds 'ssris'"),
        ("wide: [{column: nowhere, class_id: ssri}]", r"column 'nowhere' named in mapping\.yaml is missing"),
    ],
)
def test_a_wrong_wide_entry_is_one_clear_line(entry: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("id,x\ns1,yes\n", encoding="utf-8")
    (tmp_path / "mapping.yaml").write_text(
        MAPPING + f"  - {{table: medication, path: m.csv, columns: {{subject_id: id}}, {entry}}}\n", encoding="utf-8"
    )
    with pytest.raises(InputError, match=message) as caught:
        read_covariates(tmp_path / "mapping.yaml")
    assert "\n" not in str(caught.value)
