"""The hand-written people: whole, within their own rules, and covering what the brief of the demo asks for."""

import collections

import pytest

from plms_pipeline import contracts, simulate
from plms_pipeline.simulate import Persona

EVERYONE = simulate.personas()
# Codes of `clinical_reason` that a simulated person cannot bring about: they belong to the signal of a night, to
# composites, or to settings other than the default ones. The literal nights of tests/clinical hold each of them.
NOT_OF_A_PERSON = {
    "not_analysed", "not_scored", "sensor_not_emg", "no_index", "no_stages", "no_leg",
    "scorable_sleep_short", "interval_spans_threshold", "age_uncertain", "ahi_missing", "factor_unknown",
    "input_unknown", "acute_setting", "no_paired_draw", "under_18", "dose_unknown", "mixed_group",
}  # fmt: skip


def reasons() -> set[str]:
    everyone = [*EVERYONE, simulate.narrow_cohort()[0]]
    return {item.reason for persona in everyone for item in persona.expect if item.reason}


def test_there_are_at_least_48_and_their_nights_are_told_apart() -> None:
    assert len(EVERYONE) >= 48
    assert len({persona.key for persona in EVERYONE}) == len(EVERYONE)
    assert len({(persona.subject_id, persona.visit) for persona in EVERYONE}) == len(EVERYONE)
    twice = [persona.visit for persona in EVERYONE if persona.subject_id == "twice"]
    assert twice == ["v1", "v2"]


@pytest.mark.parametrize("persona", EVERYONE, ids=lambda persona: persona.key)
def test_indices_keep_2_per_hour_from_the_thresholds_they_meet(persona: Persona) -> None:
    rows = persona.tables["demographics"]
    age = float(rows[0]["age_years"]) if rows and "age_years" in rows[0] else None
    thresholds = [5.0, 15.0] if age is None else [5.0] if age < 18 else [15.0]
    assert all(abs(persona.plmsi_per_h - threshold) >= 2.0 for threshold in thresholds)
    assert all(abs(persona.ahi_per_h - threshold) >= 2.0 for threshold in (5.0, 15.0))
    if age is None or age < 18:
        assert persona.ahi_per_h == 0.0 or persona.key == "nothing_collected"


@pytest.mark.parametrize("persona", EVERYONE, ids=lambda persona: persona.key)
def test_every_expectation_says_why_and_every_unknown_a_reason(persona: Persona) -> None:
    assert persona.expect
    for item in persona.expect:
        assert item.why.strip()
        if item.value == "unknown":
            assert item.reason is not None
        else:
            assert item.reason is None


def test_values_come_from_the_closed_lists() -> None:
    lists = {"rls_level": "rls_level", "secondary_factor_pattern": "secondary_factor_pattern"}
    for persona in EVERYONE:
        for item in persona.expect:
            if item.field in lists:
                assert item.value in contracts.codes(lists[item.field]).values
            elif item.field == "ckd_stage":
                assert item.value in {"G1", "G4", "G5", "G5D", "unknown"}
            else:
                assert item.value in {"yes", "no", "unknown"}


def test_every_reason_a_person_can_bring_about_occurs() -> None:
    closed = set(contracts.codes("clinical_reason").values)
    assert reasons() <= closed
    assert closed - reasons() <= NOT_OF_A_PERSON


def test_every_outcome_of_every_criterion_occurs() -> None:
    seen = collections.defaultdict(set)
    for persona in EVERYONE:
        for item in persona.expect:
            seen[item.field].add(item.value)
    three = {"yes", "no", "unknown"}
    for field in (
        "plms_elevated_wasm2016", "plms_elevated_aasm3", "plmd_compatible", "clinical_disturbance", "rls_irlssg",
        "leg_cramp_pattern", "ferritin_lt50", "renal_failure", "sdb_15", "medication_exposure.ssri",
        "medication_exposure.tca",
        "factor.medication", "factor.iron_deficiency", "factor.renal_failure", "factor.neuropathy", "factor.sdb",
    ):  # fmt: skip
        assert seen[field] == three, field
    assert seen["secondary_factor_pattern"] == set(contracts.codes("secondary_factor_pattern").values)
    assert seen["rls_level"] == set(contracts.codes("rls_level").values)
    assert seen["medication_exposure.lithium"] == three
    assert seen["medication_exposure.da_antiemetic"] == {"yes", "no"}


def test_rules_the_table_itself_must_keep() -> None:
    """Guards G2 and G5 of the phenotypes, and the factor lists, hold in the hand-written table too."""
    for persona in EVERYONE:
        expect = {item.field: item.value for item in persona.expect}
        if expect.get("plmd_compatible") == "yes":
            assert expect["plms_elevated_aasm3"] == "yes", persona.key
            assert expect["clinical_disturbance"] == "yes", persona.key
            assert persona.pap_this_night == "no"
            assert all(expect[f"factor.{name}"] == "no" for name in ("medication", "iron_deficiency", "renal_failure"))
        if expect.get("plms_elevated_aasm3") == "no":
            assert expect["plmd_compatible"] == "no", persona.key
        factors = [value for field, value in expect.items() if field.startswith("factor.")]
        pattern = expect.get("secondary_factor_pattern")
        if pattern and factors:
            elevated = expect["plms_elevated_aasm3"]
            n_yes, n_unknown = factors.count("yes"), factors.count("unknown")
            literal = (
                "not_applicable" if elevated == "no"
                else "undetermined" if elevated == "unknown" or (n_unknown and n_yes < 2)
                else "multiple" if n_yes > 1
                else "none_of_assessed" if n_yes == 0
                else "one"
            )  # fmt: skip
            single = {"medication", "iron_deficiency", "renal_failure", "neuropathy", "sdb"}
            assert ("one" if pattern in single else pattern) == literal, persona.key


def test_small_cohorts_begin_with_a_mixed_choice() -> None:
    expected = [{item.field: item.value for item in persona.expect} for persona in EVERYONE[:24]]
    assert {row.get("plmd_compatible") for row in expected} == {"yes", "no", "unknown"}
    assert {row.get("rls_irlssg") for row in expected} >= {"yes", "no", "unknown"}
    ids = {persona.subject_id for persona in EVERYONE[:24]}
    assert {"<script>alert(1)</script>", "=2+5", "twice"} <= ids


def test_later_rounds_get_ids_of_their_own() -> None:
    n = len(EVERYONE)
    first, second = simulate.persona_of(0), simulate.persona_of(n)
    assert first[0] is second[0]
    assert second[1] == f"{first[1]}_c2"
