"""Two miniature cohorts as their archives hand them out: own columns, own codes, own file names; nobody in them exists.

The tables are the cohorts' own in shape only: every answer is made up. The first four hours of a night are written as
movements of both legs, so that the index of a night is known by construction.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np

from plms_pipeline.simulate.edf_writer import EdfFile, EdfSignal, write_edf

HOURS = 4.5
# Sleep from 10 minutes after the start to 5 minutes before the end: 4.25 h.
SLEEP_S = (600, HOURS * 3600 - 300)


class MiniNight(NamedTuple):
    """One recording: ids as the archive writes them, and seconds between leg movements (None: no movements)."""

    subject: str
    visit: str
    stem: str
    every_s: float | None


WSC_NIGHTS = (
    MiniNight("10001", "v1", "wsc-visit1-10001", 25.0),
    MiniNight("10002", "v1", "wsc-visit1-10002", 25.0),
    MiniNight("10002", "v2", "wsc-visit2-10002", 25.0),
    MiniNight("10003", "v1", "wsc-visit1-10003", None),
    MiniNight("10004", "v1", "wsc-visit1-10004", 25.0),
)
MROS_NIGHTS = (
    MiniNight("AA0001", "v1", "mros-visit1-aa0001", 25.0),
    MiniNight("AA0002", "v1", "mros-visit1-aa0002", 25.0),
    MiniNight("AA0003", "v1", "mros-visit1-aa0003", None),
)

WSC_HARMONIZED = """\
nsrrid,nsrr_visit,nsrr_age,nsrr_sex,nsrr_bmi,nsrr_race,nsrr_ahi_hp4u_aasm15
10001,1,55,male,27.5,white,3.2
10002,1,61,female,31,asian,22.5
10002,2,65,female,30,asian,1
10003,1,48,not reported,,unknown,0.4
10004,1,70,female,24.1,white,.
"""
MROS_HARMONIZED = """\
nsrrid,visit,nsrr_age,nsrr_sex,nsrr_race,nsrr_ethnicity,nsrr_bmi,nsrr_ahi_hp4u_aasm15
AA0001,1,76,male,white,not hispanic or latino,26,4
AA0002,1,90,male,not reported,not reported,28,31
AA0003,1,81,male,white,hispanic or latino,22,10
"""


def _words(text: str) -> list[str]:
    return text.split()


# What each person answered; every column that is not named here holds the cell of a person who takes nothing and has
# nothing ("0", "N", …), so that only what matters stands here.
WSC: dict[str, dict[str, str]] = {
    # sertraline: an SSRI in the group and by its own column
    "10001 1": {"dep_ssri_med": "1", "depression_med": "1", "dr426": "1", "ess": "14", "creatinine": "0.9",
                "crp": "0.2"},
    # no medicine, sleeps badly; CPAP at the second visit
    "10002 1": {"anyinsomnia": "1", "creatinine": "0.8"},
    "10002 2": {"anyinsomnia": "1", "creatinine": "0.8", "psg_cpap": "1"},
    # fluoxetine or Savella, and a column that mixes prochlorperazine, meclozine and promethazine; sex not reported
    "10003 1": {"dr401": "1", "depression_med": "1", "dr783": "1", "creatinine": ""},
    # kidney failure; narcolepsy told in a survey; the row of an SSRI flag is empty
    "10004 1": {"kidney_disease_ynd": "Y", "creatinine": "3.5", "dep_ssri_med": "", "q16b_s2": "1", "ess": "4"},
}  # fmt: skip
MROS: dict[str, dict[str, str]] = {
    # all four RLS criteria, a TCA, on no dialysis because the question does not apply
    "AA0001 1": {"slrldes": "1", "slrlrelv": "1", "slrlrest": "1", "slrllatr": "1", "slrlscor": "18", "m1tca": "1",
                 "m1adepr": "1", "mhrenalt": "M"},
    # dialysis; does not know about restless legs; medicines missing
    "AA0002 1": {"mhrenal": "1", "mhrenalt": "1", "slrldes": "D", "slrlrelv": "M", "slrlrest": "M", "slrllatr": "M",
                 "m1ssri": "A", "m1adepr": "A", "m1tca": "A", "slrestlg": "M"},
    # sleepy, no urge to move; on CPAP in the night of the recording
    "AA0003 1": {"epepwort": "15", "pocpap": "1", "slrlrelv": "M", "slrlrest": "M", "slrllatr": "M", "mhrenalt": "0"},
}  # fmt: skip
# Cell of a column of which nothing is said above; "0" where nothing is said here either.
WSC_USUAL = {"diabetes_ynd": "N", "kidney_disease_ynd": "N", "sleepiness": "N", "heightcm": "170", "psg_cpap": "",
             "ess": "5", "creatinine": "", "crp": "", "q16b_s1": "", "q16b_s2": "", "q14b_s3": "", "q13a_s3": "",
             "q13d_s3": "", "ps_notrested": "1"}  # fmt: skip
WSC_COLUMNS = _words("""
wsc_id wsc_vst age sex heightcm psg_cpap ess anyinsomnia sleepiness ps_notrested creatinine crp diabetes_ynd
kidney_disease_ynd q16b_s1 q16b_s2 q14b_s3 q13a_s3 q13d_s3 antihistamines_med dep_ssri_med dep_tca_med dep_maoi_med
depression_med narcotics_med sedative_med htn_beta_med dr122 dr207 dr208 dr210 dr215 dr218 dr219 dr221 dr226 dr229
dr235 dr239 dr244 dr245 dr248 dr250 dr254 dr256 dr401 dr408 dr412 dr416 dr419 dr420 dr421 dr422 dr423 dr426
dr429 dr430 dr431 dr432 dr433 dr435 dr438 dr440 dr444 dr445 dr702 dr705 dr711 dr717 dr736 dr745 dr747 dr771 dr778 dr783
dr784 dr793 dr825 dr853 dr858 dr860 dr862 dr863 dr883
""")
MROS_COLUMNS = _words("""
nsrrid visit vsage1 hwhgt pocpap m1ssri m1tca m1adepr m1traz m1maoinh m1nbac m1narc m1benzo m1nbanx m1zolp m1zolpsg
m1beta m1medsin mhrenalt mhrenal mhdiab mhpark slnarc slrldes slrlrelv slrlrest slrllatr slrestlg slrlscor epepwort
slisicat sltire
""")
MROS_USUAL = {"hwhgt": "172.5", "epepwort": "6", "slisicat": "1", "slrlscor": "A"}


def _write(path: Path, columns: list[str], ids: tuple[str, str], people: dict[str, dict[str, str]],
           usual: dict[str, str]) -> None:  # fmt: skip
    with path.open("w", encoding="utf-8", newline="") as handle:
        out = csv.writer(handle)
        out.writerow(columns)
        for key, said in people.items():
            unknown = set(said) - set(columns)
            assert not unknown, unknown
            cells = dict(zip(ids, key.split(), strict=True)) | said
            out.writerow([cells.get(column, usual.get(column, "0")) for column in columns])


def write_tables(cohort: str, folder: Path) -> Path:
    """Write the archive's tables into ``folder/datasets`` and a mapping.yaml beside it; returns the latter."""
    datasets = folder / "datasets"
    datasets.mkdir(parents=True)
    if cohort == "wsc":
        _write(datasets / "wsc-dataset-0.8.0.csv", WSC_COLUMNS, ("wsc_id", "wsc_vst"), WSC, WSC_USUAL)
        (datasets / "wsc-harmonized-dataset-0.8.0.csv").write_text(WSC_HARMONIZED, encoding="utf-8")
    else:
        _write(datasets / "mros-visit1-dataset-0.6.0.csv", MROS_COLUMNS, ("nsrrid", "visit"), MROS, MROS_USUAL)
        (datasets / "mros-visit1-harmonized-0.6.0.csv").write_text(MROS_HARMONIZED, encoding="utf-8")
    path = folder / "mapping.yaml"
    path.write_text(f"format: plms-clinical-mapping/1\ncohort: {cohort}\nfolder: datasets\n", encoding="utf-8")
    return path


