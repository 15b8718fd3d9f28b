"""Copies without patient data: EDF+ 2.1.3.3 and 2.1.3.4 (patient and recording field), the NSRR start date."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

import edfio
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plms_pipeline import ingest
from plms_pipeline.errors import InputError
from plms_pipeline.ingest.annotation_edf import read_tals
from plms_pipeline.ingest.deidentify import deidentify, signal_digest
from plms_pipeline.ingest.identifiers import (
    identifying_fields,
    pseudonym,
    pseudonymise,
    read_key,
    vocabulary,
    without_free_text,
)
from tests.ingest.edf_bytes import Sig, build, ramp, tal

NAME, BORN, SECRET = b"Haagse_Harry", b"02-MAY-1951", b"room of dr. Jansen"
LEGS = [Sig("LAT", ramp(3, 4), prefilter="HP:10Hz LP:100Hz Jansen"), Sig("RAT", ramp(3, 4, 50))]


def fill(content: bytes, at: int, width: int, text: bytes) -> bytes:
    return content[:at] + text.ljust(width) + content[at + width :]


def named_night(path: Path, *, plus: bool = True, **other: object) -> Path:
    """A recording whose every free-text field says who it is of."""
    texts = ["Sleep stage W", "Haagse_Harry snores", "Hypnopompic, says Jansen"]
    lists = [tal("+0", "") + tal("+0", texts[0], duration="30"), tal("+1", "") + tal("+1.5", *texts[1:]), tal("+2", "")]
    content = build(
        LEGS,
        tals=lists if plus else None,
        reserved="EDF+C" if plus else "Jansen",
        recording="Startdate 24-APR-1989 PSG-77 Jansen Device_9",
        **other,  # type: ignore[arg-type]
    )
    content = fill(content, 8, 80, b"MCH-0234567 M " + BORN + b" " + NAME)
    n_signals = len(LEGS) + plus
    at = 256 + 16 * n_signals
    for signal in range(n_signals):
        content = fill(content, at + 80 * signal, 80, SECRET)
    spare = 256 + n_signals * (16 + 80 + 8 * 5 + 80 + 8)
    content = fill(content, spare, 32, SECRET)
    path.write_bytes(content + b"dictated by Jansen")
    return path


@pytest.mark.parametrize("plus", [True, False])
def test_nothing_that_names_a_person_is_left(tmp_path: Path, plus: bool) -> None:
    night = named_night(tmp_path / "night.edf", plus=plus)
    done = deidentify(night, tmp_path / "copy.edf")
    copy = done.path.read_bytes()
    for word in (b"Harry", b"Jansen", b"1951", b"MCH", b"PSG-77", b"Device", b"1989", b"24.04.89"):
        assert word in night.read_bytes() or not plus
        assert word not in copy
    assert copy[168:176] == b"01.01.85" and copy[176:184] == b"22.30.00"
    assert copy[8:88].strip() == (b"X X X X" if plus else b"")
    assert copy[88:168].strip() == (b"Startdate 01-JAN-1985 X X X" if plus else b"")
    assert done.n_bytes_dropped == len(b"dictated by Jansen")
    header = ingest.read_header(done.path)
    assert identifying_fields(done.path, header) == ()
    assert [signal.prefilter for signal in header.data_signals] == ["HP:10Hz LP:100Hz"] * 2
    assert {found.code for found in header.findings} == {"placeholder_start_date"}


@pytest.mark.parametrize("bdf", [True, False])
def test_signals_and_times_of_annotations_are_unchanged(tmp_path: Path, bdf: bool) -> None:
    lists = [
        tal("+0.25", "") + tal("+0.25", "Sleep stage N2", duration="30"),
        tal("+1.25", "") + tal("+1.5", "Herr Meier", "Hypopnea", duration="12.5"),
        tal("+2.25", ""),
    ]
    night = tmp_path / "night.bdf"
    night.write_bytes(build(LEGS, tals=lists, reserved="BDF+C" if bdf else "EDF+C", bdf=bdf))
    done = deidentify(night, tmp_path / "copy.bdf")
    assert (done.n_texts_kept, done.n_texts_replaced) == (2, 1)
    before, after = (ingest.open_recording(path) for path in (night, done.path))
    for one, other in zip(before.legs, after.legs, strict=True):
        np.testing.assert_array_equal(one.segments[0].samples, other.segments[0].samples)
    assert signal_digest(night) == signal_digest(done.path) == done.signal_digest

    def listed(path: Path) -> list[tuple[int, int | None, tuple[str, ...]]]:
        blocks, _ = read_tals(path, ingest.read_header(path))
        return [(one.onset_us, one.duration_us, one.texts) for _, tals in blocks for one in tals]

    tals = [listed(path) for path in (night, done.path)]
    assert tals[0][3] == (1_500_000, 12_500_000, ("Herr Meier", "Hypopnea"))
    assert tals[1] == [*tals[0][:3], (1_500_000, 12_500_000, ("X", "Hypopnea")), *tals[0][4:]]
    assert after.start == "22:30:00.250000"


def test_a_gapped_recording_keeps_its_time_line(tmp_path: Path) -> None:
    lists = [tal("+0", ""), tal("+7", "") + tal("+7.5", "note"), tal("+8", "")]
    night = tmp_path / "night.edf"
    night.write_bytes(build(LEGS, tals=lists, reserved="EDF+D"))
    before, after = (ingest.open_recording(path) for path in (night, deidentify(night, tmp_path / "c.edf").path))
    assert before.gaps == after.gaps == ((1_000_000, 7_000_000),)


def test_defects_that_were_read_are_repaired_in_the_copy(tmp_path: Path) -> None:
    night = tmp_path / "night.edf"
    night.write_bytes(build(LEGS, n_records=-1) + b"\x01\x02")
    done = deidentify(night, tmp_path / "copy.edf")
    header = ingest.read_header(done.path)
    assert header.n_records_declared == header.n_records == 3 and done.n_bytes_dropped == 2
    assert [found.code for found in header.findings] == ["placeholder_start_date"]


def test_what_cannot_be_copied_says_why(tmp_path: Path) -> None:
    night = named_night(tmp_path / "night.edf")
    (tmp_path / "bad.edf").write_bytes(b"0       " + b" " * 100)
    with pytest.raises(InputError, match="the copy would replace its original"):
        deidentify(night, night)
    with pytest.raises(InputError, match="ends inside its header"):
        deidentify(tmp_path / "bad.edf", tmp_path / "copy.edf")
    deidentify(night, tmp_path / "copy.edf")
    with pytest.raises(InputError, match="is there already"):
        deidentify(night, tmp_path / "copy.edf")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.edf", "copy.edf", "night.edf"]


CHARACTERS = st.characters(exclude_characters="\x00\x14\x15", exclude_categories=["Cs"])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.text(CHARACTERS, max_size=12), max_size=4), junk=st.binary(max_size=20))
def test_no_free_text_survives_whatever_the_annotation_signal_holds(
    tmp_path: Path, texts: list[str], junk: bytes
) -> None:
    lists = [tal("+0", "") + tal("+0.5", *[f"Name:{text}" for text in texts]) + junk, tal("+1", ""), tal("+2", "")]
    night = tmp_path / "night.edf"
    night.write_bytes(build(LEGS, tals=lists, reserved="EDF+C"))
    done = deidentify(night, tmp_path / "copy.edf", overwrite=True)
    assert b"Name:" not in done.path.read_bytes()
    assert signal_digest(night) == done.signal_digest


def test_fields_that_identify_are_named_not_shown(tmp_path: Path) -> None:
    night = named_night(tmp_path / "night.edf")
    assert identifying_fields(night, ingest.read_header(night)) == (
        "patient code", "sex", "birth date", "patient name",
        "start date in the recording field", "administration code", "technician", "equipment", "start date",
    )  # fmt: skip
    anonymous = tmp_path / "anonymous.edf"
    anonymous.write_bytes(build(LEGS, recording="", date="01.01.85"))
    assert identifying_fields(anonymous, ingest.read_header(anonymous)) == ()


# -- pseudonyms ------------------------------------------------------------------------------------------------------

KEY = b"0123456789abcdef"


def sheet_rows(tmp_path: Path, text: str) -> list[ingest.SheetRow]:
    (tmp_path / "sheet.csv").write_text(text, encoding="utf-8")
    return ingest.read_sheet(tmp_path / "sheet.csv", cohort="demo")


def test_pseudonym_is_the_hmac_of_cohort_and_subject() -> None:
    expected = hmac.new(KEY, b"demo|s1", hashlib.sha256).hexdigest()[:16]
    assert pseudonym(KEY, "demo", "s1") == expected


def test_ids_under_pseudonyms(tmp_path: Path) -> None:
    rows = sheet_rows(
        tmp_path,
        "subject_id,visit,night,recording_id,edf\nsmith,1,,,a.edf\nsmith,1,2,,b.edf\nsmith,2,,smith_again,c.edf\n",
    )
    found = pseudonymise(rows, KEY)
    one = pseudonym(KEY, "demo", "smith")
    assert {row.subject_id for row in found.rows} == {one}
    assert [row.recording_id for row in found.rows][:2] == [f"demo_{one}_v1", f"demo_{one}_v1_n2"]
    assert found.rows[2].recording_id.startswith(f"demo_{one}_v2_") and "smith" not in found.rows[2].recording_id
    # another night in the sheet, or another order, changes no id
    fewer = pseudonymise(rows[2:], KEY)
    assert fewer.rows[0].recording_id == found.rows[2].recording_id
    assert pseudonymise(rows, KEY + b"x").rows[0].subject_id != one
    assert found.of_recording["smith_again"] == found.rows[2].recording_id


def test_key_from_file_or_environment(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(KEY + b"\n")
    path.chmod(0o600)
    assert read_key(path, {}) == read_key(None, {"PLMS_IDENTIFIER_KEY": KEY.decode()}) == KEY
    path.chmod(0o640)
    with pytest.raises(InputError, match="others can read this key; chmod 600"):
        read_key(path, {})
    with pytest.raises(InputError, match="pseudonyms need a key"):
        read_key(None, {})
    with pytest.raises(InputError, match="has 5 bytes, at least 16"):
        read_key(None, {"PLMS_IDENTIFIER_KEY": "short"})
    with pytest.raises(InputError, match="cannot be read"):
        read_key(tmp_path / "none", {})


def test_free_text_among_annotations_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text("onset_s,duration_s,label\n0,30,Sleep stage N2\n5,12,Hypopnea\n7,1,Herr Meier awake\n", "utf-8")
    found = ingest.read_annotations([path], duration_us=60_000_000)
    assert any("Meier" in item.text for item in found.findings)
    clean = without_free_text(found)
    assert clean.events.label == ("Hypopnea", "(unlisted label)")
    assert clean.stages is not None and clean.stages.label == ("Sleep stage N2",)
    assert not any("Meier" in item.text for item in clean.findings)
    assert [item.code for item in clean.findings] == [item.code for item in found.findings]
    declared = without_free_text(found, ["herr meier AWAKE"])
    assert declared.events.label == ("Hypopnea", "Herr Meier awake")


@pytest.mark.parametrize(
    ("label", "kept"),
    [
        ("Hypopnea", "Hypopnea"),
        ("Hypopnea|Hypopnea", "Hypopnea|Hypopnea"),
        ("Hypopnea|as Meier says", "Hypopnea"),
        ("Meier|Meier", "(unlisted label)"),
        ("Stage 2 sleep|2", "Stage 2 sleep|2"),
        ("Hypopnea of Meier", "(unlisted label)"),
        ("", "(unlisted label)"),
    ],
)
def test_only_vocabulary_is_kept_of_a_label(label: str, kept: str) -> None:
    assert vocabulary(label) == kept


def test_vocabulary_of_real_scorings_is_kept(shared_data: Path) -> None:
    path = shared_data / "annot" / "luna-api" / "learn-nsrr01-profusion.xml"
    found = ingest.read_annotations([path], duration_us=40_920_000_000)
    clean = without_free_text(found)
    assert clean.events.label == found.events.label and clean.stages == found.stages


@pytest.mark.parametrize(
    "name", ["edfio/short_psg.edf", "edfio/short_psg.bdf", "edfReader/edfPlusC.edf", "pyedflib/test_generator.edf"]
)
def test_another_reader_sees_the_same_signals_and_no_person(shared_data: Path, tmp_path: Path, name: str) -> None:
    original = shared_data / "edf" / name
    copy = deidentify(original, tmp_path / original.name).path
    read = edfio.read_bdf if name.endswith(".bdf") else edfio.read_edf
    one, other = read(original), read(copy)
    assert [signal.label for signal in one.signals] == [signal.label for signal in other.signals]
    for before, after in zip(one.signals, other.signals, strict=True):
        np.testing.assert_array_equal(before.data, after.data)
    assert other.starttime == one.starttime
    assert other.local_patient_identification.strip() in ("", "X X X X")


def test_every_sample_file_is_copied_or_says_why_not(shared_data: Path, tmp_path: Path) -> None:
    refused = []
    for number, path in enumerate(sorted((shared_data / "edf").rglob("*.?df"))):
        try:
            done = deidentify(path, tmp_path / f"{number}{path.suffix}")
        except InputError as error:
            refused.append((path.name, str(error).partition(": ")[2].partition(";")[0].partition(" (")[0]))
            continue
        assert signal_digest(path) == signal_digest(done.path)
        assert identifying_fields(done.path, ingest.read_header(done.path)) == ()
    assert refused == [
        ("header_only.edf", "the file holds a header but no whole data record"),
        ("short_header.edf", "the file ends inside its header"),
    ]
