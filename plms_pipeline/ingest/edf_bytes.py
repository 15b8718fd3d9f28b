"""The bytes of a recording's data records, a window at a time.

A map of the file lets two channels of thirty be read without copying the other twenty-eight. A page that cannot be
read would kill the process when touched, so every window is first populated by a call that fails instead
(``MADV_POPULATE_READ``, Linux 5.14). Where that call or the map is missing, the window is read into a buffer.
"""

from __future__ import annotations

import errno
import mmap
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from plms_pipeline import contracts
from plms_pipeline.errors import InputError
from plms_pipeline.ingest.edf_header import EdfHeader

_POPULATE_READ = 22  # the constant is not in the module mmap of Python 3.11
_PAGE = mmap.PAGESIZE
_ADVICE_BYTES = 1 << 17  # Linux takes no more of one request than the device reads ahead, 128 KB by default


class RecordBytes:
    """Windows into the bytes of a file; a context manager.

    Parameters
    ----------
    path : path
    end : int
        Bytes needed: up to the end of the last whole record.
    use_map : bool
        False reads into a buffer on every system.

    Raises
    ------
    InputError
        The file cannot be opened.
    """

    def __init__(self, path: Path | str, end: int, *, use_map: bool = True) -> None:
        self._path = path
        self._end = end
        self._map: mmap.mmap | None = None
        self._buffer = np.empty(0, dtype=np.uint8)
        self._held = (0, 0)
        try:
            self._file = Path(path).open("rb", buffering=0)  # noqa: SIM115 - closed by __exit__
        except OSError as error:
            raise _unreadable(path, error) from None
        if use_map and sys.platform == "linux":
            self._try_map()

    def __enter__(self) -> RecordBytes:
        return self

    def __exit__(self, *_: object) -> None:
        # The map goes when the last window is dropped: closing it under a window is an error.
        self._map = None
        self._file.close()

    @property
    def is_mapped(self) -> bool:
        """Whether windows are maps of the file, not copies."""
        return self._map is not None

    def _try_map(self) -> None:
        try:
            mapped = mmap.mmap(self._file.fileno(), self._end, access=mmap.ACCESS_READ)
            mapped.madvise(_POPULATE_READ, 0, min(_PAGE, self._end))
            mapped.madvise(mmap.MADV_SEQUENTIAL)
        except (OSError, ValueError):
            return
        self._map = mapped

    def window(self, start: int, stop: int) -> np.ndarray:
        """Bytes [start, stop) as uint8, read-only; the windows before become invalid.

        Raises
        ------
        InputError
            The file became shorter, or the storage fails.
        """
        return self._copied(start, stop) if self._map is None else self._mapped(self._map, start, stop)

    def _mapped(self, mapped: mmap.mmap, start: int, stop: int) -> np.ndarray:
        first = start // _PAGE * _PAGE
        begin, end = self._held
        try:
            # What lies behind is given back: the pages of a map count as memory of the process.
            drop_to = min(first, end) if first > begin else end
            if first != begin and drop_to > begin:
                mapped.madvise(mmap.MADV_DONTNEED, begin, drop_to - begin)
            last = min(-(-stop // _PAGE) * _PAGE, self._end)
            mapped.madvise(_POPULATE_READ, first, last - first)
        except OSError as error:
            raise self._failed(error) from None
        self._held = (first, last // _PAGE * _PAGE)
        return np.frombuffer(mapped, dtype=np.uint8, count=stop - start, offset=start)

    def _copied(self, start: int, stop: int) -> np.ndarray:
        if len(self._buffer) < stop - start:
            self._buffer = np.empty(stop - start, dtype=np.uint8)
        part = self._buffer[: stop - start]
        view = part.data
        done = 0
        try:
            self._file.seek(start)
            while done < len(view):
                n_read = self._file.readinto(view[done:])
                if not n_read:
                    raise self._failed(OSError(errno.EFAULT, os.strerror(errno.EFAULT)))
                done += n_read
        except OSError as error:
            raise self._failed(error) from None
        part = part.view()
        part.flags.writeable = False
        return part

    def _failed(self, error: OSError) -> InputError:
        if os.fstat(self._file.fileno()).st_size < self._end:
            return InputError(f"{self._path}: became shorter while it was read; wait until it is copied")
        return _unreadable(self._path, OSError(errno.EIO, os.strerror(errno.EIO)) if self.is_mapped else error)


def record_batches(path: Path | str, header: EdfHeader, *, use_map: bool = True) -> Iterator[tuple[int, np.ndarray]]:
    """Data records in batches: (index of the first, uint8 array of shape (n, record_bytes)).

    A batch is valid until the next one.
    """
    window_bytes = int(contracts.load_yaml("rules/reading.yaml")["window_bytes"])
    per_batch = max(1, min(header.n_records, window_bytes // header.record_bytes))
    with RecordBytes(path, data_end(header), use_map=use_map) as source:
        for first in range(0, header.n_records, per_batch):
            n = min(per_batch, header.n_records - first)
            start = header.header_bytes + first * header.record_bytes
            yield first, source.window(start, start + n * header.record_bytes).reshape(n, header.record_bytes)


def data_end(header: EdfHeader) -> int:
    """Where the last whole record ends."""
    return header.header_bytes + header.n_records * header.record_bytes


def read_ahead(path: Path | str) -> threading.Thread:
    """Ask the system to bring a file into memory while something else is computed.

    Parameters
    ----------
    path : path
        The recording that is read next. One that cannot be opened is met again, and named, when it is read.

    Returns
    -------
    Thread
        Ends when the system has taken the request; nobody needs to wait for it.
    """
    thread = threading.Thread(target=_advise, args=(path,), daemon=True)
    thread.start()
    return thread


def _advise(path: Path | str) -> None:
    if not hasattr(os, "posix_fadvise"):
        return
    try:
        with Path(path).open("rb", buffering=0) as handle:
            for start in range(0, os.fstat(handle.fileno()).st_size, _ADVICE_BYTES):
                os.posix_fadvise(handle.fileno(), start, _ADVICE_BYTES, os.POSIX_FADV_WILLNEED)
    except OSError:
        return


def _unreadable(path: Path | str, error: OSError) -> InputError:
    return InputError(f"{path}: cannot be read ({error.strerror}); check the file and the storage")
