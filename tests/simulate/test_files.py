"""The files of a simulated cohort: readable by foreign readers, defective where they must be, the same every time."""

import csv
import hashlib
import shutil
from pathlib import Path

import edfio
import numpy as np
import pyedflib
import pytest
import yaml

from plms_pipeline import simulate
from plms_pipeline.errors import InputError
from plms_pipeline.simulate.edf_writer import EdfAnnotation, EdfFile, EdfSignal, write_annotation_file, write_edf
from plms_pipeline.simulate.night_files import recording_shapes

# A quarter of an hour: every shape and defect in a second or two.
HOURS = 0.25
N = 24


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> simulate.SimulatedCohort:
    return simulate.write_cohort(tmp_path_factory.mktemp("sim") / "cohort", N, seed=3, hours=HOURS, workers=1)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def edf_of(cohort: simulate.SimulatedCohort, night: simulate.NightFiles) -> Path:
    return cohort.directory / night.sheet_row[2]


def readable(cohort: simulate.SimulatedCohort) -> list[simulate.NightFiles]:
    return [n for n in cohort.nights if n.defect not in ("missing_file", "wrong_header", "truncated")]


def test_every_whole_file_is_read_by_edfio_with_labels_units_and_length(cohort: simulate.SimulatedCohort) -> None:
    shapes = {shape["name"]: shape for shape in recording_shapes()["shapes"]}
    for night in readable(cohort):
        edf = edfio.read_edf(edf_of(cohort, night))
        labels = [signal.label for signal in edf.signals]
        shape = shapes[night.shape]
        if night.defect is None:
            assert edf.duration == night.duration_s
            assert labels == ["C4-M1", "ECG", *shape["left"], *shape["right"]]
            assert {s.physical_dimension for s in edf.signals[2:]} == {shape["unit"]}
            assert {s.sampling_frequency for s in edf.signals[2:]} == {shape["leg_hz"]}
        if night.defect == "no_leg_channel":
            assert labels == ["C4-M1", "ECG"]
        if night.defect == "one_leg":
            assert not set(labels) & set(shape["right"])
        if night.defect == "combined_channel":
            assert labels == ["C4-M1", "ECG", "LEG"]


def test_pyedflib_reads_the_same_samples_as_edfio(cohort: simulate.SimulatedCohort) -> None:
    compared = 0
    for night in readable(cohort):
        path = edf_of(cohort, night)
        head = path.read_bytes()[:256]
        if b"EDF+D" in head[192:236] or head[168:176] == b"00.00.00":
            continue  # pyedflib refuses discontinuous files and the placeholder 00.00.00
        with pyedflib.EdfReader(str(path)) as reader:
            last = reader.signals_in_file - 1
            theirs = reader.readSignal(last)
        assert np.allclose(edfio.read_edf(path).signals[last].data, theirs, rtol=0, atol=1e-9)
        compared += 1
    assert compared >= 8


def test_legs_hold_microvolts_whatever_the_unit(cohort: simulate.SimulatedCohort) -> None:
    per_unit = {"uV": 1.0, "mV": 1e3, "V": 1e6}
    for night in readable(cohort):
        if night.defect is not None:
            continue
        legs = edfio.read_edf(edf_of(cohort, night)).signals[2:]
        data = [leg.data * per_unit[leg.physical_dimension] for leg in legs]
        if len(data) == 4:
            data = [data[0] - data[1], data[2] - data[3]]
        for leg in data:
            assert 0.8 < np.median(np.abs(leg)) < 4.0
            assert np.max(np.abs(leg)) > 10.0


def test_every_defect_is_there_once_and_is_what_it_is_called(cohort: simulate.SimulatedCohort) -> None:
    kinds = {night.defect: night for night in cohort.nights if night.defect}
    assert set(kinds) == {defect["name"] for defect in recording_shapes()["defects"]}
    assert not edf_of(cohort, kinds["missing_file"]).exists()
    assert edf_of(cohort, kinds["wrong_header"]).read_bytes()[252:256] == b"X?  "
    with pytest.raises(ValueError):
        edfio.read_edf(edf_of(cohort, kinds["wrong_header"]))
    with pytest.raises(OSError):
        pyedflib.EdfReader(str(edf_of(cohort, kinds["truncated"])))
    gap = edf_of(cohort, kinds["gap"])
    assert gap.read_bytes()[192:197] == b"EDF+D"
    stamps = record_stamps(gap)
    steps = np.diff(stamps)
    assert (steps > 1.5 * steps.min()).sum() == 1
    assert steps.max() == pytest.approx(0.12 * kinds["gap"].duration_s + 1, abs=1.1)
    assert kinds["no_staging"].sheet_row[3] == ""