def write_cohort(cohort: str, folder: Path) -> Path:
    """Write recordings, annotations, tables, sheet and settings of a miniature cohort; returns its COHORT.yaml."""
    write_tables(cohort, folder)
    nights = WSC_NIGHTS if cohort == "wsc" else MROS_NIGHTS
    rows = []
    for number, night in enumerate(nights):
        if cohort == "wsc":
            _write_edf(folder / f"{night.stem}.edf", night, number, ("LLEG1-LLEG2", "RLEG1-RLEG2"), 200)
            annotations = folder / f"{night.stem}allScore.txt"
            annotations.write_text(_all_score(), encoding="utf-8")
        else:
            _write_edf(folder / f"{night.stem}.edf", night, number, ("Leg L", "Leg R"), 64)
            annotations = folder / f"{night.stem}-nsrr.xml"
            annotations.write_text(_nsrr_xml(), encoding="utf-8")
        rows.append([night.subject, night.visit, f"{night.stem}.edf", annotations.name])
    with (folder / "sheet.csv").open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows([["subject_id", "visit", "edf", "annotations"], *rows])
    path = folder / "cohort.yaml"
    path.write_text(
        f"cohort: mini_{cohort}\nsimulated: true\nsheet: sheet.csv\nmapping: mapping.yaml\n"
        f"sensor: {'emg' if cohort == 'wsc' else 'piezo'}\n",
        encoding="utf-8",
    )
    return path


