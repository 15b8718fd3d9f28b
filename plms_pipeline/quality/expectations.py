"""Great Expectations: a checkpoint per suite on pandas frames, handing back plain verdicts."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple


class Suite(NamedTuple):
    """Expectations on one frame; each carries a unique ``meta.key``."""

    name: str
    frame: Any
    unit_column: str
    expectations: Sequence[dict[str, Any]]


class Verdict(NamedTuple):
    """What one expectation said; ``success`` is None when it could not run."""

    success: bool | None
    n_unexpected: int | None
    n_elements: int | None
    units: tuple[str, ...]
    detail: str | None


def validate(suites: Sequence[Suite]) -> dict[str, Verdict]:
    """Run a Great Expectations checkpoint per suite (a checkpoint takes one frame) in one ephemeral context.

    Parameters
    ----------
    suites
        Frames with their expectations (configurations of type, kwargs and meta).

    Returns
    -------
    dict of str to Verdict
        By ``meta.key``. Holds no library ids and no times.

    Notes
    -----
    An expectation that cannot run reports ``success=False`` with exception information; it comes back with
    ``success=None`` here, because a check that did not look has found nothing, good or bad.
    """
    with warnings.catch_warnings():
        # Warnings raised inside Great Expectations and its imports are not ours to mend, and as errors they
        # would turn the verdict of a check into "could not run".
        warnings.simplefilter("ignore")
        return _validate(suites)


def _validate(suites: Sequence[Suite]) -> dict[str, Verdict]:
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(False)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    source = context.data_sources.add_or_update_pandas("candidate")
    verdicts: dict[str, Verdict] = {}
    for suite in suites:
        expectations = context.suites.add(
            gx.ExpectationSuite(name=suite.name, expectations=[dict(item) for item in suite.expectations])
        )
        batch = source.add_dataframe_asset(suite.name).add_batch_definition_whole_dataframe("whole")
        validation = context.validation_definitions.add(
            gx.ValidationDefinition(name=suite.name, data=batch, suite=expectations)
        )
        checkpoint = context.checkpoints.add(
            gx.Checkpoint(
                name=suite.name,
                validation_definitions=[validation],
                result_format={
                    "result_format": "COMPLETE",
                    "unexpected_index_column_names": [suite.unit_column],
                    "partial_unexpected_count": 0,
                },
            )
        )
        outcome = checkpoint.run(batch_parameters={"dataframe": suite.frame})
        for validated in outcome.run_results.values():
            for result in validated.results:
                verdicts[result.expectation_config.meta["key"]] = _verdict(result, suite.unit_column)
    return verdicts


def _verdict(result: Any, unit_column: str) -> Verdict:
    if message := _exception(result.exception_info):
        return Verdict(None, None, None, (), message)
    content = result.result
    units = tuple(sorted({str(row[unit_column]) for row in content.get("unexpected_index_list") or ()}))
    mismatched = (content.get("details") or {}).get("mismatched")
    if mismatched:
        missing = ", ".join(sorted(map(str, mismatched.get("missing") or ())))
        surplus = ", ".join(sorted(map(str, mismatched.get("unexpected") or ())))
        detail = "; ".join(
            f"{label}: {names}" for label, names in (("missing", missing), ("not declared", surplus)) if names
        )
        return Verdict(bool(result.success), sum(map(len, mismatched.values())), None, (), detail)
    elements = content.get("element_count")
    applicable = None if elements is None else elements - (content.get("missing_count") or 0)
    unexpected = content.get("unexpected_count")
    if result.expectation_config.type == "expect_column_values_to_not_be_null":
        applicable = elements
    return Verdict(bool(result.success), unexpected, applicable, units, None)


def _exception(info: dict[str, Any] | None) -> str | None:
    """First line of what was raised, or None; the outer key of the dict holds library ids and is left out."""
    if not info:
        return None
    found = [info] if "raised_exception" in info else list(info.values())
    messages = sorted(
        str(entry.get("exception_message") or "no message").splitlines()[0]
        for entry in found
        if isinstance(entry, dict) and entry.get("raised_exception")
    )
    return messages[0] if messages else None
