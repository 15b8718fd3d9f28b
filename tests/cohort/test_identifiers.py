"""No name, birth date or free text of a header reaches what a run publishes, prints or reports."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from plms_pipeline import cohort
from plms_pipeline.errors import InputError
from plms_pipeline.ingest.identifiers import pseudonym

KEY = "a key of thirty-two letters......"
# Planted words: no other text of a run holds them.
IN_HEADER = ("Quastelbrook", "11-FEB-1931", "Vandermolenaar", "Zyxtransducer", "Qwreserved", "Qwspare", "Qwfilter")
IN_PATH = "Pathquastel"
IN_NOTE = "Notequastel"
IN_SHEET = ("Sheetquastel", "Recordquastel")


def plant(edf: Path, note_in: Path) -> None:
    """Write a person into every free-text field of a header, and into a free annotation."""
    with edf.open("r+b") as out:
        head = out.read(256)
        n_signals = int(head[252:256])
        patient, birth, technician = IN_HEADER[:3]
        out.seek(8)
        out.write(f"X F {birth} {patient}".ljust(80).encode())
        out.write(f"Startdate X X {technician} X".ljust(80).encode())
        if not head[192:236].startswith((b"EDF+", b"BDF+")):
            out.seek(192)
            out.write(IN_HEADER[4].ljust(44).encode())
        out.seek(256 + 16 * n_signals)
        out.write(IN_HEADER[3].ljust(80).encode() * n_signals)
        out.seek(256 + n_signals * (16 + 80 + 8 * 5))
        out.write(f"HP:10Hz LP:100Hz {IN_HEADER[6]}".ljust(80).encode() * n_signals)
        out.seek(256 + n_signals * (16 + 80 + 8 * 5 + 80 + 8))
        out.write(IN_HEADER[5].ljust(32).encode() * n_signals)
    text = note_in.read_text(encoding="utf-8")
    note = (
        f"<ScoredEvent>\n<EventType>Notes|Notes</EventType>\n<EventConcept>{IN_NOTE} awake|{IN_NOTE}</EventConcept>\n"
    )
    note += "<Start>30</Start>\n<Duration>1</Duration>\n</ScoredEvent>\n"
    note_in.write_text(text.replace("</ScoredEvents>", note + "</ScoredEvents>"), encoding="utf-8")


@pytest.fixture(scope="module")
def named_cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated cohort of two subjects, the first of them by name in every place where names stand."""
    from plms_pipeline import simulate

    folder = tmp_path_factory.mktemp("named") / "sim"
    made = simulate.write_cohort(folder, n_nights=2, seed=3, hours=0.2, only_clean=True, workers=1)
    with made.sheet.open(encoding="utf-8") as handle:
        reader = csv.DictReader(handle)
        rows, columns = list(reader), [*(reader.fieldnames or ()), "recording_id"]
    first = rows[0]
    old_subject = first["subject_id"]
    xml = folder / first["annotations"]
    assert xml.suffix == ".xml"
    plant(folder / first["edf"], xml)
    moved = folder / IN_PATH
    moved.mkdir()
    for column in ("edf", "annotations"):
        place = folder / first[column]
        place.rename(moved / place.name)
        first[column] = f"{IN_PATH}/{place.name}"
    first |= {"subject_id": IN_SHEET[0], "recording_id": IN_SHEET[1]}
    with made.sheet.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, columns)
        writer.writeheader()
        writer.writerows(rows)
    for table in (folder / "clinical").rglob("*.csv"):
        text = table.read_text(encoding="utf-8")
        table.write_text(re.sub(rf"\b{re.escape(old_subject)}\b", IN_SHEET[0], text), encoding="utf-8")
    return made.cohort_yaml


def published(store: Path) -> bytes:
    """Everything in the releases, Parquet columns in plain values too."""
    parts = []
    for path in sorted((store / "releases").rglob("*")):
        if not path.is_file():
            continue
        parts += [str(path.relative_to(store)).encode(), path.read_bytes()]
        if path.suffix == ".parquet":
            parts.append(str(pq.read_table(path).to_pylist()).encode())
    return b"\n".join(parts)


def run(
    cohort_yaml: Path,
    store: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    **extra: object,
) -> tuple[cohort.RunSummary, bytes]:
    settings = cohort.load_cohort(cohort_yaml, {"store": str(store), **extra})
    with caplog.at_level("DEBUG", logger="plms_pipeline"):
        summary = cohort.run(settings, executor="inline")
    printed = capsys.readouterr()
    said = (
        printed.out + printed.err + caplog.text + repr(summary._replace(store=Path(), release=None, report=None))
    ).encode()
    return summary, published(store) + said


@pytest.mark.slow
def test_header_fields_and_paths_reach_no_output(
    named_cohort: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    summary, outputs = run(named_cohort, tmp_path / "store", capsys, caplog)
    assert summary.n_analysed == 2 and summary.release is not None
    for word in (*IN_HEADER, IN_PATH):
        assert word.encode() not in outputs, word
    # what is kept: the identifiers of the sheet, and the labels of the annotations
    assert IN_SHEET[0].encode() in outputs and IN_NOTE.encode() in outputs


def test_pseudonyms_leave_no_identifier_and_no_free_text(
    named_cohort: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PLMS_IDENTIFIER_KEY", KEY)
    store = tmp_path / "store"
    summary, outputs = run(named_cohort, store, capsys, caplog, identifiers="pseudonymise")
    assert summary.n_analysed == 2
    for word in (*IN_HEADER, IN_PATH, IN_NOTE, *IN_SHEET, KEY):
        assert word.encode() not in outputs, word
    subject = pseudonym(KEY.encode(), "sim", IN_SHEET[0])
    assert subject.encode() in outputs and b"(unlisted label)" in outputs
    # the clinical tables, which know the subject by name, still reach the night
    assert summary.release is not None
    person = next(
        row for row in pq.read_table(summary.release / "analysis").to_pylist() if row["subject_id"] == subject
    )
    assert person["age_years"] is not None
    way_back = store / "work" / "identifiers.csv"
    assert way_back.stat().st_mode & 0o077 == 0 and IN_SHEET[1] in way_back.read_text(encoding="utf-8")
    assert KEY.encode() not in b"".join(path.read_bytes() for path in store.rglob("*") if path.is_file())


def test_only_takes_the_ids_of_the_sheet_too(
    named_cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLMS_IDENTIFIER_KEY", KEY)
    settings = cohort.load_cohort(named_cohort, {"store": str(tmp_path / "store"), "identifiers": "pseudonymise"})
    with cohort.prepare(settings, cohort.RunOptions(only=(IN_SHEET[1],), dry_run=True)) as context:
        assert len(context.tasks) == 1 and IN_SHEET[0] not in context.tasks[0].recording_id


def test_no_key_no_run(named_cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLMS_IDENTIFIER_KEY", raising=False)
    settings = cohort.load_cohort(named_cohort, {"store": str(tmp_path / "store"), "identifiers": "pseudonymise"})
    with pytest.raises(InputError, match="pseudonyms need a key"):
        cohort.run(settings, executor="inline")
    assert not (tmp_path / "store").exists()
