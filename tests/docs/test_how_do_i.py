"""Every SQL and Python block of ``docs/how_do_i.md``, and the queries of the closing summary, run on a release."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

from plms_pipeline.cli.summary import QUERIES
from plms_pipeline.store import open_sql

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how_do_i.md"
BLOCKS = re.findall(r"```(sql|python)\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
SQL = [text for kind, text in BLOCKS if kind == "sql"]
PYTHON = [text for kind, text in BLOCKS if kind == "python"]
MAY_BE_EMPTY = ("unmapped_medication", "status <> 'passed'", "plmd_compatible = 'unknown'")


def test_the_page_holds_examples_of_both_kinds() -> None:
    assert len(SQL) >= 10
    assert len(PYTHON) >= 2


@pytest.mark.parametrize("query", [*SQL, *QUERIES])
def test_sql_of_the_page(query: str, demo_release: Path) -> None:
    with open_sql(demo_release) as release:
        found = release.query(query)
    assert found.columns
    assert found.rows or any(text in query for text in MAY_BE_EMPTY), "no rows"


@pytest.mark.parametrize("code", PYTHON)
def test_python_of_the_page(code: str, demo_release: Path) -> None:
    exec(compile(code, str(PAGE), "exec"), {"RELEASE": str(demo_release)})


@pytest.mark.parametrize("query", QUERIES)
def test_views_sql_of_the_release_serves_any_duckdb(
    query: str, demo_release: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(demo_release)
    with duckdb.connect() as connection:
        connection.execute((demo_release / "views.sql").read_text(encoding="utf-8"))
        assert connection.execute(query).fetchall()
