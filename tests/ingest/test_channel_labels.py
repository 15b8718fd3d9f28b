"""Leg channel labels of real archives: headers of 15,360 NSRR recordings and published alias tables."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plms_pipeline import contracts, ingest
from plms_pipeline.errors import InputError
from plms_pipeline.ingest.channel_rules import meanings_of
from plms_pipeline.ingest.edf_header import SignalHeader, parse_header
from tests.ingest.edf_bytes import Sig, build, ramp


def decide(
    tmp_path: Path, labels: list[str], overrides: ingest.ChannelOverrides | None = None, **units: str
) -> ingest.ChannelDecision:
    path = tmp_path / "night.edf"
    path.write_bytes(build([Sig(label, ramp(1, 4), unit=units.get(f"u{i}", "uV")) for i, label in enumerate(labels)]))
    return ingest.decide_channels(ingest.read_header(path), overrides)


def codes(decision: ingest.ChannelDecision) -> list[str]:
    return [found.code for found in decision.findings]


# Label sets that stand together in one file, and how often they were seen.
OBSERVED = [
    (["Leg L", "Leg R"], "bipolar", ("Leg L",), ("Leg R",)),
    (["LegL", "LegR"], "bipolar", ("LegL",), ("LegR",)),
    (["LAT", "RAT"], "bipolar", ("LAT",), ("RAT",)),
    (["L-Leg1", "L-Leg2", "R-Leg1", "R-Leg2"], "monopolar", ("L-Leg1", "L-Leg2"), ("R-Leg1", "R-Leg2")),
    (["L-LEG1", "L-LEG2", "R-LEG1", "R-LEG2"], "monopolar", ("L-LEG1", "L-LEG2"), ("R-LEG1", "R-LEG2")),
    (["L-LEG_1", "L-LEG_2", "R-LEG_1", "R-LEG_2"], "monopolar", ("L-LEG_1", "L-LEG_2"), ("R-LEG_1", "R-LEG_2")),
    (["LAT1-LAT2", "RAT1-RAT2"], "bipolar", ("LAT1-LAT2",), ("RAT1-RAT2",)),
    (["LLEG", "RLEG"], "bipolar", ("LLEG",), ("RLEG",)),
    (["PLMl", "PLMr"], "bipolar", ("PLMl",), ("PLMr",)),
    (["PLMl.", "PLMr.", "WPLM_ST", "WPLM_ST.1"], "bipolar", ("PLMl.",), ("PLMr.",)),
    (["L-Leg2", "LegsL-Leg1", "R-Leg1", "R-Leg2"], "monopolar", ("LegsL-Leg1", "L-Leg2"), ("R-Leg1", "R-Leg2")),
    (["LEG(L)", "LEG(R)"], "bipolar", ("LEG(L)",), ("LEG(R)",)),
    (["Leg/L", "Leg/R"], "bipolar", ("Leg/L",), ("Leg/R",)),
    (["L Leg", "R Leg"], "bipolar", ("L Leg",), ("R Leg",)),
    (["L_Leg", "R_Leg"], "bipolar", ("L_Leg",), ("R_Leg",)),
    (["LEFT_LEG1", "LEFT_LEG2", "RIGHT_LEG1", "RIGHT_LEG2"], "monopolar",
     ("LEFT_LEG1", "LEFT_LEG2"), ("RIGHT_LEG1", "RIGHT_LEG2")),
    (["Lleg1", "Lleg2", "RLeg1", "RLEG2"], "monopolar", ("Lleg1", "Lleg2"), ("RLeg1", "RLEG2")),
    (["LLEG1-LLEG2", "RLEG1-RLEG2"], "bipolar", ("LLEG1-LLEG2",), ("RLEG1-RLEG2",)),
    (["EMG_TIB_L", "EMG_TIB_R"], "bipolar", ("EMG_TIB_L",), ("EMG_TIB_R",)),
    (["Tib-L", "Tib-R"], "bipolar", ("Tib-L",), ("Tib-R",)),
    (["LAT-U/LAT-L", "RAT-U/RAT-L"], "bipolar", ("LAT-U/LAT-L",), ("RAT-U/RAT-L",)),
    (["EMG_LLEG+-LLEG-", "EMG_RLEG+-RLEG-"], "bipolar", ("EMG_LLEG+-LLEG-",), ("EMG_RLEG+-RLEG-",)),
    (["EMG_LAT1-LAT2", "EMG_RAT1-RAT2"], "bipolar", ("EMG_LAT1-LAT2",), ("EMG_RAT1-RAT2",)),
    (["EMG Ant Tibial L", "EMG Ant Tibial R"], "bipolar", ("EMG Ant Tibial L",), ("EMG Ant Tibial R",)),
    (["LAT1", "LAT2", "RAT1", "RAT2"], "monopolar", ("LAT1", "LAT2"), ("RAT1", "RAT2")),
    (["Leg_L-LEG", "R-Leg"], "bipolar", ("Leg_L-LEG",), ("R-Leg",)),
    (["wPLMl", "wPLMl_Sta", "wPLMr", "wPLMr_Sta"], "bipolar", ("wPLMl",), ("wPLMr",)),
    (["LAT-U", "LAT-L", "RAT-U", "RAT-L"], "monopolar", ("LAT-U", "LAT-L"), ("RAT-U", "RAT-L")),
]  # fmt: skip


@pytest.mark.parametrize(("labels", "layout", "left", "right"), OBSERVED, ids=lambda value: str(value)[:40])
def test_observed_left_and_right(
    tmp_path: Path, labels: list[str], layout: str, left: tuple[str, ...], right: tuple[str, ...]
) -> None:
    decision = decide(tmp_path, ["EEG C4-M1", *labels, "SpO2"])
    assert (decision.layout, decision.left, decision.right, decision.combined) == (layout, left, right, None)
    assert codes(decision) == ["sensor_unknown"] and decision.rule in ("bipolar", "monopolar")
    assert decision.reason.startswith(f"rule {decision.rule}; left: {' - '.join(left)}")


@pytest.mark.parametrize("labels", [["Leg_1", "Leg_2"], ["Leg 1", "Leg 2"]])
def test_numbered_legs_have_assumed_sides(tmp_path: Path, labels: list[str]) -> None:
    decision = decide(tmp_path, labels)
    assert (decision.rule, decision.layout) == ("numbered", "bipolar")
    assert [decision.left, decision.right] == [(labels[0],), (labels[1],)]
    assert codes(decision) == ["sides_assumed", "sensor_unknown"]


@pytest.mark.parametrize(
    ("labels", "left", "right"),
    [
        (["Leg_12", "Leg_1", "Leg_2", "Leg_22"], "Leg_1", "Leg_2"),
        (["LLEG.1", "LLEG", "RLEG", "RLEG.1"], "LLEG", "RLEG"),
        (["Left Leg", "Left Leg-1", "Right Leg"], "Left Leg", "Right Leg"),
    ],
)
def test_a_label_with_the_suffix_of_a_doubled_one_is_its_copy(
    tmp_path: Path, labels: list[str], left: str, right: str
) -> None:
    decision = decide(tmp_path, labels)
    assert (decision.left, decision.right) == ((left,), (right,))
    text = next(found.text for found in decision.findings if found.code == "several_leg_channels")
    assert all(f"'{label}'" in text.partition("not used")[2] for label in labels if label not in (left, right))


def test_a_copy_without_its_original_is_no_leg(tmp_path: Path) -> None:
    assert decide(tmp_path, ["Leg_12", "Leg_22"]).layout == "none"


def test_a_copy_serves_where_the_original_cannot_be_used(tmp_path: Path) -> None:
    decision = decide(tmp_path, ["LLEG", "RLEG", "LLEG.1"], u0="")
    assert (decision.left, decision.right) == (("LLEG.1",), ("RLEG",))


@pytest.mark.parametrize(
    "label",
    ["LEG", "Leg", "LEGS", "LEG_EMG", "L/RAT", "LLEG1-RLEG1", "LLEG2-RLEG2", "EMG_LLeg-RLeg", "leg.", "EMG Legs"],
)
def test_one_combined_channel(tmp_path: Path, label: str) -> None:
    decision = decide(tmp_path, ["EEG", label])
    assert (decision.layout, decision.rule, decision.combined) == ("combined", "combined", (label,))


@pytest.mark.parametrize(
    "label",
    ["EMG", "EMG Chin", "Chin1-Chin2", "EMG submental", "WPLM_ST", "wPLMl_Sta", "PLM3.", "X16", "LegPos", "Legion",
     "Leg 3", "L", "Collateral", "LOC", "FLAT", "EMG L", "RAT7"],
)  # fmt: skip
def test_nothing_is_matched_by_similarity(tmp_path: Path, label: str) -> None:
    decision = decide(tmp_path, [label])
    assert decision.layout == "none" and codes(decision) == ["no_leg_channel"]
    assert repr(label) in decision.findings[0].text


def test_two_leads_win_over_pairs_and_pairs_over_one_channel(tmp_path: Path) -> None:
    assert decide(tmp_path, ["LEG", "LAT1", "LAT2", "LAT", "RAT"]).left == ("LAT",)
    assert decide(tmp_path, ["LEG", "LAT1", "LAT2", "RAT1", "RAT2"]).layout == "monopolar"
    assert decide(tmp_path, ["LAT", "L-Leg1", "L-Leg2", "R-Leg1", "R-Leg2"]).left == ("L-Leg1", "L-Leg2")
    assert decide(tmp_path, ["LEG", "LAT"]).left == ("LAT",)
    assert decide(tmp_path, ["LEG", "LEG2"]).combined == ("LEG",)


# What stands in one file; what is taken; why a human would.
CHOICES = [
    (["LAT", "PLMl", "PLMr", "RAT"], ("LAT",), ("RAT",)),  # one montage for both legs, whatever the order
    (["PLMr", "LAT", "PLMl"], ("PLMl",), ("PLMr",)),
    (["L-Leg2", "LLeg3", "LLeg4", "LegsL-Leg1", "R-Leg1", "R-Leg2", "RLeg5", "RLeg6"],
     ("LegsL-Leg1", "L-Leg2"), ("R-Leg1", "R-Leg2")),
    (["LLeg4", "LLeg3", "RLeg6", "RLeg5"], ("LLeg3", "LLeg4"), ("RLeg5", "RLeg6")),
    (["LAT1", "L-Leg2", "LAT2", "L-Leg1", "RAT1", "RAT2"], ("L-Leg1", "L-Leg2"), ("RAT1", "RAT2")),
]  # fmt: skip


@pytest.mark.parametrize(("labels", "left", "right"), CHOICES)
def test_two_candidates_for_one_leg(
    tmp_path: Path, labels: list[str], left: tuple[str, ...], right: tuple[str, ...]
) -> None:
    decision = decide(tmp_path, labels)
    assert (decision.left, decision.right) == (left, right)
    unused = set(labels) - {*left, *right}
    text = [found.text for found in decision.findings if found.code == "several_leg_channels"]
    assert bool(text) == bool(unused) and all(f"'{label}'" in text[0] for label in unused)


def test_of_two_candidates_the_usable_one_then_the_faster_one(tmp_path: Path) -> None:
    assert decide(tmp_path, ["LAT", "RAT", "PLMl", "PLMr"], u0="").left == ("PLMl",)
    path = tmp_path / "fast.edf"
    rates = {"LAT": 4, "RAT": 4, "PLMl": 8, "PLMr": 8}
    path.write_bytes(build([Sig(label, ramp(1, rate)) for label, rate in rates.items()]))
    assert ingest.decide_channels(ingest.read_header(path)).left == ("PLMl",)


def test_a_pair_filtered_differently_says_so(tmp_path: Path) -> None:
    path = tmp_path / "night.edf"
    path.write_bytes(build([Sig("LAT1", ramp(1, 4), prefilter="HP:10Hz"), Sig("LAT2", ramp(1, 4), prefilter="HP:1Hz")]))
    decision = ingest.decide_channels(ingest.read_header(path))
    assert decision.left == ("LAT1", "LAT2") and "pair_filters_differ" in codes(decision)


# Labels that only mean legs, or the electrocardiogram, in one archive.
ARCHIVES = [
    ("bestair", ["X1", "X2", "X15", "X16", "X17"], ("X17",), ("X16",), ("X15",)),
    ("bestair", ["M1-PG2", "M2-PG1", "X1", "X2", "X3", "X4"], ("X1",), ("X2",), ("X4",)),
    ("bestair", ["X1", "X2", "X4"], None, None, None),
    ("bestair", ["L-Leg", "R-Leg", "X1", "X2"], ("L-Leg",), ("R-Leg",), None),
    ("mnc", ["Leg_1", "Leg_2", "ECG_II"], ("Leg_1",), ("Leg_2",), ("ECG_II",)),
    ("wsc", ["Leg_L-LEG", "R-Leg", "LLEG1-EKG2"], ("Leg_L-LEG",), ("R-Leg",), ("LLEG1-EKG2",)),
    ("mesa", ["Leg"], None, None, None),
]


@pytest.mark.parametrize(("archive", "labels", "left", "right", "ecg"), ARCHIVES)
def test_exceptions_of_archives(
    tmp_path: Path, archive: str, labels: list[str], left: object, right: object, ecg: object
) -> None:
    decision = decide(tmp_path, labels, ingest.overrides_from({"archive": archive}))
    assert (decision.left, decision.right, decision.ecg) == (left, right, ecg)
    assert "sides_assumed" not in codes(decision)


@pytest.mark.parametrize(
    ("declared", "labels", "sensor"),
    [
        ({"archive": "stages"}, ["LAT", "RAT"], "emg"),
        ({"archive": "stages"}, ["wPLMl", "wPLMr"], "unknown"),
        ({"archive": "apples"}, ["LEG"], "emg"),
        ({"archive": "mesa"}, ["Leg"], "piezo"),
        ({"archive": "mesa", "combined": "Leg"}, ["Leg"], "piezo"),
        ({"archive": "mesa", "sensor": "emg"}, ["Leg"], "emg"),
        ({"archive": "mros"}, ["Leg L", "Leg R"], "piezo"),
        ({"archive": "chat"}, ["LAT", "RAT"], "assumed_emg"),
        ({}, ["LAT", "RAT"], "unknown"),
    ],
)
def test_sensor_of_an_archive(tmp_path: Path, declared: dict[str, str], labels: list[str], sensor: str) -> None:
    assert decide(tmp_path, labels, ingest.overrides_from(declared)).sensor == sensor


def test_visits_of_an_archive_that_are_left_out() -> None:
    assert "amplifier fault" in (ingest.archive_exclusion("mros", "v2") or "")
    assert ingest.archive_exclusion("mros", "v1") is None
    assert ingest.archive_exclusion("mesa", "v2") is None and ingest.archive_exclusion(None, "v2") is None


def test_an_unknown_archive_names_the_known_ones() -> None:
    with pytest.raises(InputError, match="archive 'MESA' is none of stages, apples"):
        ingest.overrides_from({"archive": "MESA"})


def test_declared_alternatives_in_the_order_of_preference(tmp_path: Path) -> None:
    overrides = ingest.overrides_from({"left": ["A", "B1;B2", "C"], "right": ["D", "E"]})
    assert decide(tmp_path, ["C", "B2", "B1", "E"], overrides).left == ("B1", "B2")
    assert decide(tmp_path, ["C", "B2", "E"], overrides).left == ("C",)
    decision = decide(tmp_path, ["B2", "E"], overrides)
    assert (decision.left, decision.right) == (None, ("E",))
    assert "left: 'A', 'B1' - 'B2', 'C'; present: 'B2', 'E'" in decision.findings[0].text


def test_left_and_right_are_declared_in_parallel() -> None:
    """Labels at the same place belong to one montage: the rule for two candidates rests on it."""
    listed = {code.value: code.aliases for code in contracts.codes("channel").codes}
    for left, right in (("left", "right"), ("left_1", "right_1"), ("left_2", "right_2"), ("leg_1", "leg_2")):
        assert len(listed[left]) == len(listed[right])
    assert len(listed["left_1"]) == len(listed["left_2"])
    for one, two in zip(listed["left"], listed["right"], strict=True):
        swapped = one.lower().replace("left", "right").replace("l", "r")
        assert sorted(swapped) == sorted(two.lower().replace("l", "r")), (one, two)


def test_one_side_bipolar_the_other_a_pair(tmp_path: Path) -> None:
    decision = decide(tmp_path, ["LAT", "R-Leg1", "R-Leg2"])
    assert (decision.layout, decision.left, decision.right) == ("monopolar", ("LAT",), ("R-Leg1", "R-Leg2"))


def test_one_leg_and_a_lonely_electrode(tmp_path: Path) -> None:
    decision = decide(tmp_path, ["LAT", "R-Leg1"])
    assert (decision.layout, decision.left, decision.right) == ("one_leg", ("LAT",), None)
    assert codes(decision) == ["electrode_alone", "one_leg", "sensor_unknown"]


def test_doubled_label_takes_the_first_and_says_so(tmp_path: Path) -> None:
    decision = decide(tmp_path, ["LAT", "RAT", "LAT"])
    assert decision.indices["left"] == (0,) and codes(decision)[0] == "duplicate_label"


def test_pair_of_electrodes_is_subtracted_in_microvolts(tmp_path: Path) -> None:
    path = tmp_path / "night.edf"
    one = Sig("L-Leg1", ramp(2, 5, 100), unit="mV", pmin="-1", pmax="1", dmin="-1000", dmax="1000")
    two = Sig("L-Leg2", ramp(2, 5, 0, 3), pmin="-500", pmax="500", dmin="-1000", dmax="1000")
    path.write_bytes(build([one, two]))
    left = ingest.open_recording(path).legs[0]
    np.testing.assert_allclose(left.segments[0].samples, np.arange(100.0, 110.0) - 1.5 * np.arange(10.0), atol=1e-9)
    assert (left.label, left.source_labels) == ("L-Leg1 - L-Leg2", ("L-Leg1", "L-Leg2"))
    assert (left.rail_low_uv, left.rail_high_uv) == (-1500.0, 1500.0)


def test_pair_with_different_rates_cannot_be_subtracted(tmp_path: Path) -> None:
    path = tmp_path / "night.edf"
    path.write_bytes(build([Sig("L-Leg1", ramp(2, 5)), Sig("L-Leg2", ramp(2, 10))]))
    decision = ingest.decide_channels(ingest.read_header(path))
    assert decision.layout == "none" and codes(decision) == ["pair_differs", "no_leg_channel"]


def test_naming_a_channel_declares_it_emg(tmp_path: Path) -> None:
    decision = decide(tmp_path, ["X16", "X17", "LAT"], ingest.overrides_from({"left": "X16", "right": ["X17"]}))
    assert (decision.left, decision.right, decision.rule, decision.sensor) == (("X16",), ("X17",), "declared", "emg")
    assert codes(decision) == []


def test_named_pair_and_inexact_spelling(tmp_path: Path) -> None:
    decision = decide(tmp_path, ["A 1", "A2"], ingest.overrides_from({"combined": "a1;A2"}))
    assert decision.combined == ("A 1", "A2") and decision.layout == "combined"


def test_named_channel_that_is_not_there_is_not_replaced(tmp_path: Path) -> None:
    decision = decide(tmp_path, ["LAT", "RAT"], ingest.overrides_from({"left": "Leg L"}))
    assert decision.layout == "none" and codes(decision) == ["declared_channel_absent", "no_leg_channel"]
    assert "'LAT', 'RAT'" in decision.findings[0].text


@pytest.mark.parametrize(
    ("sensor", "found"),
    [("emg", []), ("assumed_emg", []), ("piezo", ["sensor_piezo"]), ("unknown", ["sensor_unknown"])],
)
def test_sensor_as_declared(tmp_path: Path, sensor: str, found: list[str]) -> None:
    decision = decide(tmp_path, ["LAT", "RAT"], ingest.overrides_from({"sensor": sensor}))
    assert decision.sensor == sensor and codes(decision) == found


def test_declared_sensor_wins_over_naming(tmp_path: Path) -> None:
    assert decide(tmp_path, ["Leg"], ingest.overrides_from({"combined": "Leg", "sensor": "piezo"})).sensor == "piezo"


@pytest.mark.parametrize("label", ["ECG", "EKG", "ECG1-ECG2", "ecg1", "ECG II", "EKG1-EKG2", "ECG_L-ECG_R", "ECG."])
def test_ecg_labels(tmp_path: Path, label: str) -> None:
    assert decide(tmp_path, ["LAT", label]).ecg == (label,)


def test_ecg_without_a_unit_is_left_out_quietly(tmp_path: Path) -> None:
    decision = decide(tmp_path, ["LAT", "RAT", "ECG"], u2="")
    assert decision.ecg is None and codes(decision) == ["sensor_unknown"]


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"sensor": "EMG!"}, "sensor 'EMG!' is none of emg"),
        ({"left": "A;B;C"}, "more than two electrodes"),
        ({"left": "A;A"}, "twice"),
        ({"left": "A", "combined": "B"}, "combined cannot stand together"),
        ({"unit": "mmHg"}, "no voltage"),
    ],
)
def test_wrong_declarations(declared: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ingest.overrides_from(declared)


def test_no_label_names_two_roles() -> None:
    for code in contracts.codes("channel").codes:
        for alias in code.aliases:
            assert ingest.role_of(alias) == code.value, alias


def test_decision_key_is_json_and_tells_decisions_apart(tmp_path: Path) -> None:
    one = decide(tmp_path, ["LAT", "RAT"])
    two = decide(tmp_path, ["LAT", "RAT"], ingest.overrides_from({"sensor": "emg"}))
    assert contracts.digest_of(one.key()) != contracts.digest_of(two.key())
    assert contracts.digest_of(one.key()) == contracts.digest_of(decide(tmp_path, ["LAT", "RAT"]).key())


# How a person who knows sleep laboratories reads the label sets that are not simply a left and a right lead.
READ_BY_HAND = {
    "L-Leg1 + L-Leg2 + R-Leg1 + R-Leg2": "monopolar",
    "L-LEG1 + L-LEG2 + R-LEG1 + R-LEG2": "monopolar",
    "L-LEG_1 + L-LEG_2 + R-LEG_1 + R-LEG_2": "monopolar",
    "L-Leg2 + LegsL-Leg1 + R-Leg1 + R-Leg2": "monopolar",
    "L-Leg2 + LLeg3 + LLeg4 + LegsL-Leg1 + R-Leg1 + R-Leg2 + RLeg5 + RLeg6": "monopolar",
    "PLMl. + WPLM_ST": "one_leg",  # the left sensor and its status
    "PLM3. + PLMr.": "one_leg",  # which limb a third sensor was on is not known
    "LEG": "combined",
    "(none)": "none",
}


def test_every_label_set_counted_in_real_headers_is_read_as_by_hand(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (shared_data / "dictionaries" / "observed_leg_channel_labels.csv").open() as handle:
        rows = list(csv.DictReader(handle))
    layouts: dict[str, Counter[str]] = {}
    for row in rows:
        text = row["leg_label_set_in_one_file"]
        labels = [] if text == "(none)" else text.split(" + ")
        archive = row["cohort"] if row["cohort"] in contracts.codes("archive").values else None
        decision = decide(tmp_path, ["C4-M1", *labels], ingest.overrides_from({"archive": archive}))
        assert decision.layout == READ_BY_HAND.get(text, "bipolar"), text
        layouts.setdefault(row["cohort"], Counter())[decision.layout] += int(row["n_files"])
    with capsys.disabled():
        print("\nrecordings by what their leg labels say (label sets counted in real headers):")
        for cohort, counts in layouts.items():
            print(f"  {cohort:8s}" + ", ".join(f"{layout} {n}" for layout, n in counts.most_common()))
    with_legs = sum(n for counts in layouts.values() for layout, n in counts.items() if layout != "none")
    assert with_legs == sum(int(r["n_files"]) for r in rows if r["leg_label_set_in_one_file"] != "(none)")


LEG_ROLES_OF_ALIASES = {
    "lleg": {"left"},
    "rleg": {"right"},
    "lleg1": {"left_1", "left_2"},
    "lleg2": {"left_1", "left_2"},
    "rleg1": {"right_1", "right_2"},
    "rleg2": {"right_1", "right_2"},
    "lleg1_2": {"left", "left_1"},  # one list calls the upper electrode of the left leg by the name of the derivation
    "rleg1_2": {"right"},
    "lleg_r": {"combined"},
}


def test_every_leg_label_of_the_published_alias_files_has_its_role(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: Counter[str] = Counter()
    wrong = []
    for path in sorted((shared_data / "dictionaries" / "luna-nsrr-aliases").rglob("sigs.alias*")):
        archive = path.parent.name if path.parent.name in contracts.codes("archive").values else None
        montage = ["M1-PG2", "M2-PG1"] if path.name == "sigs.alias.2" else []
        for line in path.read_text(encoding="utf-8").splitlines():
            command, _, listed = line.partition("\t")
            canonical, *aliases = [part.strip().strip('"') for part in listed.split("|")]
            if command.strip() not in ("alias", "alais") or canonical not in LEG_ROLES_OF_ALIASES:
                continue
            for label in filter(None, aliases):
                meaning = meanings_of([label, *montage], archive).get(label)
                role = None if meaning is None else meaning.role
                seen[path.parent.name] += 1
                if role not in LEG_ROLES_OF_ALIASES[canonical]:
                    wrong.append((path.parent.name, canonical, label, role))
    with capsys.disabled():
        print(f"\nleg labels of published alias files: {sum(seen.values())} of {len(seen)} lists, {len(wrong)} misread")
    assert wrong == [] and sum(seen.values()) > 80


LABELS = st.lists(
    st.one_of(
        st.sampled_from(sorted({alias for code in contracts.codes("channel").codes for alias in code.aliases})),
        st.text(max_size=16),
    ),
    max_size=12,
)


CONTENT = build([Sig("LAT", ramp(1, 4))])
HEADER = parse_header(CONTENT[:256], CONTENT[256:512], len(CONTENT))


@settings(max_examples=200, deadline=None)
@given(labels=LABELS, archive=st.sampled_from([None, *contracts.codes("archive").values]))
def test_any_labels_give_a_decision_that_uses_each_signal_once(labels: list[str], archive: str | None) -> None:
    signals = tuple(
        SignalHeader(k, label, "", "uV", -1.0, 1.0, -32768, 32767, "", 100 + 28 * (k % 3), 0, False)
        for k, label in enumerate(labels)
    )
    header = HEADER._replace(signals=signals)
    decision = ingest.decide_channels(header, ingest.overrides_from({"archive": archive}))
    used = [index for role, indices in decision.indices.items() for index in indices]
    assert len(set(used)) == len(used)
    for role, indices in decision.indices.items():
        assert tuple(labels[index] for index in indices) == getattr(decision, role)
    assert decision == ingest.decide_channels(header, ingest.overrides_from({"archive": archive}))
    legs = {"left", "right", "combined"} & set(decision.indices)
    assert legs in (set(), {"left"}, {"right"}, {"left", "right"}, {"combined"})
    assert (decision.layout == "none") == (not legs)
