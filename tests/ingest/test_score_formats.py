"""Tables given to ``plms score``: movements, stages, respiratory events, arousals, gaps (CSV or Parquet)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from plms_pipeline import ingest
from plms_pipeline.errors import InputError


def write(tmp_path: Path, text: str, name: str = "table.csv") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_movements_in_canonical_order_with_exact_times(tmp_path: Path) -> None:
    found = ingest.read_movements_csv(write(tmp_path, "leg,onset_s,offset_s\nR,10.3,12.1\nL,10.3,11\nL,0.1,0.6\n"))
    assert found.leg == ("L", "L", "R")
    assert found.onset_us.tolist() == [100_000, 10_300_000, 10_300_000]
    assert found.offset_us.tolist() == [600_000, 11_000_000, 12_100_000]
    assert found.has_morphology.all() and not found.is_truncated.any() and found.notices == ()


def test_only_kept_movements_are_scored(tmp_path: Path) -> None:
    text = "leg,onset_s,offset_s,is_kept,has_morphology,is_truncated\nL,1,2,true,false,true\nL,3,4,False,true,false\n"
    found = ingest.read_movements_csv(write(tmp_path, text))
    assert (found.onset_us.tolist(), found.n_not_kept) == ([1_000_000], 1)
    assert not found.has_morphology[0] and found.is_truncated[0]


def test_empty_offset_is_no_duration(tmp_path: Path) -> None:
    assert ingest.read_movements_csv(write(tmp_path, "leg,onset_s,offset_s\nC,1,\n")).offset_us.tolist() == [-1]


def test_ids_of_the_input_are_kept_and_extra_columns_named(tmp_path: Path) -> None:
    text = "recording_id,cohort,subject_id,visit,leg,onset_s,offset_s,peak_uv\nr1,c,s1,v1,L,1,2,30\n"
    found = ingest.read_movements_csv(write(tmp_path, text))
    assert found.ids == {"recording_id": "r1", "cohort": "c", "subject_id": "s1", "visit": "v1"}
    assert found.notices == ("table.csv: columns peak_uv are not used",)


@pytest.mark.parametrize("header", ["leg,onset_s,offset_s", "leg,onset_s,offset_s,is_kept"])
def test_header_only_is_looked_for_and_none_found(tmp_path: Path, header: str) -> None:
    found = ingest.read_movements_csv(write(tmp_path, header + "\n"))
    assert found.leg == () and found.onset_us.dtype == "int64"


def test_parquet_gives_the_same_as_csv(tmp_path: Path) -> None:
    table = pa.table(
        {
            "leg": ["L", "R"],
            "onset_s": [1.1, 0.3],
            "offset_s": [2.2, None],
            "is_kept": [True, True],
            "recording_id": ["a", "a"],
        }
    )
    pq.write_table(table, tmp_path / "m.parquet")
    text = "leg,onset_s,offset_s,is_kept,recording_id\nL,1.1,2.2,true,a\nR,0.3,,true,a\n"
    ours, other = ingest.read_movements_csv(tmp_path / "m.parquet"), ingest.read_movements_csv(write(tmp_path, text))
    assert ours.leg == other.leg == ("R", "L") and ours.ids == other.ids
    assert ours.onset_us.tolist() == other.onset_us.tolist() == [300_000, 1_100_000]
    assert ours.offset_us.tolist() == other.offset_us.tolist() == [-1, 2_200_000]


def test_stages_unsorted_and_in_known_spellings(tmp_path: Path) -> None:
    found = ingest.read_stages_csv(write(tmp_path, "onset_s,duration_s,stage\n30,30,REM\n0,30,S4\n60,0,W\n"))
    assert found.stage == ("N3", "R") and found.offset_us.tolist() == [30_000_000, 60_000_000]


def test_respiratory_types_and_spellings(tmp_path: Path) -> None:
    text = "onset_s,offset_s,type\n50,60,Unsure\n10,20,RERA\n30,40,apnea_central\n"
    found = ingest.read_events_csv(write(tmp_path, text), "respiratory")
    assert found.type == ("rera", "apnea_central", "hypopnea")


def test_gaps_and_arousals_may_name_a_leg(tmp_path: Path) -> None:
    found = ingest.read_events_csv(write(tmp_path, "onset_s,offset_s,leg\n5,6,\n1,2,L\n3,4,C\n"), "gaps")
    assert found.leg == ("L", "", "") and found.onset_us.tolist() == [1_000_000, 3_000_000, 5_000_000]
    assert ingest.read_events_csv(write(tmp_path, "onset_s,offset_s\n"), "arousals").leg == ()


def respiratory(path: Path) -> Any:
    return ingest.read_events_csv(path, "respiratory")


def arousals(path: Path) -> Any:
    return ingest.read_events_csv(path, "arousals")


@pytest.mark.parametrize(
    ("reader", "text", "message"),
    [
        (ingest.read_movements_csv, "leg,onset_s\nL,1\n", "'offset_s' is missing; needed are leg, onset_s, offset_s"),
        (ingest.read_movements_csv, "leg,onset_s,offset_s\nX,1,2\n", "line 2, column leg: 'X' is none of L, R, C"),
        (ingest.read_movements_csv, "leg,onset_s,offset_s\nL,1,2\nC,1,2\n", "C .* stands beside L or R"),
        (ingest.read_movements_csv, "leg,onset_s,offset_s\nL,,2\n", "line 2, column onset_s: is empty"),
        (ingest.read_movements_csv, "leg,onset_s,offset_s\nL,nan,2\n", "line 2, column onset_s: 'nan' is no number"),
        (ingest.read_movements_csv, "leg,onset_s,offset_s\nL,3,2\n", "line 2: offset_s lies before onset_s"),
        (ingest.read_movements_csv, "leg,onset_s,offset_s\nL,-1,2\n", "line 2, column onset_s: is negative"),
        (ingest.read_movements_csv, "leg,onset_s,offset_s,is_kept\nL,1,2,\n", "is_kept: '' is neither"),
        (ingest.read_movements_csv, "leg,onset_s,offset_s,is_kept\nL,1,2,1\n", "is_kept: '1' is neither"),
        (ingest.read_movements_csv, "recording_id,leg,onset_s,offset_s\na,L,1,2\nb,L,1,2\n", "2 different"),
        (ingest.read_movements_csv, "", "has no header line"),
        (ingest.read_stages_csv, "onset_s,duration_s,stage\n0,30,N9\n", "line 2, column stage: 'N9' is no stage"),
        (ingest.read_stages_csv, "onset_s,duration_s,stage\n0,-30,N2\n", "line 2, column duration_s: is negative"),
        (ingest.read_stages_csv, "onset_s,duration_s,stage\n30,30,N2\n0,31,W\n", "lines 3 and 2: stages overlap"),
        (ingest.read_stages_csv, "onset_s,duration_s,stage\n0,inf,N2\n", "'inf' is no number"),
        (respiratory, "onset_s,offset_s,type\n0,1,arousal\n", "'arousal' is no respiratory event"),
        (respiratory, "onset_s,offset_s\n0,1\n", "column 'type' is missing"),
        (arousals, "onset_s,offset_s\n0,\n", "line 2, column offset_s: is empty"),
        (arousals, "onset_s,offset_s,leg\n0,1,left\n", "'left' is none of L, R, C, empty"),
    ],
)  # fmt: skip
def test_wrong_input_is_one_clear_line(tmp_path: Path, reader: Callable[[Path], Any], text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        reader(write(tmp_path, text))
    assert "table.csv" in str(caught.value) and "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_nan_in_parquet_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"onset_s": [float("nan")], "offset_s": [1.0]}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match="'nan' is no number"):
        arousals(tmp_path / "a.parquet")


def test_damaged_parquet_and_absent_file(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and nothing else")
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        arousals(tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"none\.csv: cannot be read"):
        arousals(tmp_path / "none.csv")


def test_equal_onsets_are_ordered_by_leg_then_offset_and_zero_length_is_kept(tmp_path: Path) -> None:
    found = ingest.read_movements_csv(write(tmp_path, "leg,onset_s,offset_s\nR,1,1\nL,1,3\nL,1,2\n"))
    assert found.leg == ("L", "L", "R") and found.offset_us.tolist() == [2_000_000, 3_000_000, 1_000_000]
