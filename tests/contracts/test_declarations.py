"""Every declaration under ``schemas/`` is complete, and what is generated from it follows it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plms_pipeline import contracts
from plms_pipeline.errors import ContractError, InputError

TABLES = sorted(contracts.tables())
IDS = ("recording_id", "cohort", "subject_id", "visit")
RELEASE_TABLES = {
    "recording", "sleep_stage", "event", "unusable_span", "leg_movement", "scored_movement", "night", "signal_quality",
    "signal_quality_epoch", "medication_exposure", "laboratory", "condition", "phenotype", "analysis",
    "movement_agreement", "quality_result", "ledger", "data_dictionary", "domain", "provenance", "unmapped_medication",
}  # fmt: skip


def test_all_tables_of_a_release_are_declared() -> None:
    assert set(TABLES) == RELEASE_TABLES


@pytest.mark.parametrize("name", TABLES)
def test_every_column_is_described_and_sourced(name: str) -> None:
    declared = contracts.table(name)
    for column in declared.columns:
        assert len(column.description) > 5, column.name
        assert column.source, column.name
    schema = contracts.arrow_schema(name)
    assert schema.names == list(declared.column_names)
    assert all(schema.field(n).metadata[b"description"] for n in schema.names)


@pytest.mark.parametrize("name", [n for n in TABLES if contracts.table(n).layout == "partitioned"])
def test_partitioned_tables_begin_with_the_ids(name: str) -> None:
    assert contracts.table(name).column_names[:4] == IDS
    assert not {"cohort", "visit"} & set(contracts.arrow_schema(name, partitioned=True).names)


@pytest.mark.parametrize("name", TABLES)
def test_unit_suffix_and_declared_unit_agree(name: str) -> None:
    units = {"_s": "s", "_uv": "uV", "_hz": "Hz", "_per_h": "1/h", "_h": "h", "_ug_l": "ug/L"}
    for column in contracts.table(name).columns:
        if column.type not in ("float64", "list<float64>"):
            continue
        for suffix in sorted(units, key=len, reverse=True):
            if column.name.endswith(suffix):
                assert column.unit == units[suffix], f"{name}.{column.name}: {column.unit}"
                break


def test_no_column_is_named_a_diagnosis() -> None:
    names = [column.name for table in contracts.tables().values() for column in table.columns]
    assert not [name for name in names if "diagnos" in name or name == "plmd"]


def test_the_dictionary_lists_every_column_once() -> None:
    dictionary = contracts.to_arrow("data_dictionary", contracts.dictionary_columns())
    listed = set(zip(dictionary["table"].to_pylist(), dictionary["column"].to_pylist(), strict=True))
    assert listed == {(t.name, c.name) for t in contracts.tables().values() for c in t.columns}
    assert dictionary.num_rows == len(listed)


def test_the_domain_table_holds_every_list_a_column_names() -> None:
    domain = contracts.to_arrow("domain", contracts.domain_columns())
    lists = set(domain["code_list"].to_pylist())
    assert {c.codes for t in contracts.tables().values() for c in t.columns if c.codes} <= lists


def _domain(**changed: object) -> dict[str, list[object]]:
    row: dict[str, object] = {"code_list": "stage", "value": "N1", "label": "Stage N1", "position": 0}
    return {key: [value] for key, value in {**row, **changed}.items()}


def test_an_undeclared_column_cannot_be_written() -> None:
    with pytest.raises(ContractError, match=r"'domain'.*'colour' is not declared"):
        contracts.to_arrow("domain", _domain(colour="red"))


def test_a_missing_column_cannot_be_written() -> None:
    columns = _domain()
    del columns["label"]
    with pytest.raises(ContractError, match="'label' is missing"):
        contracts.to_arrow("domain", columns)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"label": None}, "null in row 0"),
        ({"position": -1}, "below the declared minimum"),
        ({"position": "x"}, "not int32"),
        ({"position": 1.5}, "not int32"),
    ],
)
def test_values_outside_the_declaration_cannot_be_written(changed: dict[str, object], message: str) -> None:
    with pytest.raises(ContractError, match=message):
        contracts.to_arrow("domain", _domain(**changed))


def _declare(folder: Path, text: str) -> None:
    (folder / "tables" / "probe.yaml").write_text(text, encoding="utf-8")
    contracts.forget()


PROBE = """\
table: probe
title: Probe
grain: row
key: [a]
layout: single
stage: release
access: open
sort: [a]
columns:
  - {{name: a, type: string, nullable: false, {a}}}
  - {{name: x_s, type: float64, nullable: true, unit: s, precision: 6, description: Seconds of x., source: test}}
