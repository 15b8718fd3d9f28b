"""Candidate, publishing and what readers find."""

from __future__ import annotations

import contextlib
import json
import platform
import random
import re
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from plms_pipeline import contracts
from plms_pipeline.errors import ContractError, InputError, SystemFailure
from plms_pipeline.store import (
    REVISIONS,
    ReleaseEntry,
    WorkStore,
    build_candidate,
    latest_release,
    list_releases,
    publish,
    verify_release,
)
from tests.store import fake_store

pytestmark = pytest.mark.usefixtures("fake_schemas")

WORDS = ds.partitioning(pa.schema([("cohort", pa.string()), ("visit", pa.string())]), flavor="hive")


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "_run.json"
    }


def entries_of(root: Path, n: int) -> list[ReleaseEntry]:
    store = WorkStore(root)
    return [fake_store.failed_entry(), *(fake_store.work_on(store, index)[0] for index in range(n))]


def published(root: Path, n: int, created: str = "2026-11-22T01:02:03") -> Path:
    fake_store.whole_run(root, n, created=created)
    found = latest_release(root)
    assert found is not None
    return found


def test_permuted_order_gives_the_same_bytes(tmp_path: Path) -> None:
    order = list(range(20))
    fake_store.whole_run(tmp_path / "a", 20, order=order)
    random.Random(4).shuffle(order)
    fake_store.whole_run(tmp_path / "b", 20, order=order)
    first, second = latest_release(tmp_path / "a"), latest_release(tmp_path / "b")
    assert first is not None and second is not None and first.name == second.name
    assert bytes_of(first) == bytes_of(second)
    assert bytes_of(tmp_path / "a" / "work") == bytes_of(tmp_path / "b" / "work")
    assert verify_release(first, content=True) == []


def test_unchanged_content_publishes_nothing(tmp_path: Path) -> None:
    first = published(tmp_path, 3)
    before = bytes_of(tmp_path / "releases")
    assert fake_store.whole_run(tmp_path, 3, created="2026-12-01T00:00:00") == 0
    assert latest_release(tmp_path) == first
    assert bytes_of(tmp_path / "releases") == before
    assert not (tmp_path / "work" / "candidate").exists()


def test_release_is_named_by_day_and_content(tmp_path: Path) -> None:
    first = published(tmp_path, 3)
    second = published(tmp_path, 4, created="2026-12-24T23:59:59")
    assert first.name.startswith("r20261122_")
    assert second.name.startswith("r20261224_")
    assert [(release.path, release.is_latest) for release in list_releases(tmp_path)] == [
        (first, False),
        (second, True),
    ]
    manifest = json.loads((second / "_manifest.json").read_text())
    assert second.name[10:] == manifest["content_digest"][:8]
    assert json.loads((tmp_path / "releases" / "LATEST").read_text())["release"] == second.name
    assert published(tmp_path, 3, created="2027-01-01T00:00:00") == first, "the same content is the same release"


def test_clocks_and_runs_stand_in_run_json_only(tmp_path: Path) -> None:
    release = published(tmp_path, 3)
    run = json.loads((release / "_run.json").read_text())
    assert run == {"created_utc": "2026-11-22T01:02:03", "run_id": "run", "release": release.name}
    for name, data in bytes_of(release).items():
        for trace in (str(tmp_path), "2026-11-22", release.name, f"{datetime.now():%Y-%m-%d}", platform.node()):
            assert trace.encode() not in data, (name, trace)


def test_folder_without_manifest_is_no_release(tmp_path: Path) -> None:
    release = published(tmp_path, 3)
    (release / "_manifest.json").unlink()
    assert list_releases(tmp_path) == []
    with pytest.raises(InputError, match="names a release that is not there"):
        latest_release(tmp_path)
    with pytest.raises(InputError, match="no release"):
        verify_release(release)
    assert latest_release(tmp_path / "nowhere") is None
    assert published(tmp_path, 3) == release, "the next run publishes it again"
    assert verify_release(release, content=True) == []