def record_stamps(path: Path) -> np.ndarray:
    """Time stamps of the records, read by the bytes (Kemp & Olivan 2003, 2.2.4)."""
    raw = path.read_bytes()
    n_signals, n_records = int(raw[252:256]), int(raw[236:244])
    at = 256 + n_signals * 216
    counts = [int(raw[at + 8 * k : at + 8 * k + 8]) for k in range(n_signals)]
    header, record, last = int(raw[184:192]), 2 * sum(counts), 2 * counts[-1]
    assert len(raw) == header + n_records * record
    return np.array(
        [float(raw[header + (k + 1) * record - last :].split(b"\x14", 1)[0][:20]) for k in range(n_records)]
    )


def test_the_recording_says_that_it_is_simulated(cohort: simulate.SimulatedCohort) -> None:
    for night in cohort.nights:
        path = edf_of(cohort, night)
        assert path.name.startswith("sim_")
        if path.exists():
            assert b"simulated" in path.read_bytes()[88:168]
    assert yaml.safe_load(cohort.cohort_yaml.read_text(encoding="utf-8"))["simulated"] is True


def test_the_sheet_names_the_files_that_are_there(cohort: simulate.SimulatedCohort) -> None:
    rows = rows_of(cohort.sheet)
    assert len(rows) == N
    for row, night in zip(rows, cohort.nights, strict=True):
        assert (cohort.directory / row["edf"]).exists() == (night.defect != "missing_file")
        for name in filter(None, row["annotations"].split(";")):
            assert (cohort.directory / name).stat().st_size > 0


def test_the_truth_counts_what_the_movement_files_hold(cohort: simulate.SimulatedCohort) -> None:
    for row in rows_of(cohort.truth / "sim_nights.csv"):
        movements = rows_of(cohort.truth / f"sim_{int(row['number']) + 1:04d}_movements.csv")
        assert len(movements) == int(row["n_movements"])
        plms = {m["movement"] for m in movements if m["is_plms"] == "true"}
        assert len(plms) == int(row["n_plms"])


def test_expectations_of_the_night_are_left_out_where_the_night_cannot_answer(
    cohort: simulate.SimulatedCohort,
) -> None:
    # A quarter of an hour decides no index; without legs or staging the index is unknown at any length.
    found: dict[str, set[str]] = {}
    for row in rows_of(cohort.truth / "sim_phenotypes.csv"):
        if row["field"] in simulate.NIGHT_FIELDS:
            found.setdefault(row["recording_id"], set()).add(row["expected"])
    lost = {n.recording_id for n in cohort.nights if n.defect and n.defect not in ("gap", "truncated")}
    assert set(found) == lost
    assert set().union(*found.values()) == {"unknown", "undetermined"}


def test_the_same_seed_gives_the_same_bytes_with_one_process_and_with_two(tmp_path: Path) -> None:
    one = simulate.write_cohort(tmp_path / "one", 6, seed=9, hours=0.1, workers=1)
    two = simulate.write_cohort(tmp_path / "two", 6, seed=9, hours=0.1, workers=2)
    other = simulate.write_cohort(tmp_path / "other", 6, seed=10, hours=0.1, workers=1)
    assert digests(one.directory) == digests(two.directory)
    assert digests(one.directory)["edf/sim_0001.edf"] != digests(other.directory)["edf/sim_0001.edf"]


def test_clean_cohorts_have_no_defect_and_progress_is_told(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    cohort = simulate.write_cohort(
        tmp_path / "clean", 3, hours=0.1, only_clean=True, workers=1, progress=lambda *a: told.append(a[:2])
    )
    assert [night.defect for night in cohort.nights] == [None, None, None]
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_the_space_is_checked_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=10_000))
    with pytest.raises(InputError, match=r"needs 0\.\d GB and the disk has 0\.0 GB free"):
        simulate.write_cohort(tmp_path / "full", 2, hours=1.0)
    assert not (tmp_path / "full").exists()


