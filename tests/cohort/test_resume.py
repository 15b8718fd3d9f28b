"""Resuming on real recordings: what is computed again after a change, and what is not read."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plms_pipeline import cohort, ingest, simulate
from plms_pipeline.cohort import RunSummary, load_cohort
from plms_pipeline.cohort import recording as recording_module
from plms_pipeline.cohort import release as release_module
from plms_pipeline.cohort.work import RecordingResult
from plms_pipeline.store import WorkStore

N = 4
NOTHING = {"detect": 0, "score": 0, "link": 0}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four nights of six minutes, run once."""
    root = tmp_path_factory.mktemp("finished")
    simulate.write_cohort(root / "c", n_nights=N, seed=3, hours=0.1, defects=False, workers=1, check_space=False)
    with _no_release([]):
        summary = _run(root / "c")
    assert (summary.n_analysed, summary.recomputed) == (N, {"detect": N, "score": N, "link": N})
    return root / "c"


@pytest.fixture
def here(finished: Path, tmp_path: Path, results: list[RecordingResult]) -> Path:
    """A copy of the finished cohort that a test may change; times, but not inodes, are those of the original."""
    shutil.copytree(finished, tmp_path / "c")
    _run(tmp_path / "c")  # remembers the copies as they are
    return tmp_path / "c"


@pytest.fixture
def results() -> Iterator[list[RecordingResult]]:
    """What the last run handed over to the release."""
    handed: list[RecordingResult] = []
    with _no_release(handed):
        yield handed


class _no_release:  # noqa: N801 - reads as a statement
    """The quality gate takes seconds and is not what is tested here."""

    def __init__(self, handed: list[RecordingResult]) -> None:
        self._handed = handed
        self._patch = pytest.MonkeyPatch()

    def __enter__(self) -> None:
        def build(ctx: Any, results: list[RecordingResult]) -> tuple[Path, Any]:
            self._handed[:] = results
            return ctx.store_root, type("Gate", (), {"open": True, "closed": []})()

        self._patch.setattr(release_module, "build", build)
        self._patch.setattr(release_module, "publish_candidate", lambda ctx, candidate: (candidate, True))

    def __exit__(self, *_: object) -> None:
        self._patch.undo()


def _run(root: Path, overrides: dict[str, Any] | None = None, **options: Any) -> RunSummary:
    settings = load_cohort(root / "cohort.yaml", overrides or {}, environ={})
    return cohort.run(settings, executor="inline", **options)


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) >= 1
    path.write_text(text.replace(old, new), encoding="utf-8", newline="")


