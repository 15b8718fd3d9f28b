"""A row with a reason beside every null, and what the parts of the row of ``night`` share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plms_pipeline.scoring import evidence
from plms_pipeline.scoring.candidates import CANDIDATE, WITHOUT_DURATION
from plms_pipeline.scoring.inputs import UNSCORED, US_PER_H, WAKE, NightInput, times
from plms_pipeline.scoring.passes import Scoring
from plms_pipeline.scoring.rules import RuleSet
from plms_pipeline.scoring.timeline import Frame

Mask = NDArray[np.bool_]


class Row(dict[str, Any]):
    """Columns in order; every nullable one is followed by its reason, null exactly when the value is not."""

    def put(self, name: str, value: Any, reason: str | None) -> None:
        """A value, or null with the reason why."""
        self[name] = value if reason is None else None
        self[f"{name}_reason"] = reason

    def rate(self, name: str, n: int, time_us: int, reason: str | None, no_time: str) -> None:
        """Events per hour of ``time_us``; null without such time."""
        reason = reason or (None if time_us else no_time)
        self.put(name, None if reason else n * US_PER_H / time_us, reason)


class Context:
    """What the parts of a row share."""

    def __init__(self, night: NightInput, rules: RuleSet, at: Frame, done: Scoring, memo: dict[Any, Any]) -> None:
        self.night, self.rules, self.at, self.done, self.memo = night, rules, at, done, memo
        found = done.found
        self.time: evidence.Exposure = self.once("exposure", lambda: evidence.exposure(at))
        self.no_leg = night.no_leg_reason if at.legs_used == "none" else None
        self.unstaged = None if at.hypnogram is not None else "stages_not_scored"
        self.no_stages = self.unstaged or ("sleep_wake_only" if night.stages_state == "sleep_wake_only" else None)
        self.no_sleep = "no_scorable_sleep" if self.time.scorable_us + self.time.unscorable_us else "no_sleep"
        self.is_lm = found.is_countable & (found.reason != WITHOUT_DURATION)
        self.is_clm = found.is_countable & (found.reason == CANDIDATE)
        self.onset_in_wake = found.stage == WAKE
        # Time without a stage is neither sleep nor wake (A9).
        self.onset_unstaged = (found.stage == UNSCORED) & (at.hypnogram is not None)
        bare = found.in_window & (found.reason == WITHOUT_DURATION)
        self.no_candidates = self.no_leg or ("no_duration" if bare.any() else None)
        if self.no_candidates is None and rules.sleep_requirement != "none":
            self.no_candidates = self.unstaged
        edges = times([at.low_us, at.high_us])
        self.window_scorable_us = at.high_us - at.low_us - int(np.diff(at.gaps.covered_before(edges))[0])

    def once(self, key: Any, compute: Callable[[], Any]) -> Any:
        """What does not depend on the rule set is computed for the first one only."""
        if key not in self.memo:
            self.memo[key] = compute()
        return self.memo[key]


def count(mask: Mask) -> int:
    """Number of true entries."""
    return int(np.count_nonzero(mask))
