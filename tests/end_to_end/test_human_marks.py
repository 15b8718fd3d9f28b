"""A cohort whose annotations hold human leg marks: both sources side by side, and the chosen one decides."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import duckdb
import pytest

from plms_pipeline import cohort, simulate


def _write_sheet(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three clean nights: of a simulated human scorer, of a perfect one, and without leg marks."""
    made = simulate.write_cohort(tmp_path_factory.mktemp("marked"), n_nights=3, seed=5, hours=1 / 3, only_clean=True)
    with made.sheet.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    # The first has the marks of the simulated scorer in its NSRR file.
    truth = made.truth / f"{Path(rows[1]['edf']).stem}_movements.csv"
    assert truth.is_file() and rows[0]["annotations"].endswith("-nsrr.xml")
    rows[1]["annotations"] += f";truth/{truth.name}"
    _write_sheet(made.sheet, rows)
    return made.cohort_yaml


def _run(cohort_yaml: Path, store: Path, movements: str) -> Any:
    settings = cohort.load_cohort(cohort_yaml, {"store": str(store), "movements": movements, "max_failed_fraction": 1})
    return cohort.run(settings, executor="inline")


def _rows(release: Path, query: str) -> list[tuple[Any, ...]]:
    def table(name: str) -> str:
        return f"read_parquet('{release}/{name}/**/*.parquet', hive_partitioning = true)"

    names = ("night", "movement_agreement", "analysis", "scored_movement")
    single = {"ledger": f"'{release}/ledger.parquet'"}
    return duckdb.sql(query.format(**{name: table(name) for name in names}, **single)).fetchall()


@pytest.mark.slow
def test_both_sources_are_released_and_the_setting_decides(marked: Path, tmp_path: Path) -> None:
    by_detector = _run(marked, tmp_path, "detector")
    assert by_detector.release is not None, by_detector.message
    nights = _rows(
        by_detector.release,
        "SELECT source, is_main, index_family, count(DISTINCT recording_id) FROM {night} GROUP BY ALL ORDER BY 1",
    )
    assert nights == [("annotation", False, "annotation", 2), ("detector", True, "emg", 3)]
    agreed = _rows(by_detector.release, "SELECT recording_id, n_annotation, f1 FROM {movement_agreement} ORDER BY ALL")
    assert len({row[0] for row in agreed}) == 2 and all(row[1] > 0 and row[2] > 0.8 for row in agreed)

    by_human = _run(marked, tmp_path, "annotation")
    assert by_human.release is not None, by_human.message
    ended = _rows(by_human.release, "SELECT outcome, reason, count(*) FROM {ledger} GROUP BY ALL ORDER BY 1")
    assert ended == [("analysed", None, 2), ("excluded", "legs_not_marked", 1)]
    same = _rows(
        by_human.release,
        "SELECT a.n_plms IS NOT DISTINCT FROM n.n_plms, n.source, n.is_main FROM {analysis} a JOIN {night} n USING "
        "(recording_id) WHERE n.rule_set = a.phenotype_rule_set AND n.source = 'annotation' AND a.outcome = 'analysed'",
    )
    assert same == [(True, "annotation", True)] * 2
