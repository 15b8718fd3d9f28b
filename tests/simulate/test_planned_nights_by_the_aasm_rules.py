"""AASM manual, version 3: the planned movements of every person, counted by the plain second scorer, event by event.

The plan builds its truth by WASM/IRLSSG 2016. The hand-written table says of both rule sets on which side of the
threshold a person stands; for the AASM rules that is shown here, without the simulator and without the package.
"""

from __future__ import annotations

from typing import Any

import pytest

from plms_pipeline import simulate
from plms_pipeline.simulate import Persona, PlannedNight
from tests.rules.oracle import plain_scorer

SEED = 20261122
EVERYONE = simulate.personas()


def as_plain_night(night: PlannedNight, persona: Persona) -> dict[str, Any]:
    """The planned events in the form of the plain scorer."""
    m, r, a = night.movements, night.respiratory, night.arousals
    return {
        "legs": "both",
        "movements": [
            ("LR"[leg], int(onset), int(offset), True, False)
            for leg, onset, offset in zip(m.leg, m.onset_us, m.offset_us, strict=True)
        ],
        "stages": [(k * night.epoch_us, night.epoch_us, stage) for k, stage in enumerate(night.stages)],
        "respiratory": [(int(on), int(off)) for on, off in zip(r.onset_us, r.offset_us, strict=True)]
        if persona.respiratory_scored
        else None,
        "respiratory_partial": False,
        "arousals": [(int(on), int(off)) for on, off in zip(a.onset_us, a.offset_us, strict=True)],
        "arousals_partial": False,
        "gaps": [],
        "lights_off": night.lights_off_us,
        "lights_on": night.lights_on_us,
        "duration": night.duration_us,
    }


def thresholds_of(persona: Persona) -> list[float]:
    """ICSD-3: 15/h from 18 years, 5/h under 18; both where nobody knows the age."""
    age = persona.tables["demographics"][0].get("age_years") if persona.tables["demographics"] else None
    return [5.0, 15.0] if age is None else [5.0] if float(age) < 18 else [15.0]


@pytest.mark.parametrize(("number", "persona"), list(enumerate(EVERYONE)), ids=lambda value: getattr(value, "key", ""))
def test_the_aasm_index_of_a_planned_night_stays_2_per_hour_on_its_side(number: int, persona: Persona) -> None:
    night = simulate.plan_night((SEED, number), plmsi_per_h=persona.plmsi_per_h, ahi_per_h=persona.ahi_per_h)
    plain = as_plain_night(night, persona)
    _, inclusive = plain_scorer.score(plain, "wasm2016")
    assert inclusive["n_plms"] == night.n_plms
    _, found = plain_scorer.score(plain, "aasm3")
    if not persona.respiratory_scored:
        assert (found["plmsi"], found["plmsi_lo"]) == (None, 0)
        assert all(found["plmsi_hi"] >= threshold + 2.0 for threshold in thresholds_of(persona))
        return
    for threshold in thresholds_of(persona):
        assert (found["plmsi"] > threshold) == (persona.plmsi_per_h > threshold)
        assert abs(found["plmsi"] - threshold) >= 2.0, (found["plmsi"], night.plmsi_per_h)
