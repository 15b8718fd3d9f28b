"""Descriptive indices of a night: intervals, periodicity, durations, series, time course, sides, awakenings."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from plms_pipeline.scoring import movement_kernels as kernels
from plms_pipeline.scoring.candidates import SIDE_BILATERAL, SIDE_LEFT, SIDE_RIGHT
from plms_pipeline.scoring.inputs import US_PER_H, US_PER_S, EvidenceSettings, Times, times
from plms_pipeline.scoring.passes import Pass
from plms_pipeline.scoring.row import Context, Mask, Row, count
from plms_pipeline.scoring.timeline import merged


def _median_s(values_us: Times) -> float:
    return _middle_s(np.sort(values_us))


def _middle_s(ordered: Times) -> float:
    n = ordered.size
    return (int(ordered[(n - 1) // 2]) + int(ordered[n // 2])) / (2 * US_PER_S)


@lru_cache(maxsize=16)
def _bin_edges(settings: EvidenceSettings) -> tuple[Times, Times]:
    """Edges of the linear and of the logarithmic bins in microseconds."""
    n = round(settings.imi_bin_max_us / settings.imi_bin_us)
    linear = np.arange(n + 1, dtype=np.int64) * settings.imi_bin_us
    n_ln = round((settings.imi_ln_bin_last - settings.imi_ln_bin_first) / settings.imi_ln_bin)
    ln = [math.ceil(math.exp(settings.imi_ln_bin_first + k * settings.imi_ln_bin) * US_PER_S) for k in range(n_ln + 1)]
    return linear, times(ln)


def _interval_statistics(row: Row, name: str, suffix: str, imi: Times, reason: str | None, s: EvidenceSettings) -> None:
    none = reason or (None if imi.size else "no_imi")
    if reason is not None:
        for part in ("n", "median_s", "ln_mean", "ln_sd", "mode_s", "frac_20_40", "hist", "ln_hist"):
            row.put(f"{name}{suffix}_{part}", None, reason)
        return
    row.put(f"{name}{suffix}_n", int(imi.size), reason)
    ordered = np.sort(imi)
    row.put(f"{name}{suffix}_median_s", None if none else _middle_s(ordered), none)
    low, high = ordered.searchsorted(s.imi_log_min_us), ordered.searchsorted(s.imi_log_max_us, side="right")
    regular = ordered[low:high]
    no_regular = none or (None if regular.size else "no_imi_in_range")
    logs = np.log(regular / US_PER_S)
    mean = math.fsum(logs.tolist()) / max(regular.size, 1)
    row.put(f"{name}{suffix}_ln_mean", mean, no_regular)
    too_few = no_regular or (None if regular.size > 1 else "too_few")
    spread = math.sqrt(math.fsum(((logs - mean) ** 2).tolist()) / max(regular.size - 1, 1))
    row.put(f"{name}{suffix}_ln_sd", spread, too_few)
    linear, ln = _bin_edges(s)
    histogram, ln_histogram = kernels.histogram(ordered, linear), kernels.histogram(ordered, ln)
    fullest = int(np.argmax(histogram))
    no_mode = none or (None if histogram[fullest] else "no_imi_in_range")
    row.put(f"{name}{suffix}_mode_s", (2 * fullest + 1) * s.imi_bin_us / (2 * US_PER_S), no_mode)
    low, high = ordered.searchsorted(s.imi_typical_min_us), ordered.searchsorted(s.imi_typical_max_us, side="right")
    typical = max(int(high - low), 0)
    row.put(f"{name}{suffix}_frac_20_40", typical / max(imi.size, 1), none)
    row.put(f"{name}{suffix}_hist", histogram.tolist(), reason)
    row.put(f"{name}{suffix}_ln_hist", ln_histogram.tolist(), reason)


def _periodicity_index(imi: Times, counted: Mask, s: EvidenceSettings) -> float | None:
    """Share of the intervals that lie in runs of enough consecutive ones inside the limits (Ferri 2006).

    A movement without interval, or one whose later movement is not in sleep, ends a run.
    """
    total = count(counted)
    if not total:
        return None
    regular = counted & (imi >= s.periodicity_imi_min_us) & (imi <= s.periodicity_imi_max_us)
    return int(kernels.in_runs(regular, s.periodicity_min_run)) / total


def interval_columns(row: Row, c: Context, suffix: str, done: Pass, unknown: str | None) -> None:
    """Inter-movement intervals in both populations, periodicity index and PLMS to CLMS ratio of one pass."""
    s = c.night.evidence
    reason = unknown or c.unstaged
    at = np.flatnonzero(done.in_pass)
    imi, series, in_sleep = done.imi_us[at], done.series[at], c.done.found.in_sleep[at]
    known = imi != kernels.NO_IMI
    in_population = known & in_sleep
    _interval_statistics(row, "imi_all", suffix, imi[in_population], reason, s)
    # A candidate that was passed over stands between two of one series: compare with the series before it.
    plm = np.flatnonzero(series > 0)
    same = (series[plm[1:]] == series[plm[:-1]]) & in_sleep[plm[1:]] & in_sleep[plm[:-1]]
    _interval_statistics(row, "imi_plms", suffix, imi[plm[1:][same]], reason, s)
    not_passed_over = done.reason[at] != kernels.IGNORED_SHORT_IMI
    value = _periodicity_index(imi[not_passed_over], in_population[not_passed_over], s)
    row.put(f"periodicity_index_ferri{suffix}", value, reason or (None if value is not None else "no_imi"))
    clms = count(in_sleep)
    plms = count((series > 0) & in_sleep)
    row.put(f"plm_clm_ratio{suffix}", plms / max(clms, 1), reason or (None if clms else "no_clm"))


def series_columns(row: Row, c: Context, suffix: str, done: Pass, unknown: str | None) -> None:
    """Series, and the candidates in sleep that belong to none: short-interval ones and isolated ones."""
    lengths = np.bincount(done.series)[1:] if done.series.size else times([])
    row.put(f"n_series{suffix}", int(lengths.size), unknown)
    none = unknown or (None if lengths.size else "no_series")
    row.put(f"series_length_mean{suffix}", int(lengths.sum()) / max(lengths.size, 1), none)
    row.put(f"series_length_max{suffix}", int(lengths.max()) if lengths.size else None, none)
    row.put(f"series_lengths{suffix}", lengths.tolist(), unknown)
    reason = unknown or c.unstaged
    alone = done.in_pass & (done.series == 0) & c.done.found.in_sleep
    below = done.imi_us < c.rules.imi_min_us if c.rules.imi_limits_are_inside else done.imi_us <= c.rules.imi_min_us
    short = alone & (((done.imi_us != kernels.NO_IMI) & below) | (done.reason == kernels.IGNORED_SHORT_IMI))
    row.put(f"n_clms_short_interval{suffix}", count(short), reason)
    row.put(f"n_clms_isolated{suffix}", count(alone & ~short), reason)
    v = c.time.scorable_us
    row.rate(f"clmsi_short_interval{suffix}_per_h", count(short), v, reason, c.no_sleep)
    row.rate(f"clmsi_isolated{suffix}_per_h", count(alone & ~short), v, reason, c.no_sleep)


def duration_columns(row: Row, c: Context, is_plms: Mask) -> None:
    """Median duration of each class and the share of 2 to 4 s."""
    found, s = c.done.found, c.night.evidence
    duration = found.offset_us - found.onset_us
    in_sleep = c.no_candidates or c.unstaged
    for name, chosen, reason, empty in (
        ("lms", c.is_lm & found.in_sleep, c.no_leg or c.unstaged, "no_lm"),
        ("clms", c.is_clm & found.in_sleep, in_sleep, "no_clm"),
        ("plms", is_plms, in_sleep or c.done.unknown, "no_plms"),
    ):
        values = duration[chosen]
        reason = reason or (None if values.size else empty)
        row.put(f"{name}_duration_median_s", None if reason else _median_s(values), reason)
        typical = count((values >= s.duration_typical_min_us) & (values <= s.duration_typical_max_us))
        row.put(f"{name}_duration_frac_2_4", typical / max(values.size, 1), reason)


def time_course_columns(row: Row, c: Context, is_plms: Mask) -> None:
    """PLMS by hour since sleep onset over the scorable sleep of each hour, and the two halves of scorable sleep."""
    s, at = c.night.evidence, c.at
    onsets = c.done.found.onset_us[is_plms]
    reason = c.no_leg or c.done.unknown or c.unstaged
    start = end = None
    if at.hypnogram is not None:
        end = at.hypnogram.sleep_end_us
        start = at.hypnogram.sleep_onset_us
        if s.sleep_onset == "consecutive_epochs":
            start = at.hypnogram.first_run_of_sleep(s.sleep_onset_epochs * s.epoch_us)
    reason_hours = reason or (None if start is not None and end is not None else "no_sleep")
    counts: list[int] = []
    sleep_h: list[float] = []
    rates: list[float | None] = []
    if start is not None and end is not None:
        n_bins = -(-(end - start) // s.time_course_bin_us)
        edges = start + np.arange(n_bins + 1, dtype=np.int64) * s.time_course_bin_us
        counts = np.diff(np.searchsorted(onsets, edges)).tolist()
        sleep_us = np.diff(at.sleep_scorable.covered_before(edges)).tolist()
        sleep_h = [value / US_PER_H for value in sleep_us]
        rates = [
            n * US_PER_H / value if value and value >= s.time_course_min_sleep_us else None
            for n, value in zip(counts, sleep_us, strict=True)
        ]
    row.put("n_plms_by_hour", counts, reason_hours)
    row.put("sleep_scorable_by_hour_h", sleep_h, c.unstaged or (None if start is not None else "no_sleep"))
    row.put("plms_rate_by_hour_per_h", rates, reason_hours)
    v = c.time.scorable_us
    first = count(2 * at.sleep_scorable.covered_before(onsets) < v)
    second = int(onsets.size) - first
    halves = reason or (None if v else c.no_sleep)
    row.put("n_plms_first_half", first, halves)
    row.put("n_plms_second_half", second, halves)
    row.put("first_half_ratio", first / max(second, 1), halves or (None if second else "no_plms_in_second_half"))
    row.put("first_half_difference_per_h", (first - second) * 2 * US_PER_H / max(v, 1), halves)


def side_columns(row: Row, c: Context, is_plms: Mask) -> None:
    """Shares of left, right and bilateral PLMS, and the lag between the legs against shuffled legs.

    The lag is the distance of each left movement to the nearest right one on the axis of scorable sleep time; the
    right leg is shuffled by circular shifts of that axis in equal steps, so that no random number is needed.
    """
    found, at = c.done.found, c.at
    reason = c.no_leg or c.done.unknown or c.unstaged
    if reason is None and at.legs_used != "both":
        reason = "combined_channel" if at.legs_used == "combined" else "one_leg"
    n = count(is_plms)
    for name, side in (("left", SIDE_LEFT), ("right", SIDE_RIGHT), ("bilateral", SIDE_BILATERAL)):
        share = count(is_plms & (found.side == side)) / max(n, 1)
        row.put(f"plms_share_{name}", share, reason or (None if n else "no_plms"))
    observed = shuffled = None
    if reason is None:
        movements = c.night.movements
        by_morphology = movements is not None and c.rules.requires_morphology and not movements.has_morphology.all()
        key = ("leg_lag", c.rules.lm_min_us, by_morphology)
        observed, shuffled = c.once(key, lambda: _leg_lag(c))
    for name, value in (("leg_lag_median_s", observed), ("leg_lag_shuffled_median_s", shuffled)):
        row.put(name, value, reason or (None if value is not None else "no_movement_of_one_leg"))


def _leg_lag(c: Context) -> tuple[float | None, float | None]:
    v, scorable = c.time.scorable_us, c.at.sleep_scorable
    movements = c.night.movements
    if movements is None or not v:
        return None, None
    long_enough = movements.offset_us - movements.onset_us >= c.rules.lm_min_us
    if c.rules.requires_morphology:
        long_enough &= movements.has_morphology
    kept = long_enough & scorable.holds(movements.onset_us)
    place = scorable.covered_before(movements.onset_us[kept])
    left, right = place[movements.leg[kept] == 0], place[movements.leg[kept] == 1]
    if not left.size or not right.size:
        return None, None
    steps = c.night.evidence.lag_shuffles
    medians = (kernels.lag_medians(left, right, v, steps) / (2 * US_PER_S)).tolist()
    return medians[0], math.fsum(medians[1:]) / steps


def _sleep_before_wake_us(c: Context) -> int:
    """Scorable sleep from which a wake epoch starts within the time that counts as following."""
    if c.at.hypnogram is None:
        return 0
    starts = c.at.hypnogram.wake.onset_us
    before_wake = merged(starts - c.night.evidence.awakening_within_us, starts, c.at.low_us, c.at.high_us)
    covered = c.at.sleep_scorable.covered_before
    return int((covered(before_wake.offset_us) - covered(before_wake.onset_us)).sum())


def awakening_columns(row: Row, c: Context, is_plms: Mask) -> None:
    """PLMS followed by a wake epoch that starts within 30 s, per hour, and the same for a random moment of sleep."""
    s, at, v = c.night.evidence, c.at, c.time.scorable_us
    reason = c.no_leg or c.done.unknown or c.unstaged
    n = 0
    if at.hypnogram is not None:
        starts = at.hypnogram.wake.onset_us
        onsets = c.done.found.onset_us[is_plms]
        # No wake epoch begins after the last one.
        following = starts.searchsorted(onsets, side="right")
        has_next = following < starts.size
        n = count(starts[following[has_next]] - onsets[has_next] <= s.awakening_within_us)
    chance = c.once("awakening_chance", lambda: _sleep_before_wake_us(c))
    row.put("n_plms_awakening", n, reason)
    row.rate("plms_awakening_index_per_h", n, v, reason, c.no_sleep)
    expected: Any = None if reason or not v else count(is_plms) * US_PER_H * chance / (v * v)
    row.put("plms_awakening_chance_per_h", expected, reason or (None if v else c.no_sleep))
