"""Digests of settings: the same content gives the same text, whatever the order of its keys."""

from __future__ import annotations

import json
import math
from typing import Any

import xxhash


def _canonical(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _canonical(value[key]) for key in value}
    if hasattr(value, "_asdict"):
        return _canonical(value._asdict())
    if isinstance(value, (list, tuple)):
        return [_canonical(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((_canonical(item) for item in value), key=repr)
    if hasattr(value, "tolist"):
        return _canonical(value.tolist())
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return value + 0.0  # -0.0 and 0.0 are one number
    if value is None or isinstance(value, (str, int, bool)):
        return value
    raise TypeError(f"no canonical form for {type(value).__name__}")


def canonical_json(value: Any) -> str:
    """JSON with sorted keys, no blanks, NaN as null: the text that is digested and stored."""
    return json.dumps(_canonical(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest_of(value: Any) -> str:
    """xxh3_128 (hex) of the canonical JSON of settings, rows or any JSON-able value."""
    return xxhash.xxh3_128_hexdigest(canonical_json(value).encode())
