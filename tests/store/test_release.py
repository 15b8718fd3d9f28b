"""Candidate, publishing and what readers find."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import pytest

from plms_pipeline import contracts
from plms_pipeline.errors import ContractError, InputError, SystemFailure
from plms_pipeline.store import (
    WorkStore,
    latest_release,
    list_releases,
    open_sql,
    publish,
    verify_release,
)
from tests.store import fake_store

pytestmark = pytest.mark.usefixtures("fake_schemas")


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "_run.json"
    }


def test_permuted_order_gives_the_same_bytes(tmp_path: Path) -> None:
    order = list(range(20))
    fake_store.whole_run(tmp_path / "a", 20, order=order)
    random.Random(4).shuffle(order)
    fake_store.whole_run(tmp_path / "b", 20, order=order)
    first, second = latest_release(tmp_path / "a"), latest_release(tmp_path / "b")
    assert first is not None and second is not None and first.name == second.name
    assert bytes_of(first) == bytes_of(second)
    works = [bytes_of(tmp_path / name / "work") for name in "ab"]
    assert works[0] == works[1]
    assert verify_release(first, content=True) == []
