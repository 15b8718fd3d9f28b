"""The output of a stage on frozen input changes only together with its REVISION (a part of its key)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from plms_pipeline.store import STAGES

from .stages import EXPECTED, recorded, stage_contents


@pytest.fixture(scope="module")
def contents(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, dict[str, list[object]]]]:
    return stage_contents(Path(tmp_path_factory.mktemp("store")))


@pytest.mark.parametrize("stage", STAGES)
def test_the_output_of_a_stage_is_that_of_its_revision(
    stage: str, contents: dict[str, dict[str, dict[str, list[object]]]]
) -> None:
    expected = json.loads(EXPECTED.read_text(encoding="utf-8"))[stage]
    found = recorded(contents)[stage]
    if found["revision"] == expected["revision"]:
        assert found["digest"] == expected["digest"], (
            f"the output of stage '{stage}' changed: raise REVISIONS['{stage}'] in plms_pipeline/store/keys.py, "
            "say so in CHANGELOG.md, and record the new output: python tests/golden/stages.py"
        )
    else:
        assert found["digest"] != expected["digest"], f"REVISIONS['{stage}'] was raised, but its output is the same"
        pytest.fail("record the output of the new revision: python tests/golden/stages.py")


def test_the_frozen_night_holds_what_it_was_made_to_hold(
    contents: dict[str, dict[str, dict[str, list[object]]]],
) -> None:
    movements = contents["detect"]["leg_movement"]
    assert sum(map(bool, movements["is_kept"])) == 18
    night = contents["score"]["night"]
    assert night["rule_set"] == sorted(night["rule_set"])
    assert len(set(night["rule_set"])) == 4
    phenotype = contents["link"]["phenotype"]
    # Evening worsening is denied: restless legs no; ferritin 31 ug/L; a plain SSRI.
    assert phenotype["rls_irlssg"] == ["no"]
    assert phenotype["ferritin_lt50"] == ["yes"]
    assert phenotype["medication_factor"] == ["yes"]
