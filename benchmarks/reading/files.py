"""Nights to read: random samples in the layouts of real recordings."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

HOURS = 8
LEGS = ("Leg L", "Leg R")


class Night(NamedTuple):
    """Layout of a file: sampling rates of the channels besides the two legs, which lie in the middle of a record."""

    name: str
    leg_hz: int = 256
    others_hz: tuple[int, ...] = (256,) * 12 + (64,) * 10 + (32,) * 6
    record_s: int = 1
    bdf: bool = False
    stamps: bool = False

    @property
    def sample_bytes(self) -> int:
        """2 or 3."""
        return 3 if self.bdf else 2


WIDE_512 = (512,) * 5 + (64,) * 10 + (32,) * 13
NIGHTS = (
    Night("EDF 256 Hz"),
    Night("EDF 512 Hz", 512, WIDE_512),
    Night("BDF 256 Hz", bdf=True),
    Night("BDF 512 Hz", 512, WIDE_512, bdf=True),
    Night("EDF+C 256 Hz", stamps=True),
    Night("EDF 256 Hz, 30-s records", record_s=30),
)
# The same legs among few and among very many channels.
MEMORY = (
    Night("EDF, 2 channels", others_hz=()),
    NIGHTS[0],
    Night("EDF, 200 channels", others_hz=(32,) * 198),
    Night("EDF, 200 channels, 30-s records", others_hz=(32,) * 198, record_s=30),
    NIGHTS[2],
    NIGHTS[4],
)


def write_night(path: Path, night: Night, seed: int = 1) -> None:
    """Write a file of random samples.

    Parameters
    ----------
    path
        Replaced if there.
    night
        Layout.
    seed
        Of the samples.
    """
    middle = len(night.others_hz) * 2 // 3
    channels = [(f"Aux {k}", rate) for k, rate in enumerate(night.others_hz)]
    channels[middle:middle] = [(label, night.leg_hz) for label in LEGS]
    n_records = HOURS * 3600 // night.record_s
    counts = [rate * night.record_s for _, rate in channels]
    labels = [label for label, _ in channels]
    annotation_bytes = 30 * night.sample_bytes if night.stamps else 0
    if night.stamps:
        labels.append("BDF Annotations" if night.bdf else "EDF Annotations")
        counts.append(annotation_bytes // night.sample_bytes)
    rng = np.random.default_rng(seed)
    width = sum(counts) * night.sample_bytes
    with path.open("wb") as file:
        file.write(_header(night, labels, counts, n_records))
        for first in range(0, n_records, 240):
            block = rng.integers(0, 256, (min(240, n_records - first), width), dtype=np.uint8)
            for row in range(len(block)) if night.stamps else ():
                stamp = f"+{(first + row) * night.record_s}\x14\x14\x00".encode().ljust(annotation_bytes, b"\x00")
                block[row, width - annotation_bytes :] = np.frombuffer(stamp, dtype=np.uint8)
            file.write(block.tobytes())


def _header(night: Night, labels: list[str], counts: list[int], n_records: int) -> bytes:
    top = 8388607 if night.bdf else 32767
    n = len(labels)

    def field(value: object, width: int) -> bytes:
        return str(value).encode().ljust(width)

    reserved = ("BDF+C" if night.bdf else "EDF+C") if night.stamps else ("24BIT" if night.bdf else "")
    main = (b"\xffBIOSEMI" if night.bdf else b"0       ") + field("X X X X", 80) + field("Startdate X X X X", 80)
    main += b"24.04.8922.30.00" + field(256 * (n + 1), 8) + field(reserved, 44)
    main += field(n_records, 8) + field(night.record_s, 8) + field(n, 4)
    rows = [
        (16, labels), (80, [""] * n), (8, ["uV"] * n), (8, [-3276] * n), (8, [3276] * n),
        (8, [-top - 1] * n), (8, [top] * n), (80, ["HP:10Hz LP:100Hz"] * n), (8, counts), (32, [""] * n),
    ]  # fmt: skip
    return main + b"".join(field(value, width) for width, values in rows for value in values)
