"""Join of clinical tables: N subjects x 40 drug records x 20 laboratory values, from CSV files to release tables.

    PYTHONPATH=. python benchmarks/join/join.py [--subjects 100000] [--dir DIR] [--check 300]

Writes CSV files (not timed), then, in a fresh process: reads them through a mapping file, links every night with
:func:`plms_pipeline.exposures.batch.join_cohort`, and writes ``medication_exposure``, ``laboratory`` and
``condition`` as Parquet. ``--check K`` links K of the nights one by one, as a cohort run does, and compares the tables.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from plms_pipeline.exposures import clinical_rules, medication_table, read_covariates
from plms_pipeline.exposures.batch import join_cohort
from plms_pipeline.exposures.join import night_statuses

DRUG_RECORDS, LAB_VALUES = 40, 20
NIGHT = np.datetime64("2024-06-15")
STRENGTHS = ["", " 5 mg", " 10 mg tablet", " 20 MG CAP", " 25 mg PO qd", " 50 mg tab", " 100 mg ER", " 0.5 mg qhs"]
# Analyte, unit, median, spread of the logarithm; the last two units cannot be read.
LABS = [
    ("ferritin", "ng/mL", 90.0, 0.9),
    ("ferritin", "pmol/L", 200.0, 0.9),
    ("crp", "mg/L", 2.0, 1.0),
    ("creatinine", "mg/dL", 0.95, 0.35),
    ("creatinine", "umol/L", 84.0, 0.35),
    ("cystatin_c", "mg/L", 0.9, 0.3),
    ("iron", "ug/dL", 90.0, 0.4),
    ("tibc", "ug/dL", 330.0, 0.15),
    ("haemoglobin", "g/dL", 14.0, 0.1),
    ("ferritin", "", 90.0, 0.9),
    ("creatinine", "stones", 1.0, 0.3),
]
MAPPING = """\
format: plms-clinical-mapping/1
age_precision: floor
collected: [medication, ferritin, crp, creatinine, cystatin_c, iron, tibc, tsat, haemoglobin, dialysis, neuropathy]
files:
  - {table: demographics, path: demographics.csv}
  - {table: medication, path: medication.csv}
  - {table: inventory, path: inventory.csv}
  - {table: laboratory, path: laboratory.csv}
  - {table: condition, path: condition.csv}