def test_a_second_run_computes_nothing_and_reads_no_signal(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("an input was read")

    monkeypatch.setattr(ingest, "open_recording", refuse)
    monkeypatch.setattr(ingest, "file_digest", refuse)
    monkeypatch.setattr(ingest, "read_annotations", refuse)
    summary = _run(here)
    assert summary.recomputed == NOTHING
    assert summary.n_analysed == N


def test_results_are_the_same_whether_computed_or_found(here: Path, results: list[RecordingResult]) -> None:
    _run(here)
    found = [(r.recording_id, r.outcome, r.detect_key, r.score_key, r.link_key, r.digest, r.findings) for r in results]
    shutil.rmtree(here / "store")
    assert _run(here).recomputed["detect"] == N
    again = [(r.recording_id, r.outcome, r.detect_key, r.score_key, r.link_key, r.digest, r.findings) for r in results]
    assert found == again


def test_a_changed_rule_set_recomputes_score_and_link_only(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "open_recording", None)
    summary = _run(here, {"rules": ["wasm2016", "wasm2006"]})
    assert summary.recomputed == {"detect": 0, "score": N, "link": N}
    assert summary.why == {"link: changed output of score": N, "score: changed scoring rule sets": N}


def test_a_changed_detector_recomputes_everything_and_says_so(here: Path) -> None:
    summary = _run(here, {"detector": {"rest_window_s": 31.0}})
    assert summary.recomputed["detect"] == N
    assert summary.why["detect: changed detector settings"] == N


def test_changed_covariates_of_one_subject_recompute_its_link_only(here: Path, results: list[RecordingResult]) -> None:
    _replace(here / "clinical" / "sim_laboratory.csv", "p01,single,ferritin,120,", "p01,single,ferritin,20,")
    summary = _run(here)
    assert summary.recomputed == {"detect": 0, "score": 0, "link": 1}
    assert [r.subject_id for r in results if r.recomputed] == ["p01"]
    assert summary.why == {"link: changed clinical rows of the subject": 1}


def test_a_changed_recording_date_recomputes_the_link_only(here: Path) -> None:
    _replace(here / "sheet.csv", "sim_0001-nsrr.xml,2023-03-14", "sim_0001-nsrr.xml,2023-03-15")
    assert _run(here).recomputed == {"detect": 0, "score": 0, "link": 1}


def test_changed_annotations_recompute_score_and_link_of_their_recording(here: Path) -> None:
    _replace(here / "annotations" / "sim_0003_stages.csv", "N2", "N1")
    summary = _run(here)
    assert summary.recomputed == {"detect": 0, "score": 1, "link": 1}
    assert "score: changed annotations" in summary.why


def test_changed_bytes_of_a_recording_recompute_it(here: Path, results: list[RecordingResult]) -> None:
    edf = here / "edf" / "sim_0002.edf"
    data = bytearray(edf.read_bytes())
    data[len(data) // 2] ^= 0x10
    edf.write_bytes(data)
    assert _run(here).recomputed["detect"] == 1
    assert [r.subject_id for r in results if r.recomputed] == ["p02"]


def test_touched_but_equal_files_are_read_and_nothing_is_computed(here: Path) -> None:
    for edf in (here / "edf").iterdir():
        edf.touch()
    assert _run(here).recomputed == NOTHING
    assert _run(here, verify_inputs=True).recomputed == NOTHING


def test_a_damaged_part_is_computed_again(here: Path, results: list[RecordingResult]) -> None:
    _run(here)
    part = WorkStore(here / "store").path("score", str(results[0].score_key))
    data = bytearray(part.read_bytes())
    data[100] ^= 1
    part.write_bytes(data)
    summary = _run(here)
    assert summary.recomputed == {"detect": 0, "score": 1, "link": 0}
    assert summary.why == {"score: its part was missing or damaged": 1}


def test_force_computes_a_stage_again(here: Path) -> None:
    summary = _run(here, force=("score",))
    assert summary.recomputed == {"detect": 0, "score": N, "link": 0}
    assert summary.why == {"score: forced": N}


def test_from_a_stage_does_not_look_at_what_comes_before(here: Path) -> None:
    for number in (1, 3, 4):  # the second night's annotations stand in its recording
        (here / "edf" / f"sim_000{number}.edf").unlink()
    summary = _run(here, {"rules": ["wasm2006"]}, from_stage="score")
    assert summary.recomputed == {"detect": 0, "score": N, "link": N}
    assert summary.n_analysed == N
    summary = _run(here, {"rules": ["wasm2006"]}, from_stage="release")
    assert (summary.recomputed, summary.n_analysed) == (NOTHING, N)


def test_dry_run_says_what_would_be_done_and_writes_nothing(here: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in here.rglob("*")}
    summary = _run(here, {"rules": ["wasm2006"]}, dry_run=True)
    assert summary.recomputed == {"detect": 0, "score": N, "link": N}
    assert {path: path.stat().st_mtime_ns for path in here.rglob("*")} == before


def test_dry_run_of_a_new_cohort(here: Path) -> None:
    shutil.rmtree(here / "store")
    assert _run(here, dry_run=True).recomputed == {"detect": N, "score": N, "link": N}
    assert not (here / "store").exists()


def test_defects_are_stored_and_not_tried_again(
    here: Path, results: list[RecordingResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "edf" / "sim_0001.edf").write_bytes(b"not an EDF at all" * 100)
    (here / "edf" / "sim_0002.edf").write_bytes(b"")
    (here / "edf" / "sim_0003.edf").unlink()
    (here / "annotations" / "sim_0004_annotations.edf").write_text("neither EDF nor XML nor CSV", encoding="utf-8")
    _replace(here / "sheet.csv", "edf/sim_0002.edf,edf/sim_0002.edf", "edf/sim_0002.edf,")
    settings = {"max_failed_fraction": 1.0}
    summary = _run(here, settings)
    by_subject = {r.subject_id: r for r in results}
    assert (summary.n_in, summary.n_failed_input, summary.n_failed_system) == (N, N, 0)
    assert {s: (r.stage, r.reason) for s, r in by_subject.items()} == {
        "p01": ("detect", "not_edf"),
        "p02": ("detect", "empty_file"),
        "p03": ("input", "file_missing"),
        "<script>alert(1)</script>": ("score", "annotations_unreadable"),
    }
    for result in results:
        assert result.link_key is not None
        assert str(here) not in str(result.text)
    monkeypatch.setattr(recording_module.NightSteps, "detect", None)
    assert _run(here, settings).recomputed == NOTHING


def test_a_folder_in_place_of_a_recording_is_a_wrong_sheet_not_a_failing_system(
    here: Path, results: list[RecordingResult]
) -> None:
    path = here / "edf" / "sim_0003.edf"
    path.unlink()
    path.mkdir()
    summary = _run(here, {"rules": ["wasm2006"], "max_failed_fraction": 1.0})
    assert (summary.n_failed_input, summary.n_failed_system) == (1, 0)
    (result,) = (r for r in results if r.subject_id == "p03")
    assert (result.stage, result.reason) == ("input", "file_missing")
    assert "a folder, pipe or device" in str(result.text)


def test_a_stored_crash_is_not_tried_again(here: Path, results: list[RecordingResult]) -> None:
    with cohort.prepare(load_cohort(here / "cohort.yaml", {"rules": ["wasm2006"]}, environ={})) as ctx:
        crashed = recording_module.store_crash(ctx.tasks[0], "crashed_reader", "the process ended with SIGSEGV")
    assert (crashed.outcome, crashed.stage, crashed.reason) == ("failed_input", "score", "crashed_reader")
    summary = _run(here, {"rules": ["wasm2006"], "max_failed_fraction": 1.0})
    assert (summary.n_failed_input, summary.reasons) == (1, {"failed_input": {"crashed_reader": 1}})
    assert summary.recomputed["score"] == N - 1


def test_the_records_of_a_run_are_private(here: Path) -> None:
    assert (here / "store" / "work").stat().st_mode & 0o077 == 0
    record = json.loads(next((here / "store" / "work" / "keys").rglob("*.json")).read_text(encoding="utf-8"))
    assert set(record) >= {"recording_id", "detect", "score", "link"}
