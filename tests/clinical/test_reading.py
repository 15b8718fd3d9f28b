"""Clinical files read by column: the same rows as read one by one, whatever stands in the cells."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plms_pipeline import contracts
from plms_pipeline.errors import InputError
from plms_pipeline.exposures import reading
from plms_pipeline.exposures.canonical import TABLES
from plms_pipeline.exposures.columns import columns_of, concatenate, rows_of
from plms_pipeline.exposures.decoding import read_rows
from plms_pipeline.exposures.mapping import ColumnMap, FileMap

HEADER = ["id", "drug", "klass", "took", "start", "day", "dose", "note"]
CELLS = {
    "id": ["1", "2", " 2 ", "03"],
    "drug": ["Zoloft", "", "NA", "lithium, ER", 'the "blue" one', " x ", "two\nlines"],
    "klass": ["", "ssri", "tca"],
    "took": ["", "1", "0", "9", "1.0", "NA"],
    "start": ["", "2024-01-31", "2024-02-29T10:00", "NA"],
    "day": ["", "0", "-3", "3.0"],
    "dose": ["", "12.5", "1e2", "."],
    "note": ["", "ignored", "é"],
}
NONE: frozenset[str] = frozenset()
MISSING = frozenset({"NA", "."})


def column(
    canonical: str, source: str, values: dict[str, str] | None = None, extra: frozenset[str] = NONE
) -> ColumnMap:
    return ColumnMap(canonical, TABLES["medication"][canonical], source, None, values or {}, MISSING | extra)


MAPS = (
    column("subject_id", "id"),
    column("medication", "drug"),
    column("class_id", "klass"),
    column("taken", "took", {"1": "yes", "0": "no"}, frozenset({"9"})),
    column("use_start_date", "start"),
    column("collected_offset_d", "day"),
    column("dose_mg_d", "dose"),
    ColumnMap("record_type", "medication_record_type", None, "inventory", {}, MISSING),
)


def quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if any(mark in cell for mark in ',"\n') else cell


def file_map(folder: Path, text: str, undated: str = "unknown") -> FileMap:
    path = folder / "medication.csv"
    path.write_text(text, encoding="utf-8", newline="")
    return FileMap("medication", path, MAPS, MISSING, undated)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(*(st.sampled_from(CELLS[name]) for name in HEADER)), max_size=12),
    st.sampled_from(["unknown", "at_visit"]),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_columns_hold_the_rows_read_one_by_one(
    tmp_path: Path, rows: list[tuple[str, ...]], undated: str, newline: str, bom: bool
) -> None:
    lines = [",".join(HEADER), *(",".join(map(quoted, row)) for row in rows)]
    file = file_map(tmp_path, ("\ufeff" if bom else "") + newline.join(lines) + newline, undated)
    expected = list(read_rows(file, "mapping.yaml"))
    found = reading.read_columns(file, "mapping.yaml")
    assert rows_of("medication", found) == expected
    assert rows_of("medication", columns_of("medication", expected)) == expected
    twice = rows_of("medication", concatenate([found, columns_of("medication", expected)]))
    assert twice == [*expected, *expected]


def test_an_ordinary_file_goes_the_fast_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "read_rows", None)
    file = file_map(tmp_path, "id,drug,klass,took,start,day,dose,note\n1,Zoloft,,1,2024-01-31,,50,\n")
    (row,) = rows_of("medication", reading.read_columns(file, "mapping.yaml"))
    assert row == {
        "subject_id": "1", "medication": "Zoloft", "taken": "yes", "use_start_date": "2024-01-31", "dose_mg_d": 50.0,
        "record_type": "inventory",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,drug,klass,took,start,day,dose,note\n1,a,,7,,,,\n1,a,,7,,,,\n", r"column 'took' holds '7' in 2 rows"),
        ("id,drug,klass,took,start,day,dose,note\n1,a,,1,31.01.2024,,,\n", r"column 'start' holds '31\.01\.2024'"),
        ("id,drug,klass,took,start,day,dose,note\n,a,,1,,,,\n", r"a row has no subject_id"),
        ("id,drug,klass,took,start,day,dose,note\n1,a,,1,,,,,,\n", r"more cells than the header"),
        ("id,drug,klass,took,start,day,dose,drug\n1,a,,1,,,,\n", r"column 'drug' stands twice"),
        ("id,drug,klass,took,start,day\n1,a,,1,,\n", r"column 'dose' named in mapping\.yaml is missing"),
        ("id,drug,klass,took,start,day,dose,note\n1,\xff,,1,,,,\n", r"is not UTF-8"),
    ],
)
def test_what_is_wrong_is_named_by_the_slow_way(tmp_path: Path, text: str, message: str) -> None:
    file = file_map(tmp_path, "")
    file.path.write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=message):
        reading.read_columns(file, "mapping.yaml")


def test_short_rows_and_empty_lines_are_read(tmp_path: Path) -> None:
    file = file_map(tmp_path, "id,drug,klass,took,start,day,dose,note\n1,Zoloft\n\n,,,,,,,\n2,lithium,,1,,,,\n")
    rows = rows_of("medication", reading.read_columns(file, "mapping.yaml"))
    assert [row["medication"] for row in rows] == ["Zoloft", "lithium"]
    assert contracts.canonical_json(rows) == contracts.canonical_json(list(read_rows(file, "mapping.yaml")))
