"""Every real annotation sample, with counts made by hand (grep, awk, cut) and never by these readers."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from plms_pipeline import ingest
from plms_pipeline.errors import InputError
from plms_pipeline.ingest.annotation_sources import recognise
from tests.ingest.annotation_files import HOUR, codes, epochs, events

RBD = "annot/RBDtector"
FORMATS = {
    f"{RBD}/Classification Arousals - test1 Unbekannt.txt": "domino",
    f"{RBD}/Flow Events - test1 Unbekannt.txt": "domino",
    f"{RBD}/Generic - test1 Unbekannt.txt": "domino",
    f"{RBD}/Generic_NO_test1.txt": "domino",
    f"{RBD}/Sleep profile - test1 Unbekannt SNORE.txt": "domino",
    f"{RBD}/Sleep profile - test1 Unbekannt.txt": "domino",
    f"{RBD}/test1_Start-Baseline.txt": None,
    "annot/luna-api/learn-nsrr01-profusion.xml": "xml",
    "annot/nsrr-edf-editor-translator/nsrr-psg-events-compumedics-mapping.csv": None,
    "annot/nsrr-edf-editor-translator/nsrr-psg-events-embla-mapping.csv": None,
    "annot/openneuro-ds005555/README": None,
    "annot/openneuro-ds005555/dataset_description.json": None,
    "annot/openneuro-ds005555/participants.json": None,
    "annot/openneuro-ds005555/participants.tsv": None,
    "annot/openneuro-ds005555/sub-1_task-Sleep_acq-psg_channels.tsv": None,
    "annot/openneuro-ds005555/sub-1_task-Sleep_acq-psg_eeg.json": None,
    "annot/openneuro-ds005555/sub-1_task-Sleep_acq-psg_events.json": None,
    "annot/openneuro-ds005555/sub-1_task-Sleep_acq-psg_events.tsv": "bids_events",
    "annot/sev/SEV_Tutorial.SCO": "wsc_events",
    "annot/sev/SEV_Tutorial.STA": "wsc_stages",
    "edf/edfio/SC4001EC-Hypnogram.edf": "edf+",
}


def read(folder: Path, name: str, start: str | None, hours: float) -> ingest.Annotations:
    return ingest.read_annotations([folder / name], duration_us=round(hours * HOUR), recording_start=start)


def types(found: ingest.Annotations) -> dict[str, int]:
    return dict(Counter(found.events.type))


def labels(found: ingest.Annotations) -> dict[str, int]:
    return dict(Counter(found.events.label))


def test_every_sample_is_recognised_by_its_content_or_refused_in_one_line(shared_data: Path) -> None:
    there = {path.relative_to(shared_data).as_posix() for path in (shared_data / "annot").rglob("*") if path.is_file()}
    assert there | {"edf/edfio/SC4001EC-Hypnogram.edf"} == set(FORMATS)
    for name, kind in FORMATS.items():
        assert recognise(shared_data / name) == kind, name
        if kind is None:
            with pytest.raises(InputError) as caught:
                read(shared_data, name, "22:00:00", 1)
            assert "\n" not in str(caught.value)


def test_domino_arousals(shared_data: Path) -> None:
    found = read(shared_data, f"{RBD}/Classification Arousals - test1 Unbekannt.txt", "2020-09-23T01:00:00", 1.1)
    assert labels(found) == {
        "PLM Arousal (EEG)": 12, "Respiratory Arousal (EEG)": 9, "LM Arousal (EEG)": 2, "LM Arousal (EMG)": 1,
        "Snore Arousal (EEG)": 1, "Cardiac Arousal (EEG)": 1, "Arousal": 1, "Arousal (EEG)": 1, "Arousal (EMG)": 1,
    }  # fmt: skip
    assert types(found) == {"arousal_leg_movement": 15, "arousal_respiratory": 9, "arousal_other": 2, "arousal": 3}
    assert events(found)[0] == (60.75, 11.5, "arousal_leg_movement", "PLM Arousal (EEG)")
    assert events(found)[-1][:2] == (3435.488, 7.531)  # 01:57:15,488-01:57:23,019
    assert found.arousals_state == "scored" and codes(found) == set()


def test_domino_flow_events(shared_data: Path) -> None:
    found = read(shared_data, f"{RBD}/Flow Events - test1 Unbekannt.txt", "2020-09-23T01:00:00", 1.1)
    assert types(found) == {"hypopnea": 13, "flow_limitation": 1}
    assert found.respiratory is not None and len(found.respiratory.type) == 13 and codes(found) == set()


def test_domino_muscle_activity_of_rem_sleep_is_no_leg_movement(shared_data: Path) -> None:
    found = read(shared_data, f"{RBD}/Generic - test1 Unbekannt.txt", "2020-09-23T01:00:00", 1.1)
    assert labels(found)["LeftLegPhasic"] == 212 and labels(found)["RightLegPhasic"] == 55
    assert labels(found)["LeftLegArtifact"] == 4 and labels(found)["RightLegArtifact"] == 5
    assert types(found) == {"muscle_activity": 558, "artifact": 73} and found.movements is None


def test_domino_twelve_hour_clock_puts_both_scorers_at_the_same_time(shared_data: Path) -> None:
    # starts at "01:00:00 PM", its first left leg activity is marked 7 ms after that of the other scorer
    found = read(shared_data, f"{RBD}/Generic_NO_test1.txt", "2020-09-23T13:00:00", 1.1)
    other = read(shared_data, f"{RBD}/Generic - test1 Unbekannt.txt", "2020-09-23T01:00:00", 1.1)
    assert "annotation_twelve_hour_clock" in codes(found)
    assert (
        labels(found)["LeftLegPhasic"] == 219 and labels(found)["ChinPhasic"] == 205 and len(found.events.type) == 862
    )

    def first(annotations: ingest.Annotations) -> float:
        return next(row[0] for row in events(annotations) if row[3] == "LeftLegPhasic")

    assert (first(found), first(other)) == (1081.044, 1081.037)


def test_domino_sleep_profiles(shared_data: Path) -> None:
    profile = read(shared_data, f"{RBD}/Sleep profile - test1 Unbekannt.txt", "2020-09-23T01:00:00", 121 * 30 / 3600)
    assert epochs(profile) == {"N1": 10, "N2": 45, "R": 63, "W": 3} and profile.stages_state == "scored"
    assert codes(profile) == set()
    snore = read(
        shared_data, f"{RBD}/Sleep profile - test1 Unbekannt SNORE.txt", "2020-09-23T01:00:00", 121 * 30 / 3600
    )
    assert epochs(snore) == {"N1": 10, "N2": 45, "R": 58, "W": 3, "U": 5}
    assert next(item.text for item in snore.findings if item.code == "unknown_stage").endswith("('SNORE' × 5)")


def test_profusion_with_desaturations(shared_data: Path) -> None:
    found = read(shared_data, "annot/luna-api/learn-nsrr01-profusion.xml", "22:00:00", 1364 * 30 / 3600)
    assert types(found) == {
        "hypopnea": 361, "desaturation": 254, "arousal": 194, "artifact": 59, "apnea_obstructive": 37,
    }  # fmt: skip
    assert epochs(found) == {"W": 477, "N1": 109, "N2": 523, "N3": 17, "R": 238}


def test_bids_events_of_three_scorers(shared_data: Path) -> None:
    found = read(shared_data, "annot/openneuro-ds005555/sub-1_task-Sleep_acq-psg_events.tsv", None, 27459 / 3600)
    # codes of the column stage_hum by its README: 4 is REM sleep, 8 a disconnection
    assert epochs(found) == {"W": 200, "N1": 57, "N2": 398, "N3": 172, "R": 87, "U": 1}
    assert codes(found) == {"annotation_stage_column"}


def test_wisconsin_event_list(shared_data: Path) -> None:
    found = read(shared_data, "annot/sev/SEV_Tutorial.SCO", "22:09:14", 1000 * 30 / 3600)
    assert types(found) == {
        "arousal_leg_movement": 25, "leg_movement": 10, "desaturation": 3, "hypopnea": 2, "apnea_obstructive": 1,
    }  # fmt: skip
    assert found.movements is not None and len(found.movements.leg) == 10
    assert set(found.movements.offset_us.tolist()) == {ingest.NO_DURATION} and set(found.movements.leg) == {"C"}
    # sample 381894 at 200 Hz is 22:41:03; hypopnea of 4245 samples at sample 2598192
    assert events(found)[0] == (1909.47, None, "leg_movement", "LM")
    assert (12990.96, 21.225, "hypopnea", "Hypopnea") in events(found)
    assert "annotation_clock_differs" not in codes(found) and found.arousals_state == "partial"


def test_wisconsin_event_list_against_another_start(shared_data: Path) -> None:
    found = read(shared_data, "annot/sev/SEV_Tutorial.SCO", "22:00:00", 9)
    assert "annotation_clock_differs" in codes(found)
    assert events(found)[0][0] == 41 * 60 + 3  # then the clock decides: 22:41:03


def test_wisconsin_stage_list(shared_data: Path) -> None:
    found = read(shared_data, "annot/sev/SEV_Tutorial.STA", "22:09:14", 1000 * 30 / 3600)
    assert epochs(found) == {"W": 226, "N1": 97, "N2": 488, "R": 131, "U": 58} and codes(found) == set()


def test_edf_hypnogram(shared_data: Path) -> None:
    found = read(shared_data, "edf/edfio/SC4001EC-Hypnogram.edf", "1989-04-24T16:13:00", 24)
    assert epochs(found) == {"W": 1997, "N1": 58, "N2": 250, "N3": 101 + 119, "R": 125, "U": 230}
    assert codes(found) == set()
