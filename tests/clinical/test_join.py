"""The join of a cohort: thousands of random dated histories against plain Python, a batch against single nights."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from plms_pipeline import contracts
from plms_pipeline.exposures import Covariates, clinical_rules, read_covariates
from plms_pipeline.exposures.batch import join_cohort
from plms_pipeline.exposures.join import night_statuses
from plms_pipeline.phenotypes import link_recording

from . import join_oracle as oracle
from .conftest import CohortWriter

RULES = clinical_rules()
MAPPING = """\
format: plms-clinical-mapping/1
age_precision: floor
collected: [medication, ferritin, crp, creatinine, cystatin_c, iron, tibc, tsat, dialysis, neuropathy]
files:
"""
N = 3000


@pytest.fixture(scope="module")
def people() -> list[oracle.Person]:
    rng = random.Random(20261122)
    return [oracle.person(rng) for _ in range(N)]


@pytest.fixture(scope="module")
def covariates(people: list[oracle.Person], tmp_path_factory: pytest.TempPathFactory) -> Covariates:
    folder = tmp_path_factory.mktemp("histories")
    text = MAPPING
    for name, content in oracle.files(people).items():
        (folder / f"{name}.csv").write_text(content, encoding="utf-8")
        text += f"  - {{table: {name}, path: {name}.csv}}\n"
    (folder / "mapping.yaml").write_text(text, encoding="utf-8")
    return read_covariates(folder / "mapping.yaml")


def nights(subjects: list[int]) -> dict[str, list[str]]:
    return {
        "recording_id": [f"r{at}" for at in subjects],
        "cohort": ["c"] * len(subjects),
        "subject_id": [f"s{at}" for at in subjects],
        "visit": ["v1"] * len(subjects),
        "recording_date": [oracle.NIGHT.isoformat()] * len(subjects),
    }


@pytest.fixture(scope="module")
def joined(covariates: Covariates) -> dict[str, dict[tuple[str, str], dict[str, Any]]]:
    keys = {"medication_exposure": "class_id", "laboratory": "analyte", "condition": "condition"}
    found: dict[str, dict[tuple[str, str], dict[str, Any]]] = {name: {} for name in keys}
    for tables in join_cohort(covariates, nights(list(range(N))), RULES, nights_at_once=1300):
        for name, key in keys.items():
            found[name] |= {(row["subject_id"], row[key]): row for row in tables[name].to_pylist()}
    return found


def test_exposure_of_random_histories(people: list[oracle.Person], joined: Any) -> None:
    seen = set()
    for at, one in enumerate(people):
        for class_id, expected in oracle.exposures(one).items():
            row = joined["medication_exposure"][(f"s{at}", class_id)]
            assert (row["exposed"], row["exposed_sensitivity"]) == expected, (at, class_id, one)
            assert (row["exposed_reason"] is not None) == (expected[0] == "unknown")
            seen.add((class_id, *expected))
    assert {("ssri", a, b) for a, b in [("yes", "yes"), ("no", "no"), ("no", "yes"), ("unknown", "unknown")]} <= seen


def bounds(row: dict[str, Any]) -> tuple[Any, Any]:
    return row["lo"], math.inf if row["lo"] is not None and row["hi"] is None else row["hi"]


def same(found: Any, expected: Any) -> bool:
    return all(
        a == b or (a is not None and b is not None and math.isclose(a, b, rel_tol=1e-9, abs_tol=2e-6))
        for a, b in zip(found, expected, strict=True)
    )


def test_ferritin_crp_and_saturation_of_random_histories(people: list[oracle.Person], joined: Any) -> None:
    seen = set()
    for at, one in enumerate(people):
        for analyte, expected in (
            ("ferritin", oracle.ferritin(one)),
            ("crp", oracle.crp(one) or (None, None, None)),
            ("tsat", oracle.tsat(one) or (None, None, None)),
            ("cystatin_c", oracle.nearest(one, "cystatin_c", (-365, 90)) or (None, None, None)),
        ):
            row = joined["laboratory"][(f"s{at}", analyte)]
            assert same((row["offset_d"], *bounds(row)), expected), (at, analyte, row, expected, one)
            assert (row["value_reason"] is None) == (row["value"] is not None)
            if row["value"] is not None:
                assert row["lo"] - 1e-6 <= row["value"] <= row["hi"] + 1e-6
            seen.add((analyte, row["value_reason"]))
    for reason in ("iron_therapy_between", "iron_therapy_start_unknown", "unit_missing", "unit_unknown", "implausible",
                   "censored", "outside_window", "date_unknown", "no_record", None):  # fmt: skip
        assert ("ferritin", reason) in seen


def test_egfr_of_random_histories(people: list[oracle.Person], joined: Any, covariates: Covariates) -> None:
    stages = set()
    for at, one in enumerate(people):
        row, expected = joined["laboratory"][(f"s{at}", "egfr")], oracle.egfr(one)
        assert same(bounds(row), expected[:2]), (at, row, expected, one)
        if at < 150:
            found = night_statuses(covariates.for_subject(f"s{at}", "v1"), oracle.NIGHT.isoformat(),
                                   covariates.declaration, RULES)  # fmt: skip
            assert found.kidney.stage == expected[2]
            stages.add(found.kidney.stage)
    assert stages == {None, "G1", "G2", "G3a", "G3b", "G4", "G5", "G5D"}


def test_conditions_of_random_histories(people: list[oracle.Person], joined: Any) -> None:
    seen = set()
    for at, one in enumerate(people):
        for name in ("neuropathy", "dialysis", "diabetes"):
            row, expected = joined["condition"][(f"s{at}", name)], oracle.condition(one, name)
            assert row["status"] == expected, (at, name, row, one)
            assert (row["status_reason"] is not None) == (expected == "unknown")
            seen.add((name, expected, row["basis"]))
    assert {("dialysis", "no", "egfr"), ("dialysis", "yes", "supplied"), ("neuropathy", "no", "supplied")} <= seen


def test_the_batch_is_the_link_stage_night_by_night(covariates: Covariates) -> None:
    subjects = list(range(0, N, 100))
    batch = list(join_cohort(covariates, nights(subjects), RULES, nights_at_once=20))
    for name in ("medication_exposure", "laboratory", "condition"):
        one_by_one = []
        for at in subjects:
            ids = {"recording_id": f"r{at}", "cohort": "c", "subject_id": f"s{at}", "visit": "v1"}
            rows = covariates.for_subject(f"s{at}", "v1")
            facts = {"recording_date": oracle.NIGHT.isoformat()}
            tables = link_recording(ids, rows, [], facts, covariates.declaration, {})
            one_by_one.append(contracts.to_arrow(name, tables[name]))
        assert pa.concat_tables([tables[name] for tables in batch]).equals(pa.concat_tables(one_by_one)), name


def test_the_order_of_rows_and_the_size_of_a_batch_change_nothing(covariates: Covariates) -> None:
    turned = Covariates.__new__(Covariates)
    turned.__dict__ = dict(covariates.__dict__)
    turned.tables = {name: c.take(np.arange(c.n)[::-1]) for name, c in covariates.tables.items()}
    turned._by_subject = {name: turned._sorted(columns) for name, columns in turned.tables.items()}
    subjects = list(range(300))
    forward = list(join_cohort(covariates, nights(subjects), RULES, nights_at_once=300))
    backward = list(join_cohort(turned, nights(subjects), RULES, nights_at_once=7))
    for name, table in forward[0].items():
        assert pa.concat_tables([tables[name] for tables in backward]).equals(table), name


def test_rows_of_a_visit_and_of_none_speak_for_a_night(write_tables: CohortWriter) -> None:
    content = (
        "subject_id,visit,medication,collected_offset_d\n"
        "s1,v1,sertraline,0\ns1,v2,lithium,0\ns1,,zolpidem,0\ns2,v1,clonazepam,0\n"
    )
    covariates = read_covariates(write_tables(medication=content))
    given = {
        "recording_id": ["a", "b", "c", "d", "e"], "cohort": ["c"] * 5, "subject_id": ["s1", "s1", "s2", "s1", "s9"],
        "visit": ["v1", "v2", "v1", "v3", "v1"], "recording_date": [None] * 5,
    }  # fmt: skip
    (tables,) = join_cohort(covariates, given, RULES)
    taken: dict[str, set[str]] = {key: set() for key in "abcde"}
    for row in tables["medication_exposure"].to_pylist():
        if row["exposed"] == "yes":
            taken[row["recording_id"]].add(row["class_id"])
    assert taken == {
        "a": {"ssri", "z_drug_hypnotic"}, "b": {"lithium", "z_drug_hypnotic"}, "c": {"benzodiazepine", "clonazepam"},
        "d": {"z_drug_hypnotic"}, "e": set(),
    }  # fmt: skip


def test_two_nights_of_a_person_have_their_own_days(write_tables: CohortWriter) -> None:
    content = "subject_id,analyte,value,unit,collected_date\ns1,ferritin,40,ng/mL,2024-01-01\n"
    covariates = read_covariates(write_tables(laboratory=content))
    given = {
        "recording_id": ["a", "b"], "cohort": ["c"] * 2, "subject_id": ["s1"] * 2, "visit": ["v1", "v2"],
        "recording_date": ["2024-01-11", "2025-01-11"],
    }  # fmt: skip
    (tables,) = join_cohort(covariates, given, RULES)
    rows = [row for row in tables["laboratory"].to_pylist() if row["analyte"] == "ferritin"]
    assert [(row["value"], row["offset_d"], row["value_reason"]) for row in rows] == [
        (40.0, -10, None), (None, None, "outside_window"),
    ]  # fmt: skip
