"""The clinical claims: each has its columns, its analysis table, or the reason why it is not measurable."""

from __future__ import annotations

from pathlib import Path

import pytest

from plms_pipeline import contracts
from plms_pipeline.errors import ContractError

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_all_24_claims_are_there_once_and_in_order() -> None:
    assert [claim["id"] for claim in contracts.claims()] == [f"C{number}" for number in range(1, 25)]


def test_every_claim_a_column_cites_is_declared_and_every_measurable_one_has_a_column() -> None:
    declared = {claim["id"]: claim for claim in contracts.claims()}
    assert set(contracts.columns_citing()) <= set(declared)
    assert [name for name, claim in declared.items() if claim.get("not_measurable")] == ["C24"]
    assert all(claim.get("columns") for name, claim in declared.items() if name != "C24")


def test_the_page_names_every_claim_and_column() -> None:
    page = (DOCS / "claims.md").read_text(encoding="utf-8")
    for claim in contracts.claims():
        row = next(line for line in page.splitlines() if line.startswith(f"| {claim['id']} |"))
        for columns in claim.get("columns", {}).values():
            assert all(f"`{column}`" in row for column in columns)


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        ({"id": "C1", "says": "x"}, "needs columns or tables"),
        ({"id": "C1", "says": "x", "columns": {"night": ["plms"]}}, "column 'plms' is not in table night"),
        ({"id": "C1", "says": "x", "columns": {"nights": ["a"]}}, "table 'nights' is not declared"),
        ({"id": "C1", "says": "x", "tables": ["odds"]}, "analysis table 'odds' is not described"),
        ({"id": "C1", "says": "x", "tables": ["prevalence"], "not_measurable": "y"}, "needs columns or tables, or"),
    ],
)
def test_a_claim_that_names_what_is_not_there_is_refused(
    claim: dict[str, object], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "plms_pipeline.contracts.seed_claims._files.load_yaml",
        lambda path: {"tables": {"prevalence": "p"}, "claims": [claim]} if path == "claims.yaml" else load(path),
    )
    with pytest.raises(ContractError, match=message):
        contracts.claims()


load = contracts.load_yaml
