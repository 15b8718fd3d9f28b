"""Runs inside Luna's own environment: reads jobs from a JSON file, writes what `LM` found. Imports nothing of ours."""

import json
import sys
from pathlib import Path
from time import process_time
from typing import Any

import lunapi  # type: ignore[import-not-found]

SETTINGS = {
    "luna_wasm": "method=wasm f-lwr=10 f-upr={upper}",
    "luna_adaptive": "method=adaptive k-on=15 k-off=5 k-morph=2 f-lwr=10 f-upr={upper}",
}


def movements(project: Any, job: dict[str, Any], options: str) -> dict[str, list[list[float]]]:
    """Single-leg movements (COMP rows) of one file by leg; seconds from the start of the file."""
    instance = project.inst("one")
    instance.attach_edf(job["edf"])
    instance.eval(f"LM sig={','.join(job['labels'])} verbose {options.format(upper=job['upper_hz'])}")
    found: dict[str, list[list[float]]] = {name: [] for name in job["legs"]}
    table = instance.table("LM", "EVENT_TYPE") if has_events(instance) else None
    if table is None:
        return found
    sides = dict(zip(("L", "R"), job["legs"], strict=False)) if len(job["legs"]) == 2 else {"LEG": job["legs"][0]}
    for _, row in table.iterrows():
        if row["TYPE"] == "COMP" and row["SIDE"] in sides:
            found[sides[row["SIDE"]]].append([float(row["START"]), float(row["STOP"])])
    return found


def has_events(instance: Any) -> bool:
    """Whether `LM` wrote a table of events."""
    strata = instance.strata()
    return strata is not None and bool(((strata["Command"] == "LM") & (strata["Strata"] == "EVENT_TYPE")).any())


def main() -> None:
    """Every job with every setting."""
    jobs = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    project = lunapi.proj()
    project.silence()
    results = []
    for job in jobs:
        for name, options in SETTINGS.items():
            start = process_time()
            found = movements(project, job, options)
            results.append({"case": job["case"], "detector": name, "found": found, "cpu_s": process_time() - start})
    Path(sys.argv[2]).write_text(json.dumps(results), encoding="utf-8")


if __name__ == "__main__":
    main()
