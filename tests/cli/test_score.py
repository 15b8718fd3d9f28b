"""``plms score``: formats in and out, and one clear line for every kind of bad input."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

# Five bilateral-free movements 30 s apart in N2: a series of five, all in sleep.
MOVEMENTS = "leg,onset_s,offset_s\n" + "".join(f"L,{100 + 30 * i},{102 + 30 * i}\n" for i in range(5))
STAGES = "onset_s,duration_s,stage\n0,60,W\n60,21540,N2\n"


@pytest.fixture
def files(tmp_path: Path) -> Callable[..., Path]:
    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def test_a_series_of_five_in_csv(plms, files, tmp_path: Path) -> None:
    done = plms("score", "--movements", files("m.csv", MOVEMENTS), "--stages", files("s.csv", STAGES),
                "--legs", "both", "--out", tmp_path / "out")  # fmt: skip
    assert done.code == 0, done.err
    (night,) = _rows(tmp_path / "out" / "night.csv")
    assert (night["n_plms"], night["recording_id"], night["cohort"], night["visit"]) == ("5", "m", "local", "single")
    # 5 PLMS in 21,540 s of scorable sleep.
    assert float(night["plmsi_per_h"]) == pytest.approx(5 / (21540 / 3600), abs=1e-6)
    movements = _rows(tmp_path / "out" / "scored_movement.csv")
    assert [row["imi_s"] for row in movements] == ["", "30", "30", "30", "30"]
    assert {row["is_plm"] for row in movements} == {"true"}
    text = (tmp_path / "out" / "night.csv").read_text(encoding="utf-8")
    assert "nan" not in re.split("[,\n]", text.lower())


def test_parquet_in_and_out_gives_the_same_as_csv(plms, files, tmp_path: Path) -> None:
    movements, stages = files("m.csv", MOVEMENTS), files("s.csv", STAGES)
    duckdb.sql(f"COPY (FROM read_csv('{movements}')) TO '{tmp_path / 'm.parquet'}' (FORMAT parquet)")
    common = ("--stages", stages, "--legs", "both", "--rules", "wasm2016,aasm3")
    assert plms("score", "--movements", movements, *common, "--format", "parquet", "--out", tmp_path / "a").code == 0
    assert (
        plms(
            "score", "--movements", tmp_path / "m.parquet", *common, "--format", "parquet", "--out", tmp_path / "b"
        ).code
        == 0
    )
    for name in ("night", "scored_movement"):
        assert pq.read_table(tmp_path / "a" / f"{name}.parquet").equals(
            pq.read_table(tmp_path / "b" / f"{name}.parquet")
        )
    assert pq.read_table(tmp_path / "a" / "night.parquet")["rule_set"].to_pylist() == ["wasm2016", "aasm3"]


def test_unsorted_input_gives_the_same_bytes(plms, files, tmp_path: Path) -> None:
    head, *rows = MOVEMENTS.splitlines()
    turned = "\n".join([head, *reversed(rows)]) + "\n"
    stages = files("s.csv", STAGES)
    for folder, text in (("a", MOVEMENTS), ("b", turned)):
        (tmp_path / folder).mkdir()
        movements = files(f"{folder}/m.csv", text)
        assert plms("score", "--movements", movements, "--stages", stages, "--legs", "both", "--out",
                    tmp_path / folder / "out").code == 0  # fmt: skip
    for name in ("night.csv", "scored_movement.csv"):
        assert (tmp_path / "a" / "out" / name).read_bytes() == (tmp_path / "b" / "out" / name).read_bytes()


def test_left_out_is_unknown_and_an_empty_file_is_none_found(plms, files, tmp_path: Path) -> None:
    common = ("score", "--movements", files("m.csv", MOVEMENTS), "--stages", files("s.csv", STAGES), "--legs", "both")
    assert plms(*common, "--out", tmp_path / "unknown").code == 0
    none = (
        "--respiratory",
        files("r.csv", "onset_s,offset_s,type\n"),
        "--arousals",
        files("a.csv", "onset_s,offset_s\n"),
    )
    assert plms(*common, *none, "--out", tmp_path / "none").code == 0
    (unknown,), (found,) = _rows(tmp_path / "unknown" / "night.csv"), _rows(tmp_path / "none" / "night.csv")
    assert unknown["plmsi_nr_per_h"] == "" and unknown["plmsi_nr_per_h_reason"] == "respiratory_not_scored"
    assert unknown["plms_arousal_index_per_h"] == ""
    assert found["plmsi_nr_per_h"] == found["plmsi_per_h"] and found["plms_arousal_index_per_h"] == "0"


def test_no_movement_at_all_is_an_index_of_zero(plms, files, tmp_path: Path) -> None:
    empty = files("m.csv", "leg,onset_s,offset_s\n")
    done = plms(
        "score", "--movements", empty, "--stages", files("s.csv", STAGES), "--legs", "both", "--out", tmp_path / "o"
    )
    assert done.code == 0, done.err
    (night,) = _rows(tmp_path / "o" / "night.csv")
    assert (night["n_plms"], night["plmsi_per_h"]) == ("0", "0")


def test_an_option_of_a_rule_set_is_overridden(plms, files, tmp_path: Path) -> None:
    # 100, 130, 135, 165, 195, 225: the interval of 5 s ends the series; 135 may or may not begin the next one.
    onsets = (100, 130, 135, 165, 195, 225)
    movements = files("m.csv", "leg,onset_s,offset_s\n" + "".join(f"L,{at},{at + 2}\n" for at in onsets))
    common = ("score", "--movements", movements, "--stages", files("s.csv", STAGES), "--legs", "both")
    assert plms(*common, "--out", tmp_path / "a").code == 0
    assert plms(*common, "--set", "wasm2016.short_imi_may_start=false", "--out", tmp_path / "b").code == 0
    counts = [_rows(tmp_path / folder / "night.csv")[0]["n_plm"] for folder in ("a", "b")]
    assert counts == ["4", "0"]


def test_a_rule_file_of_the_users_own(plms, files, tmp_path: Path) -> None:
    from plms_pipeline import contracts

    text = (contracts.schema_root() / "rules" / "wasm2016.yaml").read_text(encoding="utf-8")
    own = files("own.yaml", text.replace("rule_set: wasm2016", "rule_set: own"))
    common = ("score", "--movements", files("m.csv", MOVEMENTS), "--stages", files("s.csv", STAGES), "--legs", "both")
    assert plms(*common, "--rules", f"wasm2016,{own}", "--out", tmp_path / "o").code == 0
    assert [row["rule_set"] for row in _rows(tmp_path / "o" / "night.csv")] == ["wasm2016", "own"]


BAD_MOVEMENTS = {
    "a column is missing": ("leg,onset_s\nL,1\n", "column 'offset_s' is missing"),
    "NaN": ("leg,onset_s,offset_s\nL,nan,2\n", "line 2, column onset_s"),
    "no number": ("leg,onset_s,offset_s\nL,abc,2\n", "line 2, column onset_s"),
    "negative duration": ("leg,onset_s,offset_s\nL,5,4\n", "line 2"),
    "unknown leg": ("leg,onset_s,offset_s\nX,5,6\n", "line 2, column leg"),
    "C beside L": ("leg,onset_s,offset_s\nL,5,6\nC,7,8\n", "C (one channel for both legs) stands beside L or R"),
    "empty file": ("", "m.csv"),
}


@pytest.mark.parametrize("case", BAD_MOVEMENTS)
def test_bad_movements_are_one_line_and_exit_2(plms, files, tmp_path: Path, case: str) -> None:
    text, message = BAD_MOVEMENTS[case]
    done = plms("score", "--movements", files("m.csv", text), "--stages", files("s.csv", STAGES), "--legs", "both",
                "--out", tmp_path / "o")  # fmt: skip
    assert done.code == 2
    assert message in done.err
    assert done.err.count("\n") == 1
    assert not (tmp_path / "o").exists()


BAD_STAGES = {
    "overlapping": ("onset_s,duration_s,stage\n0,60,W\n30,60,N2\n", "overlap"),
    "negative duration": ("onset_s,duration_s,stage\n0,-60,W\n", "line 2, column duration_s"),
    "unknown label": ("onset_s,duration_s,stage\n0,60,X9\n", "'X9' is no stage"),
    "NaN": ("onset_s,duration_s,stage\n0,nan,W\n", "line 2, column duration_s"),
    "missing column": ("onset_s,stage\n0,W\n", "column 'duration_s' is missing"),
}


@pytest.mark.parametrize("case", BAD_STAGES)
def test_bad_stages_are_one_line_and_exit_2(plms, files, tmp_path: Path, case: str) -> None:
    text, message = BAD_STAGES[case]
    done = plms("score", "--movements", files("m.csv", MOVEMENTS), "--stages", files("s.csv", text), "--legs", "both",
                "--out", tmp_path / "o")  # fmt: skip
    assert done.code == 2
    assert message in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--rules", "wasm2017"), "rule set 'wasm2017' is unknown"),
        (("--rules", "wasm2016,wasm2016"), "asked for twice"),
        (("--rules", "/not/there.yaml"), "no such file"),
        (("--set", "wasm2016.short_imi_may_strat=false"), "did you mean 'short_imi_may_start'"),
        (("--set", "wasm2016.series_min_clm=0"), "not possible"),
        (("--set", "aasm3.short_imi=break"), "only wasm2016 are scored"),
        (("--set", "nonsense"), "not of the form"),
        (("--lights-off", "500", "--lights-on", "400"), "not after lights off"),
        (("--format", "xlsx"), "xlsx"),
        (("--legs", "right"), "leg that was not recorded"),
    ],
)
def test_bad_options_are_one_line_and_exit_2(
    plms, files, tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    legs = () if "--legs" in options else ("--legs", "both")
    done = plms("score", "--movements", files("m.csv", MOVEMENTS), "--stages", files("s.csv", STAGES), *legs, *options,
                "--out", tmp_path / "o")  # fmt: skip
    assert done.code == 2
    assert message in done.err
    assert done.err.count("\n") == 1


def test_a_quiet_leg_is_not_a_missing_one_so_one_sided_movements_need_legs(plms, files, tmp_path: Path) -> None:
    done = plms(
        "score", "--movements", files("m.csv", MOVEMENTS), "--stages", files("s.csv", STAGES), "--out", tmp_path / "o"
    )
    assert done.code == 2
    assert "say with --legs what was recorded" in done.err


def test_the_end_of_the_recording_is_never_guessed(plms, files, tmp_path: Path) -> None:
    movements = files("m.csv", MOVEMENTS)
    done = plms("score", "--movements", movements, "--legs", "both", "--out", tmp_path / "o")
    assert done.code == 2 and "give --stages or --duration" in done.err
    done = plms("score", "--movements", movements, "--legs", "both", "--duration", "3600", "--out", tmp_path / "o")
    assert done.code == 0, done.err
    (night,) = _rows(tmp_path / "o" / "night.csv")
    # No staging: nothing is known of the index but its range of 0 to 3600 / 10 per hour.
    assert (night["plmsi_per_h"], night["plmsi_lo_per_h"], night["plmsi_hi_per_h"]) == ("", "0", "360")
    assert night["evidence_class"] == "none"


def test_results_are_replaced_only_with_overwrite(plms, files, tmp_path: Path) -> None:
    command = ("score", "--movements", files("m.csv", MOVEMENTS), "--stages", files("s.csv", STAGES), "--legs", "both",
               "--out", tmp_path / "o")  # fmt: skip
    assert plms(*command).code == 0
    before = (tmp_path / "o" / "night.csv").read_bytes()
    refused = plms(*command)
    assert refused.code == 2 and "--overwrite" in refused.err
    assert plms(*command, "--overwrite").code == 0
    assert (tmp_path / "o" / "night.csv").read_bytes() == before
