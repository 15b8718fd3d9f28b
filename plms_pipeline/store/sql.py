"""A release as DuckDB views in a connection that can read that release and nothing else, and write nothing."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import duckdb

from plms_pipeline.errors import InputError
from plms_pipeline.store.describe import NOT_IN_VIEWS, files_by_table, view_statement
from plms_pipeline.store.publish import MANIFEST


class QueryResult(NamedTuple):
    """Column names and rows of a query."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


# allowed_directories also allows writing there, so a second rule lets only statements pass that read.
_READING = {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN}


class ReleaseSql:
    """Read-only SQL over one release; use :func:`open_sql`."""

    def __init__(self, release: Path) -> None:
        release = Path(release).resolve()
        if not (release / MANIFEST).is_file():
            raise InputError(f"{release}: no release (it has no {MANIFEST}); name a folder below releases/")
        self._connection = duckdb.connect(
            ":memory:",
            config={
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "allow_community_extensions": "false",
                "allow_persistent_secrets": "false",
                "python_enable_replacements": "false",
                "temp_directory": "",
            },
        )
        self._connection.execute("SET allow_extension_repositories = 'forbidden'")
        self._connection.execute("SET allowed_directories = ['" + str(release).replace("'", "''") + "/']")
        self._connection.execute("SET enable_external_access = false")
        self._connection.execute("SET lock_configuration = true")
        self.views: list[str] = []
        for name in files_by_table(release):
            if name not in NOT_IN_VIEWS:
                try:
                    self._connection.execute(view_statement(name, str(release)))
                except duckdb.Error:
                    raise InputError(
                        f"{release}: table {name} has other columns than this version of the software declares; query "
                        "it by its own views.sql, or publish it again (plms run)"
                    ) from None
                self.views.append(name)

    def query(self, text: str) -> QueryResult:
        """Run one or several reading statements; the rows are those of the last.

        Raises
        ------
        InputError
            One line: a statement that would write or change something, or DuckDB's own complaint.
        """
        try:
            statements = self._connection.extract_statements(text)
            if not statements:
                raise InputError("no SQL statement; write one, such as SELECT count(*) FROM night")
            for statement in statements:
                analyses = statement.type == duckdb.StatementType.EXPLAIN and "analyze" in statement.query.casefold()
                if statement.type not in _READING or analyses:
                    raise InputError(
                        f"{statement.type.name} is not possible: plms sql only reads (SELECT, DESCRIBE, SUMMARIZE, "
                        "EXPLAIN); redirect its output into a file instead"
                    )
            for statement in statements:
                self._connection.execute(statement)
            return QueryResult(
                tuple(column[0] for column in self._connection.description or ()), self._connection.fetchall()
            )
        except duckdb.Error as error:
            raise InputError(f"SQL: {' '.join(str(error).split())}") from None

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def __enter__(self) -> ReleaseSql:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_sql(release: Path) -> ReleaseSql:
    """Open a release for queries.

    Parameters
    ----------
    release
        Folder of a published release (``latest_release(store_root)``).

    Returns
    -------
    ReleaseSql
        Context manager with a view per table. Files outside the release cannot be read, nothing can be written,
        no extension is installed or loaded, and no setting can be changed.
    """
    return ReleaseSql(release)