"""


def test_a_column_without_description_is_refused(own_schemas: Path) -> None:
    _declare(own_schemas, PROBE.format(a="source: test"))
    with pytest.raises(ContractError, match="column 'a': has no description"):
        contracts.table("probe")


def test_a_column_with_an_unknown_key_is_refused(own_schemas: Path) -> None:
    _declare(own_schemas, PROBE.format(a="source: test, description: Text of a., colour: red"))
    with pytest.raises(ContractError, match="unknown key 'colour'"):
        contracts.table("probe")


def test_a_changed_code_list_changes_what_can_be_written(own_schemas: Path) -> None:
    (own_schemas / "codes" / "colour.yaml").write_text(
        "code_list: colour\ndescription: Colours.\nvalues:\n  - {value: red, label: Red}\n", encoding="utf-8"
    )
    _declare(own_schemas, PROBE.format(a="source: test, description: Text of a., codes: colour"))
    assert contracts.to_arrow("probe", {"a": ["red"], "x_s": [1.0]}).num_rows == 1
    with pytest.raises(ContractError, match="'blue' is not in the code list 'colour'"):
        contracts.to_arrow("probe", {"a": ["blue"], "x_s": [1.0]})
    (own_schemas / "codes" / "colour.yaml").write_text(
        "code_list: colour\ndescription: Colours.\nvalues:\n  - {value: blue, label: Blue}\n", encoding="utf-8"
    )
    contracts.forget()
    assert contracts.to_arrow("probe", {"a": ["blue"], "x_s": [1.0]}).num_rows == 1
    sets = [e["kwargs"]["value_set"] for e in contracts.column_expectations("probe") if "value_set" in e["kwargs"]]
    assert sets == [["blue"]]


def test_floats_are_rounded_nan_is_null_and_minus_zero_is_zero(own_schemas: Path) -> None:
    _declare(own_schemas, PROBE.format(a="source: test, description: Text of a."))
    table = contracts.to_arrow("probe", {"a": ["1", "2", "3"], "x_s": np.array([1.23456789, np.nan, -0.0])})
    assert table["x_s"].to_pylist()[:2] == [1.234568, None]
    assert str(table["x_s"][2].as_py()) == "0.0"
    with pytest.raises(ContractError, match="infinite"):
        contracts.to_arrow("probe", {"a": ["1"], "x_s": [np.inf]})


@pytest.mark.parametrize("name", TABLES)
def test_an_empty_table_keeps_its_schema(name: str) -> None:
    declared = contracts.table(name)
    assert contracts.to_arrow(name, {c: [] for c in declared.column_names}).schema.equals(contracts.arrow_schema(name))
    assert contracts.empty(name).num_rows == 0


@pytest.mark.parametrize("name", TABLES)
def test_expectations_are_free_of_random_ids(name: str) -> None:
    first = contracts.canonical_json(contracts.column_expectations(name))
    contracts.forget()
    assert contracts.canonical_json(contracts.column_expectations(name)) == first


@pytest.mark.parametrize("name", contracts.names("codes"))
def test_every_code_list_encodes_its_own_values_and_raises_on_an_unseen_one(name: str) -> None:
    listed = contracts.codes(name)
    for code in listed.codes:
        assert listed.encode(code.value) == code.value
        assert all(listed.encode(f"  {alias} ".upper()) == code.value for alias in code.aliases)
    with pytest.raises(contracts.UnknownCode, match="not in the code list"):
        listed.encode("a value nobody has ever seen")


def test_yaml_keeps_yes_no_and_clock_times_as_text_and_refuses_a_double_key() -> None:
    assert contracts.parse_yaml("a: yes\nb: no\nc: 22:30\nd: 1.50\n", "x.yaml") == {
        "a": "yes", "b": "no", "c": "22:30", "d": 1.5,
    }  # fmt: skip
    with pytest.raises(InputError, match=r"x.yaml, line 2: .*'a' stands twice"):
        contracts.parse_yaml("a: 1\na: 2\n", "x.yaml")
    with pytest.raises(InputError, match=r"x.yaml, line 1"):
        contracts.parse_yaml("a: !!python/object:os.system {}\n", "x.yaml")


@given(
    st.dictionaries(st.text(), st.one_of(st.integers(), st.floats(allow_infinity=False), st.text(), st.none())),
)
def test_a_digest_does_not_depend_on_the_order_of_keys(content: dict[str, object]) -> None:
    turned = dict(reversed(content.items()))
    assert contracts.digest_of(content) == contracts.digest_of(turned)


def test_the_schema_metadata_carries_the_dictionary_for_readers_other_than_pyarrow() -> None:
    schema = contracts.arrow_schema("domain")
    assert b'"name":"code_list"' in schema.metadata[b"plms:dictionary"]
    assert isinstance(schema, pa.Schema)
