"""From the bytes of the data records to microvolts of the chosen channels, in one pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from plms_pipeline import contracts
from plms_pipeline.ingest.edf_bytes import RecordBytes, data_end
from plms_pipeline.ingest.edf_header import EdfHeader, SignalHeader
from plms_pipeline.ingest.tal import STAMP_BYTES, first_stamps_us

# (signal, first record, number of records, first sample, number of samples) -> digital, shape (records, samples)
Fetch = Callable[[SignalHeader, int, int, int, int], np.ndarray]

_BLOCK_SAMPLES = 1 << 16  # decoded at a time: the intermediate arrays stay in the processor's cache
_STAMP_RECORDS = 1 << 13


class Scale(NamedTuple):
    """``microvolts = (digital + offset) * gain_uv``."""

    gain_uv: float
    offset: float


class Wanted(NamedTuple):
    """A channel to decode.

    Attributes
    ----------
    signals : tuple of SignalHeader
        One, or two electrodes whose second is subtracted.
    scales : tuple of Scale
    """

    signals: tuple[SignalHeader, ...]
    scales: tuple[Scale, ...]


class Decoded(NamedTuple):
    """What one pass over a file gave.

    Attributes
    ----------
    samples : tuple of ndarray, shape (n_records, samples_per_record)
        Microvolts of each channel wanted.
    n_outside : dict of int to int
        Per position of a signal: samples outside its declared digital range.
    stamps : (ndarray of int64, ndarray of bool) or None
        Time stamp of each record, microseconds after the header's start time, and whether it has one; None for a
        file without annotation signal.
    """

    samples: tuple[np.ndarray, ...]
    n_outside: dict[int, int]
    stamps: tuple[np.ndarray, np.ndarray] | None


def decode(
    path: Path | str, header: EdfHeader, wanted: Sequence[Wanted], *, dtype: type = np.float64, use_map: bool = True
) -> Decoded:
    """Decode channels and time stamps.

    Parameters
    ----------
    path : path
    header : EdfHeader
        With at least one record.
    wanted : sequence of Wanted
        May be empty: then only the time stamps are read.
    dtype : {numpy.float64, numpy.float32}
        Of the samples. They are computed in float64 and rounded once.
    use_map : bool
        False reads the file without mapping it.

    Returns
    -------
    Decoded
        Peak memory beyond it is below 4 MB, whatever the number of channels and the length of the records.

    Raises
    ------
    InputError
        The file cannot be read, or became shorter.
    """
    sinks: list[_Samples | _Stamps] = [_Samples(header, one, dtype) for one in wanted]
    keeper = header.annotation_signals[0] if header.annotation_signals else None
    stamps = _Stamps(header, keeper) if keeper is not None and keeper.samples_per_record else None
    if stamps is not None:
        sinks.append(stamps)
    window_bytes = int(contracts.load_yaml("rules/reading.yaml")["window_bytes"])
    with RecordBytes(path, data_end(header), use_map=use_map) as source:
        if header.record_bytes <= window_bytes:
            _by_windows(source, header, sinks, window_bytes)
        else:
            _by_signals(source, header, sinks, window_bytes)
    samples = [sink for sink in sinks if isinstance(sink, _Samples)]
    outside = {position: n for sink in samples for position, n in sink.n_outside.items()}
    return Decoded(tuple(sink.out for sink in samples), outside, None if stamps is None else stamps.result())


def _by_windows(source: RecordBytes, header: EdfHeader, sinks: Sequence[_Samples | _Stamps], window_bytes: int) -> None:
    """Whole records at a time."""
    longest = max((sink.n_samples for sink in sinks), default=1)
    per_window = max(1, min(window_bytes // header.record_bytes, _BLOCK_SAMPLES // max(1, longest), _STAMP_RECORDS))
    for first in range(0, header.n_records if sinks else 0, per_window):
        n = min(per_window, header.n_records - first)
        start = header.header_bytes + first * header.record_bytes
        # One byte before: the samples of BDF are read as the upper three bytes of four.
        window = source.window(start - 1, start + n * header.record_bytes)

        def fetch(
            signal: SignalHeader, first: int, n: int, sample: int, m: int, window: np.ndarray = window
        ) -> np.ndarray:
            at = 1 + signal.offset_bytes + sample * header.sample_bytes
            return _digital(window, at, n, m, header.record_bytes, header.sample_bytes)

        for sink in sinks:
            sink.take(fetch, first, n, 0, sink.n_samples)


def _by_signals(source: RecordBytes, header: EdfHeader, sinks: Sequence[_Samples | _Stamps], window_bytes: int) -> None:
    """Records longer than a window: only the bytes of the chosen signals."""

    def fetch(signal: SignalHeader, first: int, n: int, sample: int, m: int) -> np.ndarray:
        at = header.header_bytes + first * header.record_bytes + signal.offset_bytes + sample * header.sample_bytes
        window = source.window(at - 1, at + m * header.sample_bytes)
        return _digital(window, 1, n, m, header.record_bytes, header.sample_bytes)

    for record in range(header.n_records):
        for sink in sinks:
            for sample in range(0, sink.n_samples, _BLOCK_SAMPLES):
                sink.take(fetch, record, 1, sample, min(_BLOCK_SAMPLES, sink.n_samples - sample))


def _digital(window: np.ndarray, at: int, n: int, m: int, record_bytes: int, sample_bytes: int) -> np.ndarray:
    # EDF: little-endian two's complement 16 bit. BDF: 24 bit, here as four bytes of which the lowest belongs to the
    # sample before and is shifted out.
    if sample_bytes == 2:
        return np.ndarray((n, m), "<i2", window, at, (record_bytes, 2))
    return np.ndarray((n, m), "<i4", window, at - 1, (record_bytes, 3)) >> 8


class _Samples:
    """Collects one channel."""

    def __init__(self, header: EdfHeader, wanted: Wanted, dtype: type) -> None:
        self.wanted = wanted
        self.n_samples = wanted.signals[0].samples_per_record
        self.out: np.ndarray = np.empty((header.n_records, self.n_samples), dtype=dtype)
        self.ranges = [_narrow_range(signal, header.sample_bytes) for signal in wanted.signals]
        self.n_outside = {signal.position: 0 for signal in wanted.signals}

    def take(self, fetch: Fetch, first: int, n: int, sample: int, m: int) -> None:
        target = self.out[first : first + n, sample : sample + m]
        block = target if target.dtype == np.float64 else np.empty((n, m))
        for k, (signal, scale) in enumerate(zip(self.wanted.signals, self.wanted.scales, strict=True)):
            digital = fetch(signal, first, n, sample, m)
            self._count_outside(signal, digital, self.ranges[k])
            part = np.add(digital, scale.offset, out=block if k == 0 else None)
            part *= scale.gain_uv
            if k:
                block -= part
        if block is not target:
            target[...] = block

    def _count_outside(self, signal: SignalHeader, digital: np.ndarray, limits: tuple[int, int] | None) -> None:
        if limits is None or (limits[0] <= digital.min() and digital.max() <= limits[1]):
            return
        self.n_outside[signal.position] += int(np.count_nonzero((digital < limits[0]) | (digital > limits[1])))


def _narrow_range(signal: SignalHeader, sample_bytes: int) -> tuple[int, int] | None:
    """Declared digital range, cut to the sample type; None when every sample fits."""
    assert signal.digital_min is not None and signal.digital_max is not None
    low, high = sorted((signal.digital_min, signal.digital_max))
    limit = 1 << (8 * sample_bytes - 1)
    if low <= -limit and high >= limit - 1:
        return None
    return max(low, -limit), min(high, limit - 1)


class _Stamps:
    """Collects the time stamp of every record."""

    def __init__(self, header: EdfHeader, keeper: SignalHeader) -> None:
        self.keeper = keeper
        self.sample_bytes = header.sample_bytes
        width = min(keeper.samples_per_record * header.sample_bytes, STAMP_BYTES)
        self.n_samples = width // header.sample_bytes
        self.width = self.n_samples * header.sample_bytes
        self.us = np.zeros(header.n_records, dtype=np.int64)
        self.is_known = np.zeros(header.n_records, dtype=bool)
        self.heads = np.zeros((min(_STAMP_RECORDS, header.n_records), self.width), dtype=np.uint8)
        self.done = 0
        self.held = 0

    def take(self, fetch: Fetch, first: int, n: int, sample: int, m: int) -> None:
        digital = fetch(self.keeper, first, n, sample, m)
        if self.held + n > len(self.heads):
            self.flush()
        # The bytes of the samples are the text; a shifted BDF sample has them in its lower three.
        raw = np.ascontiguousarray(digital).view(np.uint8).reshape(n, m, -1)[:, :, : self.sample_bytes]
        self.heads[self.held : self.held + n] = raw.reshape(n, -1)
        self.held += n

    def flush(self) -> None:
        part = slice(self.done, self.done + self.held)
        self.us[part], self.is_known[part] = first_stamps_us(self.heads[: self.held])
        self.done, self.held = self.done + self.held, 0

    def result(self) -> tuple[np.ndarray, np.ndarray]:
        self.flush()
        return self.us, self.is_known
