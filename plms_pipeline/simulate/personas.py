"""The hand-written people of a simulated cohort, and their clinical tables.

``personas.yaml`` is the truth of the phenotypes: literal inputs and literal expectations, each with the reason
why. Nothing here computes an expectation.
"""

from __future__ import annotations

import csv
import functools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

# Tables of the clinical inputs and their columns, in the canonical names (no renaming in the mapping).
CLINICAL_COLUMNS: dict[str, tuple[str, ...]] = {
    "demographics": ("age_years", "sex", "height_cm", "study_type", "night_number"),
    "medication": (
        "medication", "atc_code", "class_id", "taken", "record_type", "collected_date", "collected_offset_d",
        "use_start_date", "use_start_offset_d", "use_end_date", "use_end_offset_d", "days_supply", "active",
        "dose_mg_d",
    ),
    "inventory": ("complete", "collected_date", "collected_offset_d"),
    "laboratory": ("analyte", "value", "unit", "collected_date", "collected_offset_d", "setting"),
    "condition": ("condition", "status", "stage", "icd10", "basis", "recorded_date", "recorded_offset_d"),
    "questionnaire": (
        "collected_date", "collected_offset_d", "rls_urge", "rls_rest", "rls_relief", "rls_evening",
        "rls_not_mimic", "rls_single_question", "rls_physician_told", "rls_or_plms_told", "rls_probability",
        "rls_severity_irls", "cramp_feel", "cramp_relief", "cramp_evening", "cramp_sole_symptom", "relief_past",
        "insomnia_complaint", "unrefreshing_sleep", "sleepiness_complaint", "fatigue_complaint",
        "clinician_disturbance", "ess_score", "fss_mean_score", "whiirs_score",
    ),
}  # fmt: skip
# Atomic inputs of a simulated cohort: everything that enters a criterion.
COLLECTED = (
    "medication", "ferritin", "crp", "creatinine", "dialysis", "ckd_stage", "neuropathy", "ahi", "narcolepsy", "rbd",
    "rls_criteria", "rls_screen", "rls_physician", "rls_probability", "cramp_questions", "insomnia", "unrefreshing",
    "sleepiness", "fatigue", "clinician_disturbance",
)  # fmt: skip
# Expectations that hang on the night's signal and scoring; all others hang on the clinical tables alone.
NIGHT_FIELDS = frozenset(
    {
        "plms_elevated_wasm2016", "plms_elevated_aasm3", "plmd_compatible", "secondary_factor_pattern", "sdb_15",
        "factor.sdb",
    }
)  # fmt: skip


class Expectation(NamedTuple):
    """One literal expectation: field, value, reason of an unknown (else None), and why."""

    field: str
    value: str
    reason: str | None
    why: str


class Persona(NamedTuple):
    """One hand-written person and night.

    Attributes
    ----------
    key : str
        Short name of what the persona is there for.
    subject_id, visit : str
    plmsi_per_h, ahi_per_h : float
        Indices the night is planned with.
    pap_this_night : str
        yes, no or unknown.
    recording_date : str or None
        ISO date of the evening; None: not known.
    respiratory_scored : bool
    tables : dict
        Rows of each clinical table (column name to text), without ids.
    expect : tuple of Expectation
    """

    key: str
    subject_id: str
    visit: str
    plmsi_per_h: float
    ahi_per_h: float
    pap_this_night: str
    recording_date: str | None
    respiratory_scored: bool
    tables: dict[str, list[dict[str, str]]]
    expect: tuple[Expectation, ...]


class _TextLoader(yaml.SafeLoader):
    """Safe YAML whose scalars are all text (or null): ``yes`` stays ``yes``, ``50.0`` stays ``50.0``."""


_TextLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag.rsplit(":", 1)[1] in ("null", "merge")]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@functools.cache
def _content() -> dict[str, Any]:
    text = Path(__file__).with_name("personas.yaml").read_text(encoding="utf-8")
    # The loader is a SafeLoader with fewer resolvers: it constructs text, lists and mappings only.
    content: dict[str, Any] = yaml.load(text, Loader=_TextLoader)
    return content


@functools.cache
def personas() -> tuple[Persona, ...]:
    """All personas: those a small cohort begins with (``first``), then the others as they stand in the file."""
    content = _content()
    by_key = {raw["key"]: raw for raw in content["personas"]}
    order = dict.fromkeys([*content["first"], *by_key])
    return tuple(_persona(k, by_key[key]) for k, key in enumerate(order))


