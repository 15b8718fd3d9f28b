"""Where the data records of a file lie in time."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from plms_pipeline import contracts
from plms_pipeline.ingest.edf_header import EdfHeader
from plms_pipeline.ingest.findings import EdfDefect, Finding, finding

US = 1_000_000


class Piece(NamedTuple):
    """Records that follow each other in the file and in time.

    Attributes
    ----------
    first_record, n_records : int
        Which records of the file.
    from_us, to_us : int
        The part that is used, microseconds after the start of the first of them; the rest of the time is covered by
        records written before.
    """

    first_record: int
    n_records: int
    from_us: int
    to_us: int


class Run(NamedTuple):
    """Time without a gap.

    Attributes
    ----------
    start_us : int
        Start of the first record of the first piece, microseconds after the start of the recording.
    pieces : tuple of Piece
        In the order of time. More than one where records stand out of order in the file.
    """

    start_us: int
    pieces: tuple[Piece, ...]


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
    record_us : Fraction
        Length of a record, microseconds: that of the header, or of the clock of the time stamps where that drifts.
    findings : tuple of Finding
    """

    runs: tuple[Run, ...]
    gaps: tuple[tuple[int, int], ...]
    duration_us: int
    start_offset_us: int
    record_us: Fraction
    findings: tuple[Finding, ...]


class TimeRules(NamedTuple):
    """Numbers of the time line (``schemas/rules/reading.yaml``), microseconds.

    Attributes
    ----------
    contiguity_us : int
        A stamp this near to the end of the record before continues it exactly.
    clock_us : int
        A stamp this near continues it on the even line through the stamps.
    drift : Fraction
        Most that the clock of the stamps may differ from the sampling rate, as a fraction of it.
    longest_us : int
        A stamp further from the others is none; a longer file is no recording.
    """

    contiguity_us: int
    clock_us: int
    drift: Fraction
    longest_us: int


def time_rules() -> TimeRules:
    """The declared numbers."""
    rules = contracts.load_yaml("rules/reading.yaml")
    return TimeRules(
        round(float(rules["contiguity_tolerance_s"]) * US),
        round(float(rules["clock_tolerance_s"]) * US),
        Fraction(int(rules["clock_drift_ppm"]), 1_000_000),
        int(rules["longest_recording_s"]) * US,
    )


def contiguous(header: EdfHeader, start_offset_us: int = 0, findings: tuple[Finding, ...] = ()) -> TimeLine:
    """Time line of a file whose records follow each other without a gap (EDF, EDF+C)."""
    record_us = header.record_duration_s * US
    duration_us = round(record_us * header.n_records)
    piece = Piece(0, header.n_records, 0, duration_us)
    return TimeLine((Run(0, (piece,)),), (), duration_us, start_offset_us, record_us, findings)


def time_line(
    header: EdfHeader, stamps: tuple[np.ndarray, np.ndarray] | None, rules: TimeRules | None = None
) -> TimeLine:
    """Place the records by their time stamps (EDF+ 2.2.4).

    Parameters
    ----------
    header : EdfHeader
    stamps : (ndarray of int64, ndarray of bool) or None
        Per record the time stamp in microseconds after the header's start time and whether there is one; None for a
        file without annotation signal.
    rules : TimeRules, optional
        The declared numbers by default.

    Returns
    -------
    TimeLine
        Time zero is the start of the earliest record. In a discontinuous file records without a stamp are left out
        (a gap). Where records overlap, samples written first are kept; records out of order are put in order.

    Raises
    ------
    EdfDefect
        `no_time_stamps`: a discontinuous file without any stamp. `recording_too_long`.
    """
    rules = rules or time_rules()
    if header.record_duration_s * US * header.n_records > rules.longest_us:
        raise EdfDefect("recording_too_long", f"{float(header.record_duration_s * header.n_records):.6g} s")
    discontinuous = header.format.endswith("+D")
    if stamps is None or not header.record_duration_s:
        if discontinuous and stamps is None:
            raise EdfDefect("no_time_stamps")
        return contiguous(header)
    times, is_known = stamps[0], stamps[1].copy()
    if is_known.any():
        # One damaged stamp must not stretch the night to years.
        is_known &= np.abs(times - int(np.median(times[is_known]))) <= rules.longest_us
    records = np.flatnonzero(is_known)
    if discontinuous:
        if not len(records):
            raise EdfDefect("no_time_stamps")
        return _Placement(header, records, times[records], rules).line("gap")
    if not len(records):
        return contiguous(header, 0, (finding("time_stamps_ignored", "all missing"),))
    n_missing = header.n_records - len(records)
    n_back = int(np.count_nonzero(np.diff(times[records]) <= 0))
    if n_missing == 0 and n_back and _tiles(np.sort(times), header.record_duration_s * US, rules):
        n_back = 0
    if n_back or n_missing:
        detail = f"{n_missing} missing, {n_back} not increasing of {header.n_records}"
        offset = int(times[0]) if is_known[0] else 0
        return contiguous(header, offset, (finding("time_stamps_ignored", detail),))
    return _Placement(header, records, times, rules).line("gap_in_contiguous_file")