@pytest.mark.parametrize("damage", ["changed", "missing", "additional"])
def test_damaged_release_is_named_and_replaced(tmp_path: Path, damage: str) -> None:
    release = published(tmp_path, 3)
    good = bytes_of(release)
    part = release / "night/cohort=demo/visit=v1/part-simulated-00000.parquet"
    if damage == "changed":
        part.write_bytes(part.read_bytes()[:-1] + b"!")
        expected = "bytes differ"
    elif damage == "missing":
        part.unlink()
        expected = "missing"
    else:
        shutil.copy(part, part.with_name("part-x.parquet"))
        expected = "not in the manifest"
    [problem] = verify_release(release)
    assert problem.startswith("night/cohort=demo/visit=v1/part-") and expected in problem
    assert published(tmp_path, 3, created="2026-11-22T05:00:00") == release
    assert bytes_of(release) == good
    assert sorted(path.name for path in (tmp_path / "releases").iterdir()) == ["LATEST", release.name]


def test_duckdb_pandas_and_pyarrow_count_the_same(tmp_path: Path) -> None:
    release = published(tmp_path, 20)
    for table, n_rows in (("leg_movement", 800), ("night", 40), ("analysis", 20)):
        by_arrow = ds.dataset(release / table, partitioning=WORDS).to_table()
        by_pandas = pd.read_parquet(release / table, partitioning=WORDS)
        by_duck = duckdb.execute(
            f"SELECT visit, count(*) FROM read_parquet('{release}/{table}/*/*/*.parquet', hive_partitioning = true) "
            "GROUP BY visit ORDER BY visit"
        ).fetchall()
        assert by_arrow.num_rows == len(by_pandas) == sum(n for _, n in by_duck) == n_rows
        assert sorted(by_pandas.groupby("visit").size().items()) == by_duck
        assert set(by_pandas["cohort"]) == {"demo"}
        plain = pd.read_parquet(release / table)
        assert len(plain) == n_rows
        assert set(plain["visit"]) == {"v1", "v2"}
    ledger = pd.read_parquet(release / "ledger.parquet")
    order = list(zip(ledger["visit"], ledger["subject_id"], strict=True))
    assert len(ledger) == 21
    assert order == sorted(order)


def test_every_part_has_the_whole_declared_schema(tmp_path: Path) -> None:
    release = published(tmp_path, 20)
    parts = sorted(release.glob("*/*/*/part-*.parquet"))
    assert parts
    for path in parts:
        footer = pq.ParquetFile(path)
        table = path.parts[-4]
        assert footer.schema_arrow.equals(contracts.arrow_schema(table, partitioned=True))
        metadata = footer.schema_arrow.metadata
        assert path.parts[-3:-1] == tuple(
            f"{name}={metadata[f'plms:{name}'.encode()].decode()}" for name in ("cohort", "visit")
        )
        assert metadata[b"plms:simulated"] == b"true"
        assert footer.metadata.row_group(0).column(0).compression == "ZSTD"
    assert "simulated" in parts[0].name


def test_parts_are_cut_by_rows_in_order(tmp_path: Path) -> None:
    release = published(tmp_path, 20)
    parts = sorted((release / "leg_movement/cohort=demo/visit=v1").iterdir())
    sizes = [
        [footer.metadata.row_group(i).num_rows for i in range(footer.num_row_groups)]
        for footer in map(pq.ParquetFile, parts)
    ]
    assert sizes == [[64, 64]] * 4 + [[8]]  # 13 recordings of 40 movements
    rows = pa.concat_tables([pq.read_table(path, partitioning=None) for path in parts])
    order = [(row["subject_id"], row["recording_id"], row["onset_s"]) for row in rows.to_pylist()]
    assert order == sorted(order)


def test_visit_without_any_row_still_has_every_table(tmp_path: Path) -> None:
    entry = fake_store.failed_entry()
    release = publish(tmp_path, fake_store.candidate_of(tmp_path, [entry]), {"created_utc": "2026-11-22T00:00:00"})
    assert release is not None
    for table in ("leg_movement", "night", "analysis"):
        assert pq.read_table(release / table, partitioning=WORDS).num_rows == 0


def test_finalise_sees_all_visits_of_a_subject(tmp_path: Path) -> None:
    release = published(tmp_path, 10)
    nights = ds.dataset(release / "analysis", partitioning=WORDS).to_table().to_pandas()
    assert nights["is_index_night"].sum() == nights["subject_id"].nunique() == 7
    assert set(nights[nights["is_index_night"]]["visit"]) == {"v1"}


