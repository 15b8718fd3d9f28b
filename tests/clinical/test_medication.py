"""Medication classes: matching by code and name, windows of use, completeness of the inventory."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from plms_pipeline import contracts
from plms_pipeline.errors import InputError
from plms_pipeline.exposures import read_covariates
from plms_pipeline.exposures.medication import medication_statuses
from plms_pipeline.exposures.names import medication_table

from .conftest import MAPPING, CohortWriter

ALL = {"collected": list(contracts.codes("medication_class").values), "inventory_default": "unknown"}
COMPLETE = {"complete": "yes", "collected_offset_d": 1}


def classes(text: str | None = None, code: str | None = None) -> set[str]:
    return {hit.class_id for hit in medication_table().match(text, code, None).hits}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Sertraline", {"ssri"}),
        ("SERTRALINE HCl 50 mg tablet", {"ssri"}),
        ("sertraline hydrochloride 50mg cap PO qd", {"ssri"}),
        ("Prozac (fluoxetine) 20 mg", {"ssri"}),
        ("Effexor XR 75", {"snri", "venlafaxine"}),
        ("Lithium carbonate ER 300 mg", {"lithium"}),
        ("amitriptyline/perphenazine", {"tca", "antipsychotic"}),
        ("Phenergan", {"da_antiemetic", "antihist_sedating"}),
        ("Tylenol PM", {"antihist_sedating"}),
        ("Tylenol PM Extra Strength 500-25 mg", {"antihist_sedating"}),
        ("Tylenol P.M.", {"antihist_sedating"}),
        ("APAP PM", {"antihist_sedating"}),
        ("APAP/diphenhydramine 500-25", {"antihist_sedating"}),
        ("sertraline 50 mg p.m.", {"ssri"}),
        ("lorazepam 1 mg as needed", {"benzodiazepine"}),
        ("ASA 81 mg", set()),
        ("Advil PM", {"antihist_sedating"}),
        ("NyQuil", {"antihist_sedating"}),
        ("Contac", {"antihist_sedating"}),
        ("Tylenol", set()),
        ("Torecan", {"da_antiemetic", "antihist_sedating"}),
        ("Deanxit", {"tca", "antipsychotic"}),
        ("Klonopin", {"benzodiazepine", "clonazepam"}),
        ("Zyprexa Relprevv", {"antipsychotic", "depot_antipsychotic"}),
        ("Horizant", {"gabapentinoid"}),
        ("ferrous sulfate 325 mg", {"iron_therapy"}),
        ("Venofer", {"iron_therapy", "iron_iv"}),
        ("ondansetron", {"antiemetic_5ht3"}),
        ("Nuplazid", set()),
        ("diphenhydramine cream", set()),
    ],
)
def test_names_match_exactly_after_normalisation(text: str, expected: set[str]) -> None:
    match = medication_table().match(text, None, None)
    assert {hit.class_id for hit in match.hits} == expected
    assert match.unmapped == ()


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("Sertralin", "name_not_listed"),
        ("clomipramin", "name_not_listed"),
        ("zzz", "name_not_listed"),
        ("Fluoxetine (Prozac, Savella)", "ambiguous"),
        ("sodium", "name_not_listed"),
        ("50 mg tablet", "name_not_listed"),
        ("", "empty"),
    ],
)
def test_nothing_is_guessed(text: str, cause: str) -> None:
    match = medication_table().match(text, None, None)
    assert match.hits == ()
    assert [found for _, found in match.unmapped] == [cause]


def test_look_alikes_stay_apart() -> None:
    assert classes("clomipramine") == {"tca"}
    assert classes("clonidine") == set()
    assert classes("chlorpromazine") == {"antipsychotic"}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("N06AB06", {"ssri"}),
        ("n06ab 06", {"ssri"}),
        ("N06AB", {"ssri"}),
        ("N06CA03", {"ssri"}),
        ("N06AX16", {"snri", "venlafaxine"}),
        ("N06AA17", {"tca", "antipsychotic"}),
        ("N03AX12", {"gabapentinoid"}),
        ("N02BF01", {"gabapentinoid"}),
        ("N03AX16", {"gabapentinoid"}),
        ("N02BF02", {"gabapentinoid"}),
        ("N02BG11", {"gabapentinoid"}),
        ("N05CM19", {"z_drug_hypnotic", "orexin_antagonist"}),
        ("N05CJ01", {"z_drug_hypnotic", "orexin_antagonist"}),
        ("N05AN01", {"lithium"}),
        ("N02AE01", {"opioid"}),
        ("R06AD03", {"da_antiemetic", "antihist_sedating"}),
        ("N05AX17", set()),
        ("N05AX50", set()),
        ("N05AX08", {"antipsychotic"}),
        ("N05AB04", {"antipsychotic", "da_antiemetic"}),
        ("A04AA01", {"antiemetic_5ht3"}),
        ("A04AD12", set()),
        ("A03FA02", set()),
        ("R06AD02", {"da_antiemetic", "antihist_sedating"}),
        ("R06AE05", {"antihist_sedating"}),
        ("R06AE07", {"antihist_nonsedating"}),
        ("D04AA32", set()),
        ("G02CB03", {"dopamine_agonist"}),
        ("N06AX12", {"bupropion"}),
        ("B03AC02", {"iron_therapy", "iron_iv"}),
        ("C09AA03", set()),
    ],
)
def test_codes_match_exactly_or_by_prefix_with_exclusions(code: str, expected: set[str]) -> None:
    assert classes(code=code) == expected


@pytest.mark.parametrize(("code", "cause"), [("N06AX", "code_too_short"), ("SSRI", "not_an_atc_code")])
def test_codes_that_say_too_little(code: str, cause: str) -> None:
    assert medication_table().match(None, code, None).unmapped == ((code, cause),)


def test_name_beside_the_code_of_a_combination_still_counts() -> None:
    assert classes("Tylenol PM", "N02BE51") == {"antihist_sedating"}


def test_the_table_is_declared_and_large_enough() -> None:
    rows = contracts.load_csv("codes/medication_classes.csv")
    assert len(rows) >= 120
    for row in rows:
        assert row["atc_match"] in ("exact", "prefix", "exclude", "")
        assert bool(row["atc_code"]) == bool(row["atc_match"])
        assert row["ingredient"] or row["atc_code"] or row["brand_us"] or row["brand_eu"]
        assert not row["atc_code"] or re.fullmatch(r"[A-Z]\d{2}([A-Z]{1,2}(\d{2})?)?", row["atc_code"])
    declared = set(contracts.codes("medication_class").values)
    assert set(medication_table().classes()) <= declared


def test_whocc_is_named() -> None:
    notice = (contracts.schema_root() / "codes" / "medication_classes.NOTICE.md").read_text(encoding="utf-8")
    assert "WHO Collaborating Centre for Drug Statistics Methodology" in notice


def status(rows: list[dict[str, Any]], class_id: str = "ssri", rules: Any = None, **extra: Any) -> dict[str, Any]:
    declaration = {**ALL, **{key: extra.pop(key) for key in ("collected", "inventory_default") if key in extra}}
    covariates = {"medication": rows, **extra}
    found = medication_statuses(covariates, extra.get("night"), declaration, rules)
    return next(entry for entry in found if entry["class_id"] == class_id)


def dated(start: int | None = None, end: int | None = None, **more: Any) -> dict[str, Any]:
    row: dict[str, Any] = {"medication": "sertraline", "record_type": "dispensing", **more}
    if start is not None:
        row["use_start_offset_d"] = start
    if end is not None:
        row["use_end_offset_d"] = end
    return row


@pytest.mark.parametrize(
    ("row", "exposed", "sensitivity"),
    [
        (dated(-100, 0), "yes", "yes"),
        (dated(-100, 50), "yes", "yes"),
        (dated(-100, -7), "yes", "yes"),
        (dated(-100, -8), "no", "yes"),
        (dated(-100, -14), "no", "yes"),
        (dated(-100, -15), "no", "no"),
        (dated(0, 10), "yes", "yes"),
        (dated(1, 10), "no", "no"),
        (dated(-5), "yes", "yes"),
        (dated(-100), "unknown", "unknown"),
        (dated(None, -3), "yes", "yes"),
        (dated(None, -30), "no", "no"),
        (dated(None, 5), "unknown", "unknown"),
        (dated(-30, days_supply=30.0), "yes", "yes"),
        (dated(-40, days_supply=30.0), "no", "yes"),
        (dated(-100, active="yes", collected_offset_d=-2), "yes", "yes"),
        (dated(-100, active="yes", collected_offset_d=-60), "no", "no"),
        (dated(-5, active="yes", collected_offset_d=-20), "yes", "yes"),
        (dated(-5, -50), "unknown", "unknown"),
        (dated(-50, -60), "unknown", "unknown"),
        (dated(5, -50), "no", "no"),
        (dated(-20, days_supply=-5.0), "unknown", "unknown"),
        (dated(-100, -8, medication="fluoxetine"), "yes", "yes"),
        (dated(-100, -36, medication="fluoxetine"), "no", "yes"),
    ],
)
def test_use_meets_the_look_back(row: dict[str, Any], exposed: str, sensitivity: str, rules: dict[str, Any]) -> None:
    found = status([row], rules=rules, inventory=[COMPLETE])
    assert (found["exposed"], found["exposed_sensitivity"]) == (exposed, sensitivity)


@pytest.mark.parametrize(
    ("collected", "exposed", "reason"),
    [(0, "yes", None), (1, "yes", None), (-30, "yes", None), (30, "yes", None), (31, "unknown", "outside_window")],
)
def test_inventory_speaks_for_30_days(collected: int, exposed: str, reason: str | None, rules: dict[str, Any]) -> None:
    found = status([{"medication": "Zoloft", "collected_offset_d": collected}], rules=rules)
    assert (found["exposed"], found["exposed_reason"]) == (exposed, reason)


def test_an_undated_inventory_is_unknown(rules: dict[str, Any]) -> None:
    assert status([{"medication": "Zoloft"}], rules=rules)["exposed_reason"] == "date_unknown"


def test_dates_are_counted_from_the_night(rules: dict[str, Any]) -> None:
    row = {"medication": "Zoloft", "collected_date": "2026-03-01"}
    covariates = {"medication": [row]}
    found = medication_statuses(covariates, "2026-02-28", ALL, rules)
    assert next(entry for entry in found if entry["class_id"] == "ssri")["last_use_offset_d"] == 0
    found = medication_statuses(covariates, None, ALL, rules)
    assert next(entry for entry in found if entry["class_id"] == "ssri")["exposed_reason"] == "date_unknown"


@pytest.mark.parametrize(
    ("extra", "exposed", "reason"),
    [
        ({}, "unknown", "no_record"),
        ({"inventory": [COMPLETE]}, "no", None),
        ({"inventory": [{"complete": "no", "collected_offset_d": 0}]}, "unknown", "inventory_incomplete"),
        ({"inventory": [{"complete": "yes"}]}, "unknown", "date_unknown"),
        ({"inventory": [{"complete": "yes", "collected_offset_d": 31}]}, "unknown", "outside_window"),
        ({"inventory_default": "complete"}, "unknown", "no_record"),
        ({"inventory_default": "incomplete"}, "unknown", "inventory_incomplete"),
        ({"inventory": [COMPLETE], "collected": []}, "unknown", "not_collected"),
    ],
)
def test_absence_of_a_row_is_never_no(
    extra: dict[str, Any], exposed: str, reason: str | None, rules: dict[str, Any]
) -> None:
    found = status([], rules=rules, **extra)
    assert (found["exposed"], found["exposed_reason"]) == (exposed, reason)


@pytest.mark.parametrize(
    ("row", "exposed", "reason"),
    [
        ({"collected_offset_d": 0}, "no", None),
        ({"collected_offset_d": -31}, "unknown", "outside_window"),
        ({}, "unknown", "date_unknown"),
    ],
)
def test_declared_completeness_needs_a_list_near_the_night(
    row: dict[str, Any], exposed: str, reason: str | None, rules: dict[str, Any]
) -> None:
    found = status([{"medication": "lisinopril", **row}], "tca", rules=rules, inventory_default="complete")
    assert (found["exposed"], found["exposed_reason"]) == (exposed, reason)


def test_an_unmapped_medicine_forbids_no_but_not_yes(rules: dict[str, Any]) -> None:
    rows = [
        {"medication": "zzz", "collected_offset_d": 0},
        {"medication": "Zoloft", "collected_offset_d": 0},
    ]
    assert status(rows, rules=rules, inventory=[COMPLETE])["exposed"] == "yes"
    found = status(rows, "tca", rules=rules, inventory=[COMPLETE])
    assert (found["exposed"], found["exposed_reason"]) == ("unknown", "unmapped_medication")
    late = [{"medication": "zzz", "use_start_offset_d": 3, "record_type": "dispensing"}]
    assert status(late, "tca", rules=rules, inventory=[COMPLETE])["exposed"] == "no"
    harmless = [{"medication": "lisinopril", "collected_offset_d": 0}]
    assert status(harmless, "tca", rules=rules, inventory=[COMPLETE])["exposed"] == "no"


def test_cohort_flags_answer_for_their_class_only(rules: dict[str, Any]) -> None:
    refused = [{"class_id": "ssri", "taken": "no", "collected_offset_d": 0}]
    found = status(refused, rules=rules)
    assert (found["exposed"], found["basis"]) == ("no", "self_report_flag")
    assert status(refused, "tca", rules=rules)["exposed"] == "unknown"
    taken = [{"class_id": "venlafaxine", "taken": "yes", "collected_offset_d": 0}]
    assert status(taken, "venlafaxine", rules=rules)["exposed"] == "yes"
    assert status(taken, "snri", rules=rules)["exposed"] == "yes"
    not_taken = [{"class_id": "venlafaxine", "taken": "no", "collected_offset_d": 0}]
    assert status(not_taken, "venlafaxine", rules=rules)["exposed"] == "no"
    assert status(not_taken, "snri", rules=rules)["exposed"] == "unknown"


def test_new_chronic_and_stopped_use(rules: dict[str, Any]) -> None:
    assert status([dated(-20, 5)], rules=rules)["user_type"] == "new"
    assert status([dated(-91, 5)], rules=rules)["user_type"] == "chronic"
    stopped = status([dated(-91, -20)], rules=rules, inventory=[COMPLETE])
    assert (stopped["exposed"], stopped["stopped_recently"], stopped["last_use_offset_d"]) == ("no", True, -20)


def test_sub_flags_have_rows_of_their_own_with_a_parent(rules: dict[str, Any]) -> None:
    found = status([{"medication": "clonazepam", "collected_offset_d": 0}], "clonazepam", rules=rules)
    assert (found["exposed"], found["parent_class_id"]) == ("yes", "benzodiazepine")


def test_a_named_medicine_not_taken_says_nothing_of_its_class(rules: dict[str, Any]) -> None:
    rows = [{"medication": "sertraline", "taken": "no", "collected_offset_d": 0}]
    assert status(rows, rules=rules)["exposed"] == "unknown"
    assert status(rows, rules=rules, inventory=[COMPLETE])["exposed"] == "no"


@pytest.mark.parametrize(
    ("row", "exposed"),
    [
        ({"active": "no"}, "unknown"),
        ({"active": "no", "use_start_offset_d": -3}, "yes"),
        ({"active": "no", "use_start_offset_d": -90}, "unknown"),
        ({"active": "no", "use_start_offset_d": -90, "use_end_offset_d": -40}, "no"),
        ({"active": "yes"}, "yes"),
    ],
)
def test_a_stopped_medicine_on_the_list(row: dict[str, Any], exposed: str, rules: dict[str, Any]) -> None:
    listed = {"medication": "Zoloft", "collected_offset_d": 0, **row}
    assert status([listed], rules=rules, inventory=[COMPLETE])["exposed"] == exposed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("acetaminophen PM", {"antihist_sedating"}),
        ("Ibuprofen PM 200-38 mg caplet", {"antihist_sedating"}),
        ("naproxen pm", {"antihist_sedating"}),
        ("sertraline 50 mg PM", {"ssri"}),
        ("sertraline 50 mg at 8 pm", None),
        ("Tylenol 8 pm", set()),
        ("Zoloft 9:30 p.m.", {"ssri"}),
        ("diphenhydramine-acetaminophen 25-500 mg", {"antihist_sedating"}),
        ("hydrocodone-acetaminophen 5-325 mg tab", {"opioid"}),
        ("hydrocodone bitartrate acetaminophen", {"opioid"}),
        ("Tylenol with codeine", {"opioid"}),
        ("Tylenol w/ codeine #3", {"opioid"}),
        ("Tylenol #3", {"opioid"}),
        ("TYLENOL NO. 4", {"opioid"}),
        ("Tylenol 3", {"opioid"}),
        ("Tylenol 325 mg", set()),
        ("Tylenol", set()),
        ("Triptafen", {"tca", "antipsychotic"}),
        ("Limbitrol", {"tca", "benzodiazepine"}),
        ("sertraline 50 MG Oral Tablet [Zoloft]", {"ssri"}),
        ("carbidopa-levodopa 25-100", {"levodopa"}),
        ("lithium sertraline zzz", None),
    ],
)
def test_combinations_by_name_rule(text: str, expected: set[str] | None) -> None:
    match = medication_table().match(text, None, None)
    assert bool(match.unmapped) == (expected is None)
    if expected is not None:
        assert {hit.class_id for hit in match.hits} == expected


@pytest.mark.parametrize(
    ("row", "exposed", "reason"),
    [
        ({"medication": "doxepin 3 mg"}, "yes", None),
        ({"medication": "doxepin 6 mg cap"}, "yes", None),
        ({"medication": "doxepin 10 mg"}, "no", None),
        ({"medication": "doxepin"}, "unknown", "dose_unknown"),
        ({"medication": "doxepin", "dose_mg_d": 6.0}, "yes", None),
        ({"medication": "doxepin 3 mg", "dose_mg_d": 12.0}, "no", None),
        ({"medication": "Silenor"}, "yes", None),
        ({"atc_code": "N06AA12", "dose_mg_d": 75.0}, "no", None),
        ({"medication": "amitriptyline 5 mg"}, "no", None),
    ],
)
def test_doxepin_is_low_up_to_6_mg(
    row: dict[str, Any], exposed: str, reason: str | None, rules: dict[str, Any]
) -> None:
    rows = [{**row, "collected_offset_d": 0}]
    found = status(rows, "doxepin_low_dose", rules=rules, inventory=[COMPLETE])
    assert (found["exposed"], found["exposed_reason"]) == (exposed, reason)
    assert status(rows, "tca", rules=rules, inventory=[COMPLETE])["exposed"] == "yes"


def test_a_class_answered_no_denies_its_sub_flags_and_a_class_taken_leaves_them_open(rules: dict[str, Any]) -> None:
    refused = [{"class_id": "snri", "taken": "no", "collected_offset_d": 0}]
    assert status(refused, "venlafaxine", rules=rules)["exposed"] == "no"
    taken = [{"class_id": "snri", "taken": "yes", "collected_offset_d": 0}]
    found = status(taken, "venlafaxine", rules=rules, inventory=[COMPLETE])
    assert (found["exposed"], found["exposed_reason"]) == ("unknown", "unmapped_medication")
    named = [*taken, {"medication": "duloxetine", "collected_offset_d": 0}]
    assert status(named, "snri", rules=rules, inventory=[COMPLETE])["exposed"] == "yes"


def test_a_start_after_the_night_is_no_last_use(rules: dict[str, Any]) -> None:
    assert status([dated(5, 20)], rules=rules, inventory=[COMPLETE])["last_use_offset_d"] is None


def test_the_status_does_not_depend_on_the_order_of_rows(rules: dict[str, Any]) -> None:
    rows = [dated(-20, 5), {"medication": "Zoloft", "collected_offset_d": 0}, {"atc_code": "N06AB06", "active": "no"}]
    assert status(rows, rules=rules) == status(rows[::-1], rules=rules)


RXNCONSO = """\
36437|ENG||||||1|1|36437||RXNORM|IN|36437|sertraline||N|4096|
36437|ENG||||||1|1|36437||ATC|RXN_IN|N06AB06|sertraline||N|4096|
312941|ENG||||||1|1|312941||RXNORM|SCD|312941|sertraline 50 MG Oral Tablet||N|4096|
856773|ENG||||||1|1|856773||RXNORM|SCD|856773|acetaminophen 325 MG / tramadol hydrochloride 37.5 MG Oral Tablet||N|4096|
"""


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("RXNCONSO.RRF", RXNCONSO),
        ("rxnorm.csv", "rxcui,name\n36437,sertraline\n312941,sertraline 50 MG Oral Tablet\n"
                       "856773,acetaminophen 325 MG / tramadol hydrochloride 37.5 MG Oral Tablet\n"),
    ],
)  # fmt: skip
def test_rxcui_by_the_users_copy_of_rxnorm(
    name: str, content: str, tmp_path: Path, write_tables: CohortWriter, rules: dict[str, Any]
) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    rows = "a,312941,,0\nb,856773,,0\nc,999,,0\nd,999,Prozac,0\ne,36437,,0\n"
    rows = "subject_id,rxcui,medication,collected_offset_d\n" + rows
    mapping = MAPPING.replace("files:", f"rxnorm: {name}\nfiles:")
    covariates = read_covariates(write_tables(mapping, medication=rows))
    exposed = {}
    for subject in "abcde":
        found = medication_statuses(covariates.for_subject(subject, "v1"), None, covariates.declaration, rules)
        exposed[subject] = {row["class_id"]: row["mapping_quality"] for row in found if row["exposed"] == "yes"}
    assert exposed == {
        "a": {"ssri": "exact_code"}, "b": {"opioid": "exact_code", "tramadol": "exact_code"}, "c": {},
        "d": {"ssri": "exact_name"}, "e": {"ssri": "exact_code"},
    }  # fmt: skip
    unmapped = covariates.unmapped_medication()
    assert (unmapped["source_text"], unmapped["unmapped_cause"]) == (["999"], ["rxcui_not_listed"])
    counts = covariates.medication_counts()
    assert (counts["n_medication_records"], counts["n_medication_records_unmapped"]) == (5, 1)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("RXNCONSO.RRF", "36437|ENG\n", r"RXNCONSO\.RRF: line 1 has 2 fields instead of 18"),
        ("rxnorm.csv", "cui,name\n", r"rxnorm\.csv: needs the columns 'rxcui' and 'name'"),
        ("rxnorm.csv", None, r"rxnorm\.csv: cannot be read"),
    ],
)
def test_a_wrong_copy_of_rxnorm_is_one_clear_line(
    name: str, content: str | None, message: str, tmp_path: Path, write_tables: CohortWriter
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content, encoding="utf-8")
    mapping = MAPPING.replace("files:", f"rxnorm: {name}\nfiles:")
    with pytest.raises(InputError, match=message):
        read_covariates(write_tables(mapping, medication="subject_id,rxcui\na,36437\n"))
