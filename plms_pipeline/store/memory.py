"""Digests of input files, remembered with what the file system says about them, so that a no-op run reads no signal."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import TracebackType
from typing import IO, NamedTuple

from plms_pipeline.store.files import private_directory, write_atomic


class FileState(NamedTuple):
    """What changes when a file changes: size, times of content and inode (ns), inode number."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


class InputDigest(NamedTuple):
    """Digest of an input (hex), its kind (such as xxh3_128 over all bytes) and the size in bytes."""

    digest: str
    kind: str
    n_bytes: int


def file_state(path: Path) -> FileState:
    """State of a file now; take it before the digest, so that a change while reading is noticed next time."""
    found = path.stat()
    return FileState(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


def _name(path: Path) -> str:
    # Not resolved: a link that now points elsewhere has another inode, which the state tells.
    return str(Path(path).absolute())


class InputMemory:
    """Remembered digests in ``work/inputs.jsonl``: append-only, one writer (the holder of the lock).

    A line torn by a kill is ignored and cut off before the next line is appended.
    """

    def __init__(self, root: Path) -> None:
        self._path = private_directory(Path(root) / "work") / "inputs.jsonl"
        self._known: dict[str, tuple[FileState, InputDigest]] = {}
        self._handle: IO[bytes] | None = None
        self._n_lines = 0
        self._is_torn = False
        if self._path.exists():
            self._load()

    def _load(self) -> None:
        for line in self._path.read_bytes().splitlines(keepends=True):
            self._n_lines += 1
            try:
                entry = json.loads(line)
                self._known[entry["path"]] = (FileState(*entry["state"]), InputDigest(*entry["digest"]))
            except (ValueError, TypeError, KeyError):
                self._is_torn = True
            self._is_torn = self._is_torn or not line.endswith(b"\n")

    def lookup(self, path: Path) -> InputDigest | None:
        """Digest of a file if it was remembered and the file has not been touched since."""
        known = self._known.get(_name(path))
        if known is None:
            return None
        try:
            return known[1] if file_state(Path(path)) == known[0] else None
        except OSError:
            return None

    def remember(self, path: Path, state: FileState, digest: InputDigest) -> None:
        """Add a digest; ``state`` is the file's state from before it was read."""
        name = _name(path)
        if self._known.get(name) == (state, digest):
            return
        self._known[name] = (state, digest)
        if self._handle is None:
            self._open()
        assert self._handle is not None
        self._handle.write(self._line(name))
        self._handle.flush()
        self._n_lines += 1

    def _line(self, name: str) -> bytes:
        state, digest = self._known[name]
        return json.dumps({"path": name, "state": list(state), "digest": list(digest)}).encode() + b"\n"

    def _open(self) -> None:
        if self._is_torn or self._n_lines > 2 * len(self._known) + 100:
            write_atomic(self._path, b"".join(self._line(name) for name in sorted(self._known)))
            self._is_torn, self._n_lines = False, len(self._known)
        self._handle = self._path.open("ab")

    def close(self) -> None:
        """Make what was appended durable."""
        if self._handle is not None:
            os.fsync(self._handle.fileno())
            self._handle.close()
            self._handle = None

    def __enter__(self) -> InputMemory:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