def _tiles(times: np.ndarray, record_us: Fraction, rules: TimeRules) -> bool:
    # Stamps that cover the time without gap or overlap, only in another order, are no chance.
    return bool((np.abs(np.diff(times) - float(record_us)) <= rules.contiguity_us).all())


class _Placement:
    """Places records with known stamps."""

    def __init__(self, header: EdfHeader, records: np.ndarray, times: np.ndarray, rules: TimeRules) -> None:
        self.header = header
        self.rules = rules
        self.records = records
        self.origin = int(times.min())
        self.times = times - self.origin
        self.record_us = header.record_duration_s * US
        self.findings: list[Finding] = []

    def line(self, gap_code: str) -> TimeLine:
        spans = self._joined(self._without_overlap(self._chains()))
        gaps = [(a.end, b.begin) for a, b in itertools.pairwise(spans) if b.begin > a.end]
        if gaps:
            total_s = sum(end - begin for begin, end in gaps) / US
            self.findings.insert(0, finding(gap_code, f"{len(gaps)} gaps, {total_s:.6g} s"))
        if n_missing := self.header.n_records - len(self.records):
            self.findings.append(finding("missing_time_stamp", f"{n_missing} records"))
        if abs(self.origin) >= US:
            self.findings.append(finding("late_first_record", f"{self.origin / US:.6g} s"))
        return TimeLine(
            tuple(span.run for span in spans),
            tuple(gaps),
            spans[-1].end,
            self.origin,
            self.record_us,
            tuple(self.findings),
        )

    # -- chains: records that follow each other in the file and in time ----------------------------------------------

    def _chains(self) -> list[tuple[int, int, int]]:
        """Per chain (start_us, first record, number of records), in the order of the file."""
        nominal = float(self.record_us)
        step = np.diff(self.times)
        loose = min(self.rules.clock_us, nominal / 2)
        follows = (np.diff(self.records) == 1) & (np.abs(step - nominal) <= loose)
        first = np.concatenate([[0], np.flatnonzero(~follows) + 1])
        n = np.diff(np.append(first, len(self.times)))
        within = np.arange(len(self.times)) - np.repeat(first, n)
        from_start = self.times - np.repeat(self.times[first], n)
        off = from_start - within * nominal
        if np.abs(off).max() > self.rules.contiguity_us:
            first, n = self._even(first, n, within, from_start)
        return list(zip(self.times[first].tolist(), self.records[first].tolist(), n.tolist(), strict=True))

    def _even(
        self, first: np.ndarray, n: np.ndarray, within: np.ndarray, from_start: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Follow the clock of the stamps: an even line through them, broken where a stamp is too far from it."""
        drift = self._drift(n, within, from_start)
        if abs(drift) > self.rules.drift:
            drift = Fraction(0)
        measured = self.record_us * (1 + drift)
        off = from_start - within * float(measured)
        breaks = [start for a, m in zip(first.tolist(), n.tolist(), strict=True) for start in self._broken(off, a, m)]
        self.record_us = measured
        first = np.array(breaks, dtype=np.int64)
        n = np.diff(np.append(first, len(off)))
        farthest_us = np.abs(off - np.repeat(off[first], n)).max()
        detail = f"{float(drift * 1_000_000):+.1f} ppm, stamps up to {farthest_us / 1000:.1f} ms from even"
        self.findings.append(finding("clock_drift", detail))
        return first, n

    def _drift(self, n: np.ndarray, within: np.ndarray, from_start: np.ndarray) -> Fraction:
        """Slope of the stamps against the record number, by least squares over all chains, minus one record."""
        nominal = float(self.record_us)
        centred = within - np.repeat((n - 1) / 2, n)
        slope = float((centred * (from_start - within * nominal)).sum() / np.square(centred).sum())
        # To 0.001 ppm, below anything a stamp can tell: the last bits of a sum may differ between processors.
        return Fraction(round(slope / nominal * 1e9), 10**9)

    def _broken(self, off: np.ndarray, start: int, n: int) -> Iterator[int]:
        stop = start + n
        while True:
            yield start
            far = np.abs(off[start:stop] - off[start]) > self.rules.clock_us
            if not far.any():
                return
            start += int(np.argmax(far))

    # -- overlaps ------------------------------------------------------------------------------------------------------

    def _without_overlap(self, chains: list[tuple[int, int, int]]) -> list[_Placed]:
        """Parts of the chains, in the order of time, each instant covered by the record written first."""
        covered: list[_Placed] = []
        overlap_us = n_overlapping = n_lost = 0
        for start, record, n in chains:
            end = start + _times(self.record_us, n)
            left = [(start, end)]
            at = max(0, bisect.bisect_right(covered, start, key=lambda placed: placed.begin) - 1)
            while at < len(covered) and covered[at].begin < end:
                left = [part for piece in left for part in _minus(piece, covered[at].begin, covered[at].end)]
                at += 1
            lost_us = end - start - sum(b - a for a, b in left)
            if lost_us <= self.rules.contiguity_us:
                # Stamps are rounded when written: the samples stay, and _joined puts them behind each other.
                left = [(start, end)]
            else:
                overlap_us += lost_us
                n_overlapping += -(-lost_us // max(1, round(self.record_us)))
                n_lost += int(lost_us // max(1, round(self.record_us)))
            for begin, stop in left:
                piece = Piece(record, n, begin - start, stop - start)
                bisect.insort(covered, _Placed(begin, stop, start, piece), key=lambda placed: placed.begin)
        n_back = sum(b.piece.first_record < a.piece.first_record for a, b in itertools.pairwise(covered))
        if n_back:
            self.findings.append(finding("records_out_of_order", f"{n_back} times back in the file"))
        if n_overlapping:
            detail = f"{n_overlapping} records, {overlap_us / US:.6g} s, {n_lost} left out as a whole"
            self.findings.append(finding("overlapping_records", detail))
        return covered

    def _joined(self, placed: list[_Placed]) -> list[_Span]:
        """Whole chains that follow each other in time are one run, wherever they stand in the file."""
        spans: list[_Span] = []
        for begin, _, start, piece in placed:
            length_us = _times(self.record_us, piece.n_records)
            last = spans[-1] if spans else None
            if last and last.is_open and piece.from_us == 0 and abs(begin - last.end) <= self.rules.contiguity_us:
                last.pieces.append(piece)
            else:
                late_us = max(0, last.end - begin) if last else 0
                if piece.from_us + late_us >= piece.to_us:
                    continue
                last = _Span(start, piece._replace(from_us=piece.from_us + late_us))
                spans.append(last)
            before_us = _times(self.record_us, last.n_records)
            last.n_records += piece.n_records
            last.is_open = piece.to_us == length_us
            last.end = last.start + (
                _times(self.record_us, last.n_records) if last.is_open else before_us + piece.to_us
            )
        return spans


class _Placed(NamedTuple):
    begin: int
    end: int
    start: int
    piece: Piece


class _Span:
    """A run while it grows."""

    def __init__(self, start: int, piece: Piece) -> None:
        self.start = start
        self.pieces = [piece]
        self.begin = start + piece.from_us
        self.end = self.begin
        self.n_records = 0
        self.is_open = True

    @property
    def run(self) -> Run:
        return Run(self.start, tuple(self.pieces))


def _minus(part: tuple[int, int], begin: int, end: int) -> list[tuple[int, int]]:
    a, b = part
    return [(x, y) for x, y in ((a, min(b, begin)), (max(a, end), b)) if y > x]


def _times(step_us: Fraction, n: int) -> int:
    # round(step_us * n), half up, without making a fraction for every record
    return (2 * step_us.numerator * n + step_us.denominator) // (2 * step_us.denominator)