@pytest.mark.parametrize("fault", ["lost", "added", "renamed", "undeclared", "wrong type"])
def test_finalise_cannot_lose_or_invent_rows(tmp_path: Path, fault: str) -> None:
    def change(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if fault == "lost":
            return rows[1:]
        if fault == "added":
            return [*rows, *rows]
        values = {"renamed": {"visit": "v9"}, "undeclared": {"x": 1}, "wrong type": {"ferritin_ug_l": "high"}}
        return [row | values[fault] for row in rows]

    with pytest.raises(ContractError, match="analysis"):
        fake_store.candidate_of(tmp_path, entries_of(tmp_path, 3), finalise={"analysis": change})


def test_recordings_must_add_up(tmp_path: Path) -> None:
    entries = entries_of(tmp_path, 3)
    with pytest.raises(ContractError, match="5 recordings went in but 4 are accounted for"):
        fake_store.candidate_of(tmp_path, entries, n_in=5)
    with pytest.raises(InputError, match="stands twice"):
        fake_store.candidate_of(tmp_path, [*entries, entries[0]])
    with pytest.raises(ContractError, match="outcome 'lost'"):
        fake_store.candidate_of(tmp_path, [entries[0]._replace(outcome="lost")])
    with pytest.raises(ContractError, match="with reason None"):
        fake_store.candidate_of(tmp_path, [entries[0]._replace(reason=None)])
    with pytest.raises(ContractError, match="outcome_reason"):
        fake_store.candidate_of(tmp_path, [entries[0]._replace(reason="bad luck")])
    with pytest.raises(InputError, match="the sheet is empty"):
        fake_store.candidate_of(tmp_path, [])


@pytest.mark.parametrize("visit", ["001", "1", "Visit1", "visit 1", "", "v/1", "v=1", "..", "é"])
def test_cohort_and_visit_are_words(tmp_path: Path, visit: str) -> None:
    for column in ("visit", "cohort"):
        with pytest.raises(InputError, match="is not a word"):
            fake_store.candidate_of(tmp_path, [fake_store.failed_entry()._replace(**{column: visit})])


def test_missing_or_damaged_part_stops_the_release_by_name(tmp_path: Path) -> None:
    entries = entries_of(tmp_path, 3)
    key = entries[2].score_key
    assert key is not None
    path = WorkStore(tmp_path).path("score", key)
    path.write_bytes(path.read_bytes()[:-2] + b"xx")
    with pytest.raises(SystemFailure, match=f"recording {entries[2].recording_id}: its score part"):
        fake_store.candidate_of(tmp_path, entries)
    entries = entries_of(tmp_path, 3)
    fake_store.candidate_of(tmp_path, entries)


def test_two_cohorts_and_the_same_night_twice(tmp_path: Path) -> None:
    entries = entries_of(tmp_path, 3)
    twin = entries[1]._replace(recording_id="other_1", cohort="other", subject_id="s9")
    release = publish(tmp_path, fake_store.candidate_of(tmp_path, [*entries, twin]), {})
    assert release is not None
    rows = pq.read_table(release / "night", partitioning=WORDS).to_pandas()
    assert rows.groupby(["cohort", "recording_id"]).size().to_dict()[("other", "other_1")] == 2


def test_manifest_accounts_for_every_file(tmp_path: Path) -> None:
    release = published(tmp_path, 4)
    manifest = json.loads((release / "_manifest.json").read_text())
    assert set(manifest["files"]) == set(bytes_of(release)) - {"_manifest.json"}
    assert manifest["simulated"] is True
    assert manifest["outcomes"] == {"analysed": 4, "excluded": 0, "failed_input": 1, "failed_system": 0}
    assert manifest["n_in"] == 5
    assert manifest["tables"]["night"]["rows"] == 8
    assert [part["path"] for part in manifest["tables"]["night"]["partitions"]] == [
        "cohort=demo/visit=v1",
        "cohort=demo/visit=v2",
    ]


def test_content_digest_follows_rows_not_layout(tmp_path: Path, fake_schemas: Path) -> None:
    first = json.loads((published(tmp_path / "a", 8) / "_manifest.json").read_text())["tables"]
    settings = fake_schemas / "rules" / "store.yaml"
    settings.write_text(settings.read_text().replace("64", "17").replace("128", "34"))
    contracts.forget()
    second = json.loads((published(tmp_path / "b", 8) / "_manifest.json").read_text())["tables"]
    for table in ("leg_movement", "night", "analysis", "ledger"):
        assert first[table]["content_digest"] == second[table]["content_digest"]
    assert first["leg_movement"]["files"] != second["leg_movement"]["files"]


def test_candidate_is_checked_again_before_publishing(tmp_path: Path) -> None:
    candidate = fake_store.candidate_of(tmp_path, entries_of(tmp_path, 3))
    (candidate / "ledger.parquet").unlink()
    with pytest.raises(ContractError, match="the ledger does not hold one row per recording"):
        publish(tmp_path, candidate, {})
    (candidate / "_candidate.json").unlink()
    with pytest.raises(ContractError, match="unfinished"):
        publish(tmp_path, candidate, {})
    assert latest_release(tmp_path) is None


def test_readme_says_what_it_is_and_cannot_be_opened_from_inside(tmp_path: Path) -> None:
    release = published(tmp_path, 4)
    text = (release / "README.md").read_text()
    assert "SIMULATED" in text.splitlines()[0]
    assert "PLMS alone is neither PLMD nor RLS" in text
    assert "5 in = 4 analysed + 0 excluded + 1 failed (1 failed_input, 0 failed_system)" in text
    assert "<script>" not in text and "&lt;script&gt;" in text
    assert "`quality_result`" in text
    real = build_candidate(
        tmp_path,
        [fake_store.failed_entry()],
        n_in=1,
        run_facts={},
        simulated=False,
        provenance={},
        extra_tables={},
    )
    assert "simulated" not in (real / "README.md").read_text().casefold()
    assert not list(real.rglob("*simulated*"))


def test_queries_of_the_readme_run(tmp_path: Path) -> None:
    release = published(tmp_path, 4)
    text = (release / "README.md").read_text()
    [python] = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names: dict[str, Any] = {}
    [statements] = re.findall(r"```sql\n(.*?)```", text, re.DOTALL)
    with contextlib.chdir(release):
        exec(python, names)
        with duckdb.connect() as connection:
            connection.execute(Path("views.sql").read_text())
            results = [connection.execute(one).fetchall() for one in connection.extract_statements(statements)]
    assert len(names["analysis"]) == 4
    assert len(names["ledger"]) == 5
    assert results == [
        [("wasm2006", "full", 4, None), ("wasm2016", "full", 4, 1.5)],
        [("analysed", None, 4), ("failed_input", "short_header", 1)],
    ]


def test_datapackage_follows_the_declarations(tmp_path: Path) -> None:
    release = published(tmp_path, 4)
    package = json.loads((release / "datapackage.json").read_text())
    resources = {resource["name"]: resource for resource in package["resources"]}
    assert set(resources) == set(contracts.tables())
    for name, resource in resources.items():
        declared = contracts.table(name)
        assert [field["name"] for field in resource["schema"]["fields"]] == list(declared.column_names)
        assert resource["schema"]["primaryKey"] == list(declared.key)
        paths = resource["path"] if isinstance(resource["path"], list) else [resource["path"]]
        assert all((release / path).is_file() for path in paths)
    assert resources["leg_movement"]["schema"]["fields"][7]["constraints"]["enum"] == ["short"]


def test_provenance_names_software_revisions_and_settings(tmp_path: Path) -> None:
    release = published(tmp_path, 3)
    rows = pq.read_table(release / "provenance.parquet").to_pylist()
    found = {(row["section"], row["name"]): row["value"] for row in rows}
    assert found["library", "pyarrow"] == pa.__version__
    assert found["revision", "detect"] == str(REVISIONS["detect"])
    assert found["setting", "rules"] == '["wasm2016"]'
    assert found["software", "git_commit"] == "0" * 40
    ledger = pq.read_table(release / "ledger.parquet").to_pylist()
    assert [row["text"] for row in ledger if row["text"]] == ["<path>: ends in its header"]
