"""Nights written in seconds, and the rule files of the checkout."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from plms_pipeline import scoring

RULES = Path(__file__).parents[2] / "schemas" / "rules"
HOUR = 3600


def us(seconds: Any) -> int:
    """Decimal seconds as microseconds, exactly."""
    value = Decimal(str(seconds)) * 1_000_000
    assert value == int(value)
    return int(value)


@lru_cache
def loaded(name: str) -> dict[str, Any]:
    """A rule file as a dict."""
    return yaml.safe_load((RULES / f"{name}.yaml").read_text(encoding="utf-8"))


@lru_cache(maxsize=256)
def rules(name: str, **overrides: Any) -> scoring.RuleSet:
    """A rule set of the checkout, some values replaced."""
    return scoring.rule_set_from_mapping(loaded(name), overrides)


@lru_cache(maxsize=16)
def evidence(**overrides: Any) -> scoring.EvidenceSettings:
    """The evidence settings of the checkout, some values replaced."""
    return scoring.evidence_from_mapping(loaded("evidence"), overrides)


def movements(rows: Sequence[tuple[Any, ...]]) -> scoring.Movements:
    """Rows of leg (L, R, C), onset, offset (None = no duration) and optionally has_morphology."""
    return scoring.make_movements(
        ["LRC".index(row[0]) for row in rows],
        [us(row[1]) for row in rows],
        [scoring.NO_DURATION if row[2] is None else us(row[2]) for row in rows],
        [row[3] if len(row) > 3 else True for row in rows],
    )


def stages(rows: Sequence[tuple[Any, Any, str]] | str | None, duration: int) -> scoring.Stages | None:
    """Rows of onset, offset, stage; one stage for the whole night; None = not staged."""
    if rows is None:
        return None
    if isinstance(rows, str):
        rows = [(0, duration, rows)]
    return scoring.make_stages([us(row[0]) for row in rows], [us(row[1]) for row in rows], [row[2] for row in rows])


def spans(rows: Sequence[tuple[Any, ...]]) -> scoring.Spans:
    """Rows of onset, offset and optionally leg (L, R; left out = both)."""
    return scoring.make_spans(
        [us(row[0]) for row in rows],
        [us(row[1]) for row in rows],
        ["LR".index(row[2]) if len(row) > 2 else scoring.BOTH_LEGS for row in rows],
    )


def night(
    rows: Sequence[tuple[Any, ...]] | None,
    *,
    hypnogram: Sequence[tuple[Any, Any, str]] | str | None = "N2",
    respiratory: Sequence[tuple[Any, ...]] | None = (),
    arousals: Sequence[tuple[Any, ...]] | None = (),
    gaps: Sequence[tuple[Any, ...]] = (),
    duration: int = 8 * HOUR,
    lights: tuple[Any, Any] = (None, None),
    legs: str | None = None,
    settings: scoring.EvidenceSettings | None = None,
    **states: str,
) -> scoring.NightInput:
    """A night in seconds; by default eight hours of N2, both legs, everything looked for, nothing else found."""
    if legs is None:
        legs = "combined" if rows and rows[0][0] == "C" else "both"
    events = None
    if respiratory is not None:
        events = scoring.make_respiratory(
            [us(row[0]) for row in respiratory],
            [us(row[1]) for row in respiratory],
            [len(row) > 2 and row[2] == "rera" for row in respiratory],
        )
    off, on = lights
    return scoring.NightInput(
        None if rows is None else movements(rows),
        stages(hypnogram, duration),
        events,
        None if arousals is None else spans(arousals),
        spans(gaps),
        us(duration),
        (None if off is None else us(off), None if on is None else us(on)),
        legs,
        settings or evidence(),
        **states,
    )


class Tools(NamedTuple):
    """What the tests of a rule set use."""

    us: Callable[[Any], int]
    rules: Callable[..., scoring.RuleSet]
    evidence: Callable[..., scoring.EvidenceSettings]
    night: Callable[..., scoring.NightInput]
    loaded: Callable[[str], dict[str, Any]]

    def score(self, rule_set: str, *args: Any, options: dict[str, Any] | None = None, **kwargs: Any) -> scoring.Scored:
        """One night under one rule set."""
        return scoring.score(self.night(*args, **kwargs), [self.rules(rule_set, **(options or {}))])[0]

    @staticmethod
    def every(interval: Any, n: int, *, start: Any = 1000, leg: str = "L", last: Any = 2) -> list[tuple[Any, ...]]:
        """``n`` movements of ``last`` seconds with onsets ``interval`` seconds apart."""
        first, step = Decimal(str(start)), Decimal(str(interval))
        return [(leg, first + k * step, first + k * step + Decimal(str(last))) for k in range(n)]


@pytest.fixture(scope="session")
def t() -> Tools:
    """Builders of nights and rule sets."""
    return Tools(us, rules, evidence, night, loaded)
