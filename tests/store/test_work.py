"""Parts of the work store: committed, verified, free of ids, the same bytes for the same rows."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from plms_pipeline import contracts
from plms_pipeline.errors import ContractError
from plms_pipeline.store import REVISIONS, WorkStore, detect_key, keys, link_key, score_key
from tests.store import fake_store

pytestmark = pytest.mark.usefixtures("fake_schemas")

KEY = "0123456789abcdef" * 2


def written(root: Path, index: int = 1) -> WorkStore:
    store = WorkStore(root)
    store.write("detect", KEY, fake_store.tables_of(index)["detect"], {"duration_s": 5}, {"outcome": "analysed"})
    return store


def test_a_part_comes_back_with_the_ids_of_its_reader(tmp_path: Path) -> None:
    store = written(tmp_path)
    assert store.has("detect", KEY)
    other = fake_store.ids_of(7)
    part = store.read("detect", KEY, other)
    expected = fake_store.tables_of(1)["detect"]["leg_movement"]
    assert part.tables["leg_movement"].schema.equals(contracts.arrow_schema("leg_movement"), check_metadata=True)
    assert set(part.tables["leg_movement"].column("recording_id").to_pylist()) == {other["recording_id"]}
    assert part.tables["leg_movement"].column("onset_s").equals(expected.column("onset_s"))
    assert (part.facts, part.outcome) == ({"duration_s": 5}, {"outcome": "analysed"})
    assert part.digest == store.record("detect", KEY).digest
    assert "recording_id" not in store.read("detect", KEY).tables["leg_movement"].column_names


def test_same_night_under_two_ids_is_one_part(tmp_path: Path) -> None:
    written(tmp_path / "a")
    store = WorkStore(tmp_path / "b")
    table = fake_store.tables_of(1)["detect"]["leg_movement"]
    renamed = table.set_column(0, table.schema.field(0), pa.array(["other"] * table.num_rows))
    shuffled = renamed.take(np.random.default_rng(3).permutation(table.num_rows))
    store.write("detect", KEY, {"leg_movement": shuffled}, {"duration_s": 5}, {"outcome": "analysed"})
    names = [store.path("detect", KEY), store.path("detect", KEY).with_suffix(".json")]
    for path in names:
        twin = tmp_path / "a" / path.relative_to(tmp_path / "b")
        assert path.read_bytes() == twin.read_bytes()


def test_rows_that_sort_alike_are_ordered_by_their_key(tmp_path: Path, fake_schemas: Path) -> None:
    path = fake_schemas / "tables" / "leg_movement.yaml"
    path.write_text(path.read_text().replace("onset_s, leg]", "onset_s]").replace("leg, onset_s]", "onset_s, leg]"))
    contracts.forget()
    ids = fake_store.ids_of(1)
    rows = fake_store.columns(ids, 2, onset_s=[1.0, 1.0], peak_uv=[1, 2], reject_reason=[None, None])
    table = contracts.to_arrow("leg_movement", rows | {"leg": ["L", "R"]})
    digests = {
        WorkStore(tmp_path / name).write("detect", KEY, {"leg_movement": table.take(order)}, {}, {}).digest
        for name, order in (("a", [0, 1]), ("b", [1, 0]))
    }
    assert len(digests) == 1


def test_what_lies_under_a_null_does_not_reach_the_bytes(tmp_path: Path) -> None:
    table = fake_store.tables_of(1)["detect"]["leg_movement"]
    position = table.schema.get_field_index("peak_uv")
    column = table.column(position).combine_chunks()
    values = np.array(column.to_numpy(zero_copy_only=False))
    values[np.isnan(values)] = 123.456
    dirty = pa.Array.from_buffers(pa.float64(), len(column), [column.buffers()[0], pa.py_buffer(values.tobytes())])
    assert dirty.equals(column)
    changed = table.set_column(position, table.schema.field(position), dirty)
    commits = [
        WorkStore(tmp_path / name).write("detect", KEY, {"leg_movement": rows}, {}, {})
        for name, rows in (("a", table), ("b", changed))
    ]
    assert commits[0].digest == commits[1].digest


@pytest.mark.parametrize("damage", ["flip", "cut", "grow", "gone", "no record", "torn record", "other record"])
def test_a_damaged_part_is_not_there_and_is_written_again(tmp_path: Path, damage: str) -> None:
    store = written(tmp_path)
    path, record = store.path("detect", KEY), store.path("detect", KEY).with_suffix(".json")
    good = path.read_bytes(), record.read_bytes()
    if damage == "flip":
        path.write_bytes(good[0][:500] + bytes([good[0][500] ^ 1]) + good[0][501:])
    elif damage in ("cut", "grow"):
        path.write_bytes(good[0][:-1] if damage == "cut" else good[0] + b"x")
    elif damage == "gone":
        path.unlink()
    elif damage == "no record":
        record.unlink()
    elif damage == "torn record":
        record.write_bytes(good[1][:30])
    else:
        record.write_text(json.dumps(json.loads(good[1]) | {"key": "f" * 32}))
    assert not store.has("detect", KEY)
    with pytest.raises(KeyError):
        store.read("detect", KEY)
    written(tmp_path)
    assert store.has("detect", KEY)
    assert (path.read_bytes(), record.read_bytes()) == good


def test_undeclared_wrong_or_doubled_rows_are_refused(tmp_path: Path) -> None:
    store = WorkStore(tmp_path)
    tables = fake_store.tables_of(1)
    movements = tables["detect"]["leg_movement"]
    with pytest.raises(ContractError, match="belongs to stage 'score'"):
        store.write("detect", KEY, tables["score"], {}, {})
    with pytest.raises(ContractError, match="not of the declared schema"):
        store.write("detect", KEY, {"leg_movement": movements.append_column("x", movements.column(0))}, {}, {})
    with pytest.raises(ContractError, match="not unique"):
        store.write("detect", KEY, {"leg_movement": pa.concat_tables([movements, movements])}, {}, {})
    with pytest.raises(ContractError, match="not declared"):
        store.write("detect", KEY, {"nonsense": movements}, {}, {})
    analysis = tables["link"]["analysis"]
    with pytest.raises(ContractError, match="not unique"):
        store.write("link", KEY, {"analysis": pa.concat_tables([analysis, analysis])}, {}, {})
    assert not list((tmp_path / "work").rglob("*.arrow"))


def test_empty_and_all_null_columns_keep_their_type(tmp_path: Path) -> None:
    store = WorkStore(tmp_path)
    store.write("detect", KEY, {"leg_movement": contracts.empty("leg_movement")}, {}, {})
    rows = store.read("detect", KEY, fake_store.ids_of(0)).tables["leg_movement"]
    assert rows.num_rows == 0
    assert rows.schema.equals(contracts.arrow_schema("leg_movement"))


def test_a_part_of_an_older_declaration_names_the_revision_to_raise(tmp_path: Path, fake_schemas: Path) -> None:
    store = written(tmp_path)
    path = fake_schemas / "tables" / "leg_movement.yaml"
    path.write_text(path.read_text() + "  - {name: new, type: bool, nullable: true, description: d, source: s}\n")
    contracts.forget()
    with pytest.raises(ContractError, match="raise the revision of stage 'detect'"):
        store.read("detect", KEY, fake_store.ids_of(0))


def test_sweep_removes_what_a_killed_writer_leaves_and_nothing_else(tmp_path: Path) -> None:
    store = written(tmp_path)
    folder = store.path("detect", KEY).parent
    (folder / f".{KEY}.arrow.00.tmp").write_bytes(b"half")
    (folder / f"{'1' * 32}.arrow").write_bytes(b"a part that was never committed")
    (folder / f"{'2' * 32}.json").write_text("{}")
    assert store.sweep() == 3
    assert sorted(path.name for path in folder.iterdir()) == [f"{KEY}.arrow", f"{KEY}.json"]
    assert store.has("detect", KEY)
    assert store.counts() == {"detect": 1, "score": 0, "link": 0}


def test_work_is_private_also_when_it_was_not(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir(mode=0o755)
    WorkStore(tmp_path)
    assert (tmp_path / "work").stat().st_mode & 0o777 == 0o700


def test_names_that_are_no_keys_are_refused(tmp_path: Path) -> None:
    store = WorkStore(tmp_path)
    for stage, key in (("release", KEY), ("detect", "../../etc"), ("detect", KEY.upper()), ("detect", KEY + "0")):
        with pytest.raises(ValueError, match="no part is called"):
            store.has(stage, key)


def test_every_input_of_a_key_changes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = {
        detect_key: {"input_digest": "a", "channel_decision": {"left": "L"}, "detector": {"on_uv": 8}},
        score_key: {
            "detect_digest": "a",
            "annotations": [1],
            "window": [0, 9],
            "rule_sets": {"wasm2016": {"n": 4}},
            "evidence": {},
        },
        link_key: {
            "score_digest": "a",
            "facts": {"pap": "no"},
            "covariates": [{}],
            "declaration": {},
            "settings": {},
        },
    }
    found = set()
    for function, arguments in calls.items():
        found.add(function(**arguments))
        for name in arguments:
            found.add(function(**arguments | {name: "changed"}))
    n_expected = sum(1 + len(arguments) for arguments in calls.values())
    assert len(found) == n_expected
    monkeypatch.setattr(keys, "REVISIONS", {stage: number + 1 for stage, number in REVISIONS.items()})
    found |= {function(**arguments) for function, arguments in calls.items()}
    assert len(found) == n_expected + 3
    assert detect_key(input_digest="a", channel_decision={"b": 1, "a": 2}, detector={}) == detect_key(
        input_digest="a", channel_decision={"a": 2, "b": 1}, detector={}
    )
