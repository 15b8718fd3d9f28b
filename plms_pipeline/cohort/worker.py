"""Loaded by every local worker process before its first task."""

import signal
from typing import Any


def dask_setup(worker: Any) -> None:
    """Leave an interruption from the terminal to the run, which closes its workers in order."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
