"""Both implementations on one night, and what differs between them."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml

from plms_pipeline import scoring
from tests.rules.oracle import plain_scorer

RULES = Path(__file__).parents[2] / "schemas" / "rules"
RULE_SETS = ("wasm2016", "aasm3", "wasm2006", "coleman")
NIGHT_COLUMNS = {
    "tst_h": "tst_h",
    "sleep_scorable_h": "sleep_scorable_h",
    "n_lm": "n_lm",
    "n_clm": "n_clm",
    "n_clms": "n_clms",
    "n_plm": "n_plm",
    "n_plms": "n_plms",
    "n_plms_nr": "n_plms_nr",
    "n_plmw": "n_plmw",
    "plmsi": "plmsi_per_h",
    "plmsi_lo": "plmsi_lo_per_h",
    "plmsi_hi": "plmsi_hi_per_h",
    "plmsi_nr": "plmsi_nr_per_h",
    "plmsi_nr_lo": "plmsi_nr_lo_per_h",
    "plmsi_nr_hi": "plmsi_nr_hi_per_h",
    "plmwi": "plmwi_per_h",
    "plms_arousal_index": "plms_arousal_index_per_h",
    "n_arousal_with_plms": "n_arousal_with_plms",
    "periodicity_index_ferri": "periodicity_index_ferri",
    "plm_clm_ratio": "plm_clm_ratio",
    "evidence_class": "evidence_class",
}
ROW_COLUMNS = {
    "onset": "onset_s",
    "offset": "offset_s",
    "side": "side",
    "n_monolateral": "n_monolateral",
    "is_lm": "is_lm",
    "is_truncated": "is_truncated",
    "is_candidate": "is_candidate",
    "reason": "candidate_reason",
    "imi": "imi_s",
    "imi_nr": "imi_nr_s",
    "series": "series_id",
    "series_nr": "series_nr_id",
    "is_plm": "is_plm",
    "is_plm_nr": "is_plm_nr",
    "stage": "stage",
    "respiratory": "is_respiratory_related",
    "arousal": "is_arousal_associated",
}
SECONDS = ("onset", "offset", "imi", "imi_nr")


@lru_cache
def loaded(name: str) -> Any:
    """A declaration of the checkout."""
    return yaml.safe_load((RULES / f"{name}.yaml").read_text(encoding="utf-8"))


def night_input(night: dict[str, Any], package: ModuleType = scoring) -> Any:
    """A night of the plain scorer as the package takes it."""
    stages = night["stages"]
    respiratory, arousals, gaps = night["respiratory"], night["arousals"], night["gaps"]
    rows = night["movements"]
    return package.NightInput(
        package.make_movements(
            ["LRC".index(row[0]) for row in rows],
            [row[1] for row in rows],
            [package.NO_DURATION if row[2] is None else row[2] for row in rows],
            [row[3] for row in rows],
            [row[4] for row in rows],
        ),
        None
        if stages is None
        else package.make_stages(
            [on for on, _, _ in stages], [on + length for on, length, _ in stages], [label for _, _, label in stages]
        ),
        None
        if respiratory is None
        else package.make_respiratory([on for on, _ in respiratory], [off for _, off in respiratory]),
        None if arousals is None else package.make_spans([on for on, _ in arousals], [off for _, off in arousals]),
        package.make_spans(
            [on for on, _, _ in gaps],
            [off for _, off, _ in gaps],
            [package.BOTH_LEGS if leg is None else "LR".index(leg) for _, _, leg in gaps],
        ),
        night["duration"],
        (night["lights_off"], night["lights_on"]),
        night["legs"],
        package.evidence_from_mapping(loaded("evidence")),
        respiratory_state="partial" if night["respiratory_partial"] else "scored",
        arousals_state="partial" if night["arousals_partial"] else "scored",
    )


def is_same(a: Any, b: Any) -> bool:
    """Equal to the last bit, and not a number against an unknown."""
    return bool(a == b) and (a is None) == (b is None)


def differences(night: dict[str, Any], rule_set: str, fast: Any, plain: Any = None) -> list[str]:
    """What two scorings of one night differ in, as lines.

    ``fast`` is what ``scoring.score`` returned for one rule set; ``plain`` what the plain scorer did.
    """
    rows, numbers = plain or plain_scorer.score(night, rule_set)
    found = fast.movements
    out = []
    if len(rows) != len(found["onset_s"]):
        out.append(f"{rule_set}: {len(found['onset_s'])} movements, plain {len(rows)}")
    else:
        for mine, theirs in ROW_COLUMNS.items():
            if mine == "n_monolateral" and night["legs"] == "combined":
                continue
            for i, row in enumerate(rows):
                value = row[mine]
                if mine in SECONDS and value is not None:
                    value = value / 1_000_000
                if not is_same(value, found[theirs][i]):
                    where = f"{rule_set}: movement at {row['onset'] / 1e6}"
                    out.append(f"{where}: {theirs} = {found[theirs][i]!r}, plain {value!r}")
    for mine, theirs in NIGHT_COLUMNS.items():
        if not is_same(numbers[mine], fast.night[theirs]):
            out.append(f"{rule_set}: {theirs} = {fast.night[theirs]!r}, plain {numbers[mine]!r}")
    return out
