"""What explains a release to a person or a program: ``views.sql``, ``datapackage.json``, ``README.md``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import plms_pipeline
from plms_pipeline import contracts
from plms_pipeline.store.files import relative_files, to_json

# Millions of rows that only a signal engineer needs; one line in the README says how to read them.
NOT_IN_VIEWS = ("signal_quality_epoch",)
_FRICTIONLESS = {"string": "string", "bool": "boolean", "float64": "number"}


def files_by_table(release: Path) -> dict[str, list[str]]:
    """Parquet files of each declared table, relative to the release, sorted."""
    found: dict[str, list[str]] = {}
    for name in relative_files(release):
        table = name.split("/")[0].removesuffix(".parquet")
        if name.endswith(".parquet") and table in contracts.tables():
            found.setdefault(table, []).append(name)
    return dict(sorted(found.items()))


def _quoted(path: str) -> str:
    return "'" + path.replace("'", "''") + "'"


def view_statement(name: str, release: str = "") -> str:
    """DuckDB statement of the view of a table; ``release`` is put before the relative path, with a ``/``.

    ``hive_types`` keep ``cohort`` and ``visit`` text, and the columns are named, so that partition columns stand
    where the dictionary says.
    """
    declared = contracts.table(name)
    at = f"{release}/" if release else ""
    if declared.layout == "single":
        source = f"read_parquet({_quoted(f'{at}{name}.parquet')})"
    else:
        source = (
            f"read_parquet({_quoted(f'{at}{name}/*/*/*.parquet')}, hive_partitioning = true, "
            "hive_types = {'cohort': VARCHAR, 'visit': VARCHAR})"
        )
    columns = ", ".join(f'"{column}"' for column in declared.column_names)
    return f'CREATE OR REPLACE VIEW "{name}" AS\n  SELECT {columns}\n  FROM {source};'


def views_sql(names: list[str]) -> str:
    """Text of ``views.sql``: paths are relative, so DuckDB is started in the folder of the release."""
    head = "-- Views of this release for DuckDB. Start it in this folder: duckdb -init views.sql\n"
    return head + "".join(f"\n{view_statement(name)}\n" for name in names if name not in NOT_IN_VIEWS)


def _field(column: contracts.Column) -> dict[str, Any]:
    kind = "array" if column.type.startswith("list") else _FRICTIONLESS.get(column.type, "integer")
    field: dict[str, Any] = {"name": column.name, "type": kind, "description": column.description}
    if column.unit:
        field["unit"] = column.unit
    constraints: dict[str, Any] = {"required": not column.nullable}
    if column.min is not None:
        constraints["minimum"] = column.min
    if column.max is not None:
        constraints["maximum"] = column.max
    if column.codes is not None and kind != "array":
        constraints["enum"] = list(contracts.codes(column.codes).values)
    # Bounds and codes of an array hold for its items, which a Frictionless field cannot say.
    field["constraints"] = {"required": not column.nullable} if kind == "array" else constraints
    return field | {"source": column.source}


def datapackage(files: Mapping[str, list[str]], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Frictionless Data Package of a release, generated from the declarations."""
    resources = []
    for name, paths in files.items():
        declared = contracts.table(name)
        schema: dict[str, Any] = {
            "fields": [_field(column) for column in declared.columns],
            "primaryKey": list(declared.key),
        }
        if "recording_id" in declared.column_names and name != "ledger":
            reference = {"resource": "ledger", "fields": ["recording_id"]}
            schema["foreignKeys"] = [{"fields": ["recording_id"], "reference": reference}]
        resources.append(
            {
                "name": name,
                "title": declared.title,
                "description": f"Grain: {declared.grain}.",
                "path": paths[0] if declared.layout == "single" else paths,
                "format": "parquet",
                "mediatype": "application/vnd.apache.parquet",
                "schema": schema,
                "access": declared.access,
            }
        )
    return {
        "profile": "data-package",
        "name": "plms-release",
        "title": f"{'SIMULATED: ' if facts['simulated'] else ''}Periodic leg movements of sleep, secondary causes",
        "version": contracts.schema_version(),
        "simulated": facts["simulated"],
        "resources": resources,
    }