def test_the_space_asked_for_is_the_space_used(cohort: simulate.SimulatedCohort) -> None:
    used = sum(path.stat().st_size for path in cohort.directory.rglob("*") if path.is_file())
    assert used <= simulate.required_bytes(N, HOURS) < 2.5 * used
    assert 1.2e9 < simulate.required_bytes(24, 8.0) < 1.8e9


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="not an empty folder"):
        simulate.write_cohort(tmp_path, 1, hours=0.1)
    with pytest.raises(InputError, match="at least 1"):
        simulate.write_cohort(tmp_path / "new", 0)


def test_small_cohorts_keep_most_nights_clean() -> None:
    assert [len(simulate.planned_defects(n, 1)) for n in (1, 2, 4, 6, 12, 24, 100)] == [0, 0, 1, 2, 4, 8, 8]
    assert simulate.planned_defects(24, 1) == simulate.planned_defects(24, 1) != simulate.planned_defects(24, 2)


@pytest.mark.parametrize("unit", ["uV", "mV", "V"])
def test_edf_samples_are_the_samples_given(tmp_path: Path, unit: str) -> None:
    samples = np.random.default_rng(1).normal(0, 50, 2000)
    signal = EdfSignal("LAT", "AgAgCl", "HP:10Hz", unit, 200, 500.0, samples)
    file = EdfFile("EDF+C", "X X X X", "Startdate 01-JAN-1985 simulated X X", "01.01.85", "22.30.00", 2.0)
    notes = [EdfAnnotation(3.0, 1.5, "Hypopnea"), EdfAnnotation(0.5, None, "Lights off")]
    n_bytes = write_edf(tmp_path / "a.edf", file, [signal], notes)
    assert n_bytes == (tmp_path / "a.edf").stat().st_size
    edf = edfio.read_edf(tmp_path / "a.edf")
    per_unit = {"uV": 1.0, "mV": 1e3, "V": 1e6}[unit]
    step_uv = 1000.0 / 65535
    assert np.abs(edf.signals[0].data * per_unit - samples).max() <= 0.51 * step_uv
    assert [(a.onset, a.duration, a.text) for a in edf.annotations] == [
        (0.5, None, "Lights off"),
        (3.0, 1.5, "Hypopnea"),
    ]


def test_samples_beyond_the_amplifier_are_clipped_at_its_limits(tmp_path: Path) -> None:
    signal = EdfSignal("LAT", "", "", "uV", 100, 100.0, np.linspace(-500.0, 500.0, 100))
    file = EdfFile("EDF", "X X X X", "simulated", "01.01.85", "22.30.00", 1.0)
    write_edf(tmp_path / "a.edf", file, [signal])
    data = edfio.read_edf(tmp_path / "a.edf").signals[0].data
    assert (data.min(), data.max()) == (-100.0, 100.0)


def test_an_annotation_file_holds_annotations_only(tmp_path: Path) -> None:
    file = EdfFile("EDF+C", "X X X X", "Startdate 01-JAN-1985 simulated X X", "01.01.85", "22.30.00", 1.0)
    write_annotation_file(tmp_path / "a.edf", file, [EdfAnnotation(30.0, 30.0, "Sleep stage N2")])
    edf = edfio.read_edf(tmp_path / "a.edf")
    assert len(edf.signals) == 0
    assert [(a.onset, a.duration, a.text) for a in edf.annotations] == [(30.0, 30.0, "Sleep stage N2")]


def test_a_human_scorer_marks_most_movements_a_little_off() -> None:
    from plms_pipeline.simulate.annotation_files import human_marks
    from plms_pipeline.simulate.night_files import recording_shapes
    from plms_pipeline.simulate.night_plan import plan_night

    night = plan_night((5, 1), hours=2.0, plmsi_per_h=60.0, ahi_per_h=5.0)
    scorer = recording_shapes()["scorer"]
    marks = human_marks(night, (5, 1), scorer, (0, 1))
    assert 0.8 < len(marks.leg) / len(night.movements.leg) < 1.0 and (marks.duration_s > 0).all()
    nearest = [abs(night.movements.onset_us / 1e6 - onset).min() for onset in marks.onset_s]
    assert max(nearest) <= max(abs(error) for error in scorer["error_s"]) + 0.05
    assert set(human_marks(night, (5, 1), scorer, (0,)).leg.tolist()) == {0}
    again = human_marks(night, (5, 1), scorer, (0, 1))
    assert all((one == two).all() for one, two in zip(marks, again, strict=True))
