"""``plms explain``: the words beside each phenotype follow from the rows of a release, and name what is missing."""

from __future__ import annotations

import re
from typing import Any

import pytest

from plms_pipeline.exposures import clinical_rules
from plms_pipeline.phenotypes.explain import NightEvidence, explain_night

from .night_cases import CASES, FOUR_CRITERIA, NightCase, night
from .test_literal_nights import linked

TITLES = {
    "Elevated PLMS index": "plms_elevated",
    "Restless legs syndrome (five criteria)": "rls_irlssg",
    "Leg cramp pattern": "leg_cramp_pattern",
    "Clinical disturbance": "clinical_disturbance",
    "Medicine that may cause movements": "medication_factor",
    "Low ferritin": "iron_deficiency",
    "Renal failure": "renal_failure",
    "Neuropathy": "neuropathy",
    "Sleep-disordered breathing": "sdb_15",
    "Compatible with PLMD (criteria, not a diagnosis)": "plmd_compatible",
    "Factors beside an elevated index": "secondary_factor_pattern",
    "Index possibly lowered by a medicine": "masked_possible",
}


def rows(columns: dict[str, list[Any]]) -> list[dict[str, Any]]:
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def explained(case: NightCase) -> tuple[dict[str, str], dict[str, Any]]:
    """Paragraphs by title, and the phenotype row."""
    tables = linked(case)
    evidence = NightEvidence(
        rows(tables["phenotype"])[0],
        rows(tables["analysis"])[0],
        {row["class_id"]: row for row in rows(tables["medication_exposure"])},
        {row["analyte"]: row for row in rows(tables["laboratory"])},
        {row["condition"]: row for row in rows(tables["condition"])},
        clinical_rules(),
    )
    paragraphs = explain_night(evidence).split("\n\n")[1:]
    found = {paragraph.split(": ")[0]: " ".join(paragraph.split()) for paragraph in paragraphs}
    return found, dict(evidence.phenotype)


def case_of(name: str, **person: list[dict[str, Any]]) -> NightCase:
    return NightCase(name, night(30.0, 30.0, 30.0), {}, person=person)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_phenotype_is_told_as_stored_and_every_unknown_says_what_is_missing(case: NightCase) -> None:
    found, phenotype = explained(case)
    assert list(found) == list(TITLES)
    for title, column in TITLES.items():
        value = phenotype[column]
        assert found[title].startswith(f"{title}: {value.upper()}"), title
        assert ("Missing to decide it: " in found[title]) == (value in ("unknown", "undetermined")), title
        assert not re.search(r"\bNone\b|\bnan\b", found[title]), title


def test_a_compatible_night_names_its_evidence() -> None:
    found, _ = explained(case_of("plain"))
    assert (
        "Index by aasm3: 30/h, between 30 and 30/h. Elevated is above 15/h from 18 years"
        in found["Elevated PLMS index"]
    )
    assert "Not fulfilled: urge to move the legs" in found["Restless legs syndrome (five criteria)"]
    assert "Present: insomnia (insomnia_complaint)" in found["Clinical disturbance"]
    assert "Ferritin 120 ug/L, drawn 10 days before the night" in found["Low ferritin"]
    assert "eGFR below 30 (eGFR 110" in found["Renal failure"]
    assert (
        "no better explanation (yes), night without airway pressure (yes)"
        in found["Compatible with PLMD (criteria, not a diagnosis)"]
    )


def test_a_medicine_a_lost_laboratory_value_and_four_criteria_are_told() -> None:
    found, _ = explained(
        case_of(
            "told",
            medication=[{"medication": "Zoloft 50 mg", "collected_offset_d": -3}],
            laboratory=[{"analyte": "ferritin", "value": "40", "unit": "stones", "collected_offset_d": 0}],
            questionnaire=[{**FOUR_CRITERIA, "collected_offset_d": 0}],
        )
    )
    medicine = found["Medicine that may cause movements"]
    assert "Present: selective serotonin reuptake inhibitors (inventory of medicines in current use" in medicine
    assert "No ferritin (a unit that is not listed for this analyte)" in found["Low ferritin"]
    legs = found["Restless legs syndrome (five criteria)"]
    assert "Missing to decide it: not solely explained by something else (an item is missing)." in legs
    assert "four criteria, mimics not asked" in legs
    compatible = found["Compatible with PLMD (criteria, not a diagnosis)"]
    assert "Better explained by: medicine that may cause movements." in compatible


def test_a_piezo_index_is_told_apart() -> None:
    rows = [{**row, "index_family": "piezo", "plmsi_per_h_piezo": 21.5} for row in night(None, None, None)]
    found, _ = explained(NightCase("piezo", rows, {}, facts={"sensor": "piezo"}))
    assert found["Elevated PLMS index"].startswith("Elevated PLMS index: UNKNOWN Index by aasm3: no index.")
    assert "its own index, 21.5/h, is another quantity" in found["Elevated PLMS index"]


def test_unknown_inputs_of_an_or_are_gathered_by_why_they_are_unknown() -> None:
    found, _ = explained(
        case_of("open", medication=[{"class_id": "ssri", "taken": "unknown", "collected_offset_d": 0}])
    )
    medicine = found["Medicine that may cause movements"]
    assert "Missing to decide it: selective serotonin reuptake inhibitors (a record exists" in medicine
    assert "One yes among them decides yes; all no decide no." in medicine
