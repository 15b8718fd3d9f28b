"""Values of a condition drawn from the ranges of the conditions file."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np
import yaml

from plms_pipeline.errors import InputError

_FILE = "conditions.yaml"


@lru_cache
def conditions_file() -> Mapping[str, Any]:
    """The conditions as shipped: sections ``truth``, ``defaults`` and ``conditions``."""
    text = files("plms_pipeline.simulate").joinpath(_FILE).read_text(encoding="utf-8")
    loaded: Mapping[str, Any] = yaml.safe_load(text)
    return loaded


def condition_names() -> tuple[str, ...]:
    """Names of all conditions, in the order of the file."""
    return tuple(conditions_file()["conditions"])


def chosen_conditions(text: str) -> list[str]:
    """Conditions behind names or groups with commas between, ``targets`` (every group but ``more``) or ``all``.

    Raises
    ------
    InputError
        For a name that is none of these.
    """
    groups = {name: value["group"] for name, value in conditions_file()["conditions"].items()}
    if text == "all":
        return list(groups)
    if text == "targets":
        return [name for name, group in groups.items() if group != "more"]
    wanted = [part.strip() for part in text.split(",")]
    if unknown := [part for part in wanted if part not in groups and part not in groups.values()]:
        raise InputError(f"{unknown[0]}: no such condition; there are {', '.join(groups)}, targets and all")
    return [name for name, group in groups.items() if name in wanted or group in wanted]


def settings_of(condition: str) -> dict[str, Any]:
    """Defaults with the overrides of one condition, ranges not yet drawn.

    Raises
    ------
    InputError
        If there is no such condition.
    """
    known = conditions_file()["conditions"]
    if condition not in known:
        raise InputError(f"{condition}: no such condition; there are {', '.join(known)}")
    return _merged(conditions_file()["defaults"], known[condition])


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for name, value in over.items():
        old = merged.get(name)
        is_section = isinstance(old, Mapping) and isinstance(value, Mapping) and not _is_range(value)
        merged[name] = _merged(old, value) if is_section and isinstance(old, Mapping) else value
    return merged


def _is_range(value: Mapping[str, Any]) -> bool:
    return len(value) == 1 and next(iter(value)) in ("log", "one_of", "ranges")


def draw(rng: np.random.Generator, value: Any) -> Any:
    """One draw: a number or text is itself; see the head of the conditions file for the ranges."""
    if isinstance(value, Mapping):
        ((kind, choices),) = value.items()
        if kind == "one_of":
            return choices[int(rng.integers(len(choices)))]
        if kind == "ranges":
            return draw(rng, choices[int(rng.integers(len(choices)))])
        low, high = choices
        return float(low * (high / low) ** rng.random())
    if isinstance(value, list):
        return float(rng.uniform(value[0], value[1]))
    return value


def count(rng: np.random.Generator, section: Mapping[str, Any], hours: float) -> int:
    """How many of something: ``count`` as it is, or ``per_h`` times the hours."""
    if "count" in section:
        return round(draw(rng, section["count"]))
    return round(draw(rng, section["per_h"]) * hours)


def stretches(
    rng: np.random.Generator, n: int, duration_s: Any, end_s: float, *, apart_s: float = 5.0
) -> list[tuple[float, float]]:
    """Up to ``n`` stretches of drawn length that do not overlap and fit, (start, end) in seconds, sorted."""
    found: list[tuple[float, float]] = []
    for _ in range(n):
        length = float(draw(rng, duration_s))
        if length + 20.0 >= end_s:
            continue
        for _ in range(20):
            start = float(rng.uniform(10.0, end_s - length - 10.0))
            if all(start + length + apart_s <= a or start >= b + apart_s for a, b in found):
                found.append((start, start + length))
                break
    return sorted(found)
