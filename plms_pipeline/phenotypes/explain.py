"""Say in plain words what each phenotype of a night rests on, and what is missing to decide it.

Everything is read from the tables of a release and from the clinical rules in its provenance: nothing is decided anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from plms_pipeline.exposures.questionnaires import CRITERIA
from plms_pipeline.exposures.status import NO, UNKNOWN, YES
from plms_pipeline.phenotypes.wording import (
    Input,
    Row,
    any_lines,
    assessed_line,
    day,
    gathered,
    label,
    named,
    number,
    paragraph,
    why,
    wrapped,
)

_CRITERION = {
    "rls_urge": "urge to move the legs",
    "rls_rest": "begins or worsens at rest",
    "rls_relief": "relieved by movement",
    "rls_evening": "worse in the evening or at night",
    "rls_not_mimic": "not solely explained by something else",
}
_EXCLUSION = {
    "rls_for_exclusion": "restless legs syndrome",
    "sdb_untreated": "untreated sleep-disordered breathing",
    "narcolepsy": "narcolepsy",
    "rbd": "REM sleep behaviour disorder",
    "medication_factor": "medicine that may cause movements",
    "iron_deficiency": "low ferritin",
    "renal_failure": "renal failure",
    "neuropathy": "neuropathy",
}
_DISTURBANCE = {
    "insomnia": "insomnia",
    "unrefreshing": "unrefreshing sleep",
    "sleepiness": "daytime sleepiness",
    "fatigue": "fatigue",
    "clinician_disturbance": "judgement of a clinician",
}


class NightEvidence(NamedTuple):
    """Rows of a release about one recording, and the clinical rules of that release.

    ``exposures``, ``laboratory`` and ``conditions`` are keyed by class, analyte and condition.
    """

    phenotype: Row
    analysis: Row
    exposures: Mapping[str, Row]
    laboratory: Mapping[str, Row]
    conditions: Mapping[str, Row]
    rules: Mapping[str, Any]


def explain_night(night: NightEvidence) -> str:
    """Text about one recording: every phenotype with the evidence behind it and what is missing.

    Parameters
    ----------
    night
        Rows of the release about it.

    Returns
    -------
    str
        Paragraphs, ending in a line feed.
    """
    parts = [
        _heading(night),
        _elevated(night),
        _restless_legs(night),
        _cramps(night),
        _disturbance(night),
        _medication(night),
        _iron(night),
        _kidney(night),
        _plain(night, "neuropathy", "Neuropathy"),
        _breathing(night),
        _compatible(night),
        _pattern(night),
        _masked(night),
    ]
    return "\n\n".join(parts) + "\n"


def _heading(night: NightEvidence) -> str:
    analysis = night.analysis
    age = analysis["age_years"]
    years = "age not known" if age is None else f"{age} years{' or more' if analysis['age_top_coded'] else ''}"
    pap = {YES: "under airway pressure", NO: "without airway pressure", UNKNOWN: "airway pressure not known"}
    facts = [
        years,
        analysis["sex"] or "sex not known",
        f"recording {analysis['outcome']}",
        f"sensor {analysis['sensor']}",
        f"evidence {analysis['evidence_class']}",
        pap[analysis["pap_this_night"]],
    ]
    if analysis["is_index_night"]:
        facts.append("index night of this person")
    title = f"Visit {analysis['visit']}, recording {analysis['recording_id']} (cohort {analysis['cohort']})"
    return f"{title}\n{'=' * len(title)}\n" + wrapped(", ".join(facts))


def _index(analysis: Row, name: str) -> str:
    point, low, high = (analysis[f"plmsi_{name}{end}_per_h"] for end in ("", "_lo", "_hi"))
    if low is None or high is None:
        return "no index"
    interval = f"between {number(low)} and {number(high)}/h"
    return f"{interval}, no point value" if point is None else f"{number(point)}/h, {interval}"


def _elevated(night: NightEvidence) -> str:
    row, rules = night.phenotype, night.rules
    basis = row["plms_elevated_basis"]
    lines = [
        f"Index by {basis}: {_index(night.analysis, basis)}. Elevated is above {rules['plms_adult_per_h']:g}/h from "
        f"{rules['adult_age_years']:g} years, above {rules['plms_child_per_h']:g}/h in children."
    ]
    if row["plms_elevated"] == UNKNOWN:
        lines.append(f"Missing to decide it: {why(row['plms_elevated_reason'])}.")
    names = [key.removeprefix("plms_elevated_").removesuffix("_basis") for key in row if key.endswith("_basis")
             and key.startswith("plms_elevated_") and key != "plms_elevated_basis"]  # fmt: skip
    for name in names:
        if name != basis:
            value = row[f"plms_elevated_{name}"]
            reason = f" ({why(row[f'plms_elevated_{name}_reason'])})" if value == UNKNOWN else ""
            lines.append(f"By {name}: {value}{reason}; {_index(night.analysis, name)}.")
    if night.analysis["index_family"] == "piezo":
        piezo = night.analysis["plmsi_per_h_piezo"]
        lines.append(
            f"The sensor is a piezo: its own index, {number(piezo)}/h, is another quantity and has no threshold here."
        )
    return paragraph("Elevated PLMS index", row["plms_elevated"], lines)


def _restless_legs(night: NightEvidence) -> str:
    row = night.phenotype
    inputs = [Input(_CRITERION[name], row[name], row[f"{name}_reason"]) for name in CRITERIA]
    lines = []
    for value, word in ((YES, "Fulfilled"), (NO, "Not fulfilled")):
        if found := [item for item in inputs if item.value == value]:
            lines.append(f"{word}: {named(found)}.")
    other = [
        f"{word} {row[name]}"
        for name, word in (
            ("rls_single_question", "single question"),
            ("rls_ch_rlsq_result", "Cambridge-Hopkins questionnaire"),
            ("rls_physician_told", "told by a physician"),
            ("rls_or_plms_told", "told of restless legs or periodic movements"),
        )
        if row[name] != UNKNOWN
    ]
    if row["rls_probability"] is not None:
        other.append(f"category of the cohort {row['rls_probability']}")
    if other:
        lines.append(f"Other answers: {', '.join(other)}.")
    if row["rls_irlssg"] == UNKNOWN:
        unknown = [item for item in inputs if item.value == UNKNOWN]
        lines.append(f"Missing to decide it: {gathered(unknown)}.")
    lines.append(f"The evidence amounts to: {label('rls_level', row['rls_level'])}. No recording enters here.")
    excluded = row["rls_for_exclusion"]
    reason = f" ({why(row['rls_for_exclusion_reason'])})" if excluded == UNKNOWN else ""
    lines.append(f"As an explanation of the movements: {excluded}{reason}.")
    return paragraph("Restless legs syndrome (five criteria)", row["rls_irlssg"], lines)


def _cramps(night: NightEvidence) -> str:
    row = night.phenotype
    lines = [
        f"What it feels like: {label('cramp_feel', row['cramp_feel']) if row['cramp_feel'] else 'not known'}; "
        f"relieved by: {label('cramp_relief', row['cramp_relief']) if row['cramp_relief'] else 'not known'}."
    ]
    if row["leg_cramp_pattern"] == UNKNOWN:
        lines.append(f"Missing to decide it: {why(row['leg_cramp_pattern_reason'])}.")
    return paragraph("Leg cramp pattern", row["leg_cramp_pattern"], lines)


def _disturbance(night: NightEvidence) -> str:
    row = night.phenotype
    inputs = [
        Input(_DISTURBANCE[name], row[name], row[f"{name}_reason"], row[f"{name}_basis"])
        for name in night.rules["clinical_disturbance"]
    ]
    lines = [*any_lines(row["clinical_disturbance"], inputs), assessed_line(row, "clinical_disturbance")]
    return paragraph("Clinical disturbance", row["clinical_disturbance"], lines)


def _medicine(night: NightEvidence, name: str) -> Input:
    entry = night.exposures[name]
    # The parent class of a sub-flag is told in brackets, which are for the evidence here.
    words = label("medication_class", name).split(" (")[0]
    use = f"{label('exposure_basis', entry['basis'])}, last use {day(entry['last_use_offset_d'])}"
    return Input(words, entry["exposed"], entry["exposed_reason"], use if entry["exposed"] == YES else None)


def _medication(night: NightEvidence) -> str:
    row = night.phenotype
    inputs = [_medicine(night, name) for name in night.rules["medication_factor"]]
    lines = [*any_lines(row["medication_factor"], inputs), assessed_line(row, "medication_factor")]
    return paragraph("Medicine that may cause movements", row["medication_factor"], lines)


def _laboratory(row: Row, name: str, unit: str) -> str:
    if row["value"] is not None:
        flags = f", {', '.join(row['flags'])}" if row["flags"] else ""
        return f"{name} {number(row['value'])} {unit}, drawn {day(row['offset_d'])}{flags}"
    if row["lo"] is not None:
        high = "or more" if row["hi"] is None else f"to {number(row['hi'])}"
        return f"{name} {number(row['lo'])} {high} {unit}, drawn {day(row['offset_d'])}"
    return f"no {name} ({why(row['value_reason'])})"


def _iron(night: NightEvidence) -> str:
    row = night.phenotype
    ferritin = night.laboratory["ferritin"]
    lines = [
        f"{_laboratory(ferritin, 'ferritin', ferritin['unit'])}. The factor is a ferritin below "
        f"{night.rules['ferritin_threshold_ug_l']:g} ug/L (column {row['iron_deficiency_basis']}); "
        "it says nothing of treatment."
    ]
    if row["iron_deficiency"] == UNKNOWN:
        lines.append(f"Missing to decide it: {why(row['iron_deficiency_reason'])}.")
    return paragraph("Low ferritin", row["iron_deficiency"], lines)


def _kidney(night: NightEvidence) -> str:
    row, analysis = night.phenotype, night.analysis
    dialysis, stage = night.conditions["dialysis"], night.conditions["ckd_ge4"]
    egfr = _laboratory(night.laboratory["egfr"], "eGFR", "mL/min/1.73 m2")
    if analysis["egfr_equation"]:
        egfr += f", {analysis['egfr_equation']}"
    inputs = [
        Input("dialysis", dialysis["status"], dialysis["status_reason"], label("condition_basis", dialysis["basis"])),
        Input(f"eGFR below {night.rules['egfr_renal_failure']:g}", row["egfr_lt30"], row["egfr_lt30_reason"], egfr),
        Input(
            f"CKD stage {night.rules['ckd_stage_renal_failure']} or 5",
            stage["status"],
            stage["status_reason"],
            label("condition_basis", stage["basis"]),
        ),
    ]
    lines = [*any_lines(row["renal_failure"], inputs), assessed_line(row, "renal_failure")]
    if row["renal_failure"] == YES and row["renal_failure_confirmed"] != YES:
        lines.append(f"Not confirmed: {why(row['renal_failure_confirmed_reason'])}.")
    return paragraph("Renal failure", row["renal_failure"], lines)


def _plain(night: NightEvidence, condition: str, title: str) -> str:
    entry = night.conditions[condition]
    if entry["status"] == UNKNOWN:
        lines = [f"Missing to decide it: {why(entry['status_reason'])}."]
    else:
        lines = [f"Rests on: {label('condition_basis', entry['basis'])}, recorded {day(entry['offset_d'])}."]
    return paragraph(title, entry["status"], lines)


def _breathing(night: NightEvidence) -> str:
    row, analysis, rules = night.phenotype, night.analysis, night.rules
    ahi = analysis["ahi_per_h"]
    told = f"no AHI ({why(analysis['ahi_reason'])})" if ahi is None else f"AHI {number(ahi)}/h"
    lines = [
        f"{told}, defined as {analysis['ahi_definition'] or 'not known'}. The factor is an AHI of "
        f"{rules['ahi_factor_per_h']:g}/h or more; at {rules['ahi_sensitivity_per_h']:g}/h: {row['sdb_5']}."
    ]
    if row["sdb_15"] == UNKNOWN:
        lines.append(f"Missing to decide it: {why(row['sdb_15_reason'])}.")
    return paragraph("Sleep-disordered breathing", row["sdb_15"], lines)


def _compatible(night: NightEvidence) -> str:
    row, rules = night.phenotype, night.rules
    basis = row["plmd_compatible_basis"]
    names = rules["exclusion_lists"][rules["exclusion_list"]]
    exclusions = [Input(_EXCLUSION[name], row[name], row[f"{name}_reason"]) for name in names]
    value, pap = row["plmd_compatible"], row["pap_this_night"]
    needs = [
        (f"elevated index by {basis}", row[f"plms_elevated_{basis}"]),
        ("clinical disturbance", row["clinical_disturbance"]),
        ("no better explanation", {YES: NO, NO: YES}.get(row["better_explained"], UNKNOWN)),
        ("night without airway pressure", YES if pap == NO else UNKNOWN),
    ]
    lines = ["Needs all of: " + ", ".join(f"{what} ({answer})" for what, answer in needs) + "."]
    if explained := [item.label for item in exclusions if item.value == YES]:
        lines.append(f"Better explained by: {', '.join(explained)}.")
    if value == UNKNOWN:
        missing = []
        if row[f"plms_elevated_{basis}"] == UNKNOWN:
            missing.append(f"elevated index ({why(row[f'plms_elevated_{basis}_reason'])})")
        if row["clinical_disturbance"] == UNKNOWN:
            missing.append("clinical disturbance (see above)")
        if unknown := [item for item in exclusions if item.value == UNKNOWN]:
            missing.append(gathered(unknown))
        if pap != NO:
            missing.append(why("pap_night" if pap == YES else "pap_unknown"))
        lines.append(f"Missing to decide it: {'; '.join(missing)}.")
    universe = ", ".join(row["plmd_compatible_universe"]) or "nothing"
    reason = row["plmd_compatible_assessed_reason"]
    lines.append(
        f"Compatible as far as assessed ({universe}): {row['plmd_compatible_assessed']}"
        + (f" ({why(reason)})." if reason else ".")
    )
    lines.append(f"With the shorter list of ICSD-3 alone: {row['plmd_compatible_icsd']}.")
    return paragraph("Compatible with PLMD (criteria, not a diagnosis)", value, lines)


def _pattern(night: NightEvidence) -> str:
    row = night.phenotype
    lines = [
        f"{word}: {', '.join(row[column])}."
        for word, column in (
            ("Present", "factors_present"),
            ("Absent", "factors_absent"),
            ("Unknown", "factors_unknown"),
            ("Not collected in this cohort", "factors_not_collected"),
        )
        if row[column]
    ]
    if row["secondary_factor_pattern"] == "not_applicable":
        lines.insert(0, "The index is not elevated, so there is nothing to accompany.")
    if row["secondary_factor_pattern_reason"]:
        lines.append(f"Missing to decide it: {why(row['secondary_factor_pattern_reason'])}.")
    lines.append("Co-occurrence, not cause.")
    return paragraph("Factors beside an elevated index", row["secondary_factor_pattern"], lines)


def _masked(night: NightEvidence) -> str:
    row = night.phenotype
    medicines = [_medicine(night, name) for name in night.rules["suppressors"]]
    lines = [f"Suppressing medicines: {row['suppressor_exposed']}."]
    if taken := [item for item in medicines if item.value == YES]:
        lines.append(f"Taken: {named(taken)}.")
    if row["masked_possible"] == UNKNOWN:
        missing = []
        if row["plms_elevated"] == UNKNOWN:
            missing.append(why("plms_elevated_unknown"))
        if row["suppressor_exposed"] == UNKNOWN:
            missing.append(gathered(item for item in medicines if item.value == UNKNOWN))
        lines.append(f"Missing to decide it: {'; '.join(missing)}.")
    if row["suppressor_exposed_universe"]:
        assessed = ", ".join(row["suppressor_exposed_universe"])
        lines.append(f"As far as assessed in this cohort ({assessed}): {row['masked_possible_assessed']}.")
    return paragraph("Index possibly lowered by a medicine", row["masked_possible"], lines)
