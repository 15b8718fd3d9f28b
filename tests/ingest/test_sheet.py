"""The sheet of a cohort: columns, values, messages, clock times."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plms_pipeline import ingest
from plms_pipeline.errors import InputError
from plms_pipeline.ingest.sheet_files import sheet_bytes


def read(tmp_path: Path, text: str) -> list[ingest.SheetRow]:
    path = tmp_path / "sheet.csv"
    path.write_text(text, encoding="utf-8")
    return ingest.read_sheet(path, cohort="demo")


def test_least_sheet(tmp_path: Path) -> None:
    row = read(tmp_path, "subject_id,edf\ns1,edf/s1.edf\n")[0]
    assert (row.recording_id, row.cohort, row.subject_id, row.visit) == ("demo_s1_single", "demo", "s1", "single")
    assert row.edf == tmp_path / "edf" / "s1.edf" and row.annotations == ()
    assert (row.recording_date, row.lights_off_s, row.pap_this_night, row.stages_state) == (None, None, "unknown", None)
    assert row.channels == ingest.ChannelOverrides()


def test_full_sheet(tmp_path: Path) -> None:
    row = read(
        tmp_path,
        "subject_id,visit,night,edf,annotations,recording_date,lights_off,lights_on,pap_this_night,respiratory_state,"
        "left,right,sensor\n"
        "s1,2,2,a.edf,a.xml; b.csv,2019-03-04,22:30:15,06:01,No,scored,L-Leg1;L-Leg2,RAT,assumed_emg\n",
    )[0]
    assert row.recording_id == "demo_s1_v2_n2" and row.visit == "v2"
    assert row.annotations == (tmp_path / "a.xml", tmp_path / "b.csv")
    assert (row.recording_date, row.lights_off_s, row.lights_on_s) == ("2019-03-04", 81015.0, 21660.0)
    assert (row.pap_this_night, row.respiratory_state, row.where) == ("no", "scored", "line 2")
    assert (row.channels.left, row.channels.right, row.channels.sensor) == (
        (("L-Leg1", "L-Leg2"),),
        (("RAT",),),
        "assumed_emg",
    )


def test_rows_are_sorted_and_blank_lines_skipped(tmp_path: Path) -> None:
    rows = read(tmp_path, "\ufeffsubject_id,edf\ns2,b.edf\n\ns1,a.edf\n")
    assert [row.subject_id for row in rows] == ["s1", "s2"]


def test_recording_without_a_file_keeps_its_row(tmp_path: Path) -> None:
    assert read(tmp_path, "subject_id,edf\ns1,\n")[0].edf is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("subject,edf\ns1,a\n", "line 1: column 'subject' is not known; did you mean 'subject_id'"),
        ("subject_id,edf,anotations\ns1,a,b\n", "did you mean 'annotations'"),
        ("subject_id,edf,xyzzy\ns1,a,b\n", "column 'xyzzy' is not known; known columns: subject_id"),
        ("subject_id\ns1\n", "line 1: column 'edf' is missing"),
        ("subject_id,edf\n", "holds no recording"),
        ("subject_id,edf\n,a.edf\n", "line 2, column subject_id: is empty"),
        ("subject_id,edf,visit\ns1,a,First visit\n", "line 2, column visit: 'First visit' is no word"),
        ("subject_id,edf,recording_date\ns1,a,04.03.2019\n", "column recording_date: '04.03.2019' is no date"),
        ("subject_id,edf,lights_off\ns1,a,10pm\n", "column lights_off: '10pm' is no clock time"),
        ("subject_id,edf,pap_this_night\ns1,a,perhaps\n", "column pap_this_night: 'perhaps' is none of yes, no"),
        ("subject_id,edf,stages_state\ns1,a,done\n", "column stages_state: 'done' is none of scored"),
        ("subject_id,edf,arousals_state\ns1,a,sleep_wake_only\n", "column arousals_state"),
        ("subject_id,edf,sensor\ns1,a,EMG electrodes\n", "line 2: sensor 'EMG electrodes' is none of emg"),
        ("subject_id,edf,left,combined\ns1,a,LAT,LEG\n", "combined cannot stand together"),
        ("subject_id,edf,recording_id\ns1,a,a/b\n", "column recording_id: 'a/b' may hold"),
        ("subject_id,edf\ns1,a.edf\ns1,b.edf\n", "line 3: recording 'demo_s1_single' already stands in line 2"),
        ("subject_id,edf\ns1,a.edf,x\n", "line 2: 3 fields, the header has 2"),
        ("subject_id,edf,visit\ns1,a,X\n,b,\ns2,c,v1\ns3,d,Y\n",
         r"line 2, column visit: 'X' is no word.*\(3 of 4 rows are wrong, also line 3, line 5\)"),
    ],
)  # fmt: skip
def test_wrong_sheets_name_line_and_column(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read(tmp_path, text)
    assert "sheet.csv" in str(caught.value) and "\n" not in str(caught.value)


FULL = (
    "subject_id,visit,edf,annotations,recording_date,lights_off,pap_this_night\n"
    "s1,2,a.edf,a.xml;b.csv,2019-03-04,22:30:15,no\ns2,,,,,,\n"
)


def test_a_parquet_sheet_says_the_same_as_csv(tmp_path: Path) -> None:
    import datetime as dt

    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table(
        {
            "subject_id": ["s1", "s2"],
            "visit": [2.0, None],
            "edf": ["a.edf", None],
            "annotations": [["a.xml", "b.csv"], None],
            "recording_date": [dt.date(2019, 3, 4), None],
            "lights_off": [dt.time(22, 30, 15), None],
            "pap_this_night": [False, None],
        }
    )
    pq.write_table(table, tmp_path / "sheet.parquet")
    rows = ingest.read_sheet(tmp_path / "sheet.parquet", cohort="demo")
    assert [row.where for row in rows] == ["row 1", "row 2"]
    assert [row._replace(where="") for row in rows] == [row._replace(where="") for row in read(tmp_path, FULL)]


def test_a_parquet_sheet_names_the_row_that_is_wrong(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"subject_id": ["s1", ""], "edf": ["a", "b"]}), tmp_path / "s.parquet")
    with pytest.raises(InputError, match="row 2, column subject_id: is empty"):
        ingest.read_sheet(tmp_path / "s.parquet", cohort="demo")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(InputError, match="not a readable Parquet file"):
        ingest.read_sheet(tmp_path / "broken.parquet", cohort="demo")


def test_a_luna_sample_list_is_a_sheet(tmp_path: Path) -> None:
    (tmp_path / "annots").mkdir()
    for name in ("c.xml", "c.annot", "c.notes"):
        (tmp_path / "annots" / name).write_text("x")
    path = tmp_path / "s.lst"
    path.write_text("n1\tedfs/a.edf\ta-profusion.xml,a.annot\nn2\tedfs/b.edf\t.\nn3\tedfs/c.edf\tx.xml\tannots\n")
    rows = ingest.read_sheet(path, cohort="demo")
    assert [row.recording_id for row in rows] == ["demo_n1_single", "demo_n2_single", "demo_n3_single"]
    files = [[str(file.relative_to(tmp_path)) for file in row.annotations] for row in rows]
    assert files == [["a-profusion.xml", "a.annot"], [], ["x.xml", "annots/c.annot", "annots/c.xml"]]
    assert rows[0].edf == tmp_path / "edfs" / "a.edf"


def test_a_wrong_sample_list_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "s.lst"
    path.write_text("n1\ta.edf\nn2\n")
    with pytest.raises(InputError, match="line 2: a sample list has an id, a tab"):
        ingest.read_sheet(path, cohort="demo")


def test_sheets_written_in_every_form_are_read_back(tmp_path: Path) -> None:
    columns = ("subject_id", "visit", "edf", "annotations")
    cells = [
        {"subject_id": "s1", "visit": "v1", "edf": "a.edf", "annotations": "a.xml;a.csv"},
        {"subject_id": "s1", "visit": "v2", "edf": "b, c.edf"},
    ]
    found = {}
    for form in (".csv", ".parquet"):
        path = tmp_path / f"sheet{form}"
        path.write_bytes(sheet_bytes(cells, columns, form))
        found[form] = [row._replace(where="") for row in ingest.read_sheet(path, cohort="demo")]
    assert found[".csv"] == found[".parquet"] and len(found[".csv"]) == 2
    path = tmp_path / "s.lst"
    path.write_bytes(sheet_bytes(cells, columns, ".lst"))
    assert path.read_text() == "s1_v1\ta.edf\ta.xml,a.csv\ns1_v2\tb, c.edf\n"
    with pytest.raises(InputError, match=r"not as '\.xlsx'"):
        sheet_bytes(cells, columns, ".xlsx")


def clock(text: str) -> float:
    hour, minute, second = (int(part) for part in text.split(":"))
    return hour * 3600.0 + minute * 60 + second


HOURS = 3600 * 10**6


@pytest.mark.parametrize(
    ("start", "off", "on", "window_h"),
    [
        ("2019-03-04T22:00:00", "22:30:00", "06:00:00", (0.5, 8.0)),
        ("23:30:00", "00:15:00", "07:00:00", (0.75, 7.5)),
        ("22:00:00.500000", "21:30:00", "05:00:00", (0.0, 6.999861111)),
        ("22:00:00", "22:30:00", "08:00:00", (0.5, 9.0)),
    ],
)
def test_clock_times_roll_over_midnight(start: str, off: str, on: str, window_h: tuple[float, float]) -> None:
    off_us, on_us, findings = ingest.clock_window(clock(off), clock(on), start=start, duration_us=9 * HOURS)
    assert off_us is not None and on_us is not None and findings == ()
    assert (off_us / HOURS, on_us / HOURS) == pytest.approx(window_h, abs=1e-9)


def test_clock_without_a_start_or_with_a_contradiction() -> None:
    assert (
        ingest.clock_window(clock("22:30:00"), None, start=None, duration_us=HOURS)[2][0].code == "clock_without_start"
    )
    assert ingest.clock_window(None, None, start=None, duration_us=HOURS) == (None, None, ())
    off, on, findings = ingest.clock_window(clock("08:00:00"), clock("12:00:00"), start="22:00:00", duration_us=HOURS)
    assert (off, on) == (None, None) and findings[0].code == "lights_contradictory"


def test_lights_on_is_after_lights_off() -> None:
    off, on, _ = ingest.clock_window(clock("22:30:00"), clock("22:10:00"), start="22:00:00", duration_us=25 * HOURS)
    assert (off, on) == (HOURS // 2, 24 * HOURS + HOURS // 6)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.one_of(
        st.binary(max_size=200),
        st.text(max_size=200).map(str.encode),
        st.lists(st.lists(st.text(max_size=8), max_size=5).map("\t".join)).map("\n".join).map(str.encode),
        st.lists(st.lists(st.text(max_size=8), max_size=4).map(",".join))
        .map(lambda lines: "\n".join(["subject_id,edf,visit,lights_off", *lines]))
        .map(str.encode),
        st.binary(max_size=60).map(lambda raw: b"PAR1" + raw),
    )
)
def test_whatever_a_sheet_holds_it_is_rows_or_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "sheet"
    path.write_bytes(content)
    try:
        rows = ingest.read_sheet(path, cohort="c")
    except InputError as error:
        assert len(str(error).splitlines()) == 1
    else:
        assert rows and len({row.recording_id for row in rows}) == len(rows)


@pytest.mark.parametrize(("mark", "named"), [(";", ";"), ("\t", "tab")])
def test_a_sheet_of_another_separator_is_named(tmp_path: Path, mark: str, named: str) -> None:
    (tmp_path / "s.csv").write_text(f"subject_id{mark}visit\na{mark}v1\n")
    with pytest.raises(InputError, match=f"separated by '{named}'"):
        ingest.read_sheet(tmp_path / "s.csv", cohort="c")
