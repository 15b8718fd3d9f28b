"""The only reader of ``schemas/``: tables, code lists, rules, checks and what is generated from them."""

from plms_pipeline.contracts import _files
from plms_pipeline.contracts import codes as _codes_module
from plms_pipeline.contracts import tables as _tables_module
from plms_pipeline.contracts._files import load_csv, load_yaml, names, parse_yaml, schema_root
from plms_pipeline.contracts.arrow import Columns, arrow_schema, column_record, empty, to_arrow
from plms_pipeline.contracts.codes import Code, CodeList, UnknownCode, codes, normal_form
from plms_pipeline.contracts.dictionary import (
    dictionary_columns,
    dictionary_markdown,
    domain_columns,
)
from plms_pipeline.contracts.digest import canonical_json, digest_of
from plms_pipeline.contracts.seed_claims import claims, claims_markdown, columns_citing
from plms_pipeline.contracts.suites import column_expectations
from plms_pipeline.contracts.tables import (
    PARTITION_COLUMNS,
    Column,
    Table,
    schema_version,
    table,
    tables,
)


def forget() -> None:
    """Drop everything remembered of ``schemas/`` (a test or a long session changed a declaration)."""
    _files.forget()
    _codes_module.forget()
    _tables_module.forget()


__all__ = [
    "PARTITION_COLUMNS",
    "Code",
    "CodeList",
    "Column",
    "Columns",
    "Table",
    "UnknownCode",
    "arrow_schema",
    "canonical_json",
    "claims",
    "claims_markdown",
    "codes",
    "column_expectations",
    "column_record",
    "columns_citing",
    "dictionary_columns",
    "dictionary_markdown",
    "digest_of",
    "domain_columns",
    "empty",
    "forget",
    "load_csv",
    "load_yaml",
    "names",
    "normal_form",
    "parse_yaml",
    "schema_root",
    "schema_version",
    "table",
    "tables",
    "to_arrow",
]
