"""Writing so that a reader, or a restart after a kill, sees the old bytes or the new ones and never a mix."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import xxhash

TEMPORARY = ".tmp"
_BLOCK = 1 << 20


class FileDigest(NamedTuple):
    """Size and xxh3_128 (hex) of the bytes of a file."""

    n_bytes: int
    digest: str


def digest_file(path: Path) -> FileDigest:
    """Size and xxh3_128 of a file, read in blocks."""
    hasher = xxhash.xxh3_128()
    n_bytes = 0
    with path.open("rb") as handle:
        while block := handle.read(_BLOCK):
            hasher.update(block)
            n_bytes += len(block)
    return FileDigest(n_bytes, hasher.hexdigest())


def sync_directory(directory: Path) -> None:
    """Make the names in a folder durable (a rename alone survives a kill, not a power cut)."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(directory: Path) -> None:
    """Make every file and every name below a folder durable."""
    for folder, _, files in os.walk(directory):
        for name in files:
            descriptor = os.open(Path(folder, name), os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        sync_directory(Path(folder))


def temporary_beside(path: Path) -> Path:
    """A name for unfinished bytes in the folder of ``path``; it starts with a dot and ends with ``.tmp``."""
    return path.with_name(f".{path.name}.{uuid.uuid4().hex}{TEMPORARY}")


def write_atomic(path: Path, data: bytes | memoryview) -> None:
    """Replace a file: temporary name, fsync, rename, fsync of the folder."""
    temporary = temporary_beside(path)
    try:
        with temporary.open("wb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def to_json(value: Any) -> bytes:
    """JSON for people: sorted keys, two blanks, a last newline. The same value gives the same bytes."""
    return (json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def read_json(path: Path) -> Any | None:
    """Content of a JSON file, ``None`` when it is absent, torn or not JSON."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None


def private_directory(path: Path) -> Path:
    """Create a folder only its owner can enter (mode 0700), with its parents, and return it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
    if path.stat().st_mode & 0o077:
        path.chmod(0o700)
    return path


def remove_tree(path: Path) -> None:
    """Remove a folder if it is there."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(path)


def relative_files(directory: Path) -> Iterator[str]:
    """Paths of all files below a folder, relative to it, with ``/``, sorted."""
    found = [
        Path(folder, name).relative_to(directory).as_posix()
        for folder, _, files in os.walk(directory)
        for name in files
    ]
    yield from sorted(found)
