"""Great Expectations: a checkpoint per suite on pandas frames, handing back plain verdicts."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple


class Suite(NamedTuple):
    """Expectations on one frame; each carries its name in ``meta.key``.

    ``index_columns`` name a row of the frame in what comes back.
    """

    name: str
    frame: Any
    index_columns: tuple[str, ...]
    expectations: Sequence[dict[str, Any]]


class Verdict(NamedTuple):
    """What one expectation said.

    Attributes
    ----------
    success
        None when the expectation could not run.
    unexpected
        Index values of the rows outside, sorted.
    detail
        Why it could not run: the first line of the message, without ids of the library.
    """

    success: bool | None
    unexpected: tuple[tuple[str, ...], ...]
    detail: str | None


def expectation(kind: str, key: str, **kwargs: Any) -> dict[str, Any]:
    """Configuration of an expectation without random ids."""
    return {"type": kind, "kwargs": kwargs, "meta": {"key": key}}


def at_most(key: str, column: str, limit_column: str) -> dict[str, Any]:
    """Every value of a column lies at or below the value of another column; rows without either are passed over."""
    return expectation(
        "expect_column_pair_values_a_to_be_greater_than_b",
        key,
        column_A=limit_column,
        column_B=column,
        or_equal=True,
        ignore_row_if="either_value_is_missing",
    )


def validate(suites: Sequence[Suite]) -> dict[tuple[str, str], Verdict]:
    """Run a Great Expectations checkpoint per suite (a checkpoint takes one frame) in one ephemeral context.

    Parameters
    ----------
    suites
        Frames with their expectations (configurations of type, kwargs and meta).

    Returns
    -------
    dict of (str, str) to Verdict
        By name of suite and ``meta.key``. Holds no library ids and no times.

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


def _validate(suites: Sequence[Suite]) -> dict[tuple[str, str], Verdict]:
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(False)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    source = context.data_sources.add_or_update_pandas("candidate")
    verdicts: dict[tuple[str, str], Verdict] = {}
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
                    "unexpected_index_column_names": list(suite.index_columns),
                    "partial_unexpected_count": 0,
                },
            )
        )
        outcome = checkpoint.run(batch_parameters={"dataframe": suite.frame})
        for validated in outcome.run_results.values():
            for result in validated.results:
                key = result.expectation_config.meta["key"]
                verdicts[suite.name, key] = _verdict(result, suite.index_columns)
    return verdicts


def _verdict(result: Any, index_columns: Sequence[str]) -> Verdict:
    if message := _exception(result.exception_info):
        return Verdict(None, (), message)
    outside = result.result.get("unexpected_index_list") or ()
    return Verdict(
        bool(result.success), tuple(sorted(tuple(str(row[name]) for name in index_columns) for row in outside)), None
    )


def _exception(info: dict[str, Any] | None) -> str | None:
    """First line of what was raised, or None; the outer key of the dict holds library ids and is left out."""
    if not info:
        return None
    found = [info] if "raised_exception" in info else list(info.values())
    messages = sorted(
        (str(entry.get("exception_message") or "").splitlines() or ["no message"])[0]
        for entry in found
        if isinstance(entry, dict) and entry.get("raised_exception")
    )
    return messages[0] if messages else None
