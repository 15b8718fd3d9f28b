"""Content digest of an input file."""

from __future__ import annotations

import hashlib
from pathlib import Path

import xxhash

from plms_pipeline.errors import InputError

_BLOCK_BYTES = 1 << 22


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
