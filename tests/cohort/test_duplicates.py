"""The same night under two names: MrOS and MESA had it (NSRR notes on duplicate EDF files)."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from plms_pipeline import cohort


@pytest.fixture(scope="module")
def cohort_with_a_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three subjects; the file of the third is the first one's under another header."""
    from plms_pipeline import simulate

    folder = tmp_path_factory.mktemp("twice") / "sim"
    made = simulate.write_cohort(folder, n_nights=2, seed=3, hours=0.2, only_clean=True, workers=1)
    lines = made.sheet.read_text(encoding="utf-8").splitlines()
    columns = lines[0].split(",")
    first = dict(zip(columns, lines[1].split(","), strict=True))
    copy = folder / "edf" / "another.edf"
    shutil.copy(folder / first["edf"], copy)
    with copy.open("r+b") as out:
        out.seek(8)
        out.write(b"another header".ljust(80))
    third = first | {"subject_id": "zz_third", "edf": "edf/another.edf"}
    lines.append(",".join(third[name] for name in columns))
    made.sheet.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return made.cohort_yaml


def run(cohort_yaml: Path, store: Path, **extra: object) -> cohort.RunSummary:
    settings = cohort.load_cohort(cohort_yaml, {"store": str(store), **extra})
    return cohort.run(settings, executor="inline")


def ledger(summary: cohort.RunSummary) -> dict[str, dict[str, object]]:
    assert summary.release is not None, summary.message
    table = pq.read_table(next(summary.release.glob("ledger*")))
    return {row["subject_id"]: row for row in table.to_pylist()}


def test_both_recordings_are_named_and_kept(cohort_with_a_copy: Path, tmp_path: Path) -> None:
    summary = run(cohort_with_a_copy, tmp_path / "store")
    assert (summary.n_in, summary.n_analysed) == (3, 3)
    rows = ledger(summary)
    ids = {subject: row["recording_id"] for subject, row in rows.items()}
    with_finding = {subject for subject, row in rows.items() if "duplicate_signal" in row["findings"]}  # type: ignore[operator]
    assert len(with_finding) == 2 and "zz_third" in with_finding
    (other,) = with_finding - {"zz_third"}
    assert summary.release is not None
    recordings = pq.read_table(summary.release / "recording").to_pylist()
    texts = {row["subject_id"]: " ".join(row["finding_texts"]) for row in recordings}
    assert str(ids[other]) in texts["zz_third"] and str(ids["zz_third"]) in texts[other]
    again = run(cohort_with_a_copy, tmp_path / "store")
    assert set(again.recomputed.values()) == {0} and again.release == summary.release


@pytest.mark.slow
def test_by_policy_all_of_them_are_left_out(cohort_with_a_copy: Path, tmp_path: Path) -> None:
    summary = run(cohort_with_a_copy, tmp_path / "store", duplicates="exclude")
    assert (summary.n_in, summary.n_analysed, summary.n_excluded) == (3, 1, 2)
    assert summary.reasons["excluded"] == {"duplicate_signal": 2}
    rows = ledger(summary)
    assert rows["zz_third"]["stage"] == "detect" and "another recording holds the same signal" in str(
        rows["zz_third"]["text"]
    )
    assert summary.release is not None
    nights = pq.read_table(summary.release / "night").to_pylist()
    assert {row["subject_id"] for row in nights} == {name for name, row in rows.items() if row["outcome"] == "analysed"}
