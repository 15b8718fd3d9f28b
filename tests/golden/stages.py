"""What the stages make of the frozen input, as one digest per stage; ``python tests/golden/stages.py`` records it."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from plms_pipeline import cohort, contracts
from plms_pipeline.cohort.inline import InlineExecutor
from plms_pipeline.store import REVISIONS, STAGES, WorkStore

HERE = Path(__file__).resolve().parent
EXPECTED = HERE / "expected.json"
SIGNIFICANT_DIGITS = 9


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        # Beyond these digits a library's next version may differ without any change of ours.
        return float(f"{value:.{SIGNIFICANT_DIGITS}g}")
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def stage_contents(store: Path) -> dict[str, dict[str, dict[str, Any]]]:
    """Stage → table → columns of the frozen recording, computed anew in an empty store."""
    settings = cohort.load_cohort(HERE / "data" / "cohort.yaml", {"store": str(store)})
    with cohort.prepare(settings) as context, InlineExecutor(context.work, 0) as executor:
        (result,) = executor.submit(context.shards[0].tasks)
    assert result.outcome == "analysed", result.text
    found = {}
    for stage in STAGES:
        part = WorkStore(store).read(stage, getattr(result, f"{stage}_key"))
        found[stage] = {
            name: {column: _plain(table[column].to_pylist()) for column in table.column_names}
            for name, table in sorted(part.tables.items())
        }
    return found


def recorded(contents: dict[str, Any]) -> dict[str, Any]:
    """Revision and digest per stage."""
    return {
        stage: {"revision": REVISIONS[stage], "digest": contracts.digest_of(tables)}
        for stage, tables in contents.items()
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        EXPECTED.write_text(json.dumps(recorded(stage_contents(Path(folder))), indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(EXPECTED.read_text(encoding="utf-8"))
