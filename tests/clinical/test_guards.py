"""Guards G1–G7 on whole persons: random tables through the linkage, read as somebody who wants a wrong yes or no."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from plms_pipeline import contracts
from plms_pipeline.exposures import clinical_rules
from plms_pipeline.exposures.names import medication_table
from plms_pipeline.phenotypes import link_recording

from .night_cases import DECLARATION, FACTS, breathing_unknown, differing, night

IDS = {"recording_id": "c_s_v1", "cohort": "c", "subject_id": "s", "visit": "v1"}
RULES = clinical_rules()
INPUTS = [*DECLARATION["collected"], *contracts.codes("medication_class").values]
DAY = st.sampled_from([-800, -366, -365, -100, -91, -90, -31, -30, -7, -1, 0, 1, 30, 31, 90, 91])
ANSWER = st.sampled_from(["yes", "no", "no", "no"])


def row_of(**columns: Any) -> st.SearchStrategy[dict[str, Any]]:
    """A row of which any column may be missing."""
    return st.fixed_dictionaries({}, optional=columns)


CONDITIONS = st.sampled_from(["dialysis", "ckd_ge4", "neuropathy", "narcolepsy", "rbd", "diabetes"])
MEDICATION = st.one_of(
    st.builds(
        lambda row, name: {"medication": name, **row},
        row_of(
            collected_offset_d=DAY, active=ANSWER, use_start_offset_d=DAY, use_end_offset_d=DAY, taken=ANSWER,
            record_type=st.sampled_from(["inventory", "dispensing", "order", "free_text"]),
        ),
        st.sampled_from(["Lisinopril", "sertraline", "Moonroot drops", "clonazepam", "ferrous sulfate", "Tylenol PM"]),
    ),
    st.builds(
        lambda row, name: {"class_id": name, "taken": "unknown", **row},
        row_of(collected_offset_d=DAY, taken=ANSWER),
        st.sampled_from(["ssri", "venlafaxine", "tca", "lithium"]),
    ),
)  # fmt: skip
LABORATORY = st.builds(
    lambda row, name: {"analyte": name, **row},
    row_of(
        value=st.sampled_from(["120", "49.9", "50", "<100", "0.9", "2.0", "none"]),
        unit=st.sampled_from(["ug/L", "ng/mL", "mg/dL", "umol/L", "mg/L", "stones"]),
        collected_offset_d=DAY,
    ),
    st.sampled_from(["ferritin", "creatinine", "crp"]),
)
CONDITION = st.builds(
    lambda row, name: {"condition": name, **row},
    row_of(status=ANSWER, recorded_offset_d=DAY, icd10=st.sampled_from(["E11.9", "G62.9"])),
    CONDITIONS,
)
CRITERIA = ("rls_urge", "rls_rest", "rls_relief", "rls_evening", "rls_not_mimic")
QUESTIONNAIRE = row_of(
    **dict.fromkeys(CRITERIA, ANSWER),
    rls_single_question=ANSWER, rls_physician_told=ANSWER, insomnia_complaint=st.just("yes"), ess_score=st.just(4.0),
    cramp_feel=st.sampled_from(["urge", "painful_tightening", "other"]),
    cramp_relief=st.sampled_from(["any_movement", "stretch_only", "neither"]), cramp_sole_symptom=ANSWER,
    collected_offset_d=DAY,
)  # fmt: skip
# A person of whom everything is known and nothing is present, then rows taken away and others added.
KNOWN: dict[str, list[dict[str, Any]]] = {
    "demographics": [{"age_years": 40.0, "sex": "male"}],
    "medication": [],
    "inventory": [{"complete": "yes", "collected_offset_d": 0}],
    "laboratory": [
        {"analyte": "ferritin", "value": "120", "unit": "ug/L", "collected_offset_d": -3},
        {"analyte": "creatinine", "value": "0.9", "unit": "mg/dL", "collected_offset_d": -3},
    ],
    "condition": [
        {"condition": name, "status": "no", "recorded_offset_d": 0} for name in ("neuropathy", "narcolepsy", "rbd")
    ],
    "questionnaire": [{"rls_urge": "no", "insomnia_complaint": "yes", "collected_offset_d": 0}],
}
MORE = {"medication": MEDICATION, "laboratory": LABORATORY, "condition": CONDITION, "questionnaire": QUESTIONNAIRE}


@st.composite
def persons(draw: st.DrawFn) -> dict[str, list[dict[str, Any]]]:
    dropped = draw(st.sets(st.sampled_from([(table, k) for table, rows in KNOWN.items() for k in range(len(rows))]),
                           max_size=3))  # fmt: skip
    person = {table: [row for k, row in enumerate(rows) if (table, k) not in dropped] for table, rows in KNOWN.items()}
    for table in draw(st.sets(st.sampled_from(sorted(MORE)), max_size=2)):
        person[table] = [*person[table], *draw(st.lists(MORE[table], min_size=1, max_size=2))]
    return person


FACT = st.fixed_dictionaries(
    {
        "pap_this_night": st.sampled_from(["no", "no", "no", "yes", "unknown", None]),
        "respiratory_state": st.sampled_from(["scored", "scored", "scored", "not_scored", "partial", None]),
        "ahi_per_h": st.sampled_from([2.0, 2.0, 4.99, 5.0, 30.0, None]),
        "sensor": st.sampled_from(["emg", "emg", "emg", "piezo", None]),
        "outcome": st.sampled_from(["analysed", "analysed", "analysed", "failed_input"]),
    }
)
NIGHT = st.sampled_from(
    [
        night(30.0, 30.0, 30.0), night(30.0, 24.0, 34.0), night(20.0, 18.0, 24.0), night(17.0, 12.0, 18.0),
        night(4.0, 4.0, 4.0), night(30.0, 0.0, 360.0), night(30.0, 30.0, 30.0, 1.5), night(None, None, None, 0.0), [],
        night(30.0, 30.0, 30.0)[:1], differing(night(30.0, 30.0, 30.0), night(4.0, 4.0, 4.0)),
        differing(night(4.0, 4.0, 4.0), night(30.0, 30.0, 30.0)), breathing_unknown(30.0, 34.0),
    ]
)  # fmt: skip
COLLECTED = st.one_of(st.just(INPUTS), st.lists(st.sampled_from(INPUTS), unique=True))


def link(
    person: dict[str, list[dict[str, Any]]], rows: list[dict[str, Any]], facts: dict[str, Any], collected: list[str]
) -> tuple[dict[str, Any], dict[str, str], dict[str, str]]:
    """Phenotype, exposures and conditions."""
    tables = link_recording(IDS, person, rows, {**FACTS, **facts}, {**DECLARATION, "collected": collected}, {})
    exposures, conditions = tables["medication_exposure"], tables["condition"]
    return (
        {name: values[0] for name, values in tables["phenotype"].items()},
        dict(zip(exposures["class_id"], exposures["exposed"], strict=True)),
        dict(zip(conditions["condition"], conditions["status"], strict=True)),
    )


@settings(max_examples=300, deadline=None)
@given(persons(), NIGHT, FACT, COLLECTED)
def test_g2_compatible_means_that_every_exclusion_is_known_to_be_absent(
    person: dict[str, list[dict[str, Any]]], rows: list[dict[str, Any]], facts: dict[str, Any], collected: list[str]
) -> None:
    found, exposed, conditions = link(person, rows, facts, collected)
    if found["plms_elevated"] == "no":
        assert found["plmd_compatible"] == found["plmd_compatible_icsd"] == "no"
    if found["plmd_compatible_assessed"] == "yes":
        assert found["clinical_disturbance"] == found["plms_elevated"] == "yes"
        assert "yes" not in [found[name] for name in found["better_explained_universe"]]
    if found["plmd_compatible"] == "yes":
        assert found["plms_elevated"] == found["clinical_disturbance"] == "yes"
        assert {row["rule_set"]: row["plmsi_lo_per_h"] for row in rows}["aasm3"] > 15.0
        assert facts["pap_this_night"] == "no"
        assert (facts["sensor"], facts["outcome"]) == ("emg", "analysed")
        assert facts["respiratory_state"] == "scored"
        assert facts["ahi_per_h"] < 5.0
        assert [found[name] for name in RULES["exclusion_lists"]["strict"]] == ["no"] * 8
        assert {exposed[name] for name in RULES["medication_factor"]} == {"no"}
        drops = {"medication": "Moonroot drops", "collected_offset_d": 0}
        unnamed, _, _ = link({**person, "medication": [*person["medication"], drops]}, rows, facts, collected)
        assert (unnamed["medication_factor"], unnamed["plmd_compatible"]) == ("unknown", "unknown")
        assert {conditions[name] for name in ("neuropathy", "narcolepsy", "rbd", "dialysis")} == {"no"}
        assert found["rls_level"] not in ("definite", "probable", "reported", "screen_positive", "possible")


@settings(max_examples=150, deadline=None)
@given(persons(), COLLECTED)
def test_no_is_never_said_without_a_row_that_says_it(
    person: dict[str, list[dict[str, Any]]], collected: list[str]
) -> None:
    rows = night(30.0, 30.0, 30.0)
    flags = [row for row in person["medication"] if "class_id" in row]
    unlisted = {**person, "inventory": []}
    _, exposed, _ = link(unlisted, rows, {}, collected)
    said_no = {row["class_id"] for row in flags if row["taken"] == "no"}
    # Who takes no tricyclic takes no doxepin either: a "no" of a class is one of its sub-flags.
    said_no |= {name for name, (parent, _) in medication_table().classes().items() if parent in said_no}
    assert {class_id for class_id, value in exposed.items() if value == "no"} <= said_no
    found, _, conditions = link({**person, "condition": [], "laboratory": []}, rows, {}, collected)
    assert set(conditions.values()) == {"unknown"}
    assert {found[name] for name in ("ferritin_lt50", "ferritin_lt50_crp", "renal_failure")} == {"unknown"}
    found, _, _ = link({**person, "questionnaire": []}, rows, {}, collected)
    names = ("rls_irlssg", "rls_for_exclusion", "leg_cramp_pattern", "clinical_disturbance")
    assert {found[name] for name in names} == {"unknown"}


@settings(max_examples=150, deadline=None)
@given(persons(), NIGHT, NIGHT, FACT)
def test_g3_g7_rls_and_cramps_come_from_the_history_alone(
    person: dict[str, list[dict[str, Any]]],
    rows: list[dict[str, Any]],
    others: list[dict[str, Any]],
    facts: dict[str, Any],
) -> None:
    one, two = link(person, rows, {}, INPUTS)[0], link(person, others, facts, INPUTS)[0]
    for name in one:
        if name.startswith(("rls_", "leg_cramp")):
            assert one[name] == two[name], name
    assert not (one["leg_cramp_pattern"] == "yes" and one["rls_irlssg"] == "yes")


@settings(max_examples=150, deadline=None)
@given(persons(), st.sampled_from(["condition", "questionnaire"]), COLLECTED)
def test_g1_an_elevated_index_alone_decides_nothing(
    person: dict[str, list[dict[str, Any]]], emptied: str, collected: list[str]
) -> None:
    found, _, _ = link({**person, emptied: []}, night(90.0, 90.0, 90.0), {}, collected)
    assert found["plms_elevated"] == "yes"
    assert found["plmd_compatible"] != "yes"
    if emptied == "questionnaire":
        assert (found["rls_irlssg"], found["rls_associated"]) == ("unknown", "unknown")
