"""Write a whole simulated cohort: recordings, clinical tables, sheet, settings and truth."""

from __future__ import annotations

import concurrent.futures
import math
import multiprocessing
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from plms_pipeline.errors import InputError
from plms_pipeline.simulate.night_files import NightFiles, NightTask, recording_shapes, word, write_night
from plms_pipeline.simulate.personas import NIGHT_FIELDS, persona_of, write_clinical_tables, write_csv


class SimulatedCohort(NamedTuple):
    """Where a simulated cohort lies; `nights` in the order of the sheet."""

    directory: Path
    cohort_yaml: Path
    sheet: Path
    mapping: Path
    truth: Path
    n_nights: int
    n_bytes: int
    nights: tuple[NightFiles, ...]


SHEET_COLUMNS = (
    "subject_id", "visit", "edf", "annotations", "recording_date", "lights_off", "lights_on",
    "pap_this_night", "stages_state", "respiratory_state", "arousals_state",
)  # fmt: skip


def required_bytes(n_nights: int, hours: float = 8.0) -> int:
    """Disk space of a simulated cohort, bytes: its EDF files and 5 % for everything else."""
    shapes = recording_shapes()["shapes"]
    per_s = [samples_per_s(shapes[k % len(shapes)]) * 2 for k in range(n_nights)]
    return math.ceil(sum(per_s) * 3600 * hours * 1.05) + 5_000_000


