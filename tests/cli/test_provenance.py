"""Table ``provenance`` of ``plms score`` and ``plms detect``, and the Methods text of the same rules."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import xxhash

import plms_pipeline
from plms_pipeline import contracts, simulate
from plms_pipeline.scoring.rules import EVIDENCE_FIELDS, RULE_FIELDS

# 100, 130, 135, 165, 195, 225: the interval of 5 s ends the series; 135 may or may not begin the next one.
ONSETS = (100, 130, 135, 165, 195, 225)
MOVEMENTS = "leg,onset_s,offset_s\n" + "".join(f"L,{at},{at + 2}\n" for at in ONSETS)
STAGES = "onset_s,duration_s,stage\n0,60,W\n60,21540,N2\n"


def _read(folder: Path) -> dict[tuple[str, str], str]:
    with (folder / "provenance.csv").open(encoding="utf-8", newline="") as handle:
        return {(row["section"], row["name"]): row["value"] for row in csv.DictReader(handle)}


def _n_plm(folder: Path) -> list[str]:
    with (folder / "night.csv").open(encoding="utf-8", newline="") as handle:
        return [row["n_plm"] for row in csv.DictReader(handle)]


@pytest.fixture
def score(plms, tmp_path: Path) -> Callable[..., Path]:
    movements, stages = tmp_path / "m.csv", tmp_path / "s.csv"
    movements.write_text(MOVEMENTS, encoding="utf-8")
    stages.write_text(STAGES, encoding="utf-8")

    def run(folder: str, *options: object) -> Path:
        done = plms("score", "--movements", movements, "--stages", stages, "--legs", "both", *options, "--out",
                    tmp_path / folder)  # fmt: skip
        assert done.code == 0, done.err
        return tmp_path / folder

    return run


def _own_rules(tmp_path: Path, old: str = "", new: str = "", name: str = "own") -> Path:
    text = (contracts.schema_root() / "rules" / "wasm2016.yaml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / f"{name}.yaml"
    path.write_text(text.replace("rule_set: wasm2016", "rule_set: own").replace(old, new, 1), encoding="utf-8")
    return path


def test_every_number_and_option_in_effect_is_a_row(score) -> None:
    rows = _read(score("o", "--rules", "wasm2016,aasm3"))
    for name in ("wasm2016", "aasm3"):
        loaded = contracts.load_yaml(f"rules/{name}.yaml")
        for key in RULE_FIELDS:
            value = {**loaded["numbers"], **loaded["options"]}[key]["value"]
            assert rows["rule_set", f"{name}.{key}"] == (value if isinstance(value, str) else json.dumps(value)), key
    for key in EVIDENCE_FIELDS:
        assert ("setting", f"evidence.{key}") in rows
    assert rows["software", "plms_pipeline"] == plms_pipeline.__version__
    assert ("library", "numpy") in rows and ("revision", "score") in rows and ("schema", "schema_version") in rows


def test_an_override_lands_in_the_score_and_in_the_provenance(score) -> None:
    plain, changed = score("a"), score("b", "--set", "wasm2016.short_imi_may_start=false")
    assert (_n_plm(plain), _n_plm(changed)) == (["4"], ["0"])
    before, after = _read(plain), _read(changed)
    key = ("rule_set", "wasm2016.short_imi_may_start")
    assert (before[key], after[key]) == ("true", "false")
    assert before["rule_set", "wasm2016.overridden"] == "[]"
    assert after["rule_set", "wasm2016.overridden"] == '["short_imi_may_start"]'
    assert {name for name in before if before[name] != after[name]} == {
        key, ("rule_set", "wasm2016.overridden"), ("rule_set", "wasm2016.digest"),
    }  # fmt: skip


def test_files_are_named_and_digested_without_their_folder(score, tmp_path: Path) -> None:
    own = _own_rules(tmp_path)
    folder = score("o", "--rules", own)
    rows = _read(folder)
    assert rows["input", "movements.file"] == "m.csv" and rows["input", "stages.file"] == "s.csv"
    assert rows["input", "movements.file_xxh3_128"] == xxhash.xxh3_128(MOVEMENTS.encode()).hexdigest()
    assert rows["rule_set", "own.file"] == "own.yaml"
    assert rows["rule_set", "own.file_xxh3_128"] == xxhash.xxh3_128(own.read_bytes()).hexdigest()
    assert ("input", "respiratory.file") not in rows
    assert str(tmp_path) not in (folder / "provenance.csv").read_text(encoding="utf-8")


def test_what_was_known_about_the_recording_is_a_row(score) -> None:
    rows = _read(score("o", "--lights-off", "30"))
    expected = {"command": "score", "movements_source": "annotation", "legs": "both", "duration_s": "21600.0",
                "lights_off_s": "30.0", "lights_on_s": "", "window_basis": "sheet", "stages_state": "scored",
                "respiratory_state": "not_scored"}  # fmt: skip
    assert {name: rows["setting", name] for name in expected} == expected


def test_the_same_input_gives_the_same_bytes_and_the_format_is_kept(score) -> None:
    first, second = score("a"), score("b")
    assert (first / "provenance.csv").read_bytes() == (second / "provenance.csv").read_bytes()
    table = pq.read_table(score("c", "--format", "parquet") / "provenance.parquet")
    assert table.column_names == ["section", "name", "value"]
    rows = {(row["section"], row["name"]): row["value"] or "" for row in table.to_pylist()}
    assert rows == _read(first)


def test_one_number_of_a_users_own_rule_file_changes_score_provenance_and_paragraph(
    plms, score, tmp_path: Path
) -> None:
    # Series of 4 become series of 5: the only series of the night holds 4.
    plain = _own_rules(tmp_path)
    changed = _own_rules(tmp_path, "  series_min_clm:\n    value: 4", "  series_min_clm:\n    value: 5", "changed")
    folders = [score("a", "--rules", plain), score("b", "--rules", changed)]
    assert [_n_plm(folder) for folder in folders] == [["4"], ["0"]]
    rows = [_read(folder) for folder in folders]
    for name in ("own.series_min_clm", "own.digest", "own.file_xxh3_128"):
        assert rows[0]["rule_set", name] != rows[1]["rule_set", name]
    texts = [plms("score", "--methods", "--rules", path).out for path in (plain, changed)]
    assert "A series of at least 4 CLM was periodic" in texts[0]
    assert "A series of at least 5 CLM was periodic" in texts[1]


def test_methods_prints_the_rules_in_effect_and_scores_nothing(plms, tmp_path: Path) -> None:
    done = plms("score", "--methods", "--rules", "aasm3,wasm2016", "--set", "aasm3.short_imi=ignore_later", "--out",
                tmp_path / "o")  # fmt: skip
    assert done.code == 0 and done.err == ""
    assert "AASM manual, version 3" in done.out and "WASM/IRLSSG 2016" in done.out and "## References" in done.out
    assert "short_imi = ignore_later (instead of break)" in done.out
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("missing", ["--movements", "--out"])
def test_without_methods_movements_and_out_are_needed(plms, tmp_path: Path, missing: str) -> None:
    movements = tmp_path / "m.csv"
    movements.write_text(MOVEMENTS, encoding="utf-8")
    options = {"--movements": movements, "--out": tmp_path / "o"}
    done = plms("score", *(part for name, value in options.items() if name != missing for part in (name, value)))
    assert done.code == 2 and f"'{missing}'" in done.err and done.err.count("\n") == 1


def test_detect_says_its_detector_and_channels_and_score_knows_the_detector_as_source(plms, tmp_path: Path) -> None:
    cohort = simulate.write_cohort(tmp_path / "sim", n_nights=1, seed=5, hours=0.25, only_clean=True, workers=1)
    (recording,) = (cohort.cohort_yaml.parent / "edf").glob("*.edf")
    assert plms("detect", recording, "--sensor", "emg", "--out", tmp_path / "d").code == 0
    rows = _read(tmp_path / "d")
    for key, entry in contracts.load_yaml("rules/detector_emg.yaml")["rules"].items():
        value = entry["value"]
        assert rows["detector", key] == (value if isinstance(value, str) else contracts.canonical_json(value)), key
    assert rows["setting", "sensor"] == "emg" and rows["setting", "movements_source"] == "detector"
    assert rows["input", "recording.file"] == recording.name
    assert rows["input", "recording.file_xxh3_128"] == xxhash.xxh3_128(recording.read_bytes()).hexdigest()
    done = plms("score", "--movements", tmp_path / "d" / "leg_movement.csv", "--duration", "900", "--legs", "both",
                "--out", tmp_path / "s")  # fmt: skip
    assert done.code == 0, done.err
    assert _read(tmp_path / "s")["setting", "movements_source"] == "detector"
