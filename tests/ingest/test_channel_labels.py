"""Leg channel labels of real archives: headers of 15,360 NSRR recordings and published alias tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from plms_pipeline import contracts, ingest
from plms_pipeline.errors import InputError
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
]  # fmt: skip


@pytest.mark.parametrize(("labels", "layout", "left", "right"), OBSERVED, ids=lambda value: str(value)[:40])
def test_observed_left_and_right(
    tmp_path: Path, labels: list[str], layout: str, left: tuple[str, ...], right: tuple[str, ...]
) -> None:
    decision = decide(tmp_path, ["EEG C4-M1", *labels, "SpO2"])
    assert (decision.layout, decision.left, decision.right, decision.combined) == (layout, left, right, None)
    assert codes(decision) == ["sensor_unknown"] and decision.rule in ("bipolar", "monopolar")
    assert decision.reason.startswith(f"rule {decision.rule}; left: {' - '.join(left)}")


@pytest.mark.parametrize("labels", [["Leg_1", "Leg_2"], ["Leg_1", "Leg_12", "Leg_2", "Leg_22"], ["Leg 1", "Leg 2"]])
def test_numbered_legs_have_assumed_sides(tmp_path: Path, labels: list[str]) -> None:
    decision = decide(tmp_path, labels)
    assert (decision.rule, decision.layout) == ("numbered", "bipolar")
    assert [decision.left, decision.right] == [(labels[0],), (labels[-1 if len(labels) == 2 else 2],)]
    assert codes(decision) == ["sides_assumed", "sensor_unknown"]


@pytest.mark.parametrize(
    "label",
    ["LEG", "Leg", "LEGS", "LEG_EMG", "L/RAT", "LLEG1-RLEG1", "LLEG2-RLEG2", "EMG_LLeg-RLeg", "leg.", "EMG Legs"],
)
def test_one_combined_channel(tmp_path: Path, label: str) -> None:
    decision = decide(tmp_path, ["EEG", label])
    assert (decision.layout, decision.rule, decision.combined) == ("combined", "combined", (label,))


@pytest.mark.parametrize(
    "label",
    ["EMG", "EMG Chin", "Chin1-Chin2", "EMG submental", "WPLM_ST", "wPLMl", "PLM3.", "X16", "LegPos", "Legion", "Leg 3",
     "L", "Collateral", "LOC", "FLAT", "EMG L", "RAT7"],
)  # fmt: skip
def test_nothing_is_matched_by_similarity(tmp_path: Path, label: str) -> None:
    decision = decide(tmp_path, [label])
    assert decision.layout == "none" and codes(decision) == ["no_leg_channel"]
    assert repr(label) in decision.findings[0].text


def test_two_leads_win_over_pairs_and_pairs_over_one_channel(tmp_path: Path) -> None:
    assert decide(tmp_path, ["LEG", "LAT1", "LAT2", "LAT", "RAT"]).left == ("LAT",)
    assert decide(tmp_path, ["LEG", "LAT1", "LAT2", "RAT1", "RAT2"]).layout == "monopolar"


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
        ({"left": ["A", "A"]}, "twice"),
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


def test_labels_counted_in_real_headers_are_recognised(shared_data: Path, tmp_path: Path) -> None:
    import csv

    with (shared_data / "dictionaries" / "observed_leg_channel_labels.csv").open() as handle:
        rows = list(csv.DictReader(handle))
    recognised = missed = 0
    for row in rows:
        labels = row["leg_label_set_in_one_file"].split(" + ")
        if labels == ["(none)"]:
            continue
        if decide(tmp_path, labels).layout == "none":
            missed += int(row["n_files"])
        else:
            recognised += int(row["n_files"])
    assert missed == 4  # wPLMl, wPLMl_Sta, …: a second montage whose meaning nobody documented
    assert recognised > 6000