def _cell(value: Any) -> str:
    """A value of the user in Markdown: no markup and no table cell can be opened from inside."""
    text = " ".join(str(value).split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|!])", r"\\\1", text)


_QUERIES = """## Query it

DuckDB, in this folder (`duckdb -init views.sql`), or `plms sql "…"` from anywhere:

```sql
SELECT rule_set, evidence_class, count(*) AS nights, round(avg(plmsi_per_h), 1) AS plmsi_mean
FROM night WHERE is_main GROUP BY rule_set, evidence_class ORDER BY rule_set, evidence_class;

SELECT outcome, reason, count(*) AS recordings FROM ledger GROUP BY ALL ORDER BY ALL;
```

pandas (the partition columns must be read as text):

```python
import pandas as pd, pyarrow as pa, pyarrow.dataset as ds
words = ds.partitioning(pa.schema([("cohort", pa.string()), ("visit", pa.string())]), flavor="hive")
analysis = ds.dataset("analysis", partitioning=words).to_table().to_pandas()
ledger = pd.read_parquet("ledger.parquet")
```

R:

```r
library(arrow); library(dplyr)
open_dataset("analysis", partitioning = hive_partition(cohort = utf8(), visit = utf8())) |>
  filter(is_index_night) |> count(cohort) |> collect()
```

`signal_quality_epoch` (a row per leg and 30 s) has no view:
`SELECT * FROM read_parquet('signal_quality_epoch/*/*/*.parquet', hive_partitioning = true)`.
"""


def readme(files: Mapping[str, list[str]], facts: Mapping[str, Any]) -> str:
    """Text of the README of a release."""
    outcomes, n_in = facts["outcomes"], facts["n_in"]
    failed = {name: n for name, n in outcomes.items() if name not in ("analysed", "excluded")}
    title = "# A release of leg movement tables"
    lines = [f"{title} (SIMULATED DATA)" if facts["simulated"] else title, ""]
    if facts["simulated"]:
        lines += ["**Every recording and every subject here is simulated. Nothing is about people.**", ""]
    lines += [
        "PLMS alone is neither PLMD nor RLS: periodic leg movements of sleep are a finding. `plmd_compatible` and",
        "`rls_*` say which criteria the data at hand meet, miss or leave open; they are no diagnosis. `unknown` is",
        "never `no`.",
        "",
        "## Flow of recordings",
        "",
        f"{n_in} in = {outcomes['analysed']} analysed + {outcomes['excluded']} excluded + {sum(failed.values())} "
        f"failed ({', '.join(f'{n} {name}' for name, n in failed.items())}). Table `ledger` says why for each.",
        "",
    ]
    if facts["run_facts"]:
        lines += ["## Made from", "", "| | |", "|---|---|"]
        for name, value in sorted(facts["run_facts"].items()):
            shown = value if isinstance(value, str) else contracts.canonical_json(value)
            lines.append(f"| {_cell(name)} | {_cell(shown)} |")
        lines.append("")
    lines += ["## Tables", "", "| table | holds | one row per | access |", "|---|---|---|---|"]
    for name in files:
        declared = contracts.table(name)
        lines.append(f"| `{name}` | {_cell(declared.title)} | {_cell(declared.grain)} | {declared.access} |")
    lines += [
        "",
        "Tables of nights lie under `<table>/cohort=<word>/visit=<word>/`, the others in one file.",
        "`data_dictionary.parquet` explains every column, `domain.parquet` every code, `provenance.parquet` the",
        "software and settings. `datapackage.json` says the same to programs, `_manifest.json` lists every file with",
        "its digest; only `_run.json` holds clocks and hosts. Tables marked controlled hold rows about persons and",
        "must not be passed on.",
        "",
        _QUERIES,
        f"Made with plms-pipeline {plms_pipeline.__version__}, schema version {contracts.schema_version()}.",
    ]
    return "\n".join(lines) + "\n"


def write_descriptors(release: Path, facts: Mapping[str, Any]) -> None:
    """(Re)write the three descriptors from the tables that are there now."""
    files = files_by_table(release)
    (release / "views.sql").write_text(views_sql(list(files)), encoding="utf-8")
    (release / "datapackage.json").write_bytes(to_json(datapackage(files, facts)))
    (release / "README.md").write_text(readme(files, facts), encoding="utf-8")
