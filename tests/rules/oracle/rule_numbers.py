"""Numbers of the four rule sets, written down a second time from the published rules (microseconds)."""

from __future__ import annotations

from typing import Any

S = 1_000_000

RULE_SETS: dict[str, dict[str, Any]] = {
    "wasm2016": {
        "needs_morphology": True,
        "shortest_lm": 500_000,
        "longest_monolateral": 10 * S,
        "longest_bilateral": 15 * S,
        "longest_combined_channel": 15 * S,
        "most_monolateral_in_bilateral": 4,
        "too_long": "is a non-CLM and ends the series",
        "legs_join": "gap between them",
        "legs_join_below": 500_000,
        "shortest_imi": 10 * S,
        "longest_imi": 90 * S,
        "short_interval": "ends the series",
        "fewest_in_series": 4,
        "scores": "sleep and wake",
        "respiratory": "around the end",
        "respiratory_from": -2 * S,
        "respiratory_to": 10_250_000,
        "respiratory_related": "taken out in a second pass",
        "arousal_below": 500_000,
        "endless_train_per_h": 360,
    },
    "aasm3": {
        "needs_morphology": False,
        "shortest_lm": 500_000,
        "longest_monolateral": 10 * S,
        "longest_bilateral": None,
        "longest_combined_channel": 15 * S,
        "most_monolateral_in_bilateral": None,
        "too_long": "is no LM",
        "legs_join": "onsets",
        "legs_join_below": 5 * S,
        "shortest_imi": 5 * S,
        "longest_imi": 90 * S,
        "short_interval": "ends the series",
        "fewest_in_series": 4,
        "scores": "any part in sleep",
        "respiratory": "around the whole event",
        "respiratory_from": -500_000,
        "respiratory_to": 500_000,
        "respiratory_related": "taken out first",
        "arousal_below": 500_000,
        "endless_train_per_h": 720,
    },
    "wasm2006": {
        "needs_morphology": False,
        "shortest_lm": 500_000,
        "longest_monolateral": 10 * S,
        "longest_bilateral": 15 * S,
        "longest_combined_channel": 15 * S,
        "most_monolateral_in_bilateral": None,
        "too_long": "is no LM",
        "legs_join": "gap between them",
        "legs_join_below": 500_000,
        "shortest_imi": 5 * S,
        "longest_imi": 90 * S,
        "short_interval": "later one is ignored",
        "fewest_in_series": 4,
        "scores": "sleep and wake",
        "respiratory": "around the end",
        "respiratory_from": -500_000,
        "respiratory_to": 500_000,
        "respiratory_related": "taken out first",
        "arousal_below": 500_000,
        "endless_train_per_h": 720,
    },
    "coleman": {
        "needs_morphology": False,
        "shortest_lm": 500_000,
        "longest_monolateral": 5 * S,
        "longest_bilateral": None,
        "longest_combined_channel": 15 * S,
        "most_monolateral_in_bilateral": None,
        "too_long": "is no LM",
        "legs_join": "onsets",
        "legs_join_below": 5 * S,
        "shortest_imi": 5 * S,
        "longest_imi": 90 * S,
        "short_interval": "ends the series",
        "fewest_in_series": 4,
        "scores": "onset in sleep",
        "respiratory": None,
        "respiratory_from": None,
        "respiratory_to": None,
        "respiratory_related": None,
        "arousal_below": None,
        "endless_train_per_h": 720,
    },
}

SAME_LEG_JOINED_BELOW = 500_000
PERIODICITY_SHORTEST, PERIODICITY_LONGEST, PERIODICITY_RUN = 10 * S, 90 * S, 3
LOST_AT_AN_EDGE, HIDDEN_AT_AN_EDGE = 4, 3
FULL_SCORABLE_PERCENT, FULL_STAGED_PERCENT, FULL_SLEEP = 90, 95, 4 * 3600 * S
ASLEEP = ("N1", "N2", "N3", "R", "S")
