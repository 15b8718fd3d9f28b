"""Content digest of an input file."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import xxhash

from plms_pipeline.errors import InputError
from plms_pipeline.ingest.edf_signal import Channel, Recording
from plms_pipeline.ingest.paths import refuse_special

_BLOCK_BYTES = 1 << 19


def file_digest(path: Path | str, kind: str = "xxh3_128") -> tuple[str, str, int]:
    """Digest over all bytes of a file, read once in order.

    Parameters
    ----------
    path : path
    kind : {"xxh3_128", "sha256"}
        sha256 costs several times as much and is for exchange with other institutions.

    Returns
    -------
    (hex, kind, n_bytes)

    Raises
    ------
    InputError
        The file cannot be read.
    """
    if kind not in ("xxh3_128", "sha256"):
        raise InputError(f"digest '{kind}' is not known; use xxh3_128 or sha256")
    refuse_special(Path(path), "check the path in the sheet")
    digest = xxhash.xxh3_128() if kind == "xxh3_128" else hashlib.sha256()
    buffer = bytearray(_BLOCK_BYTES)
    view = memoryview(buffer)
    n_bytes = 0
    try:
        with Path(path).open("rb", buffering=0) as handle:
            while n_read := handle.readinto(buffer):
                digest.update(view[:n_read])
                n_bytes += n_read
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path in the sheet") from None
    return digest.hexdigest(), kind, n_bytes


def legs_digest(recording: Recording) -> str | None:
    """Digest of what the legs hold in microvolts, whatever header, labels, order or sides; None without a leg.

    The same night under two names has the same one.
    """
    digests = sorted(_channel_digest(channel) for channel in recording.legs)
    return xxhash.xxh3_128_hexdigest("".join(digests).encode()) if digests else None


def _channel_digest(channel: Channel) -> str:
    digest = xxhash.xxh3_128(repr(channel.fs_hz).encode())
    for segment in channel.segments:
        digest.update(segment.start_us.to_bytes(8, "little", signed=True))
        digest.update(np.ascontiguousarray(segment.samples).data.cast("B"))
    return digest.hexdigest()
