"""Time-stamped annotation lists (TALs) of EDF+ and BDF+ annotation signals."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Decimal
from typing import NamedTuple

import numpy as np

# Bytes at the start of a record's first annotation signal that hold its time stamp; a longer one is none.
STAMP_BYTES = 40

_LONGEST_S = 100 * 366 * 86_400  # keeps microseconds far inside int64

# EDF+ 2.2.2: onset always signed, duration without sign, decimal point, no exponent
_TAL = re.compile(rb"([+-]\d+(?:\.\d*)?)(?:\x15(\d+(?:\.\d*)?)?)?\x14")


class Tal(NamedTuple):
    """One time-stamped annotation list.

    Attributes
    ----------
    onset_us : int
        Microseconds after the start time of the header.
    duration_us : int or None
        None where the file names no duration.
    texts : tuple of str
        Annotations at that onset; a time-keeping list begins with an empty one.
    """

    onset_us: int
    duration_us: int | None
    texts: tuple[str, ...]


def to_us(text: str) -> int:
    """Microseconds of a decimal number of seconds, exact up to the rounding of the seventh decimal.

    Raises
    ------
    ValueError
        For text that is no number, not finite, or beyond a century.
    """
    try:
        value = Decimal(text.strip())
    except ArithmeticError:
        raise ValueError(f"{text!r} is no number") from None
    # copy_abs does not round: abs() of 1e9999999 overflows
    if not value.is_finite() or value.copy_abs() > _LONGEST_S:
        raise ValueError(f"{text!r} is no time within a recording")
    return int((value * 1_000_000).to_integral_value(ROUND_HALF_EVEN))


def parse_tals(block: bytes) -> tuple[list[Tal], int]:
    """The annotation lists of one annotation signal in one record (EDF+ 2.2.2).

    Parameters
    ----------
    block : bytes
        All bytes of the signal in the record; unused bytes are zero.

    Returns
    -------
    tals : list of Tal
        In the order of the file.
    n_malformed : int
        Lists that could not be read.
    """
    tals: list[Tal] = []
    n_malformed = 0
    for chunk in block.rstrip(b"\x00").split(b"\x00"):
        if not chunk:
            continue
        match = _TAL.match(chunk)
        if match is None or not chunk.endswith(b"\x14"):
            n_malformed += 1
            continue
        try:
            onset_us = _us(match.group(1))
            duration_us = None if match.group(2) is None else _us(match.group(2))
        except ValueError:
            n_malformed += 1
            continue
        texts = chunk[match.end() :].split(b"\x14")[:-1]
        tals.append(Tal(onset_us, duration_us, tuple(_text(text) for text in texts)))
    return tals, n_malformed


def first_stamp_us(block: bytes) -> int | None:
    """Time stamp of a record: the onset of the first list of its first annotation signal (EDF+ 2.2.4)."""
    match = _TAL.match(block)
    try:
        return None if match is None else _us(match.group(1))
    except ValueError:
        return None


def first_stamps_us(heads: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Time stamps of many records, as :func:`first_stamp_us` reads each.

    Parameters
    ----------
    heads : ndarray of uint8, shape (n, width)
        Per record the first bytes of its first annotation signal.

    Returns
    -------
    stamps_us : ndarray of int64, shape (n,)
        Microseconds after the start time of the header; 0 where there is none.
    is_known : ndarray of bool, shape (n,)
    """
    n, width = heads.shape
    stamps = np.zeros(n, dtype=np.int64)
    is_known = np.zeros(n, dtype=bool)
    if n == 0 or width < 3:
        return stamps, is_known
    # Stamps of one shape (so many digits before and after the point) are read together: a night has a few shapes.
    end = np.argmax(heads == 0x14, axis=1)
    point = np.argmax(heads == 0x2E, axis=1)
    shape = end * width + np.where((point > 0) & (point < end), point, end)
    for key in np.flatnonzero(np.bincount(shape)):
        rows = np.flatnonzero(shape == key)
        stop, dot = divmod(int(key), width)
        values, is_number = _stamps_of_shape(heads[rows, : stop + 1], dot, stop)
        stamps[rows], is_known[rows] = values, is_number
    for row in np.flatnonzero(~is_known):
        stamp = first_stamp_us(heads[row].tobytes())
        if stamp is not None:
            stamps[row], is_known[row] = stamp, True
    return stamps, is_known


def _stamps_of_shape(heads: np.ndarray, dot: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
    n_whole, n_decimals = dot - 1, max(0, stop - dot - 1)
    if not (1 <= n_whole <= 9 and n_decimals <= 6):
        return np.zeros(len(heads), dtype=np.int64), np.zeros(len(heads), dtype=bool)
    columns = [*range(1, dot), *range(dot + 1, stop)]
    digits = heads[:, columns].astype(np.int64) - 48
    powers = [10 ** (5 + n_whole - k) for k in range(n_whole)] + [10 ** (5 - k) for k in range(n_decimals)]
    values = (digits * np.array(powers, dtype=np.int64)).sum(axis=1)
    sign = heads[:, 0]
    is_number = ((digits >= 0) & (digits <= 9)).all(axis=1) & ((sign == 0x2B) | (sign == 0x2D))
    return np.where(sign == 0x2D, -values, values), is_number


def _us(raw: bytes) -> int:
    # The usual six decimals or fewer need no rounding; a night has a stamp for every record.
    whole, _, decimals = raw.partition(b".")
    if len(decimals) > 6 or len(whole) > 11:
        return to_us(raw.decode())
    us = abs(int(whole)) * 1_000_000 + int(decimals.ljust(6, b"0"))
    return -us if raw.startswith(b"-") else us


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8").strip()
    except UnicodeDecodeError:
        return raw.decode("latin-1").strip()
