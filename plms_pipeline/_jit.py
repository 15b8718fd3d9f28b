"""The only importer of numba: one ``jit`` with every option, and a cache keyed by the kernels' sources.

numba's own cache does not notice a change in an imported helper (numba issue 1833), so the cache directory carries
a digest over every module of ``emg/`` and ``scoring/`` and the versions of numba and llvmlite.
"""

import atexit
import hashlib
import logging
import os
import shutil
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llvmlite  # type: ignore[import-untyped]
import numba

KERNEL_ROOMS = ("emg", "scoring")


def kernel_digest() -> str:
    """Digest of every source file of the kernel rooms and of the compiler's versions.

    Returns
    -------
    str
        32 hexadecimal digits.
    """
    digest = hashlib.blake2b(digest_size=16)
    package = Path(__file__).resolve().parent
    for room in KERNEL_ROOMS:
        for path in sorted((package / room).rglob("*.py")):
            digest.update(path.relative_to(package).as_posix().encode() + b"\0")
            digest.update(path.read_bytes() + b"\0")
    digest.update(Path(__file__).read_bytes())
    digest.update(f"numba {numba.__version__} llvmlite {llvmlite.__version__}".encode())
    return digest.hexdigest()


def _others_can_write(path: Path) -> bool:
    info = path.stat()
    if bool(info.st_mode & (stat.S_IWGRP | stat.S_IWOTH)):
        return True
    return hasattr(os, "getuid") and info.st_uid not in (0, os.getuid())


def _private_temporary() -> Path:
    path = Path(tempfile.mkdtemp(prefix="plms-kernels-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def _user_cache_root() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or ""
    return (Path(base) if base else Path.home() / ".cache") / "plms"


def choose_cache_directory(digest: str) -> tuple[Path, str | None]:
    """Directory for compiled kernels: ``PLMS_CACHE_DIR``, else the user cache, else a private temporary one.

    A directory that someone else can write would let them run code as this user, so it is refused.

    Parameters
    ----------
    digest : str
        Name of the folder below the cache root.

    Returns
    -------
    directory : Path
    note : str or None
        Why the preferred place was not used; None when it was.
    """
    try:
        given = os.environ.get("PLMS_CACHE_DIR")
        root = Path(given).expanduser().resolve() if given else _user_cache_root()
        directory = root / digest
        root.parent.mkdir(parents=True, exist_ok=True)
        for place in (root, directory):
            place.mkdir(mode=0o700, exist_ok=True)
        for place in (root, directory):
            if _others_can_write(place):
                note = f"kernel cache {place} can be written by others and is not used; chmod go-w it"
                return _private_temporary(), note
        # numba needs to write its index even when every kernel is there already.
        if not os.access(directory, os.W_OK):
            return _copy_of(directory), None
    except (OSError, RuntimeError) as error:
        note = f"no kernel cache folder ({type(error).__name__}); kernels compile in every process"
        return _private_temporary(), note
    return directory, None


def _copy_of(directory: Path) -> Path:
    """Private copy of a pre-filled cache on a read-only mount."""
    target = _private_temporary() / directory.name
    shutil.copytree(directory, target, copy_function=shutil.copy2)
    for path in (target, *target.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)
    return target


DIGEST = kernel_digest()
CACHE_DIRECTORY, CACHE_NOTE = choose_cache_directory(DIGEST)
numba.config.CACHE_DIR = str(CACHE_DIRECTORY)
if CACHE_NOTE is not None:
    logging.getLogger(__name__).warning(CACHE_NOTE)

_warmers: list[Callable[[], None]] = []


def jit(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a kernel: nopython, cached, without the GIL, IEEE arithmetic in source order."""
    return numba.njit(cache=True, nogil=True, fastmath=False, error_model="numpy")(function)


def warms(function: Callable[[], None]) -> Callable[[], None]:
    """Register a function that calls every kernel of a room once on tiny input."""
    _warmers.append(function)
    return function


def warm() -> int:
    """Compile every kernel of the rooms imported so far and fill the cache.

    Returns
    -------
    int
        Number of rooms warmed.
    """
    for function in _warmers:
        function()
    return len(_warmers)
