"""NSRR annotation XML (PSGAnnotation, as in SHHS, MESA, MrOS, CFS) and Compumedics Profusion XML."""

from __future__ import annotations

from pathlib import Path

import pytest

from plms_pipeline import ingest
from plms_pipeline.errors import InputError

HEAD = """<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<PSGAnnotation>
<SoftwareVersion>Compumedics</SoftwareVersion>
<EpochLength>30</EpochLength>
<ScoredEvents>
<ScoredEvent>
<EventType/>
<EventConcept>Recording Start Time</EventConcept>
<ClockTime>01.01.85 20.29.59</ClockTime>
</ScoredEvent>
"""
HOUR = 3600 * 10**6


def event(kind: str, concept: str, start: object, duration: object, where: str = "") -> str:
    place = f"<SignalLocation>{where}</SignalLocation>\n" if where else ""
    return (
        f"<ScoredEvent>\n<EventType>{kind}</EventType>\n<EventConcept>{concept}</EventConcept>\n"
        f"<Start>{start}</Start>\n<Duration>{duration}</Duration>\n{place}</ScoredEvent>\n"
    )


STAGES = "".join(
    event("Stages|Stages", concept, start, duration)
    for concept, start, duration in [
        ("Wake|0", 0, 600),
        ("Stage 1 sleep|1", 600, 60),
        ("Stage 2 sleep|2", 660, 600),
        ("Stage 3 sleep|3", 1260, 300),
        ("Stage 4 sleep|4", 1560, 300),
        ("REM sleep|5", 1860, 600),
        ("Movement|6", 2460, 30),
        ("Unscored|9", 2490, 1110),
    ]
)


def read(tmp_path: Path, *events: str, newline: str = "\n", **declared: str) -> ingest.Annotations:
    path = tmp_path / "night-nsrr.xml"
    path.write_text(HEAD + "".join(events) + "</ScoredEvents>\n</PSGAnnotation>\n", newline=newline)
    return ingest.read_annotations([path], duration_us=HOUR, recording_start="20:29:59", declared=declared)


def codes(annotations: ingest.Annotations) -> list[str]:
    return [found.code for found in annotations.findings]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_stage_concepts_one_event_per_run(tmp_path: Path, newline: str) -> None:
    found = read(tmp_path, STAGES, newline=newline)
    assert found.stages is not None and found.stages_state == "scored"
    assert found.stages.stage == ("W", "N1", "N2", "N3", "N3", "R", "U", "U")
    assert found.stages.label[4] == "Stage 4 sleep|4"
    assert found.stages.onset_us.tolist()[:3] == [0, 600_000_000, 660_000_000]
    assert int(found.stages.duration_us.sum()) == HOUR


def test_first_event_may_have_no_start_and_duration(tmp_path: Path) -> None:
    assert codes(read(tmp_path, STAGES)) == ["respiratory_not_looked_for", "arousals_not_looked_for"]


def test_respiratory_not_looked_for_is_not_none_found(tmp_path: Path) -> None:
    assert read(tmp_path, STAGES).respiratory_state == "not_scored"
    assert read(tmp_path, STAGES).respiratory is None
    declared = read(tmp_path, STAGES, respiratory_state="scored", arousals_state="partial")
    assert declared.respiratory is not None and declared.respiratory.type == ()
    assert (declared.respiratory_state, declared.arousals_state) == ("scored", "partial")
    assert codes(declared) == []


def test_unsure_is_a_hypopnea(tmp_path: Path) -> None:
    found = read(tmp_path, STAGES, event("Respiratory|Respiratory", "Unsure|Unsure", 700, 20.5, "Thermistor"))
    assert found.respiratory is not None and found.respiratory.type == ("hypopnea",)
    assert found.respiratory.label == ("Unsure|Unsure",)
    assert (found.respiratory.onset_us[0], found.respiratory.offset_us[0]) == (700_000_000, 720_500_000)


