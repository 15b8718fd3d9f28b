"""Rows of results, and what is printed and written from them."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.detector.judging import Verdict, f1, judge_leg
from plms_pipeline.simulate.conditions import Recording


class Row(NamedTuple):
    """One detector on one recording; errors are medians over its matched movements, index in PLMS per hour."""

    condition: str
    group: str
    seed: int
    detector: str
    n_true: int
    n_hit: int
    n_missed: int
    n_extra: int
    f1: float
    index_true_per_h: float | None
    index_found_per_h: float | None
    index_error_per_h: float | None
    onset_bias_s: float | None
    onset_mad_s: float | None
    offset_bias_s: float | None
    offset_mad_s: float | None
    cpu_s: float


class Summary(NamedTuple):
    """One detector under one condition: means over recordings of F1 and index error, medians of the rest."""

    n: int
    f1: float
    f1_min: float
    index_error_per_h: float
    onset_bias_s: float
    onset_mad_s: float
    offset_bias_s: float
    offset_mad_s: float


def _median(values: np.ndarray) -> float | None:
    return round(float(np.median(values)), 5) if values.size else None


def _mad(values: np.ndarray) -> float | None:
    return round(float(np.median(np.abs(values - np.median(values)))), 5) if values.size else None


def row(recording: Recording, detector: str, verdict: Verdict, cpu_s: float) -> Row:
    """The figures of one recording."""
    true, found = verdict.index_true_per_h, verdict.index_found_per_h
    error = None if true is None or found is None else round(abs(found - true), 4)
    return Row(
        recording.condition,
        recording.group,
        recording.seed,
        detector,
        verdict.n_hit + verdict.n_missed,
        verdict.n_hit,
        verdict.n_missed,
        verdict.n_extra,
        round(f1(verdict.n_hit, verdict.n_missed, verdict.n_extra), 5),
        true,
        found,
        error,
        _median(verdict.onset_error_s),
        _mad(verdict.onset_error_s),
        _median(verdict.offset_error_s),
        _mad(verdict.offset_error_s),
        round(cpu_s, 3),
    )


def summary(rows: Sequence[Row]) -> Summary:
    """Means over the recordings of a condition (or of all)."""

    def middle(name: str) -> float:
        values = [getattr(r, name) for r in rows if getattr(r, name) is not None]
        return float(np.median(values)) if values else float("nan")

    errors = [r.index_error_per_h for r in rows if r.index_error_per_h is not None]
    return Summary(
        len(rows),
        float(np.mean([r.f1 for r in rows])),
        min(r.f1 for r in rows),
        float(np.mean(errors)) if errors else float("nan"),
        middle("onset_bias_s"),
        middle("onset_mad_s"),
        middle("offset_bias_s"),
        middle("offset_mad_s"),
    )


def _line(name: str, detector: str, s: Summary) -> str:
    return (
        f"{name:16s} {detector:14s} F1 {s.f1:.3f} (least {s.f1_min:.3f})  index error {s.index_error_per_h:5.1f}/h  "
        f"onset {1e3 * s.onset_bias_s:+4.0f} ({1e3 * s.onset_mad_s:.0f}) ms  "
        f"offset {1e3 * s.offset_bias_s:+4.0f} ({1e3 * s.offset_mad_s:.0f}) ms"
    )


def detectors_of(rows: Sequence[Row]) -> list[str]:
    """Detectors in order of first appearance."""
    return list(dict.fromkeys(r.detector for r in rows))


def print_condition(rows: Sequence[Row], condition: str) -> None:
    """One line per detector."""
    for detector in detectors_of(rows):
        mine = [r for r in rows if r.condition == condition and r.detector == detector]
        if mine:
            extra = f"  missed {sum(r.n_missed for r in mine)} extra {sum(r.n_extra for r in mine)}"
            print(_line(condition, detector, summary(mine)) + extra, flush=True)


def print_failures(recording: Recording, found: Any, limit: int) -> None:
    """First missed and extra movements of each leg, seconds from the start, with length and height of the true ones."""
    for name, leg in recording.legs.items():
        verdict = judge_leg(leg.events, found[name])
        e = leg.events
        missed = [
            f"{e.onset_us[i] / 1e6:.2f}-{e.offset_us[i] / 1e6:.2f} ({e.peak_uv[i]:.1f} uV)"
            for i in np.flatnonzero(np.isin(e.onset_us, verdict.missed_us) & e.is_movement)[:limit]
        ]
        at = np.flatnonzero(np.isin(found[name].onset_us, verdict.extra_us))[:limit]
        extra = [f"{found[name].onset_us[i] / 1e6:.2f}-{found[name].offset_us[i] / 1e6:.2f}" for i in at]
        if missed or extra:
            print(f"    {recording.condition} seed {recording.seed} {name}: missed {missed} extra {extra}")


def print_summary(rows: Sequence[Row]) -> None:
    """Mean of the conditions, per detector."""
    for detector in detectors_of(rows):
        print(_line("mean", detector, mean_of_conditions(rows, detector)))


def mean_of_conditions(rows: Sequence[Row], detector: str) -> Summary:
    """Mean over conditions of their figures; every condition counts the same."""
    names = list(dict.fromkeys(r.condition for r in rows))
    parts = [summary([r for r in rows if r.condition == c and r.detector == detector]) for c in names]
    columns = np.array([p[1:] for p in parts])
    means = [float(np.nanmean(columns[:, k])) for k in range(columns.shape[1])]
    return Summary(sum(p.n for p in parts), means[0], float(columns[:, 1].min()), *means[2:])


def write(rows: Sequence[Row], folder: Path) -> None:
    """``results.csv``: every detector on every recording."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "results.csv").open("w", newline="", encoding="utf-8") as out:
        table = csv.writer(out, lineterminator="\n")
        table.writerow(Row._fields)
        table.writerows(rows)


def read(path: Path) -> list[Row]:
    """Rows of an earlier ``results.csv``."""
    rows = []
    with path.open(newline="", encoding="utf-8") as file:
        for line in csv.DictReader(file):
            values = [_typed(name, line[name]) for name in Row._fields]
            rows.append(Row(*values))
    return rows


def _typed(name: str, text: str) -> Any:
    if name in ("condition", "group", "detector"):
        return text
    if not text:
        return None
    return int(text) if name == "seed" or name.startswith("n_") else float(text)


def with_earlier(rows: Sequence[Row], earlier: Sequence[Row]) -> list[Row]:
    """Rows of now, and those of other detectors from before on the same recordings, in order of the conditions.

    Raises
    ------
    SystemExit
        If the truth of a recording has changed since: the earlier rows are then about other recordings.
    """
    now = {(r.condition, r.seed): r for r in rows}
    names = detectors_of(rows)
    kept = []
    for r in earlier:
        same = now.get((r.condition, r.seed))
        if same is None or r.detector in names:
            continue
        if (same.n_true, same.index_true_per_h) != (r.n_true, r.index_true_per_h):
            raise SystemExit(f"{r.condition} seed {r.seed}: the simulator has changed; run the other detectors again")
        kept.append(r)
    order = {condition: k for k, condition in enumerate(dict.fromkeys(r.condition for r in rows))}
    place = {name: k for k, name in enumerate([*names, *detectors_of(kept)])}
    return sorted([*rows, *kept], key=lambda r: (order[r.condition], place[r.detector], r.seed))
