"""From clinical tables on disk to the five tables of a night; expectations written by hand."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from plms_pipeline import contracts
from plms_pipeline.errors import InputError
from plms_pipeline.exposures import clinical_rules, read_covariates
from plms_pipeline.phenotypes import link_recording

from .conftest import MAPPING, CohortWriter

IDS = {"recording_id": "demo_s1_single", "cohort": "demo", "subject_id": "s1", "visit": "single"}
TABLES = ("medication_exposure", "laboratory", "condition", "phenotype", "analysis")
FACTS: dict[str, Any] = {
    "recording_date": "2026-01-10",
    "pap_this_night": "no",
    "outcome": "analysed",
    "sensor": "emg",
    "layout": "bipolar",
    "respiratory_state": "scored",
    "stages_state": "scored",
    "arousals_state": "scored",
    "ahi_per_h": 2.0,
    "ahi_definition": "scored_events",
}
FILES = {
    "demographics": "subject_id,visit,age_years,sex\ns1,single,50,male\n",
    "medication": "subject_id,visit,medication,collected_date\ns1,single,Lisinopril 10 mg,2026-01-11\n",
    "inventory": "subject_id,visit,complete,collected_date\ns1,single,yes,2026-01-11\n",
    "laboratory": (
        "subject_id,visit,analyte,value,unit,collected_date\n"
        "s1,,ferritin,120,ng/mL,2025-12-20\ns1,,creatinine,1.0,mg/dL,2025-12-20\n"
    ),
    "condition": (
        "subject_id,visit,condition,status,recorded_date\n"
        "s1,,neuropathy,no,2025-12-20\ns1,,narcolepsy,no,2025-12-20\ns1,,rbd,no,2025-12-20\n"
    ),
    "questionnaire": (
        "subject_id,visit,rls_urge,rls_rest,insomnia_complaint,unrefreshing_sleep\ns1,single,no,no,yes,NA\n"
    ),
}


def night(**changes: Any) -> list[dict[str, Any]]:
    row = {
        "evidence_class": "full",
        "sleep_scorable_h": 7.0,
        "tst_h": 7.0,
        "n_plms": 140,
        "plmsi_per_h": 20.0,
        "plmsi_lo_per_h": 18.0,
        "plmsi_hi_per_h": 22.0,
        "plmsi_nr_per_h": 19.0,
        "plmsi_nr_lo_per_h": 17.0,
        "plmsi_nr_hi_per_h": 22.0,
    }
    return [row | {"rule_set": rule_set} | changes for rule_set in ("wasm2016", "aasm3")]


def link(
    mapping: Path,
    facts: dict[str, Any] | None = None,
    night_rows: list[dict[str, Any]] | None = None,
    settings: dict[str, Any] | None = None,
) -> dict[str, dict[str, list[Any]]]:
    covariates = read_covariates(mapping)
    return link_recording(
        IDS,
        covariates.for_subject("s1", "single"),
        night() if night_rows is None else night_rows,
        FACTS | (facts or {}),
        covariates.declaration,
        settings or {},
    )


def phenotype(*args: Any, **kwargs: Any) -> dict[str, Any]:
    return {name: values[0] for name, values in link(*args, **kwargs)["phenotype"].items()}


def assert_reasons(tables: dict[str, dict[str, list[Any]]]) -> None:
    for name, columns in tables.items():
        for column, reasons in columns.items():
            if column.endswith("_reason") and column.removesuffix("_reason") in columns:
                for value, reason in zip(columns[column.removesuffix("_reason")], reasons, strict=True):
                    is_open = value is None or value in ("unknown", "undetermined")
                    assert (reason is not None) == is_open, (name, column, value, reason)


def test_a_compatible_night(write_tables: CohortWriter) -> None:
    found = phenotype(write_tables(**FILES))
    expected = {
        "plms_elevated_wasm2016": "yes",
        "plms_elevated_wasm2016_nr": "yes",
        "plms_elevated": "yes",
        "plms_elevated_aasm3": "yes",
        "plms_elevated_basis": "aasm3",
        "plmd_compatible": "yes",
        "plmd_compatible_basis": "aasm3",
        "plmd_compatible_assessed": "yes",
        "clinical_disturbance": "yes",
        "better_explained": "no",
        "rls_irlssg": "no",
        "rls_level": "none",
        "medication_factor": "no",
        "iron_deficiency": "no",
        "renal_failure": "no",
        "neuropathy": "no",
        "sdb_15": "no",
        "sdb_untreated": "no",
        "secondary_factor_pattern": "none_of_assessed",
        "masked_possible": "no",
        "factors_absent": ["medication", "iron_deficiency", "renal_failure", "neuropathy", "sdb"],
    }
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("files", "facts", "night_rows", "expected"),
    [
        ({"medication": "subject_id,visit,medication,collected_date\ns1,single,Zoloft,2026-01-11\n"}, {}, None,
         {"plmd_compatible": "no", "plmd_compatible_icsd": "yes", "secondary_factor_pattern": "medication"}),
        ({"laboratory": "subject_id,analyte,value,unit,collected_date\ns1,ferritin,<5,ng/mL,2026-01-12\n"}, {}, None,
         {"iron_deficiency": "yes", "renal_failure": "unknown", "secondary_factor_pattern": "undetermined",
          "factors_present": ["iron_deficiency"], "factors_unknown": ["renal_failure"]}),
        ({"inventory": "subject_id,visit,complete\n"}, {}, None,
         {"medication_factor": "unknown", "medication_factor_reason": "inventory_incomplete",
          "plmd_compatible": "unknown", "plmd_compatible_reason": "exclusion_unknown"}),
        ({"questionnaire": "subject_id,visit,rls_urge,ess_score\ns1,single,no,12\n"}, {}, None,
         {"clinical_disturbance": "yes", "clinical_disturbance_basis": "sleepiness", "plmd_compatible": "yes"}),
        ({}, {"pap_this_night": "yes"}, None,
         {"plmd_compatible": "unknown", "plmd_compatible_reason": "pap_night", "sdb_untreated": "no"}),
        ({}, {"pap_this_night": "unknown"}, None,
         {"plmd_compatible": "unknown", "plmd_compatible_reason": "pap_unknown"}),
        ({}, {"ahi_per_h": 16.0}, None, {"sdb_15": "yes", "plmd_compatible": "no", "secondary_factor_pattern": "sdb"}),
        ({}, {"ahi_per_h": 6.0}, None,
         {"sdb_15": "no", "sdb_5": "yes", "sdb_untreated": "yes", "plmd_compatible": "no"}),
        ({}, {"respiratory_state": "not_scored"}, None,
         {"sdb_15": "unknown", "sdb_15_reason": "respiratory_not_scored"}),
        ({}, {}, night(plmsi_per_h=15.0, plmsi_lo_per_h=15.0, plmsi_hi_per_h=15.0),
         {"plms_elevated": "no", "plmd_compatible": "no", "secondary_factor_pattern": "not_applicable"}),
        ({}, {}, night(plmsi_lo_per_h=12.0),
         {"plms_elevated": "unknown", "plms_elevated_reason": "interval_spans_threshold", "plms_elevated_point": "yes",
          "secondary_factor_pattern": "undetermined", "secondary_factor_pattern_reason": "plms_elevated_unknown"}),
        ({}, {}, night(sleep_scorable_h=1.9),
         {"plms_elevated": "unknown", "plms_elevated_reason": "scorable_sleep_short", "plms_elevated_point": "yes"}),
        ({}, {"sensor": "piezo"}, None, {"plms_elevated": "unknown", "plms_elevated_reason": "sensor_not_emg"}),
        ({}, {"outcome": "failed_input"}, [], {"plms_elevated": "unknown", "plms_elevated_reason": "not_analysed"}),
        ({}, {}, [], {"plms_elevated": "unknown", "plms_elevated_reason": "not_scored"}),
        ({}, {"stages_state": "not_scored"},
         night(plmsi_per_h=None, plmsi_lo_per_h=0.0, plmsi_hi_per_h=360.0, sleep_scorable_h=None),
         {"plms_elevated": "unknown", "plms_elevated_reason": "no_stages", "plms_elevated_point_reason": "no_stages"}),
        ({}, {"respiratory_state": "not_scored"},
         night(plmsi_nr_per_h=None, plmsi_nr_lo_per_h=0.0, plmsi_nr_hi_per_h=80.0),
         {"plms_elevated_wasm2016_nr": "unknown", "plms_elevated_wasm2016_nr_reason": "respiratory_not_scored"}),
        ({"demographics": "subject_id,visit,sex\ns1,single,male\n"}, {},
         night(plmsi_per_h=10.0, plmsi_lo_per_h=10.0, plmsi_hi_per_h=10.0),
         {"plms_elevated": "unknown", "plms_elevated_reason": "age_missing", "renal_failure": "unknown",
          "renal_failure_reason": "no_record"}),
        ({"condition": "subject_id,condition,status,recorded_date\ns1,dialysis,yes,2025-12-20\n"}, {}, None,
         {"renal_failure": "yes", "renal_failure_confirmed": "yes", "neuropathy": "unknown",
          "neuropathy_reason": "no_record"}),
        ({"laboratory": "subject_id,analyte,value,unit,collected_date\ns1,creatinine,5,mg/dL,2025-12-20\n"}, {}, None,
         {"renal_failure": "yes", "renal_failure_basis": "egfr_lt30,ckd_stage", "renal_failure_confirmed": "unknown",
          "renal_failure_confirmed_reason": "not_confirmed"}),
        ({"medication": "subject_id,visit,medication,collected_date\ns1,single,clonazepam,2026-01-10\n"}, {},
         night(plmsi_per_h=3.0, plmsi_lo_per_h=2.0, plmsi_hi_per_h=4.0),
         {"suppressor_exposed": "yes", "masked_possible": "yes", "plms_elevated": "no"}),
    ],
)  # fmt: skip
def test_hand_written_nights(
    files: dict[str, str],
    facts: dict[str, Any],
    night_rows: list[dict[str, Any]] | None,
    expected: dict[str, Any],
    write_tables: CohortWriter,
) -> None:
    tables = link(write_tables(**(FILES | files)), facts, night_rows)
    assert {name: tables["phenotype"][name][0] for name in expected} == expected
    assert_reasons(tables)
    for name in TABLES:
        contracts.to_arrow(name, tables[name])


def test_every_table_is_declared_and_complete(write_tables: CohortWriter) -> None:
    tables = link(write_tables(**FILES))
    assert tuple(tables) == TABLES
    rows = {name: contracts.to_arrow(name, columns).num_rows for name, columns in tables.items()}
    assert rows == {
        "medication_exposure": len(contracts.codes("medication_class").values),
        "laboratory": len(contracts.codes("analyte").values),
        "condition": len(contracts.codes("condition").values),
        "phenotype": 1,
        "analysis": 1,
    }
    assert_reasons(tables)


def test_without_clinical_tables_everything_is_unknown_with_a_reason() -> None:
    for night_rows, facts in (([], {}), (night(), FACTS)):
        tables = link_recording(IDS, {}, night_rows, facts, {}, {})
        for name in TABLES:
            contracts.to_arrow(name, tables[name])
        assert_reasons(tables)
        assert set(tables["medication_exposure"]["exposed"]) == {"unknown"}
        assert set(tables["condition"]["status"]) == {"unknown"}
        assert tables["phenotype"]["plmd_compatible"] == ["unknown"]
        assert tables["phenotype"]["plmd_compatible_assessed"] == ["unknown"]
        assert tables["analysis"]["evidence_class"] == ["full" if night_rows else "none"]


def test_g1_only_an_elevated_index(write_tables: CohortWriter) -> None:
    found = phenotype(write_tables(demographics=FILES["demographics"]), {"respiratory_state": "not_scored"})
    assert (found["plms_elevated"], found["plmd_compatible"], found["rls_irlssg"]) == ("yes", "unknown", "unknown")


def test_g3_the_recording_does_not_touch_rls(write_tables: CohortWriter) -> None:
    mapping = write_tables(**FILES)
    full = phenotype(mapping)
    nothing = phenotype(mapping, dict.fromkeys(FACTS), [])
    own = [name for name in full if name.startswith("rls_")]
    assert len(own) >= 8
    assert {name: full[name] for name in own} == {name: nothing[name] for name in own}


def test_no_date_leaves(write_tables: CohortWriter) -> None:
    text = json.dumps(link(write_tables(**FILES)))
    assert "2025-" not in text
    assert "2026-" not in text


def test_ages_leave_as_whole_years_top_coded(write_tables: CohortWriter) -> None:
    for age, years, top in (("50.7", 50, False), ("90", 90, True), ("97.3", 90, True)):
        files = FILES | {"demographics": f"subject_id,age_years,sex\ns1,{age},male\n"}
        found = link(write_tables(**files))["analysis"]
        assert (found["age_years"], found["age_top_coded"]) == ([years], [top])


def test_dialysis_makes_the_egfr_null_and_the_stage_g5d(write_tables: CohortWriter) -> None:
    condition = "subject_id,condition,status,recorded_date\ns1,dialysis,yes,2025-12-20\n"
    found = link(write_tables(**(FILES | {"condition": condition})))["analysis"]
    assert [found[name][0] for name in ("egfr", "egfr_reason", "ckd_stage")] == [None, "dialysis", "G5D"]


def test_egfr_is_the_equation_on_the_stored_age(write_tables: CohortWriter) -> None:
    found = link(write_tables(**FILES))["analysis"]
    assert found["egfr"] == [pytest.approx(91.69148, abs=1e-5)]
    assert found["ckd_stage"] == ["G1"]
    assert found["egfr_equation"] == ["ckdepi2021_cr"]


def test_iron_started_after_the_draw_makes_ferritin_unknown(write_tables: CohortWriter) -> None:
    medication = "subject_id,medication,record_type,use_start_date,days_supply\ns1,Feosol,dispensing,2026-01-01,90\n"
    tables = link(write_tables(**(FILES | {"medication": medication})))
    assert tables["phenotype"]["iron_deficiency_reason"] == ["iron_therapy_between"]
    assert tables["analysis"]["ferritin_ug_l"] == [None]
    assert tables["analysis"]["ferritin_reason"] == ["iron_therapy_between"]


def test_crp_variant_is_a_setting(write_tables: CohortWriter) -> None:
    files = FILES | {"laboratory": FILES["laboratory"] + "s1,,crp,12,mg/L,2025-12-22\n"}
    mapping = write_tables(**files)
    assert phenotype(mapping)["iron_deficiency"] == "no"
    changed = phenotype(mapping, settings={"iron_deficiency_from": "ferritin_lt50_crp"})
    assert (changed["iron_deficiency"], changed["iron_deficiency_reason"]) == ("unknown", "inflammation")


def test_index_without_respiratory_movements_is_a_setting(write_tables: CohortWriter) -> None:
    rows = night(plmsi_nr_per_h=3.0, plmsi_nr_lo_per_h=2.0, plmsi_nr_hi_per_h=4.0)
    settings = {"phenotype_rule_set": "wasm2016", "phenotype_index": "plmsi_nr"}
    found = phenotype(write_tables(**FILES), night_rows=rows, settings=settings)
    assert (found["plms_elevated_basis"], found["plms_elevated"]) == ("wasm2016_nr", "no")


def test_the_named_rule_set_answers_plms_elevated_and_never_plmd_compatible(write_tables: CohortWriter) -> None:
    mapping = write_tables(**FILES)
    wasm2016 = night()[:1]
    by_default = phenotype(mapping, night_rows=wasm2016)
    assert (by_default["plms_elevated_basis"], by_default["plms_elevated"]) == ("aasm3", "unknown")
    assert by_default["plms_elevated_reason"] == "not_scored"
    tables = link(mapping, night_rows=wasm2016, settings={"phenotype_rule_set": "wasm2016"})
    found = {name: values[0] for name, values in tables["phenotype"].items()}
    assert (found["plms_elevated_basis"], found["plms_elevated"]) == ("wasm2016", "yes")
    assert found["secondary_factor_pattern"] == "none_of_assessed"
    assert (found["plmd_compatible"], found["plmd_compatible_basis"]) == ("unknown", "aasm3")
    assert found["plmd_compatible_reason"] == "plms_elevated_unknown"
    assert found["plms_elevated_aasm3_reason"] == "not_scored"
    assert_reasons(tables)


def test_analysis_holds_every_index_under_its_own_name(write_tables: CohortWriter) -> None:
    rows = night()
    rows[1] |= {"plmsi_per_h": 8.0, "plmsi_lo_per_h": 7.0, "plmsi_hi_per_h": 9.0, "n_plms": 56}
    rows[0] |= {"n_plms_nr": 133}
    found = {name: values[0] for name, values in link(write_tables(**FILES), night_rows=rows)["analysis"].items()}
    assert (found["phenotype_rule_set"], found["n_plms"], found["plmsi_per_h"]) == ("aasm3", 56, 8.0)
    names = ("wasm2016", "wasm2016_nr", "aasm3")
    assert [found[f"n_plms_{name}"] for name in names] == [140, 133, 56]
    assert [found[f"plmsi_{name}_per_h"] for name in names] == [20.0, 19.0, 8.0]
    assert [found[f"plmsi_{name}_lo_per_h"] for name in names] == [18.0, 17.0, 7.0]
    assert [found[f"plmsi_{name}_hi_per_h"] for name in names] == [22.0, 22.0, 9.0]
    assert [found[f"plms_elevated_{name}"] for name in names] == ["yes", "yes", "no"]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"plmd_rule_set": "wasm2016"}, "'plmd_rule_set' defines columns"),
        ({"needs_respiratory": []}, "'needs_respiratory' defines columns"),
        ({"phenotype_rule_set": "wasm2006"}, "none of wasm2016, aasm3"),
        ({"phenotype_index": "plmsi_nr"}, "'plmsi_nr' is not reported for rule set 'aasm3'; choose plmsi"),
    ],
)
def test_the_basis_of_plmd_compatible_is_no_setting(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(InputError, match=text):
        clinical_rules(changes)


def test_settings_are_checked_and_named() -> None:
    with pytest.raises(InputError, match=r"unknown name 'plms_adult'.*plms_adult_per_h"):
        clinical_rules({"plms_adult": 10.0})
    with pytest.raises(InputError, match="exclusion_list"):
        clinical_rules({"exclusion_list": "none"})
    with pytest.raises(InputError, match="plms_adult_per_h"):
        clinical_rules({"plms_adult_per_h": "much"})
    assert clinical_rules({"plms_adult_per_h": 10})["plms_adult_per_h"] == 10.0


def test_not_collected_stays_out_of_the_assessed_form(write_tables: CohortWriter) -> None:
    mapping = MAPPING.replace("neuropathy, ", "").replace("rbd, ", "")
    files = FILES | {"condition": "subject_id,condition,status,recorded_date\ns1,narcolepsy,no,2025-12-20\n"}
    found = phenotype(write_tables(mapping=mapping, **files))
    assert (found["plmd_compatible"], found["plmd_compatible_assessed"]) == ("unknown", "yes")
    assert found["neuropathy_reason"] == "not_collected"
    assert found["factors_not_collected"] == ["neuropathy"]
    assert found["attribution_universe"] == ["medication", "iron_deficiency", "renal_failure", "sdb"]
    assert "neuropathy" in found["plmd_compatible_not_collected"]
    assert found["secondary_factor_pattern"] == "none_of_assessed"


def test_the_order_of_rows_in_the_files_does_not_matter(write_tables: CohortWriter) -> None:
    header, *lines = FILES["condition"].splitlines()
    more = [*lines, "s1,,diabetes,yes,2025-01-01", "s1,,diabetes,yes,2025-06-01"]
    results = []
    for seed in range(4):
        random.Random(seed).shuffle(more)
        covariates = read_covariates(write_tables(**(FILES | {"condition": "\n".join([header, *more])})))
        results.append(contracts.canonical_json(covariates.for_subject("s1", "single")))
    assert len(set(results)) == 1


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"outcome": "excluded", "layout": "none", "sensor": None}, "no_leg"),
        ({"outcome": "excluded", "sensor": "piezo"}, "sensor_not_emg"),
        ({"outcome": "failed_input", "layout": None, "sensor": None}, "not_analysed"),
    ],
)
def test_excluded_and_failed_recordings_say_why(facts: dict[str, Any], reason: str, write_tables: CohortWriter) -> None:
    assert phenotype(write_tables(**FILES), facts, [])["plms_elevated_reason"] == reason


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("medication_factor", ["ssris"]),
        ("rule_sets_reported", ["wasm2016", "other"]),
        ("sdb_factor", "sdb_30"),
        ("factors", ["age"]),
        ("exclusion_lists", {"strict": ["everything"], "icsd_only": []}),
        ("exclusion_lists", {"strict": ["rbd"]}),
    ],
)
def test_settings_name_only_what_exists(name: str, value: Any) -> None:
    with pytest.raises(InputError, match=name):
        clinical_rules({name: value})


def test_answers_from_another_year_are_outside_the_window(write_tables: CohortWriter) -> None:
    old = "subject_id,collected_date,rls_urge,insomnia_complaint\ns1,2020-01-01,no,yes\n"
    found = phenotype(write_tables(**(FILES | {"questionnaire": old})))
    for name in ("rls_irlssg", "clinical_disturbance", "leg_cramp_pattern"):
        assert (found[name], found[f"{name}_reason"]) == ("unknown", "outside_window")


def test_the_index_in_wake_comes_from_the_rules_that_define_it() -> None:
    """AASM manual version 3 scores sleep only."""
    rows = [
        {"rule_set": "wasm2016", "plmwi_per_h": 12.5},
        {"rule_set": "aasm3", "plmwi_per_h": None},
    ]
    tables = link_recording(IDS, {}, rows, {"outcome": "analysed", "sensor": "emg"}, {}, {})
    assert tables["analysis"]["plmwi_per_h"] == [12.5]


@pytest.mark.parametrize(
    ("asked", "taken", "strict", "assessed"),
    [
        ("benzodiazepine", "no", "unknown", "no"),
        ("benzodiazepine", "yes", "yes", "yes"),
        ("benzodiazepine", "", "unknown", "unknown"),
        ("ssri", "no", "unknown", "unknown"),
    ],
)
def test_masking_as_far_as_assessed(
    asked: str, taken: str, strict: str, assessed: str, write_tables: CohortWriter
) -> None:
    mapping = MAPPING.replace("collected: [medication,", f"collected: [{asked},")
    flags = f"subject_id,visit,class_id,taken,collected_date\ns1,single,{asked},{taken},2026-01-11\n"
    written = write_tables(mapping, demographics=FILES["demographics"], medication=flags)
    found = phenotype(written, night_rows=night(plmsi_per_h=3.0, plmsi_lo_per_h=3.0, plmsi_hi_per_h=3.0))
    assert found["plms_elevated"] == "no"
    assert (found["masked_possible"], found["masked_possible_assessed"]) == (strict, assessed)
