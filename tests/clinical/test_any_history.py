"""Whatever stands in the rows of a person: statuses with their reasons, no exception, no warning."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from plms_pipeline import contracts
from plms_pipeline.exposures import clinical_rules
from plms_pipeline.exposures.join import night_statuses

RULES = clinical_rules()
REASONS = set(contracts.codes("clinical_reason").values)
DAY = st.sampled_from([-40000, -366, -90, 0, 1, 90, 100000])
NUMBER = st.sampled_from([0.0, -1.0, 1e-9, 17.99, 18.0, 90.0, 150.0, 1e308, -1e308])


def rows(**columns: st.SearchStrategy[Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.lists(st.fixed_dictionaries({}, optional=columns), max_size=6)


PERSON = st.fixed_dictionaries(
    {
        "demographics": rows(age_years=NUMBER, height_cm=NUMBER, sex=st.sampled_from(["male", "female"])),
        "laboratory": st.lists(
            st.fixed_dictionaries(
                {"analyte": st.sampled_from([*contracts.codes("analyte").values, "moonstone"])},
                optional={
                    "value": st.sampled_from(
                        ["0", "0.0001", "<0.3", ">15", ">=2", "1e400", "abc", "1e30", "1.0", "50"]
                    ),
                    "unit": st.sampled_from(["ng/mL", "mg/dL", "umol/L", "mg/L", "ug/dL", "%", "pmol/L", "furlongs"]),
                    "collected_offset_d": DAY,
                    "setting": st.sampled_from(["inpatient", "outpatient"]),
                    "assay": st.sampled_from(["a", "b"]),
                },
            ),
            max_size=8,
        ),
        "medication": rows(
            medication=st.sampled_from(
                ["Zoloft", "doxepin", "x y", "ferrous sulfate", "Tylenol PM", "aspirin (x)", "()"]
            ),
            atc_code=st.sampled_from(["N06AB06", "N06A", "?"]),
            class_id=st.sampled_from(["ssri", "snri", "venlafaxine"]),
            collected_offset_d=DAY,
            use_start_offset_d=DAY,
            use_end_offset_d=DAY,
            use_start_date=st.sampled_from(["0001-01-01", "9999-12-31", "2024-02-29"]),
            days_supply=st.sampled_from([0.0, 30.0, -5.0, 1e6]),
            active=st.sampled_from(["yes", "no"]),
            taken=st.sampled_from(["yes", "no", "unknown"]),
            dose_mg_d=st.sampled_from([0.0, 6.0, 1e9]),
        ),
        "condition": rows(
            condition=st.sampled_from(["dialysis", "ckd_ge4", "neuropathy"]),
            icd10=st.sampled_from(["E11.42", "###", "Z99.2"]),
            status=st.sampled_from(["yes", "no"]),
            stage=st.sampled_from([0, 3, 5, 99]),
            recorded_offset_d=DAY,
        ),
        "inventory": rows(complete=st.sampled_from(["yes", "no"]), collected_offset_d=DAY),
    }
)
DECLARATION = st.fixed_dictionaries(
    {
        "collected": st.sampled_from([[], ["ssri", "ferritin", "creatinine", "dialysis"]]),
        "age_precision": st.sampled_from(["exact", "floor", "rounded", "unknown"]),
        "inventory_default": st.sampled_from(["complete", "incomplete", "unknown"]),
    }
)


@settings(max_examples=200, deadline=None)
@given(PERSON, DECLARATION, st.sampled_from([None, "2024-06-15"]))
def test_every_unknown_has_its_reason_and_every_interval_its_order(
    person: dict[str, Any], declaration: dict[str, Any], night: str | None
) -> None:
    found = night_statuses(person, night, declaration, RULES)
    for row in found.medication:
        for name in ("exposed", "exposed_sensitivity"):
            assert (row[name] == "unknown") == (row[f"{name}_reason"] in REASONS)
        assert row["last_use_offset_d"] is None or row["last_use_offset_d"] <= 0
    for value in found.laboratory.values():
        assert value.interval is not None or value.reason in REASONS
        assert value.interval is None or value.interval.lo <= value.interval.hi
        if value.value is not None and value.interval is not None:
            assert value.interval.lo <= value.value <= value.interval.hi
    for status in found.conditions.values():
        assert (status.value == "unknown") == (status.reason in REASONS)
    assert (found.kidney.egfr is None) <= (found.kidney.reason in REASONS)
    assert found.kidney.stage is None or found.kidney.stage == "G5D" or found.kidney.egfr is not None
