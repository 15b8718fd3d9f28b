"""Two legs of a night as float64 microvolts: ours, and peers as their documentation recommends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.reading.files import LEGS
from plms_pipeline import ingest

OVERRIDES = ingest.overrides_from({"left": LEGS[0], "right": LEGS[1]})
Legs = list[np.ndarray]


def ours(path: Path) -> Legs:
    """`plms_pipeline.ingest.open_recording`."""
    recording = ingest.open_recording(path, OVERRIDES)
    return [segment.samples for leg in recording.legs for segment in leg.segments]


def ours_float32(path: Path) -> Legs:
    """The same rounded to float32."""
    recording = ingest.open_recording(path, OVERRIDES, dtype=np.float32)
    return [segment.samples for leg in recording.legs for segment in leg.segments]


def ours_with_digest(path: Path) -> Legs:
    """As a run does: digest over all bytes, then read."""
    ingest.file_digest(path)
    return ours(path)


def edfio_lazy(path: Path) -> Legs:
    """edfio: data are loaded when a signal is asked for (its default)."""
    import edfio

    read = edfio.read_bdf if path.suffix == ".bdf" else edfio.read_edf
    recording = read(path)
    return [recording.get_signal(label).data for label in LEGS]


def numpy_memmap(path: Path) -> Legs:
    """A memory map and one strided copy per leg; the header is given for nothing."""
    header = ingest.read_header(path)
    signals = [signal for signal in header.signals if signal.label in LEGS]
    shape = (header.n_records, header.record_bytes)
    mapped = np.memmap(path, np.uint8, "r", offset=header.header_bytes, shape=shape)
    legs = []
    for signal in signals:
        n_bytes = signal.samples_per_record * header.sample_bytes
        raw = mapped[:, signal.offset_bytes : signal.offset_bytes + n_bytes]
        if header.sample_bytes == 2:
            samples = mapped.view("<i2")[:, signal.offset_bytes // 2 : (signal.offset_bytes + n_bytes) // 2]
            values = samples.reshape(-1).astype(np.float64)
        else:
            triples = np.ascontiguousarray(raw).reshape(-1, 3)
            words = np.zeros((len(triples), 4), dtype=np.uint8)
            words[:, 1:] = triples
            values = (words.view("<i4").reshape(-1) >> 8).astype(np.float64)
        assert signal.physical_max is not None and signal.physical_min is not None
        assert signal.digital_max is not None and signal.digital_min is not None
        gain = (signal.physical_max - signal.physical_min) / (signal.digital_max - signal.digital_min)
        values *= gain
        values += signal.physical_max - signal.digital_max * gain
        legs.append(values)
    return legs


def pyedflib_reader(path: Path) -> Legs:
    """pyedflib: an EdfReader, readSignal by index."""
    import pyedflib

    with pyedflib.EdfReader(str(path)) as reader:
        labels = reader.getSignalLabels()
        return [reader.readSignal(labels.index(label)) for label in LEGS]


def sequential(path: Path) -> Legs:
    """All bytes in order into one buffer: what the storage costs."""
    buffer = bytearray(1 << 20)
    with path.open("rb", buffering=0) as file:
        while file.readinto(buffer):
            pass
    return []


WARM: dict[str, Callable[[Path], Legs]] = {
    "ours": ours,
    "ours, float32": ours_float32,
    "ours with digest": ours_with_digest,
    "edfio lazy": edfio_lazy,
    "numpy memmap": numpy_memmap,
    "pyedflib": pyedflib_reader,
    "sequential read": sequential,
}