@pytest.mark.parametrize(
    ("concept", "kind"),
    [
        ("Hypopnea|Hypopnea", "hypopnea"),
        ("Obstructive apnea|Obstructive Apnea", "apnea_obstructive"),
        ("Central apnea|Central Apnea", "apnea_central"),
        ("Mixed apnea|Mixed Apnea", "apnea_mixed"),
        ("Mixed apnea|APNEA-MIXED", "apnea_mixed"),
        ("Respiratory effort related arousal|RERA", "rera"),
    ],
)
def test_respiratory_concepts(tmp_path: Path, concept: str, kind: str) -> None:
    found = read(tmp_path, STAGES, event("Respiratory|Respiratory", concept, 700, 20))
    assert found.respiratory is not None and found.respiratory.type == (kind,)
    assert found.arousals is None


@pytest.mark.parametrize(
    ("concept", "kind"),
    [
        ("Arousal|Arousal ()", "arousal"),
        ("ASDA arousal|Arousal (ASDA)", "arousal"),
        ("Arousal|Arousal (Standard)", "arousal"),
        ("Spontaneous arousal|Arousal (ARO SPONT)", "arousal_spontaneous"),
        ("Spontaneous arousal|Arousal (apon aro)", "arousal_spontaneous"),
        ("Arousal resulting from respiratory effort|Arousal (ARO RES)", "arousal_respiratory"),
        ("Arousal resulting from respiratory effort|Arousal (RESP ARO)", "arousal_respiratory"),
        ("Arousal resulting from periodic leg movement|Arousal (PLM)", "arousal_leg_movement"),
        ("External arousal|Arousal (External Arousal)", "arousal_other"),
    ],
)
def test_arousal_concepts_are_arousals_only(tmp_path: Path, concept: str, kind: str) -> None:
    found = read(tmp_path, STAGES, event("Arousals|Arousals", concept, 700, 6.4, "EEG2"))
    assert found.arousals is not None and found.arousals.type == (kind,)
    assert found.respiratory is None and found.arousals_state == "scored"


@pytest.mark.parametrize(
    ("concept", "where", "kind", "legs"),
    [
        ("Periodic leg movement - left|PLM (Left)", "LegL", "plm", ("L",)),
        ("Periodic leg movement - right|PLM (Right)", "", "plm", ("R",)),
        ("Limb movement - left|Limb Movement (Left)", "", "leg_movement", ("L",)),
        ("Limb movement - right|Limb Movement (Right)", "", "leg_movement", ("R",)),
        ("Limb movement|Limb Movement", "", "leg_movement", ("C",)),
        ("Limb movement|Limb Movement", "Leg R", "leg_movement", ("R",)),
        ("both leg", "", "plm", ("L", "R")),
    ],
)
def test_leg_marks_with_their_side(tmp_path: Path, concept: str, where: str, kind: str, legs: tuple[str, ...]) -> None:
    found = read(tmp_path, event("Limb Movement|Limb Movement", concept, 800.25, 2.6, where))
    assert found.movements is not None
    assert found.movements.type == (kind,) * len(legs) and found.movements.leg == legs


def test_unseen_label_is_counted_and_kept(tmp_path: Path) -> None:
    strange = event("Other", "Tooth grinding|BRUX", 10, 2)
    found = read(tmp_path, STAGES, strange, strange.replace("<Start>10", "<Start>20"))
    assert codes(found)[0] == "unknown_label" and "'Tooth grinding|BRUX' × 2" in found.findings[0].text
    kept = [label for kind, label in zip(found.events.type, found.events.label, strict=True) if kind == "other"]
    assert kept == ["Tooth grinding|BRUX"] * 2


def test_unknown_stage_is_unstaged_time(tmp_path: Path) -> None:
    found = read(tmp_path, event("Stages|Stages", "Twilight|8", 0, 30), event("Stages|Stages", "Wake|0", 30, 30))
    assert found.stages is not None and found.stages.stage == ("U", "W") and "unknown_stage" in codes(found)


def test_contradicting_stages_are_not_used(tmp_path: Path) -> None:
    found = read(tmp_path, STAGES, event("Stages|Stages", "REM sleep|5", 630, 60))
    assert found.stages is None and found.stages_state == "not_scored"
    assert codes(found)[:2] == ["stages_overlap", "no_stages"]


