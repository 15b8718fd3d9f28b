"""Where the data records of a file lie in time."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import NamedTuple

from plms_pipeline.ingest.edf_header import EdfHeader
from plms_pipeline.ingest.findings import EdfDefect, Finding, finding


class Run(NamedTuple):
    """Consecutive records without a gap.

    Attributes
    ----------
    start_us : int
        Start of the first record, microseconds after the start of the recording.
    first_record, n_records : int
        Which records of the file.
    skip_us : int
        Time at the start of the run that an earlier record already covers; those samples are left out.
    """

    start_us: int
    first_record: int
    n_records: int
    skip_us: int


class TimeLine(NamedTuple):
    """The real time line of a recording.

    Attributes
    ----------
    runs : tuple of Run
        In the order of time.
    gaps : tuple of (int, int)
        Half-open stretches between runs without samples, microseconds.
    duration_us : int
        End of the last sample.
    start_offset_us : int
        Start of the first record after the start time of the header (sub-second start); annotation onsets of the
        file count from the header's start time.
    findings : tuple of Finding
    """

    runs: tuple[Run, ...]
    gaps: tuple[tuple[int, int], ...]
    duration_us: int
    start_offset_us: int
    findings: tuple[Finding, ...]


def contiguous(header: EdfHeader, start_offset_us: int = 0, findings: tuple[Finding, ...] = ()) -> TimeLine:
    """Time line of a file whose records follow each other without a gap (EDF, EDF+C)."""
    duration_us = round(header.record_duration_s * header.n_records * 1_000_000)
    return TimeLine((Run(0, 0, header.n_records, 0),), (), duration_us, start_offset_us, findings)


def time_line(header: EdfHeader, stamps: list[int | None] | None, tolerance_us: int) -> TimeLine:
    """Place the records by their time stamps (EDF+ 2.2.4).

    Parameters
    ----------
    header : EdfHeader
    stamps : list of int or None
        Per record the time stamp in microseconds after the header's start time, None where a record has none;
        None as a whole for a file without annotation signal.
    tolerance_us : int
        A stamp this near to the end of the record before continues it.

    Returns
    -------
    TimeLine
        Time zero is the start of the first record. In a discontinuous file records without a stamp are left out
        (a gap). Where records overlap, samples written first are kept.

    Raises
    ------
    EdfDefect
        `no_time_stamps`: a discontinuous file without any stamp.
    """
    discontinuous = header.format.endswith("+D")
    if stamps is None or all(stamp is None for stamp in stamps):
        if discontinuous:
            raise EdfDefect("no_time_stamps")
        return contiguous(header, 0, () if stamps is None else (finding("time_stamps_ignored", "all missing"),))
    known = [(index, stamp) for index, stamp in enumerate(stamps) if stamp is not None]
    if not discontinuous:
        steps_back = sum(b[1] <= a[1] for a, b in itertools.pairwise(known))
        n_missing = len(stamps) - len(known)
        if steps_back or n_missing:
            detail = f"{n_missing} missing, {steps_back} not increasing of {len(stamps)}"
            offset = known[0][1] if known[0][0] == 0 else 0
            return contiguous(header, offset, (finding("time_stamps_ignored", detail),))
    return _place(header, known, len(stamps) - len(known), tolerance_us, discontinuous)


def _place(
    header: EdfHeader, known: list[tuple[int, int]], n_missing: int, tolerance_us: int, discontinuous: bool
) -> TimeLine:
    origin = known[0][1]
    step_us = header.record_duration_s * 1_000_000
    one_us = round(step_us)
    findings: list[Finding] = []
    runs: list[list[int]] = []
    end = 0
    overlap_us = n_overlapping = n_lost = 0
    for index, stamp in known:
        start = stamp - origin
        if runs and index == runs[-1][1] + runs[-1][2] and -tolerance_us <= start - end <= tolerance_us:
            runs[-1][2] += 1
            end = runs[-1][0] + _times(step_us, runs[-1][2])
            continue
        skip = max(0, end - start) if runs else 0
        if skip > tolerance_us:
            overlap_us += min(skip, one_us)
            n_overlapping += 1
        if skip >= one_us:
            n_lost += 1
            continue
        runs.append([start, index, 1, skip])
        end = start + one_us
    gaps = []
    for before, after in itertools.pairwise(runs):
        gap = (before[0] + _times(step_us, before[2]), after[0])
        if gap[1] > gap[0]:
            gaps.append(gap)
    if gaps:
        total_s = sum(b - a for a, b in gaps) / 1e6
        findings.append(
            finding("gap" if discontinuous else "gap_in_contiguous_file", f"{len(gaps)} gaps, {total_s:.6g} s")
        )
    if n_overlapping:
        detail = f"{n_overlapping} records, {overlap_us / 1e6:.6g} s, {n_lost} left out as a whole"
        findings.append(finding("overlapping_records", detail))
    if n_missing:
        findings.append(finding("missing_time_stamp", f"{n_missing} records"))
    if abs(origin) >= 1_000_000:
        findings.append(finding("late_first_record", f"{origin / 1e6:.6g} s"))
    return TimeLine(tuple(Run(*run) for run in runs), tuple(gaps), end, origin, tuple(findings))


def _times(step_us: Fraction, n: int) -> int:
    # round(step_us * n), half up, without making a fraction for every record
    return (2 * step_us.numerator * n + step_us.denominator) // (2 * step_us.denominator)
