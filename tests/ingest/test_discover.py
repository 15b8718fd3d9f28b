"""Finding recordings and their annotations in the layouts of real archives, and the sheets that come of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from plms_pipeline import ingest
from plms_pipeline.errors import InputError
from plms_pipeline.ingest.discover import Discovered, discover
from tests.ingest.edf_bytes import Sig, build, ramp, tal

NSRR_XML = (
    '<?xml version="1.0"?>\n<PSGAnnotation>\n<EpochLength>30</EpochLength>\n<ScoredEvents>\n<ScoredEvent>'
    "<EventType>Stages|Stages</EventType><EventConcept>Wake|0</EventConcept><Start>0</Start><Duration>30</Duration>"
    "</ScoredEvent>\n</ScoredEvents>\n</PSGAnnotation>\n"
)
PROFUSION_XML = (
    "<CMPStudyConfig><EpochLength>30</EpochLength><ScoredEvents/><SleepStages><SleepStage>0</SleepStage></SleepStages>"
    "</CMPStudyConfig>"
)
STAGES = "onset_s,duration_s,stage\n0,30,W\n"
BIDS = "onset\tduration\tstage_hum\tdescription\n0\t30\t0\tWake\n"
WSC_STAGES = "epoch\tstage\n1\t0\n2\t0\n"
DOMINO = (
    "Signal ID: SchlafProfil\\profil\nStart Time: 24.04.1989 22:30:00\nUnit: \nSignal Type: Discret\n"
    "Events list: N4,N3,N2,N1,REM,Wake,Movement\nRate: 30 s\n\n22:30:00,000; Wake\n22:30:30,000; Wake\n"
)
_made = 0


def night(path: Path, *, own_annotations: bool = False) -> None:
    """A recording unlike every other one."""
    global _made
    _made += 1
    path.parent.mkdir(parents=True, exist_ok=True)
    signals = [Sig("LAT", ramp(2, 4, start=100 * _made)), Sig("RAT", ramp(2, 4))]
    if own_annotations:
        lists = [tal("+0", "") + tal("+0", "Sleep stage W", duration="30"), tal("+1", "")]
        path.write_bytes(build(signals, tals=lists, reserved="EDF+C"))
    else:
        path.write_bytes(build(signals))


def text(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


def found(result: Discovered) -> list[tuple[str, str, str, str, str]]:
    columns = ("subject_id", "visit", "night", "edf", "annotations")
    return [tuple(row[name] for name in columns) for row in result.rows]  # type: ignore[misc]


def codes(result: Discovered) -> list[str]:
    return [note.code for note in result.notes]


def test_nsrr_folders(tmp_path: Path) -> None:
    for visit in ("visit1", "visit2"):
        night(tmp_path / "polysomnography" / "edfs" / visit / f"mros-{visit}-aa0001.edf")
        for kind, content in (("nsrr", NSRR_XML), ("profusion", PROFUSION_XML)):
            name = f"mros-{visit}-aa0001-{kind}.xml"
            text(tmp_path / "polysomnography" / f"annotations-events-{kind}" / visit / name, content)
    night(tmp_path / "polysomnography" / "edfs" / "visit1" / "mros-visit1-aa0002.edf")
    result = discover(tmp_path)
    edfs, xmls = "polysomnography/edfs", "polysomnography/annotations-events-nsrr"
    assert found(result) == [
        ("aa0001", "v1", "", f"{edfs}/visit1/mros-visit1-aa0001.edf", f"{xmls}/visit1/mros-visit1-aa0001-nsrr.xml"),
        ("aa0001", "v2", "", f"{edfs}/visit2/mros-visit2-aa0001.edf", f"{xmls}/visit2/mros-visit2-aa0001-nsrr.xml"),
        ("aa0002", "v1", "", f"{edfs}/visit1/mros-visit1-aa0002.edf", ""),
    ]
    assert codes(result) == ["no_annotations"]
    assert result.columns == ("subject_id", "visit", "edf", "annotations", "recording_date", "archive")
    assert {(row["recording_date"], row["archive"]) for row in result.rows} == {("1989-04-24", "mros")}


@pytest.mark.parametrize(
    ("stem", "subject", "visit", "night_number"),
    [
        ("mesa-sleep-0001", "0001", "", ""),
        ("shhs1-200001", "200001", "v1", ""),
        ("cfs-visit5-800002", "800002", "v5", ""),
        ("sof-visit-8-00001", "00001", "v8", ""),
        ("chat-baseline-300001", "300001", "baseline", ""),
        ("homepap-lab-full-1600001", "1600001", "lab_full", ""),
        ("wsc-visit2-10119", "10119", "v2", ""),
        ("sub-12_ses-02_task-sleep_run-2_eeg", "12", "v2", "2"),
        ("sub-A7_task-Sleep_acq-psg_eeg", "A7", "", ""),
        ("SC4012E0-PSG", "SC401", "", "2"),
        ("A001_v2", "A001", "v2", ""),
        ("A001-visit-2_night1", "A001", "v2", "1"),
        ("A001_n2", "A001", "", "2"),
        ("BOGN00001", "BOGN00001", "", ""),
        ("Patient 7", "Patient 7", "", ""),
    ],
)
def test_whose_night_a_name_says_it_is(tmp_path: Path, stem: str, subject: str, visit: str, night_number: str) -> None:
    night(tmp_path / f"{stem}.edf")
    assert found(discover(tmp_path))[0][:3] == (subject, visit, night_number)


def test_placeholder_dates_and_unlisted_archives_stay_empty(tmp_path: Path) -> None:
    (tmp_path / "hchs-sol-00163225.edf").write_bytes(build([Sig("LAT", ramp(2, 4))], date="01.01.85", recording=""))
    result = discover(tmp_path)
    assert result.columns == ("subject_id", "edf") and result.rows[0]["subject_id"] == "hchs-sol-00163225"


def test_wisconsin_names_are_glued(tmp_path: Path) -> None:
    night(tmp_path / "wsc-visit1-10119.edf")
    text(tmp_path / "wsc-visit1-10119stg.txt", WSC_STAGES)
    night(tmp_path / "wsc-visit1-101190.edf")
    result = discover(tmp_path)
    assert found(result)[0] == ("10119", "v1", "", "wsc-visit1-10119.edf", "wsc-visit1-10119stg.txt")
    assert found(result)[1][4] == ""


def test_bids_tree(tmp_path: Path) -> None:
    for ses in ("1", "2"):
        stem = tmp_path / "sub-1" / f"ses-{ses}" / "eeg" / f"sub-1_ses-{ses}_task-Sleep"
        night(stem.with_name(stem.name + "_eeg.edf"))
        text(stem.with_name(stem.name + "_events.tsv"), BIDS)
        text(stem.with_name(stem.name + "_channels.tsv"), "name\ttype\nLAT\tEMG\n")
    text(tmp_path / "participants.tsv", "participant_id\tage\nsub-1\t50\n")
    night(tmp_path / "derivatives" / "sub-9_eeg.edf")
    result = discover(tmp_path)
    folder = "sub-1/ses-{0}/eeg/sub-1_ses-{0}_task-Sleep_{1}"
    assert found(result) == [
        ("1", f"v{n}", "", folder.format(n, "eeg.edf"), folder.format(n, "events.tsv")) for n in (1, 2)
    ]
    assert [note.code for note in result.notes] == ["not_recognised"] * 2


def test_domino_folder_per_night(tmp_path: Path) -> None:
    for name in ("A1", "B2"):
        night(tmp_path / name / f"{name}.edf")
        text(tmp_path / name / f"Sleep profile - {name} Unbekannt.txt", DOMINO)
        text(tmp_path / name / "Schlafprofil.txt", DOMINO)
    result = discover(tmp_path)
    assert found(result)[0] == ("A1", "", "", "A1/A1.edf", "A1/Schlafprofil.txt;A1/Sleep profile - A1 Unbekannt.txt")


def test_sleep_edf_hypnogram_and_own_annotations(tmp_path: Path) -> None:
    night(tmp_path / "SC4001E0-PSG.edf")
    hypnogram = build([], tals=[tal("+0", "Sleep stage W", duration="30")], reserved="EDF+C", record_s="0")
    (tmp_path / "SC4001EC-Hypnogram.edf").write_bytes(hypnogram)
    night(tmp_path / "own.edf", own_annotations=True)
    result = discover(tmp_path)
    assert found(result) == [
        ("SC400", "", "1", "SC4001E0-PSG.edf", "SC4001EC-Hypnogram.edf"),
        ("own", "", "", "own.edf", "own.edf"),
    ]


def test_longest_name_counts_and_words_end(tmp_path: Path) -> None:
    for stem in ("s1", "s1-2", "s10"):
        night(tmp_path / f"{stem}.edf")
    for stem in ("s1-stages", "s1-2-stages", "s10_stages", "s100"):
        text(tmp_path / f"{stem}.csv", STAGES)
    result = discover(tmp_path)
    assert {row["edf"]: row["annotations"] for row in result.rows} == {
        "s1.edf": "s1-stages.csv", "s1-2.edf": "s1-2-stages.csv", "s10.edf": "s10_stages.csv",
    }  # fmt: skip
    assert [(note.code, note.text.partition(":")[0]) for note in result.notes] == [("annotation_left_over", "s100.csv")]


def test_equal_names_in_two_folders(tmp_path: Path) -> None:
    for site in ("north", "south"):
        night(tmp_path / "edf" / site / "s1.edf")
        text(tmp_path / "scoring" / site / "s1.csv", STAGES)
    text(tmp_path / "scoring" / "s1.csv", STAGES)
    result = discover(tmp_path)
    assert [row["annotations"] for row in result.rows] == ["scoring/north/s1.csv", "scoring/south/s1.csv"]
    assert [row["recording_id"] for row in result.rows] == ["edf-north-s1", "edf-south-s1"]
    assert codes(result) == ["annotation_ambiguous", "renamed", "renamed"]


def test_every_recording_gets_an_id_of_its_own(tmp_path: Path) -> None:
    for name in ("one/short.edf", "one/short.bdf", "two/short.edf", "three/x y.edf", "three/x-y.edf"):
        night(tmp_path / name)
    rows = discover(tmp_path).rows
    ids = [row["recording_id"] for row in rows if row["subject_id"] == "short"]
    assert sorted(ids) == ["one-short.bdf", "one-short.edf", "two-short"]
    (tmp_path / "sheet.csv").write_text(
        "subject_id,recording_id,edf\n" + "".join(f"{r['subject_id']},{r['recording_id']},{r['edf']}\n" for r in rows)
    )
    assert len(ingest.read_sheet(tmp_path / "sheet.csv", cohort="c")) == 5


def test_nothing_vanishes(tmp_path: Path) -> None:
    night(tmp_path / "good.edf")
    text(tmp_path / "good.csv", STAGES)
    text(tmp_path / "good-notes.txt", "slept well")
    text(tmp_path / "bad.edf", "no recording")
    text(tmp_path / "late.edf.gz", "x")
    text(tmp_path / "lost.xml", NSRR_XML)
    text(tmp_path / "demographics.csv", "subject_id,age\ngood,50\n")
    result = discover(tmp_path)
    assert [row["edf"] for row in result.rows] == ["bad.edf", "good.edf"]
    assert [(note.code, note.text.partition(":")[0]) for note in result.notes] == [
        ("annotation_left_over", "lost.xml"),
        ("defective", "bad.edf"),
        ("no_annotations", "bad.edf"),
        ("not_recognised", "good-notes.txt"),
        ("packed", "late.edf.gz"),
    ]


def test_the_same_signal_under_two_headers(tmp_path: Path) -> None:
    content = build([Sig("LAT", ramp(2, 4))], recording="Startdate 24-APR-1989 X X one")
    (tmp_path / "a.edf").write_bytes(content)
    (tmp_path / "b.edf").write_bytes(content.replace(b"X X one", b"X X two").replace(b"24.04.89", b"01.01.85"))
    (tmp_path / "c.edf").write_bytes(content[:-1] + b"\x07")
    notes = [note for note in discover(tmp_path).notes if note.code == "same_signal"]
    assert [note.text for note in notes] == ["a.edf and b.edf: the same signal; one of them is wrong"]


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_no_folder_or_no_recording(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no such folder|holds no EDF or BDF recording"):
        discover(tmp_path / name)


def test_real_sample_files(shared_data: Path) -> None:
    result = discover(shared_data)
    by_edf = {row["edf"]: row for row in result.rows}
    # every file with samples, also the defective ones; the hypnogram is an annotation file
    assert len(by_edf) == sum(1 for path in (shared_data / "edf").rglob("*.?df")) - 1
    assert "edf/derived/short_header.edf" in by_edf
    assert ingest.__all__
