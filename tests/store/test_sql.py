"""SQL over a release reads that release and nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from plms_pipeline import contracts
from plms_pipeline.errors import InputError
from plms_pipeline.store import ReleaseSql, latest_release, open_sql
from tests.store import fake_store

pytestmark = pytest.mark.usefixtures("fake_schemas")


@pytest.fixture(scope="module")
def whole_release(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One release for all tests that only read; the quote in its path must not matter."""
    root = tmp_path_factory.mktemp("sql") / "store's"
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PLMS_SCHEMAS", str(fake_store.write_schemas(root.parent / "schemas")))
        contracts.forget()
        fake_store.whole_run(root, 4)
        found = latest_release(root)
        assert found is not None
    contracts.forget()
    yield found


@pytest.fixture
def release(whole_release: Path, fake_schemas: Path) -> Path:
    return whole_release


@pytest.fixture
def sql(release: Path) -> Iterator[ReleaseSql]:
    with open_sql(release) as opened:
        yield opened


def test_every_table_is_a_view_in_declared_order(sql: ReleaseSql) -> None:
    assert {"leg_movement", "night", "analysis", "ledger", "quality_result", "domain"} <= set(sql.views)
    result = sql.query("FROM night ORDER BY recording_id, rule_set LIMIT 1")
    assert result.columns[:5] == ("recording_id", "cohort", "subject_id", "visit", "rule_set")
    assert result.rows[0][:5] == ("demo_s00000_v1", "demo", "s00000", "v1", "wasm2006")
    assert sql.query("SELECT 1; SELECT count(*) FROM ledger").rows == [(5,)]
    assert sql.query(
        "WITH x AS (SELECT visit FROM analysis) SELECT visit, count(*) FROM x GROUP BY 1 ORDER BY 1"
    ).rows == [
        ("v1", 3),
        ("v2", 1),
    ]
    assert sql.query("DESCRIBE night").rows
    assert sql.query("SUMMARIZE night").rows
    assert sql.query("EXPLAIN SELECT 1").rows


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM read_text('{release}/../../../../../../../../etc/passwd')",
        "SELECT * FROM read_json('{release}/../LATEST')",
        "SELECT * FROM read_text('{release}x')",
        "SELECT * FROM 'https://example.org/a.parquet'",
        "COPY (SELECT 1) TO '/tmp/plms_sql_leak.csv'",
        "COPY (SELECT 1) TO '{release}/leak.csv'",
        "COPY night TO '{release}/ledger.parquet' (FORMAT parquet)",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO '{release}/leak.csv'",
        "EXPLAIN /* */ ANALYZE COPY (SELECT 1) TO '{release}/leak.csv'",
        "EXPORT DATABASE '{release}/leak'",
        "ATTACH '{release}/leak.db'",
        "ATTACH '/tmp/plms_sql_leak.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "FORCE INSTALL httpfs FROM community",
        "SET enable_external_access = true",
        "RESET lock_configuration",
        "PRAGMA enable_profiling",
        "CREATE TABLE x AS SELECT 1",
        "DROP VIEW night",
        "CREATE SECRET s (TYPE s3)",
        "SELECT 1; COPY (SELECT 1) TO '{release}/leak.csv'",
        "PREPARE p AS COPY (SELECT 1) TO '{release}/leak.csv'",
        "CALL pragma_version()",
        "VACUUM",
        "",
        "SELEKT",
        "SELECT nothing FROM night",
    ],
)
def test_nothing_else_is_read_written_loaded_or_set(sql: ReleaseSql, release: Path, statement: str) -> None:
    before = sorted(release.rglob("*"))
    with pytest.raises(InputError) as error:
        sql.query(statement.format(release=str(release).replace("'", "''")))
    assert error.value.exit_code == 2
    assert "\n" not in str(error.value)
    assert sorted(release.rglob("*")) == before
    assert not list(Path("/tmp").glob("plms_sql_leak*"))
    assert sql.query("SELECT count(*) FROM night").rows == [(8,)]


def test_python_variables_are_not_tables(sql: ReleaseSql) -> None:
    secret = duckdb.sql("SELECT 1 AS a")
    assert secret is not None
    with pytest.raises(InputError):
        sql.query("SELECT * FROM secret")


def test_a_folder_without_manifest_is_no_release(release: Path) -> None:
    with pytest.raises(InputError, match="no release"):
        open_sql(release / "night")


def test_a_release_of_another_version_is_named_as_such(release: Path, tmp_path: Path) -> None:
    release = shutil.copytree(release, tmp_path / "older")
    for part in (release / "night").rglob("*.parquet"):
        pq.write_table(pq.read_table(part, partitioning=None).drop_columns(["n_plms"]), part)
    with pytest.raises(InputError, match="table night has other columns than this version"):
        ReleaseSql(release)


def test_views_file_works_where_it_lies(release: Path) -> None:
    code = (
        "import duckdb; c = duckdb.connect(); c.execute(open('views.sql').read());"
        "print(c.execute('SELECT cohort, visit, count(*) FROM night GROUP BY ALL ORDER BY ALL').fetchall())"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=release, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[('demo', 'v1', 6), ('demo', 'v2', 2)]"