def planned_defects(n_nights: int, seed: int) -> dict[int, str]:
    """Which nights carry which defect: at most one night in three, every kind once, drawn from the seed."""
    kinds = [defect["name"] for defect in recording_shapes()["defects"]]
    n = min(len(kinds), n_nights // 3)
    places = np.random.default_rng([abs(seed), 77]).permutation(n_nights)[:n]
    return {int(place): kind for place, kind in zip(places, kinds, strict=False)}


def write_cohort(
    directory: str | Path,
    n_nights: int = 24,
    seed: int = 1,
    hours: float = 8.0,
    *,
    defects: bool = True,
    only_clean: bool = False,
    cohort: str = "sim",
    workers: int = 2,
    progress: Callable[[int, int, str], None] | None = None,
    check_space: bool = True,
) -> SimulatedCohort:
    """Write a simulated cohort with known truth.

    Parameters
    ----------
    directory : path
        New or empty folder. Gets ``cohort.yaml``, ``sheet.csv``, ``mapping.yaml``, ``edf/``, ``annotations/``,
        ``clinical/`` and ``truth/``.
    n_nights : int
        Subject i is persona i; further rounds get new ids.
    seed : int
        Every seed works; the same seed gives the same bytes, whatever `workers` is.
    hours : float
        Length of each recording.
    defects : bool
        Whether some recordings carry the defects of real archives (`planned_defects`).
    only_clean : bool
        As ``defects=False``; says in one word what tests of accuracy need.
    cohort : str
        Word that begins every recording id.
    workers : int
        Processes, at most one per night; 1 stays in this process.
    progress : callable, optional
        Called with (nights done, nights, file stem) after each night.
    check_space : bool
        Whether to refuse when the disk has too little room.

    Returns
    -------
    SimulatedCohort

    Raises
    ------
    InputError
        When the folder holds something, the numbers make no sense, or the disk is too full.
    """
    directory = Path(directory)
    if n_nights < 1:
        raise InputError(f"{n_nights} nights: nothing to simulate; give at least 1")
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise InputError(f"{directory}: is not an empty folder; name a new one, or remove it first")
    if check_space:
        require_space(directory, required_bytes(n_nights, hours))
    for name in ("edf", "annotations", "truth"):
        (directory / name).mkdir(parents=True, exist_ok=True)
    chosen = planned_defects(n_nights, seed) if defects and not only_clean else {}
    tasks = [NightTask(directory, cohort, k, seed, hours, chosen.get(k)) for k in range(n_nights)]
    nights: list[NightFiles] = []
    if workers <= 1 or n_nights == 1:
        for task in tasks:
            nights.append(write_night(task))
            _tell(progress, len(nights), n_nights, task)
    else:
        with concurrent.futures.ProcessPoolExecutor(
            min(workers, n_nights), mp_context=multiprocessing.get_context("spawn")
        ) as pool:
            waiting = {pool.submit(write_night, task): task for task in tasks}
            for future in concurrent.futures.as_completed(waiting):
                nights.append(future.result())
                _tell(progress, len(nights), n_nights, waiting[future])
    nights.sort(key=lambda night: night.number)
    mapping = write_clinical_tables(directory, [persona_of(k) for k in range(n_nights)])
    sheet = directory / "sheet.csv"
    write_csv(sheet, SHEET_COLUMNS, [night.sheet_row for night in nights])
    cohort_yaml = directory / "cohort.yaml"
    cohort_yaml.write_text(
        "# A simulated cohort: nobody in it exists.\n"
        f"cohort: {cohort}\nsimulated: true\nsheet: sheet.csv\nmapping: mapping.yaml\nsensor: emg\n"
        # Every kind of defective file is in it on purpose, so no share of them is too large.
        f"rules: [wasm2016, aasm3]\nmax_failed_fraction: 1.0\nshard_size: {4 if n_nights < 40 else 50}\n",
        encoding="utf-8",
        newline="\n",
    )
    _write_truth(directory / "truth", nights)
    n_bytes = sum(night.n_bytes for night in nights)
    return SimulatedCohort(
        directory, cohort_yaml, sheet, mapping, directory / "truth", n_nights, n_bytes, tuple(nights)
    )


def samples_per_s(shape: dict[str, Any]) -> int:
    n_legs = len(shape["left"]) + len(shape["right"])
    return int(shape["leg_hz"]) * n_legs + 2 * int(shape["other_hz"])


def require_space(directory: Path, needed: int) -> None:
    """Raise InputError when the disk of a folder (which need not exist yet) has less than ``needed`` bytes free."""
    place = directory
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if free < needed:
        raise InputError(
            f"{directory}: the simulated cohort needs {needed / 1e9:.1f} GB and the disk has {free / 1e9:.1f} GB "
            "free; choose another folder or fewer nights"
        )


def _tell(progress: Callable[[int, int, str], None] | None, done: int, total: int, task: NightTask) -> None:
    if progress is not None:
        progress(done, total, f"sim_{task.number + 1:04d}")


def _write_truth(folder: Path, nights: list[NightFiles]) -> None:
    columns = [name for name in NightFiles._fields if name != "sheet_row"]
    rows = []
    for night in nights:
        values = night._asdict()
        for name, value in values.items():
            if isinstance(value, bool):
                values[name] = word(value)
            elif isinstance(value, float):
                values[name] = "" if math.isnan(value) else f"{value:.6f}"
        rows.append([values[name] for name in columns])
    write_csv(folder / "sim_nights.csv", columns, rows)
    expected: list[tuple[str, ...]] = []
    lost = {d["name"]: d["why"] for d in recording_shapes()["defects"] if d.get("plms") == "unknown"}
    for night in nights:
        persona, _ = persona_of(night.number)
        ids = (night.recording_id, night.subject_id, night.visit, persona.key)
        if night.defect in lost:
            why = lost[night.defect]
            expected += [(*ids, f"plms_elevated_{name}", "unknown", "", why) for name in ("wasm2016", "aasm3")]
            expected.append((*ids, "secondary_factor_pattern", "undetermined", "", why))
        for item in persona.expect:
            if item.field in NIGHT_FIELDS and not night.is_asserted:
                continue
            expected.append(
                (night.recording_id, night.subject_id, night.visit, persona.key, *item[:2], item.reason or "", item.why)
            )
    header = ("recording_id", "subject_id", "visit", "persona", "field", "expected", "reason", "why")
    write_csv(folder / "sim_phenotypes.csv", header, expected)