def persona_of(index: int) -> tuple[Persona, str]:
    """Persona and subject id of subject `index` of a cohort; from the second round on with a suffix."""
    everyone = personas()
    persona = everyone[index % len(everyone)]
    cycle = index // len(everyone)
    return persona, persona.subject_id if cycle == 0 else f"{persona.subject_id}_c{cycle + 1}"


def narrow_cohort() -> tuple[Persona, tuple[str, ...]]:
    """A person of a cohort that collected little, and what it collected: what was never looked for is unknown."""
    raw = _content()["narrow_cohort"]
    return _persona(0, raw), tuple(raw["collected"])


def write_clinical_tables(
    directory: Path, people: Sequence[tuple[Persona, str]], collected: Sequence[str] = COLLECTED
) -> Path:
    """Write the clinical CSV files and their mapping.

    Parameters
    ----------
    directory : Path
        Folder of ``mapping.yaml``; the tables go to its folder ``clinical``.
    people : sequence of (Persona, subject_id)
    collected : sequence of str
        Atomic inputs the cohort says it collected; a table nobody has a row of is left out when it is not all.

    Returns
    -------
    Path
        The mapping file.
    """
    folder = directory / "clinical"
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for table, columns in CLINICAL_COLUMNS.items():
        name = f"sim_{table}.csv"
        rows = [
            [subject_id, persona.visit, *(row.get(column, "") for column in columns)]
            for persona, subject_id in people
            for row in persona.tables[table]
        ]
        if not rows and tuple(collected) != COLLECTED:
            continue
        write_csv(folder / name, ["subject_id", "visit", *columns], rows)
        entry: dict[str, str] = {"table": table, "path": f"clinical/{name}"}
        if table in ("condition", "questionnaire"):
            entry["undated"] = "at_visit"
        files.append(entry)
    mapping = {
        "format": "plms-clinical-mapping/1",
        "age_precision": "floor",
        "ahi_definition": "scored_events",
        "dialysis_ascertained_as_absent": False,
        "missing": ["NA", "."],
        "inventory_default": "unknown",
        "collected": list(collected),
        "files": files,
    }
    path = directory / "mapping.yaml"
    path.write_text(
        "# Clinical tables of a simulated cohort: every person in them is invented.\n"
        + yaml.safe_dump(mapping, sort_keys=False, allow_unicode=True),
        encoding="utf-8",
        newline="\n",
    )
    return path


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """UTF-8 CSV with ``\\n`` line ends; None is an empty cell."""
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _persona(index: int, raw: dict[str, Any]) -> Persona:
    night = raw["night"]
    key = raw["key"]
    tables: dict[str, list[dict[str, str]]] = {}
    for table, columns in CLINICAL_COLUMNS.items():
        given = raw.get(table) or []
        rows = [given] if isinstance(given, dict) else given
        for row in rows:
            unknown = set(row) - set(columns)
            if unknown:
                raise ValueError(f"personas.yaml, {key}: table {table} has no column {sorted(unknown)}")
        tables[table] = [{name: value for name, value in row.items() if value is not None} for row in rows]
    return Persona(
        key=key,
        subject_id=raw.get("subject_id") or f"p{index + 1:02d}",
        visit=raw.get("visit", "single"),
        plmsi_per_h=float(night["plmsi"]),
        ahi_per_h=float(night["ahi"]),
        pap_this_night=night.get("pap", "no"),
        recording_date=night.get("date", "2023-03-14"),
        respiratory_scored=night.get("respiratory", "scored") == "scored",
        tables=tables,
        expect=tuple(_expectations(raw["expect"])),
    )


def _expectations(expect: dict[str, Any]) -> Iterable[Expectation]:
    """``field: [value, why]`` or ``field: [unknown, reason, why]``; nested maps get dotted names."""
    for field, given in expect.items():
        if isinstance(given, dict):
            for name, inner in given.items():
                yield _expectation(f"{field}.{name}", inner)
        else:
            yield _expectation(field, given)


def _expectation(field: str, given: list[str]) -> Expectation:
    if len(given) == 3:
        return Expectation(field, given[0], given[1], given[2])
    return Expectation(field, given[0], None, given[1])
