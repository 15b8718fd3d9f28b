"""An archive of all shapes, from ``plms discover`` to a release whose ledger adds up."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from plms_pipeline import cohort
from plms_pipeline.cli import cli
from tests.end_to_end.mixed_archive import EPOCHS, SHAPES, Made, make_archive

pytestmark = pytest.mark.slow
N_DEFECTS = 5


def spoil(folder: Path, made: list[Made]) -> dict[str, tuple[str, str | None]]:
    """Add defects as archives have them; per recording the outcome and its reason."""
    expected = {one.edf: ("excluded" if one.shape.reason else "analysed", one.shape.reason) for one in made}
    good = folder / made[3].edf
    place = folder / "late"
    place.mkdir()
    (place / "L1.edf").write_bytes(good.read_bytes()[:-1000])
    (place / "L2.edf").write_bytes(good.read_bytes().replace(b"01.01.85", b"00.00.00", 1)[:100])
    bad_count = bytearray(good.read_bytes())
    bad_count[252:256] = b"X?  "
    (place / "L3.edf").write_bytes(bytes(bad_count))
    (place / "L4.edf").write_bytes(good.read_bytes().replace(b"X X X X", b"Y Y Y Y", 1))
    (place / "L5.edf").write_bytes(b"")
    expected |= {
        "late/L1.edf": ("analysed", None),  # truncated: what is there is read
        "late/L2.edf": ("failed_input", "short_header"),
        "late/L3.edf": ("failed_input", "bad_signal_count"),
        "late/L4.edf": ("excluded", "duplicate_signal"),
        "late/L5.edf": ("failed_input", "empty_file"),
        made[3].edf: ("excluded", "duplicate_signal"),
    }
    return expected


def test_every_label_set_counted_in_real_headers_is_in_the_archive(shared_data: Path) -> None:
    with (shared_data / "dictionaries" / "observed_leg_channel_labels.csv").open() as handle:
        counted = {row["leg_label_set_in_one_file"].replace("(none)", "") for row in csv.DictReader(handle)}
    assert counted <= {" + ".join(shape.labels) for shape in SHAPES}


def test_from_discover_to_a_release(tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    made = make_archive(folder)
    expected = spoil(folder, made)
    sheet = tmp_path / "sheet.csv"
    told = CliRunner().invoke(
        cli, ["discover", str(folder), "--out", str(sheet), "--no-progress"], catch_exceptions=False
    )
    assert told.exit_code == 0
    assert told.output.splitlines()[0].startswith(f"{len(SHAPES) + N_DEFECTS} recordings of ")
    assert "1 × the same signal twice" in told.output
    with sheet.open(encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    archive_of = {f"archive/{one.edf}": one.shape.archive for one in made}
    assert sum(bool(row["annotations"]) for row in rows) == len(SHAPES)
    # What a person adds: which archive the recordings are from, hence the sensor.
    for row in rows:
        row["archive"] = archive_of.get(row["edf"], "stages")
    with sheet.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    (tmp_path / "cohort.yaml").write_text(
        "cohort: mixed\nsimulated: true\nsheet: sheet.csv\nduplicates: exclude\nmax_failed_fraction: 1.0\n"
    )
    settings = cohort.load_cohort(tmp_path / "cohort.yaml", {"store": str(tmp_path / "store")})
    summary = cohort.run(settings, executor="inline")
    assert summary.release is not None, (summary.message, summary.closed)

    # The ledger adds up, and every recording ended as foreseen.
    n_failed = summary.n_failed_input + summary.n_failed_system
    assert summary.n_in == len(rows) == summary.n_analysed + summary.n_excluded + n_failed
    ids = {}
    for row in rows:
        night = f"_n{row['night']}" if row.get("night") else ""
        made_id = f"mixed_{row['subject_id']}_{row.get('visit') or 'single'}{night}"
        ids[row["edf"].removeprefix("archive/")] = row.get("recording_id") or made_id
    ledger = {row["recording_id"]: row for row in pq.read_table(next(summary.release.glob("ledger*"))).to_pylist()}
    assert set(ledger) == set(ids.values())
    for edf, (outcome, reason) in expected.items():
        row = ledger[ids[edf]]
        assert (row["outcome"], row["reason"]) == (outcome, reason), (edf, row["text"])

    # The channels were chosen as a person would, and what is analysed has an index.
    recordings = {row["recording_id"]: row for row in pq.read_table(summary.release / "recording").to_pylist()}
    for one in made:
        if one.shape.reason == "excluded_by_sheet":
            continue  # never opened
        assert recordings[ids[one.edf]]["layout"] == one.shape.layout, one
    nights = pq.read_table(summary.release / "night").to_pylist()
    analysed = {name for name, row in ledger.items() if row["outcome"] == "analysed"}
    assert analysed <= {row["recording_id"] for row in nights}
    assert all(row["plmsi_per_h"] is None for row in nights if row["recording_id"] not in analysed)
    piezo = {ids[one.edf] for one in made if one.shape.archive in ("mesa", "mros", "sof", "cfs")}
    truncated = ids["late/L1.edf"]
    for row in nights:
        if row["rule_set"] == "wasm2016" and row["recording_id"] in analysed - piezo - {truncated}:
            assert row["n_lm"] > 30 and row["plmsi_per_h"] > 50, row["recording_id"]
            assert row["tst_h"] == pytest.approx((EPOCHS - 4) / 120)
    report = next((summary.release / "reports").glob("*.html")).read_text(encoding="utf-8")
    assert ". Every stage adds up." in report
    counts = Counter(row["outcome"] for row in ledger.values())
    print(f"\n{summary.n_in} recordings in {len(SHAPES)} shapes: {dict(counts)}")
