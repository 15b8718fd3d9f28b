"""Compile the kernels once for all workers of a run.

Workers that start with an empty kernel cache compile every kernel in every process at the same time. One child
process fills the cache instead, while the cluster (and Prefect's server) starts.
"""

import os
import subprocess
import sys
from types import TracebackType

from plms_pipeline import _jit

WAIT_S = 300.0
COMMAND = "from plms_pipeline import _jit, emg, scoring; _jit.warm()"


def is_cold() -> bool:
    """Whether the kernel cache can be shared and holds nothing yet."""
    return _jit.CACHE_NOTE is None and not any(_jit.CACHE_DIRECTORY.rglob("*.nbi"))


class KernelWarming:
    """Fills a cold kernel cache in a child process; a context manager that ends the child with the run.

    It only saves time: whatever befalls the child, the workers compile what they do not find.

    Parameters
    ----------
    is_local
        Whether the workers run on this machine; the cache of another is filled by ``plms doctor --warm`` there.
    """

    def __init__(self, is_local: bool) -> None:
        self._is_needed = is_local and is_cold()
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "KernelWarming":
        if self._is_needed:
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
            self._child = subprocess.Popen(
                [sys.executable, "-c", COMMAND],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        return self

    def wait(self) -> None:
        """Return when the cache is filled, or when that takes too long."""
        if self._child is None:
            return
        try:
            self._child.wait(timeout=WAIT_S)
        except subprocess.TimeoutExpired:
            self._stop()

    def _stop(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.wait()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()
