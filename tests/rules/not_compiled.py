"""Stands for the compiler where a copy of the kernels runs as plain Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def jit(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function itself."""
    return function


def warms(function: Callable[[], None]) -> Callable[[], None]:
    """The function itself; nothing is compiled."""
    return function
