"""Labels through the code lists: every public mapping resolves, an unseen label is never guessed."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from plms_pipeline import ingest
from plms_pipeline.errors import InputError
from plms_pipeline.ingest.labels import class_of, event_type_of, legs_of, own_labels, stage_of

CLASS_OF_CATEGORY = {
    "Arousals": {"arousal", "respiratory"},  # RERA stands in both
    "Limb Movement": {"movement"},
    "Electrocardiogram": {"other"},
    "Body Position": {"other"},
    "Measurements": {"other"},
    "Artifacts": {"other"},
}


@pytest.mark.parametrize("maker", ["compumedics", "embla"])
def test_every_label_of_the_public_vocabularies_has_a_meaning(shared_data: Path, maker: str) -> None:
    path = shared_data / "annot" / "nsrr-edf-editor-translator" / f"nsrr-psg-events-{maker}-mapping.csv"
    n = 0
    with path.open(encoding="utf-8") as handle:
        for row in csv.DictReader(handle):
            for label in (row["event"].strip(), row[maker].strip()):
                if not label:
                    continue
                n += 1
                kind = event_type_of(label)
                if row["category"] == "Stages":
                    assert kind or stage_of(label, in_stage_column=True), label
                    continue
                assert kind is not None, label
                assert class_of(kind) in CLASS_OF_CATEGORY.get(row["category"], {"respiratory", "other"}), label
    assert n > 80


def test_every_label_of_the_luna_aliases_has_a_meaning(shared_data: Path) -> None:
    n = 0
    for path in sorted((shared_data / "dictionaries" / "luna-nsrr-aliases").rglob("annots.alias")):
        for label in re.findall(r"[\"']([^\"']+)[\"']", path.read_text(encoding="utf-8")):
            assert stage_of(label, in_stage_column=True) or event_type_of(label), label
            n += 1
    assert n > 300


@pytest.mark.parametrize(
    ("label", "kind", "legs"),
    [
        # Embla
        ("PLM", "plm", "C"),
        ("PLM-LM", "leg_movement", "C"),
        ("PLM-RRLM", "leg_movement", "C"),
        ("AROUSAL-PLM", "arousal_leg_movement", None),
        ("RESP-RERA", "rera", None),
        # Human Sleep Project
        ("right leg", "plm", "R"),
        ("both leg", "plm", "LR"),
        ("left leg w/ arousal", "plm", "L"),
        ("arousal w/ plm", "arousal_leg_movement", None),
        ("LM-ISOLATED", "leg_movement", "C"),
        # NSRR, old exports
        ("SRO:LimbMovement", "leg_movement", "C"),
        ("SRO:PeriodicLimbMovementSeries", "periodic_limb_movement_series", None),
        ("Unsure|Unsure", "hypopnea", None),
        # DOMINO
        ("PLM Arousal (EEG)", "arousal_leg_movement", None),
        ("Zentrale Apnoe", "apnea_central", None),
        ("LeftLegPhasic", "muscle_activity", None),
    ],
)
def test_leg_and_respiratory_labels_of_the_archives(label: str, kind: str, legs: str | None) -> None:
    assert event_type_of(label) == kind
    assert (class_of(kind) == "movement") == (legs is not None)
    if legs is not None:
        assert "".join(legs_of(label, "")) == legs


@pytest.mark.parametrize("label", ["Apnea?", "leg", "left", "PLMS", "Hypopnea 3%", "stage", "REM arousal", ""])
def test_an_unseen_label_is_never_guessed(label: str) -> None:
    assert event_type_of(label) is None


def test_numbers_of_one_column_mean_nothing_in_another() -> None:
    assert stage_of("4", in_stage_column=True) == "N3"
    assert stage_of("stage_hum:4", in_stage_column=True) == "R"
    assert stage_of("stage_other:4", in_stage_column=True) is None


def test_a_cohort_can_say_what_its_labels_mean(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        "onset_s,duration_s,label\n0,30,Schlaf 2\n5,12,Atempause?\n20,2,Bein li\n25,2,bein_LI\n40,1,Toilet\n50,3,PLM\n"
    )
    labels = {
        "Schlaf 2": "stage:N2", "Atempause?": "apnea", "Bein li": "leg_movement:L", "Toilet": "ignored", "PLM": "note",
    }  # fmt: skip
    found = ingest.read_annotations([path], duration_us=60_000_000, labels=labels)
    assert found.stages is not None and found.stages.stage == ("N2",)
    assert found.events.type == ("apnea", "leg_movement", "leg_movement", "note")
    assert found.movements is not None and found.movements.leg == ("L", "L")
    told = {item.code for item in found.findings}
    assert "ignored_label" in told and "unknown_label" not in told


@pytest.mark.parametrize("meaning", ["apnoea", "stage:N5", "apnea:L", "leg_movement:B", "", "stage"])
def test_an_impossible_meaning_is_refused(meaning: str) -> None:
    with pytest.raises(InputError, match="labels: 'x' cannot mean"):
        own_labels({"x": meaning})