"""


def drug_names() -> list[str]:
    """Names of the class table with strengths and forms, and some that are in no table."""
    names = sorted({name for row in medication_table().rows for name in row.names})
    return [name + strength for name in (*names, "mysterol", "zzz tonic") for strength in STRENGTHS]


def dates(days: np.ndarray) -> pa.Array:
    """ISO dates of days relative to the night."""
    return pa.array(NIGHT + days.astype("timedelta64[D]")).cast(pa.string())


def write_cohort(folder: Path, n: int) -> None:
    """Write the clinical files of n subjects, one night each."""
    rng = np.random.default_rng(20261122)
    subjects = pa.array([f"s{at:07d}" for at in range(n)])

    def repeated(each: int) -> pa.Array:
        return subjects.take(pa.array(np.repeat(np.arange(n), each)))

    def write(table: str, columns: dict[str, pa.Array]) -> None:
        pa_csv.write_csv(pa.table(columns), folder / f"{table}.csv")

    write(
        "demographics",
        {
            "subject_id": subjects,
            "age_years": pa.array(rng.integers(18, 95, n)),
            "sex": pa.array(np.array(["male", "female", ""])[rng.choice(3, n, p=[0.49, 0.49, 0.02])]),
            "height_cm": pa.array(rng.integers(150, 195, n)),
        },
    )
    rows = n * DRUG_RECORDS
    start = rng.integers(-900, 20, rows)
    is_list = rng.random(rows) < 0.3
    blank = pa.scalar("")
    names = pa.array(drug_names())
    use_start = pc.if_else(pa.array(is_list), blank, dates(start))
    use_end = pc.if_else(pa.array(is_list | (rng.random(rows) < 0.4)), blank, dates(start + rng.integers(5, 200, rows)))
    write(
        "medication",
        {
            "subject_id": repeated(DRUG_RECORDS),
            "medication": names.take(pa.array(rng.integers(0, len(names), rows))),
            "record_type": pa.array(np.where(is_list, "inventory", "dispensing")),
            "use_start_date": use_start,
            "use_end_date": use_end,
            "days_supply": pa.array(np.array(["30", "90", "28", ""])[rng.integers(0, 4, rows)]),
            "collected_date": dates(rng.integers(-45, 45, rows)),
        },
    )
    write(
        "inventory",
        {
            "subject_id": subjects,
            "complete": pa.array(np.where(rng.random(n) < 0.8, "yes", "no")),
            "collected_date": dates(rng.integers(-40, 40, n)),
        },
    )
    rows = n * LAB_VALUES
    kind = rng.choice(len(LABS), rows, p=[0.16, 0.05, 0.14, 0.2, 0.05, 0.08, 0.1, 0.1, 0.1, 0.01, 0.01])
    median, spread = (np.array([lab[at] for lab in LABS])[kind] for at in (2, 3))
    values = pa.array(np.round(median * np.exp(spread * rng.standard_normal(rows)), 2)).cast(pa.string())
    censored = pa.array(rng.random(rows) < 0.03)
    write(
        "laboratory",
        {
            "subject_id": repeated(LAB_VALUES),
            "analyte": pa.array(np.array([lab[0] for lab in LABS])[kind]),
            "value": pc.if_else(censored, pc.binary_join_element_wise("<", values, ""), values),
            "unit": pa.array(np.array([lab[1] for lab in LABS])[kind]),
            "collected_date": dates(rng.integers(-500, 200, rows)),
        },
    )
    ill = np.sort(rng.choice(n, n // 5, replace=False))
    codes = np.array(["E11.42", "G62.9", "Z99.2", "N18.4", "I10", "E11.9", "G20"])
    write(
        "condition",
        {
            "subject_id": subjects.take(pa.array(ill)),
            "icd10": pa.array(codes[rng.choice(7, len(ill), p=[0.1, 0.1, 0.02, 0.03, 0.5, 0.2, 0.05])]),
            "recorded_date": dates(rng.integers(-2000, 100, len(ill))),
        },
    )
    (folder / "mapping.yaml").write_text(MAPPING, encoding="utf-8")


def nights_of(n: int) -> dict[str, list[str]]:
    """One night per subject."""
    return {
        "recording_id": [f"r{at:07d}" for at in range(n)],
        "cohort": ["bench"] * n,
        "subject_id": [f"s{at:07d}" for at in range(n)],
        "visit": ["v1"] * n,
        "recording_date": [str(NIGHT)] * n,
    }


def run(folder: Path, n: int) -> None:
    """Read, join and write, and print how long each took."""
    pa.set_cpu_count(2)
    pa.set_io_thread_count(2)
    rules = clinical_rules()
    begin = time.perf_counter()
    covariates = read_covariates(folder / "mapping.yaml")
    read_s = time.perf_counter() - begin
    peak_read = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    writers: dict[str, pq.ParquetWriter] = {}
    join_s = write_s = 0.0
    rows: dict[str, int] = {}
    mark = time.perf_counter()
    for tables in join_cohort(covariates, nights_of(n), rules):
        now = time.perf_counter()
        join_s += now - mark
        for name, table in tables.items():
            if name not in writers:
                writers[name] = pq.ParquetWriter(folder / f"{name}.parquet", table.schema, compression="zstd")
            writers[name].write_table(table)
            rows[name] = rows.get(name, 0) + table.num_rows
        mark = time.perf_counter()
        write_s += mark - now
    join_s += time.perf_counter() - mark
    for writer in writers.values():
        writer.close()
    mark = time.perf_counter()
    medicines = covariates.medication_counts()
    n_unmapped = len(covariates.unmapped_medication()["source_text"])
    print(
        json.dumps(
            {
                "subjects": n,
                "rows": rows,
                "read_s": round(read_s, 1),
                "join_s": round(join_s, 1),
                "write_s": round(write_s, 1),
                "total_s": round(read_s + join_s + write_s, 1),
                "unmapped_s": round(time.perf_counter() - mark, 1),
                "cpu_s": round(sum(resource.getrusage(resource.RUSAGE_SELF)[:2]), 1),
                "peak_mb_after_reading": round(peak_read),
                "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
                **medicines,
                "unmapped_texts": n_unmapped,
            },
            indent=1,
        )
    )


def check(folder: Path, n: int, k: int) -> None:
    """Link k nights one by one and compare them with the tables of the batch."""
    rules = clinical_rules()
    covariates = read_covariates(folder / "mapping.yaml")
    wanted = np.linspace(0, n - 1, k).astype(int)
    exposures = pq.read_table(folder / "medication_exposure.parquet")
    laboratory = pq.read_table(folder / "laboratory.parquet")
    per_night = {"medication": exposures.num_rows // n, "laboratory": laboratory.num_rows // n}
    begin, differing = time.perf_counter(), 0
    for at in wanted:
        found = night_statuses(covariates.for_subject(f"s{at:07d}", "v1"), str(NIGHT), covariates.declaration, rules)
        rows = exposures.slice(at * per_night["medication"], per_night["medication"]).to_pylist()
        for row, other in zip(rows, found.medication, strict=True):
            differing += any(row[key] != value for key, value in other.items())
        for row in laboratory.slice(at * per_night["laboratory"], per_night["laboratory"]).to_pylist():
            value = found.kidney.value if row["analyte"] == "egfr" else found.laboratory[row["analyte"]].value
            differing += row["value"] != (None if value is None else round(value, 6))
    seconds = time.perf_counter() - begin
    print(f"{k} nights one by one: {1000 * seconds / k:.1f} ms a night with the comparison, {differing} rows differ")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subjects", type=int, default=100_000)
    parser.add_argument("--dir", type=Path)
    parser.add_argument("--check", type=int, default=0)
    parser.add_argument("--run-only", action="store_true", help="the files are there; used for the fresh process")
    given = parser.parse_args()
    if given.run_only:
        run(given.dir, given.subjects)
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.dir or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        write_cohort(folder, given.subjects)
        command = [sys.executable, __file__, "--run-only", "--dir", str(folder), "--subjects", str(given.subjects)]
        subprocess.run(command, check=True)
        if given.check:
            check(folder, given.subjects, given.check)


if __name__ == "__main__":
    main()
