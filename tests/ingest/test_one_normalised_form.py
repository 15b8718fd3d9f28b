"""One night written in every format comes back as one and the same: stages, events, human leg marks, lights."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plms_pipeline import ingest
from tests.ingest.edf_bytes import build, tal

START = dt.datetime(2020, 9, 23, 22, 58, 30)
EPOCHS = 240  # two hours over midnight
STAGES = ("W", "N1", "N2", "N3", "R", "U")


class Event(NamedTuple):
    """Whole seconds from the start."""

    onset_s: int
    duration_s: int
    kind: str


class Night(NamedTuple):
    stages: list[str]
    events: list[Event]


@st.composite
def nights(draw: st.DrawFn) -> Night:
    runs = draw(st.lists(st.tuples(st.sampled_from(STAGES), st.integers(1, 60)), min_size=1, max_size=12))
    stages = [stage for stage, n in runs for _ in range(n)][:EPOCHS]
    kinds = st.sampled_from(["hypopnea", "apnea_central", "arousal", "leg_movement:L", "leg_movement:R"])
    moments = st.tuples(st.integers(0, EPOCHS * 30 - 60), st.integers(1, 50), kinds)
    events = draw(st.lists(moments, max_size=12, unique_by=lambda row: (row[0], row[2])))
    return Night(stages, sorted(Event(*row) for row in events))


def clock(onset_s: float, form: str = "%H:%M:%S") -> str:
    return (START + dt.timedelta(seconds=onset_s)).strftime(form)


def nsrr(night: Night, folder: Path) -> list[Path]:
    stage = {"W": "Wake|0", "N1": "Stage 1 sleep|1", "N2": "Stage 2 sleep|2", "N3": "Stage 3 sleep|3",
             "R": "REM sleep|5", "U": "Unscored|9"}  # fmt: skip
    event = {"hypopnea": "Hypopnea|Hypopnea", "apnea_central": "Central apnea|Central Apnea",
             "arousal": "Arousal|Arousal ()",
             "leg_movement:L": "Limb movement - left|Limb Movement (Left)",
             "leg_movement:R": "Limb movement - right|Limb Movement (Right)"}  # fmt: skip
    rows = [("Stages|Stages", stage[name], 30 * k, 30) for k, name in enumerate(night.stages)]
    rows += [("", event[one.kind], one.onset_s, one.duration_s) for one in night.events]
    text = "".join(
        f"<ScoredEvent>\n<EventType>{kind}</EventType>\n<EventConcept>{concept}</EventConcept>\n<Start>{on}.0</Start>\n"
        f"<Duration>{length}</Duration>\n</ScoredEvent>\n"
        for kind, concept, on, length in rows
    )
    path = folder / "nsrr"
    path.write_text(f"<PSGAnnotation>\n<ScoredEvents>\n{text}</ScoredEvents>\n</PSGAnnotation>\n")
    return [path]


def profusion(night: Night, folder: Path) -> list[Path]:
    stage = {"W": "0", "N1": "1", "N2": "2", "N3": "4", "R": "5", "U": "9"}
    event = {"hypopnea": "Unsure", "apnea_central": "Central Apnea", "arousal": "Arousal (ASDA)",
             "leg_movement:L": "Limb Movement (Left)", "leg_movement:R": "Limb Movement (Right)"}  # fmt: skip
    events = "".join(
        f"<ScoredEvent><Name>{event[one.kind]}</Name><Start>{one.onset_s}</Start><Duration>{one.duration_s}</Duration>"
        "<Input>X</Input></ScoredEvent>"
        for one in night.events
    )
    stages = "".join(f"<SleepStage>{stage[name]}</SleepStage>" for name in night.stages)
    path = folder / "profusion"
    path.write_text(
        f"<CMPStudyConfig><EpochLength>30</EpochLength><ScoredEvents>{events}</ScoredEvents><SleepStages>{stages}"
        "</SleepStages></CMPStudyConfig>"
    )
    return [path]


_PLAIN = {"hypopnea": "Hypopnea", "apnea_central": "Central apnea", "arousal": "EEG arousal",
          "leg_movement:L": "Limb Movement (Left)", "leg_movement:R": "Limb Movement (Right)"}  # fmt: skip


def edf(night: Night, folder: Path) -> list[Path]:
    rows = [(30 * k, 30, f"Sleep stage {'?' if name == 'U' else name}") for k, name in enumerate(night.stages)]
    rows += [(one.onset_s, one.duration_s, _PLAIN[one.kind]) for one in night.events]
    lists = b"".join(tal(f"+{on}", text, duration=str(length)) for on, length, text in rows)
    path = folder / "edf"
    path.write_bytes(
        build([], reserved="EDF+C", tals=[tal("+0", "") + lists], record_s="0", time=START.strftime("%H.%M.%S"),
              date=START.strftime("%d.%m.%y"))
    )  # fmt: skip
    return [path]


def luna(night: Night, folder: Path) -> list[Path]:
    event = {"hypopnea": "hypopnea50", "apnea_central": "apnea_central", "arousal": "arousal_standard",
             "leg_movement:L": "lm_left", "leg_movement:R": "lm_right"}  # fmt: skip
    (folder / "stages").write_text("".join(f"{'?' if name == 'U' else name}\n" for name in night.stages))
    rows = "".join(
        f"{event[one.kind]}\t.\t.\t{clock(one.onset_s) if k % 2 else one.onset_s}\t+{one.duration_s}\t.\n"
        for k, one in enumerate(night.events)
    )
    (folder / "events").write_text("class\tinstance\tchannel\tstart\tstop\tmeta\n" + rows)
    return [folder / "stages", folder / "events"]


def bids(night: Night, folder: Path) -> list[Path]:
    number = {"W": "0", "N1": "1", "N2": "2", "N3": "3", "R": "4", "U": "8"}
    rows = [f"{30 * k}\t30\t{number[name]}\tn/a\n" for k, name in enumerate(night.stages)]
    rows += [f"{one.onset_s}\t{one.duration_s}\tn/a\t{_PLAIN[one.kind]}\n" for one in night.events]
    path = folder / "events.tsv"
    path.write_text("onset\tduration\tstage_hum\ttrial_type\n" + "".join(rows))
    return [path]


def domino(night: Night, folder: Path) -> list[Path]:
    german = {**_PLAIN, "hypopnea": "Hypopnoe", "apnea_central": "Zentrale Apnoe", "arousal": "Arousal (EEG)",
              "leg_movement:L": "Beinbewegung links", "leg_movement:R": "Beinbewegung rechts"}  # fmt: skip
    stage = {"W": "Wach", "U": "Bewegung", "R": "REM", "N3": "N4"}
    head = f"Signal ID: x\nStartzeit: {clock(0, '%d.%m.%Y %H:%M:%S')}\n"
    profile = "".join(f"{clock(30 * k)},000; {stage.get(name, name)}\n" for k, name in enumerate(night.stages))
    (folder / "profile").write_text(f"{head}Signaltyp: Diskret\nRate: 30 s\n\n{profile}")
    rows = "".join(
        f"{clock(one.onset_s)},000-{clock(one.onset_s + one.duration_s)},000; {one.duration_s};{german[one.kind]}\n"
        for one in night.events
    )
    (folder / "events").write_text(f"{head}Signaltyp: Impuls\n\n{rows}")
    return [folder / "profile", folder / "events"]


def csv_tables(night: Night, folder: Path) -> list[Path]:
    stages = "".join(f"{30 * k},30,{name}\n" for k, name in enumerate(night.stages))
    (folder / "s").write_text("onset_s,duration_s,stage\n" + stages)
    events = "".join(f"{one.onset_s},{one.duration_s},{_PLAIN[one.kind]}\n" for one in night.events)
    (folder / "e").write_text("onset_s,duration_s,label\n" + events)
    return [folder / "s", folder / "e"]


def clock_table(night: Night, folder: Path) -> list[Path]:
    rows = [(30 * k, 30, f"Sleep_stage_{'?' if name == 'U' else name}") for k, name in enumerate(night.stages)]
    rows += [(one.onset_s, one.duration_s, _PLAIN[one.kind]) for one in night.events]
    text = "".join(f"{on // 30 + 1},{clock(on)},{length},{label}\n" for on, length, label in rows)
    (folder / "annotations").write_text("epoch,time,duration,event\n" + text)
    return [folder / "annotations"]


def wisconsin(night: Night, folder: Path) -> list[Path]:
    number = {"W": "0", "N1": "1", "N2": "2", "N3": "3", "R": "5", "U": "7"}
    label = {**_PLAIN, "apnea_central": "CA", "arousal": "Arousal"}
    stages = "".join(f"{k + 1}\t{number[name]}\n" for k, name in enumerate(night.stages))
    (folder / "stg").write_text("Epoch\tStage\n" + stages)
    rows = "".join(
        f"{one.onset_s // 30 + 1}\t\t\t1\t{label[one.kind]} \t5\t{clock(one.onset_s)}\t\t\t{one.duration_s}\n"
        for one in night.events
    )
    (folder / "sco").write_text("\t\t\t\t\t\t\t\t\n" + rows)
    return [folder / "stg", *([folder / "sco"] if night.events else [])]


FORMATS = (nsrr, profusion, edf, luna, bids, domino, clock_table, wisconsin)


def read(paths: list[Path]) -> tuple[object, ...]:
    found = ingest.read_annotations(
        paths,
        duration_us=EPOCHS * 30_000_000,
        recording_start=START.isoformat(),
        declared={"respiratory_state": "scored", "arousals_state": "scored"},
    )
    timeline: list[tuple[int, str]] = []
    if found.stages is not None:
        spans = found.stages
        for on, length, stage in zip(spans.onset_us.tolist(), spans.duration_us.tolist(), spans.stage, strict=True):
            timeline += [(at, stage) for at in range(on, on + length, 30_000_000)]
    spans_of = [
        None
        if spans is None
        else list(zip(spans.onset_us.tolist(), spans.offset_us.tolist(), spans.type, spans.leg, strict=True))
        for spans in (found.respiratory, found.arousals, found.movements)
    ]
    quiet = ("stages_do_not_cover", "no_stages", "empty_table", "annotation_header_missing")
    problems = [item for item in found.findings if item.code not in quiet]
    return timeline, *spans_of, found.stages_state, problems


@pytest.mark.parametrize("write", FORMATS, ids=lambda write: write.__name__)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(night=nights())
def test_every_format_reads_like_the_tables(
    tmp_path: Path, write: Callable[[Night, Path], list[Path]], night: Night
) -> None:
    (tmp_path / "one").mkdir(exist_ok=True)
    (tmp_path / "two").mkdir(exist_ok=True)
    expected, found = read(csv_tables(night, tmp_path / "one")), read(write(night, tmp_path / "two"))
    assert found == expected and expected[-1] == []


def test_the_tables_read_as_written(tmp_path: Path) -> None:
    night = Night(["W", "N2", "N2"], [Event(31, 20, "hypopnea"), Event(40, 5, "leg_movement:L")])
    timeline, respiratory, arousals, movements, state, _ = read(csv_tables(night, tmp_path))
    assert timeline == [(0, "W"), (30_000_000, "N2"), (60_000_000, "N2")] and state == "scored"
    assert respiratory == [(31_000_000, 51_000_000, "hypopnea", "")] and arousals == []
    assert movements == [(40_000_000, 45_000_000, "leg_movement", "L")]