def test_same_stage_twice_is_one(tmp_path: Path) -> None:
    assert read(tmp_path, STAGES, STAGES).normalised() == read(tmp_path, STAGES).normalised()


def test_negative_duration_and_missing_start(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        STAGES,
        event("Respiratory|Respiratory", "Hypopnea|Hypopnea", 700, -3),
        event("Respiratory|Respiratory", "Hypopnea|Hypopnea", 800, 30),
        event("Respiratory|Respiratory", "Hypopnea|Hypopnea", "", 30),
        event("Respiratory|Respiratory", "Hypopnea|Hypopnea", "NaN", 30),
    )
    assert found.respiratory_state == "partial" and found.respiratory is not None
    assert found.respiratory.onset_us.tolist() == [800_000_000]
    assert {"negative_duration", "event_without_onset", "event_without_duration"} <= set(codes(found))
    assert found.events.offset_us.tolist().count(ingest.NO_DURATION) == 1


def test_lights_and_the_order_of_events_does_not_matter(tmp_path: Path) -> None:
    events = [
        STAGES,
        event("", "Lights off|LightsOff", 120, 0),
        event("", "Lights On", 3000, 0),
        event("Arousals|Arousals", "Arousal|Arousal ()", 700, 5),
    ]
    one, two = read(tmp_path, *events), read(tmp_path, *reversed(events))
    assert (one.lights_off_us, one.lights_on_us) == (120_000_000, 3_000_000_000)
    assert one.normalised() == two.normalised()


def test_entities_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xml"
    path.write_text('<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><PSGAnnotation>&b;</PSGAnnotation>')
    with pytest.raises(InputError, match="entities"):
        ingest.read_annotations([path], duration_us=HOUR)


@pytest.mark.parametrize(
    ("content", "message"),
    [("<PSGAnnotation><a>", "not well-formed"), ("<html></html>", "root <html>"), ("  \n", "is empty")],
)
def test_broken_files_are_one_clear_line(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "night.xml"
    path.write_text(content)
    with pytest.raises(InputError, match=message) as caught:
        ingest.read_annotations([path], duration_us=HOUR)
    assert "night.xml: " in str(caught.value) and "\n" not in str(caught.value)


def test_profusion_real_night(shared_data: Path) -> None:
    found = ingest.read_annotations(
        [shared_data / "annot" / "luna-api" / "learn-nsrr01-profusion.xml"], duration_us=1364 * 30 * 10**6
    )
    assert found.sources == ("profusion_xml",) and found.findings == ()
    assert found.stages is not None and int(found.stages.duration_us.sum()) == 1364 * 30 * 10**6
    assert found.respiratory is not None and len(found.respiratory.type) == 398
    assert found.respiratory.type.count("hypopnea") == 361
    assert found.arousals is not None and len(found.arousals.type) == 194
    assert len(found.events.type) == 905 and found.movements is None


def test_harmonised_labels_of_the_public_mapping_agree(shared_data: Path) -> None:
    import csv

    from plms_pipeline.ingest.labels import class_of, event_type_of, stage_of

    stages = {"N1": "N1", "N2": "N2", "N3": "N3", "R": "R", "W": "W", "NR": "S", "U": "U", "?": "U", "M": "U"}
    classes = {
        "arousal": "arousal", "apnea": "respiratory", "hypopnea": "respiratory", "PLM": "movement", "LM": "movement",
        "desat": "other", "unsure": "respiratory", "lights_on": "lights", "lights_off": "lights",
        "artifact": "other", "position": "other", "arrhythmia": "other",
    }  # fmt: skip
    with (shared_data / "dictionaries" / "luna_nsrr_event_remap.csv").open() as handle:
        for row in csv.DictReader(handle):
            group, label = row["harmonised"], row["original_label"]
            if group in stages:
                assert stage_of(label, in_stage_column=True) == stages[group], label
            elif "RERA" in label:
                assert event_type_of(label) == "rera", label
            elif group.split(":")[0] in classes:
                found = event_type_of(label)
                assert found is not None, label
                assert class_of(found) == classes[group.split(":")[0]], label