def _write_edf(path: Path, night: MiniNight, seed: int, labels: tuple[str, str], fs_hz: int) -> None:
    """Noise of 3 uV RMS; movements of both legs of 2 s and 40 uV RMS, from sleep onset on."""
    n = round(HOURS * 3600 * fs_hz)
    signals = []
    for leg, label in enumerate(labels):
        samples = np.random.default_rng([seed, leg]).normal(0.0, 3.0, n)
        if night.every_s is not None:
            for onset_s in np.arange(SLEEP_S[0] + 60.0, SLEEP_S[1] - 60.0, night.every_s):
                at = round(onset_s * fs_hz)
                samples[at : at + 2 * fs_hz] *= 13.0
        signals.append(EdfSignal(label, "electrodes", "", "uV", fs_hz, 1000.0, samples))
    write_edf(path, EdfFile("EDF", "X", "X", "01.01.85", "22.00.00", 1.0), signals)


def _clock(at_s: float) -> str:
    seconds = (22 * 3600 + round(at_s)) % 86400
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.00"


def _all_score() -> str:
    """Event log of the newer Wisconsin nights: lights, stages that hold until the next, one hypopnea."""
    lines = [
        (0, "START RECORDING"), (0, "STAGE - W"), (60, "LIGHTS OUT"), (SLEEP_S[0], "STAGE - N2"),
        (4000, "RESPIRATORY EVENT - DUR: 20.0 SEC. - HYPOPNEA - DESAT 92.0 %"),
        (4030, "AROUSAL - DUR: 3.0 SEC. - SPONTANEOUS"), (SLEEP_S[1], "STAGE - W"), (SLEEP_S[1] + 30, "LIGHTS ON"),
    ]  # fmt: skip
    return "".join(f"{_clock(at)}\t{text}\n" for at, text in lines)


def _nsrr_xml() -> str:
    """Annotations as NSRR exports them."""

    def event(group: str, concept: str, start: float, duration: float) -> str:
        return (
            f"<ScoredEvent><EventType>{group}</EventType><EventConcept>{concept}</EventConcept>"
            f"<Start>{start}</Start><Duration>{duration}</Duration></ScoredEvent>\n"
        )

    total = HOURS * 3600
    events = [
        event("", "Recording Start Time", 0, total),
        event("Respiratory|Respiratory", "Hypopnea|Hypopnea", 4000.0, 20.0),
        event("Arousals|Arousals", "Arousal|Arousal ()", 4030.0, 3.0),
        event("Stages|Stages", "Wake|0", 0.0, SLEEP_S[0]),
        event("Stages|Stages", "Stage 2 sleep|2", SLEEP_S[0], SLEEP_S[1] - SLEEP_S[0]),
        event("Stages|Stages", "Wake|0", SLEEP_S[1], total - SLEEP_S[1]),
    ]
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n<PSGAnnotation>\n'
        "<SoftwareVersion>Compumedics</SoftwareVersion>\n<EpochLength>30</EpochLength>\n<ScoredEvents>\n"
        + "".join(events)
        + "</ScoredEvents>\n</PSGAnnotation>\n"
    )
