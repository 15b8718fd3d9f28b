"""Write EDF, EDF+C and EDF+D, record block by record block.

Our own writer because the simulated files need what libraries refuse to write: placeholder dates, gaps between
data records (EDF+D) and headers exactly as archives have them. Field widths and annotation lists follow Kemp
1992 (EDF) and Kemp & Olivan 2003 (EDF+).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

DIGITAL_MIN, DIGITAL_MAX = -32768, 32767
_UNITS_PER_UV = {"uV": 1.0, "mV": 1e-3, "V": 1e-6}
_BLOCK_BYTES = 8_000_000


class EdfSignal(NamedTuple):
    """One signal of a file.

    Attributes
    ----------
    label, transducer, prefilter : str
    unit : str
        ``uV``, ``mV`` or ``V``.
    fs_hz : int
    range_uv : float
        Physical limits are -range_uv and +range_uv, written in `unit`.
    samples_uv : numpy.ndarray
        float[n], µV; clipped at the limits as an amplifier does.
    """

    label: str
    transducer: str
    prefilter: str
    unit: str
    fs_hz: int
    range_uv: float
    samples_uv: np.ndarray


class EdfAnnotation(NamedTuple):
    """One EDF+ annotation: seconds from the start of the file; no duration when None."""

    onset_s: float
    duration_s: float | None
    text: str


class EdfFile(NamedTuple):
    """Header facts of a file.

    Attributes
    ----------
    kind : str
        ``EDF``, ``EDF+C`` or ``EDF+D``.
    patient, recording : str
        Local patient and recording identification, at most 80 characters.
    date, time : str
        ``dd.mm.yy`` and ``hh.mm.ss`` as written, valid or not.
    record_s : float
        Duration of a data record.
    """

    kind: str
    patient: str
    recording: str
    date: str
    time: str
    record_s: float


def digital(signal: EdfSignal) -> np.ndarray:
    """Digital values of a signal, little-endian int16[n]."""
    low, high = _physical_limits(signal)
    gain = (high - low) / (DIGITAL_MAX - DIGITAL_MIN)
    values = signal.samples_uv * (_UNITS_PER_UV[signal.unit] / gain)
    values += DIGITAL_MIN - low / gain
    np.rint(values, out=values)
    np.clip(values, DIGITAL_MIN, DIGITAL_MAX, out=values)
    return values.astype("<i2")


def write_edf(
    path: Path,
    file: EdfFile,
    signals: Sequence[EdfSignal],
    annotations: Sequence[EdfAnnotation] = (),
    *,
    missing_records: tuple[int, int] | None = None,
) -> int:
    """Write one file.

    Parameters
    ----------
    path : Path
    file : EdfFile
    signals : sequence of EdfSignal
        All of the same length in time, a whole number of records.
    annotations : sequence of EdfAnnotation
        Written into an ``EDF Annotations`` signal (EDF+ only).
    missing_records : (int, int), optional
        Records [first, last) that were not recorded; needs ``EDF+D``.

    Returns
    -------
    int
        Number of bytes.
    """
    n_records = round(len(signals[0].samples_uv) / (signals[0].fs_hz * file.record_s))
    kept = [k for k in range(n_records) if missing_records is None or not _within(k, missing_records)]
    columns = [digital(signal).reshape(n_records, -1) for signal in signals]
    plus = file.kind != "EDF"
    tals = _annotation_lists(kept, file.record_s, annotations) if plus else []
    tal_bytes = 0
    if plus:
        tal_bytes = max(len(tal) for tal in tals)
        tal_bytes += tal_bytes % 2
    header = _header(file, signals, len(kept), [column.shape[1] for column in columns], tal_bytes // 2)
    per_block = max(1, _BLOCK_BYTES // (2 * sum(column.shape[1] for column in columns) + tal_bytes))
    total = len(header)
    with path.open("wb") as out:
        out.write(header)
        for first in range(0, len(kept), per_block):
            total += _write_block(out, columns, kept[first : first + per_block], tals[first:], tal_bytes)
    return total


def write_annotation_file(path: Path, file: EdfFile, annotations: Sequence[EdfAnnotation]) -> None:
    """Write an EDF+C file that holds annotations only, in one record of duration 0 (EDF+ 2.2.5)."""
    tal = _tal(0.0, annotations)
    tal += b"\0" * (len(tal) % 2)
    header = _header(file._replace(record_s=0.0), (), 1, [], len(tal) // 2)
    path.write_bytes(header + tal)


def _within(index: int, span: tuple[int, int]) -> bool:
    return span[0] <= index < span[1]


def _write_block(
    out: BinaryIO, columns: list[np.ndarray], records: list[int], tals: list[bytes], tal_bytes: int
) -> int:
    parts = [column[records[0] : records[-1] + 1] for column in columns]
    if records[-1] - records[0] + 1 != len(records):
        parts = [column[records] for column in columns]
    if tal_bytes:
        text = b"".join(tal.ljust(tal_bytes, b"\0") for tal in tals[: len(records)])
        parts.append(np.frombuffer(text, dtype="<i2").reshape(len(records), -1))
    data = np.concatenate(parts, axis=1).tobytes()
    out.write(data)
    return len(data)


def _physical_limits(signal: EdfSignal) -> tuple[float, float]:
    # The limits as the header can hold them (8 characters), so that what is read is what was meant.
    limit = float(_number(signal.range_uv * _UNITS_PER_UV[signal.unit]))
    return -limit, limit


def _number(value: float) -> str:
    """Number in at most 7 characters (one more for the sign), never with an exponent."""
    text = f"{value:.6f}".rstrip("0").rstrip(".")
    return text if len(text) <= 7 else text[:7].rstrip(".")


def _time(value_s: float) -> str:
    return f"{value_s:.6f}".rstrip("0").rstrip(".")


def _tal(start_s: float, annotations: Sequence[EdfAnnotation]) -> bytes:
    text = f"+{_time(start_s)}\x14\x14\0"
    for note in annotations:
        duration = "" if note.duration_s is None else f"\x15{_time(note.duration_s)}"
        text += f"+{_time(note.onset_s)}{duration}\x14{note.text}\x14\0"
    return text.encode("utf-8")


def _annotation_lists(kept: list[int], record_s: float, annotations: Sequence[EdfAnnotation]) -> list[bytes]:
    """One annotation list per record; an annotation stands in the record that holds its onset, else in the next."""
    waiting = sorted(annotations, key=lambda note: note.onset_s)
    lists: list[bytes] = []
    at = 0
    for place, index in enumerate(kept):
        start_s = index * record_s
        mine: list[EdfAnnotation] = []
        last = place == len(kept) - 1
        while at < len(waiting) and (waiting[at].onset_s < start_s + record_s or last):
            mine.append(waiting[at])
            at += 1
        lists.append(_tal(start_s, mine))
    return lists


def _header(
    file: EdfFile,
    signals: Sequence[EdfSignal],
    n_records: int,
    n_samples: list[int],
    n_annotation_samples: int,
) -> bytes:
    plus = n_annotation_samples > 0
    n_signals = len(signals) + int(plus)
    fields = [
        _field("0", 8), _field(file.patient, 80), _field(file.recording, 80), _field(file.date, 8),
        _field(file.time, 8), _field(256 * (n_signals + 1), 8), _field("" if file.kind == "EDF" else file.kind, 44),
        _field(n_records, 8), _field(_number(file.record_s), 8), _field(n_signals, 4),
    ]  # fmt: skip
    limits = [_physical_limits(signal) for signal in signals]
    rows: list[tuple[int, list[str], str]] = [
        (16, [signal.label for signal in signals], "EDF Annotations"),
        (80, [signal.transducer for signal in signals], ""),
        (8, [signal.unit for signal in signals], ""),
        (8, ["-" + _number(high) for _, high in limits], "-1"),
        (8, [_number(high) for _, high in limits], "1"),
        (8, [str(DIGITAL_MIN)] * len(signals), str(DIGITAL_MIN)),
        (8, [str(DIGITAL_MAX)] * len(signals), str(DIGITAL_MAX)),
        (80, [signal.prefilter for signal in signals], ""),
        (8, [str(n) for n in n_samples], str(n_annotation_samples)),
        (32, [""] * len(signals), ""),
    ]
    for width, values, of_annotations in rows:
        fields += [_field(value, width) for value in values]
        if plus:
            fields.append(_field(of_annotations, width))
    return b"".join(fields)


def _field(value: object, width: int) -> bytes:
    raw = str(value).encode("ascii", "replace")
    if len(raw) > width:
        raise ValueError(f"'{value}' does not fit into {width} characters of an EDF header")
    return raw.ljust(width)
