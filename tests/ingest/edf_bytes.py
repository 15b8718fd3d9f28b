"""EDF and BDF files byte by byte, also wrong ones, independent of the reader under test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Sig(NamedTuple):
    """One signal: header fields as text, samples as digital values, shape (n_records, n)."""

    label: str
    samples: np.ndarray
    unit: str = "uV"
    pmin: str = "-1000"
    pmax: str = "1000"
    dmin: str = "-32768"
    dmax: str = "32767"
    prefilter: str = "HP:10Hz LP:100Hz"


def ramp(n_records: int, n: int, start: int = 0, step: int = 1) -> np.ndarray:
    """Samples that tell their own place: start, start + step, …"""
    return (start + step * np.arange(n_records * n)).reshape(n_records, n)


def tal(onset: str, *texts: str, duration: str | None = None) -> bytes:
    """One time-stamped annotation list."""
    head = onset.encode() + (b"" if duration is None else b"\x15" + duration.encode())
    return head + b"\x14" + b"".join(text.encode() + b"\x14" for text in texts) + b"\x00"


def encode(samples: np.ndarray, sample_bytes: int) -> bytes:
    """Little-endian two's complement."""
    if sample_bytes == 2:
        return samples.astype("<i2").tobytes()
    return samples.astype("<i4").reshape(-1, 1).view(np.uint8).reshape(-1, 4)[:, :3].tobytes()


def build(
    signals: Sequence[Sig],
    *,
    n_records: int | None = None,
    record_s: str = "1",
    reserved: str = "",
    tals: Sequence[bytes] | None = None,
    tals_2: Sequence[bytes] | None = None,
    bdf: bool = False,
    date: str = "24.04.89",
    time: str = "22.30.00",
    recording: str = "Startdate 24-APR-1989 X X X",
    fields: dict[str, bytes | str] | None = None,
    encoding: str = "latin-1",
) -> bytes:
    """A whole file.

    ``tals``: per record the bytes of the annotation signal; ``fields`` overrides main header fields (version, date,
    time, header_bytes, reserved, n_records, record_s, n_signals).
    """
    fields = fields or {}
    count = len(signals[0].samples) if signals else len(tals or ())
    size = 3 if bdf else 2
    rows = [(s.label, "", s.unit, s.pmin, s.pmax, s.dmin, s.dmax, s.prefilter, s.samples.shape[1]) for s in signals]
    blocks = []
    for listed in (tals, tals_2):
        if listed is not None:
            width = -(-max(len(block) for block in listed) // size)
            low, high = ("-8388608", "8388607") if bdf else ("-32768", "32767")
            label = "BDF Annotations" if bdf else "EDF Annotations"
            rows.append((label, "", "", "-1", "1", low, high, "", width))
            blocks.append([block.ljust(width * size, b"\x00") for block in listed])

    def field(name: str, value: str, width: int) -> bytes:
        raw = fields.get(name, value)
        raw = raw.encode(encoding) if isinstance(raw, str) else raw
        assert len(raw) <= width, (name, raw)
        return raw.ljust(width, b" ")

    header = fields.get("version", b"\xffBIOSEMI" if bdf else b"0")
    out = [header.encode() if isinstance(header, str) else header]
    out[0] = out[0].ljust(8, b" ")
    out.append(field("patient", "X X X X", 80))
    out.append(field("recording", recording, 80))
    out.append(field("date", date, 8))
    out.append(field("time", time, 8))
    out.append(field("header_bytes", str(256 * (len(rows) + 1)), 8))
    out.append(field("reserved", reserved, 44))
    out.append(field("n_records", str(count if n_records is None else n_records), 8))
    out.append(field("record_s", record_s, 8))
    out.append(field("n_signals", str(len(rows)), 4))
    for position, width in enumerate((16, 80, 8, 8, 8, 8, 8, 80, 8)):
        out.extend(str(row[position]).encode(encoding).ljust(width, b" ") for row in rows)
    out.append(b" " * 32 * len(rows))
    for record in range(count):
        out.extend(encode(s.samples[record], size) for s in signals)
        out.extend(block[record] for block in blocks)
    return b"".join(out)


def plus(signals: Sequence[Sig], stamps: Sequence[str | None], *, kind: str = "D", **other: object) -> bytes:
    """An EDF+ (or BDF+) file whose records carry the time stamps given; None = an empty annotation signal."""
    family = "BDF" if other.get("bdf") else "EDF"
    tals = [b"\x00" * 16 if stamp is None else tal(stamp, "") for stamp in stamps]
    return build(signals, reserved=f"{family}+{kind}", tals=tals, **other)  # type: ignore[arg-type]
