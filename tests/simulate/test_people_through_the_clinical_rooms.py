"""Every hand-written person, through the clinical files and rooms: the joins and phenotypes of the table come out."""

from pathlib import Path
from typing import Any

import pytest

from plms_pipeline import exposures, phenotypes, simulate
from plms_pipeline.simulate import Expectation, Persona

EVERYONE = simulate.personas()
# Column of the status behind each factor: the assessed form where there is one.
STATUS_OF_FACTOR = {
    "medication": "medication_factor_assessed",
    "iron_deficiency": "iron_deficiency",
    "renal_failure": "renal_failure_assessed",
    "neuropathy": "neuropathy",
    "sdb": "sdb_15",
}


@pytest.fixture(scope="module")
def covariates(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("people")
    people = [simulate.persona_of(k) for k in range(len(EVERYONE))]
    return exposures.read_covariates(simulate.write_clinical_tables(folder, people))


# Rate of candidates of a simulated night whose breathing nobody scored: any of them may be respiratory-related.
CANDIDATES_PER_H = 30.0


def night_rows(persona: Persona) -> list[dict[str, Any]]:
    """A whole night of full evidence with the persona's index under both rule sets."""
    index = persona.plmsi_per_h
    inclusive = (index, index, index)
    without = inclusive if persona.respiratory_scored else (None, 0.0, CANDIDATES_PER_H)
    rows = []
    for rule_set, own in (("wasm2016", inclusive), ("aasm3", without)):
        row: dict[str, Any] = {"rule_set": rule_set, "tst_h": 7.0, "sleep_scorable_h": 7.0, "evidence_class": "full"}
        for name, values in (("plmsi", own), ("plmsi_nr", without)):
            row |= {f"{name}{end}_per_h": value for end, value in zip(("", "_lo", "_hi"), values, strict=True)}
        row["n_plms"] = None if own[0] is None else round(own[0] * 7)
        rows.append(row)
    return rows


def facts(persona: Persona) -> dict[str, Any]:
    scored = persona.respiratory_scored
    return {
        "recording_date": persona.recording_date, "pap_this_night": persona.pap_this_night, "outcome": "analysed",
        "reason": None, "sensor": "emg", "layout": "bipolar", "stages_state": "scored", "arousals_state": "scored",
        "respiratory_state": "scored" if scored else "not_scored",
        "ahi_per_h": persona.ahi_per_h if scored else None, "ahi_definition": "scored_events",
    }  # fmt: skip


def found(item: Expectation, tables: dict[str, dict[str, list[Any]]]) -> tuple[Any, Any]:
    """Value and reason of an expectation's field in the linked tables."""
    kind, _, name = item.field.partition(".")
    phenotype = tables["phenotype"]
    if kind == "medication_exposure":
        at = tables["medication_exposure"]["class_id"].index(name)
        return tables["medication_exposure"]["exposed"][at], tables["medication_exposure"]["exposed_reason"][at]
    if kind == "factor":
        where = [word for word in ("present", "absent", "unknown") if name in phenotype[f"factors_{word}"][0]]
        assert len(where) == 1
        value = {"present": "yes", "absent": "no", "unknown": "unknown"}[where[0]]
        assert phenotype[STATUS_OF_FACTOR[name]][0] == value
        return value, phenotype[f"{STATUS_OF_FACTOR[name]}_reason"][0]
    if kind == "egfr":
        at = tables["laboratory"]["analyte"].index("egfr")
        value = tables["laboratory"]["value"][at]
        return "unknown" if value is None else value, tables["laboratory"]["value_reason"][at]
    if kind == "ckd_stage":
        return tables["analysis"][kind][0] or "unknown", tables["analysis"]["ckd_stage_reason"][0]
    if kind in ("secondary_factor_pattern", "rls_level"):
        return phenotype[kind][0], None
    return phenotype[kind][0], phenotype[f"{kind}_reason"][0]


@pytest.mark.parametrize(("number", "persona"), list(enumerate(EVERYONE)), ids=lambda value: getattr(value, "key", ""))
def test_the_pipeline_says_of_this_person_what_the_table_says(covariates: Any, number: int, persona: Persona) -> None:
    _, subject_id = simulate.persona_of(number)
    ids = {"recording_id": f"sim_{number}", "cohort": "sim", "subject_id": subject_id, "visit": persona.visit}
    tables = phenotypes.link_recording(
        ids, covariates.for_subject(subject_id, persona.visit), night_rows(persona), facts(persona),
        covariates.declaration, {},
    )  # fmt: skip
    assert_expected(persona, tables, covariates)


def assert_expected(persona: Persona, tables: dict[str, dict[str, list[Any]]], covariates: Any) -> None:
    wrong = []
    for item in persona.expect:
        if item.field == "unmapped_medication":
            assert "moonroot" in str(covariates.unmapped_medication()).lower()
            continue
        value, reason = found(item, tables)
        if value != item.value or (item.reason and reason != item.reason):
            wrong.append(f"{item.field}: {value} ({reason}), not {item.value} ({item.reason}): {item.why}")
    assert not wrong, "\n".join(wrong)


def test_what_a_cohort_never_collected_is_unknown(tmp_path: Path) -> None:
    persona, collected = simulate.narrow_cohort()
    mapping = simulate.write_clinical_tables(tmp_path, [(persona, "a")], collected)
    covariates = exposures.read_covariates(mapping)
    ids = {"recording_id": "sim_a", "cohort": "sim", "subject_id": "a", "visit": "single"}
    tables = phenotypes.link_recording(
        ids, covariates.for_subject("a", "single"), night_rows(persona), facts(persona), covariates.declaration, {}
    )
    assert_expected(persona, tables, covariates)
