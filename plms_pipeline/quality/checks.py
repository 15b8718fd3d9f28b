"""Quality checks as declared in ``schemas/checks``: what is counted, what is allowed, why it matters."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from plms_pipeline import contracts
from plms_pipeline.errors import ContractError

LEVEL_UNIT = {
    "recording": "recording_id",
    "subject": "concat_ws('/', cohort, subject_id)",
    "cohort": "cohort",
    "release": "'release'",
}
GENERATED = ("declared_key", "declared_never_null", "declared_domain", "declared_range", "declared_reason")
_NEEDED = {
    "check", "title", "table", "level", "severity", "numerator", "denominator", "threshold", "why",
    "for_engineer", "for_epidemiologist", "source",
}  # fmt: skip
_OPTIONAL = {"applicable", "violated", "parameters"}
_OWN_VIEWS = re.compile(r"\b(?:release_(?:part|table|column)|declared_column)\b")
_PLACEHOLDER = re.compile(r"\$\{(\w+)\}")


class Check(NamedTuple):
    """One declared check; ``applicable`` and ``violated`` are None for the generated ones."""

    name: str
    title: str
    table: str
    level: str
    severity: str
    numerator: str
    denominator: str
    low: float | None
    high: float | None
    why: str
    for_engineer: str
    for_epidemiologist: str
    source: str
    applicable: str | None
    violated: str | None

    @property
    def unit(self) -> str:
        """SQL expression of the unit over which the rate is counted."""
        return LEVEL_UNIT[self.level]

    @property
    def is_about_tables(self) -> bool:
        """Whether its queries run on a release alone, without the views about files that exist while checking."""
        return self.applicable is None or _OWN_VIEWS.search(self.applicable) is None

    def violated_rows_query(self) -> str | None:
        """DuckDB query of the rows that violate the check; a rule that gives null counts as violated."""
        if self.applicable is None:
            return None
        return f"SELECT * FROM ({self.applicable}) WHERE NOT coalesce(NOT ({self.violated}), false)"

    def count_query(self) -> str:
        """DuckDB query: unit, n_violated, n_applicable, a row per unit."""
        return (
            f"SELECT {self.unit} AS unit, count(*) FILTER (WHERE NOT coalesce(NOT ({self.violated}), false))"
            f" AS n_violated, count(*) AS n_applicable FROM ({self.applicable}) GROUP BY ALL ORDER BY ALL"
        )


def _literal(where: str, value: Any) -> str:
    if isinstance(value, dict):
        if set(value) != {"file", "path"}:
            raise ContractError(f"{where}: a referenced parameter needs 'file' and 'path'")
        found: Any = contracts.load_yaml(value["file"])
        for key in value["path"]:
            try:
                found = found[key]
            except (KeyError, IndexError, TypeError):
                raise ContractError(f"{where}: '{key}' is not in schemas/{value['file']}") from None
        return _literal(where, found)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, list):
        return "(" + ", ".join(_literal(where, item) for item in value) + ")"
    raise ContractError(f"{where}: a parameter is a number, text, list or reference, not {value!r}")


def _filled(where: str, sql: str, parameters: dict[str, Any]) -> str:
    def replace(match: re.Match[str]) -> str:
        if match[1] not in parameters:
            raise ContractError(f"{where}: parameter '{match[1]}' is used but not declared")
        return _literal(where, parameters[match[1]])

    return " ".join(_PLACEHOLDER.sub(replace, sql).split())


def _parse(name: str, raw: Any) -> Check:
    where = f"schemas/checks/{name}.yaml"
    if not isinstance(raw, dict) or raw.get("check") != name:
        raise ContractError(f"{where}: must begin with 'check: {name}'")
    if missing := sorted(_NEEDED - set(raw)):
        raise ContractError(f"{where}: '{missing[0]}' is missing")
    if unknown := sorted(set(raw) - _NEEDED - _OPTIONAL):
        raise ContractError(f"{where}: unknown key '{unknown[0]}'")
    for key, allowed in (("level", tuple(LEVEL_UNIT)), ("severity", ("error", "warning"))):
        if raw[key] not in allowed:
            raise ContractError(f"{where}: {key} '{raw[key]}' is none of {', '.join(allowed)}")
    threshold = raw["threshold"]
    limits = threshold if isinstance(threshold, dict) else {"max": threshold}
    if not limits or set(limits) - {"min", "max"}:
        raise ContractError(f"{where}: threshold is a largest rate, or 'min' and 'max'")
    for value in limits.values():
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
            raise ContractError(f"{where}: threshold {value!r} is no rate between 0 and 1")
    generated = name in GENERATED
    if generated == ("applicable" in raw) or ("applicable" in raw) != ("violated" in raw):
        raise ContractError(f"{where}: needs 'applicable' and 'violated', unless it is generated from columns")
    parameters = raw.get("parameters") or {}
    words = {key: " ".join(str(raw[key]).split()) for key in _NEEDED - {"check", "threshold"}}
    return Check(
        name=name,
        low=float(limits["min"]) if "min" in limits else None,
        high=float(limits["max"]) if "max" in limits else None,
        applicable=None if generated else _filled(where, raw["applicable"], parameters),
        violated=None if generated else _filled(where, raw["violated"], parameters),
        **words,
    )


def load_checks() -> dict[str, Check]:
    """All declared checks by name, sorted.

    Raises
    ------
    ContractError
        For an incomplete declaration, an unknown key, a threshold that is no rate, or a parameter that is used
        but not declared.
    """
    return {name: _parse(name, contracts.load_yaml(f"checks/{name}.yaml")) for name in contracts.names("checks")}
