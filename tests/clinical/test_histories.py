"""Random dated histories against oracles that enumerate days."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from plms_pipeline import contracts
from plms_pipeline.exposures import clinical_rules
from plms_pipeline.exposures.laboratory import lab_value
from plms_pipeline.exposures.medication import medication_statuses

RULES = clinical_rules()
LOOK_BACK = {"sertraline": 7, "fluoxetine": 35, "lithium": 7, "zolpidem": 3, "lisinopril": 0}
CLASS = {"sertraline": "ssri", "fluoxetine": "ssri", "lithium": "lithium", "zolpidem": "z_drug_hypnotic"}
DECLARATION = {"collected": list(contracts.codes("medication_class").values)}
INVENTORY = [{"complete": "yes", "collected_offset_d": 0}]

RECORD = st.tuples(
    st.sampled_from(sorted(LOOK_BACK)), st.integers(-60, 10), st.integers(0, 60), st.sampled_from(["end", "supply"])
)


@settings(max_examples=400, deadline=None)
@given(st.lists(RECORD, max_size=8))
def test_exposure_is_a_day_of_use_within_the_look_back(history: list[tuple[str, int, int, str]]) -> None:
    rows: list[dict[str, Any]] = []
    exposed: dict[str, bool] = dict.fromkeys(CLASS.values(), False)
    for drug, start, days, kind in history:
        row: dict[str, Any] = {"medication": drug, "record_type": "dispensing", "use_start_offset_d": start}
        row |= {"use_end_offset_d": start + days} if kind == "end" else {"days_supply": float(days)}
        rows.append(row)
        in_use = range(start, start + days + 1)
        if drug in CLASS and start <= 0 and any(-LOOK_BACK[drug] <= day <= 0 for day in in_use):
            exposed[CLASS[drug]] = True
    found = medication_statuses({"medication": rows, "inventory": INVENTORY}, None, DECLARATION, RULES)
    statuses = {row["class_id"]: row["exposed"] for row in found}
    for class_id, is_exposed in exposed.items():
        assert statuses[class_id] == ("yes" if is_exposed else "no")
    assert statuses["tca"] == "no"


DRAW = st.tuples(st.integers(-120, 120), st.sampled_from(["ng/mL", "stones"]), st.integers(1, 400))


@settings(max_examples=400, deadline=None)
@given(st.lists(DRAW, max_size=20, unique_by=lambda draw: draw[0]))
def test_nearest_usable_draw_by_walking_outward(draws: list[tuple[int, str, int]]) -> None:
    rows = [
        {"analyte": "Serum Ferritin", "value": str(value), "unit": unit, "collected_offset_d": day}
        for day, unit, value in draws
    ]
    usable = {day: float(value) for day, unit, value in draws if unit == "ng/mL"}
    expected = None
    for distance in range(91):
        for day in (-distance, distance):
            if expected is None and day in usable:
                expected = (day, usable[day])
    chosen = lab_value(rows, "ferritin", None, True, RULES)
    assert (chosen.offset_d, chosen.value) == (expected or (None, None))
    assert chosen.n_draws == len(draws)
    assert (chosen.reason is None) == (expected is not None)
