"""Error texts as they may be stored: without paths, processes, addresses, Dask keys and times."""

from __future__ import annotations

import re

_MAX_ROUNDS = 10
_WORD = r"[\w-][\w.@%+=~#$&-]*"
_NAME = r"[\w.@%+=~#$&-]+"
# Order matters: an address with a scheme holds slashes, and a Dask key ends in hexadecimal digits.
_RULES = (
    (re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s'\"<>)\]]+", re.IGNORECASE), "<address>"),
    (re.compile(r"(?<![\w.])\\\\[^\s'\",;:<>|]+"), "<path>"),
    (re.compile(r"(?<![A-Za-z])[A-Za-z]:[\\/](?:[^\\/'\"<>|:*?\n\r]+[\\/])*[^\\/\s'\"<>|:*?,;)]*"), "<path>"),
    (re.compile(r"(['\"])(?:~|\.{1,2})?/[^'\"\n]*\1"), r"\1<path>\1"),
    # A path without quotes may hold blanks: words after it belong to it if another slash or a suffix follows.
    (
        re.compile(
            rf"(?<![\w.~/<])(?:~|\.{{1,2}})?(?:/{_NAME})+"
            rf"(?:(?: {_WORD}){{1,4}}(?:/{_NAME})+|(?: [\w-]+){{1,4}}\.\w{{2,5}}\b)*/?"
        ),
        "<path>",
    ),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?"), "<time>"),
    (re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}(?::\d+)?\b"), "<address>"),
    (re.compile(r"\[[0-9a-f]*:[0-9a-f:]+\](?::\d+)?", re.IGNORECASE), "<address>"),
    (re.compile(r"\b0x[0-9a-f]+\b", re.IGNORECASE), "<address>"),
    (re.compile(r"\b(pid|process|worker|thread|signal handler of)([ =:#-]+)\d{2,}\b", re.IGNORECASE), r"\1\2<number>"),
    (re.compile(r"\b[\w.]+-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "<key>"),
    (re.compile(r"\b(?:[\w.]+-)?[0-9a-f]{32}\b"), "<key>"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "<key>"),
)


def redact_paths(text: str) -> str:
    """Replace in one line of text what differs between machines and runs, or tells where data lies.

    Parameters
    ----------
    text
        An error message, possibly of several lines.

    Returns
    -------
    str
        One line; paths, network and memory addresses, pids, Dask keys and times stand as ``<path>`` and so on.
        Applying it twice changes nothing more.
    """
    line = " ".join(text.split())
    # What is replaced may uncover another match; a few rounds settle it.
    for _ in range(_MAX_ROUNDS):
        before = line
        for pattern, replacement in _RULES:
            line = pattern.sub(replacement, line)
        if line == before:
            break
    return line
