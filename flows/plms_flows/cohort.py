"""Run a cohort as a Prefect flow. This module imports no Prefect: its environment must be settled first."""

import importlib.util
import sys

from plms_flows.environment import settle
from plms_pipeline.cohort import CohortSettings, RunOptions, RunSummary, Work
from plms_pipeline.cohort.plan import Progress, no_progress, prepare
from plms_pipeline.cohort.warming import KernelWarming


def run_prefect(
    settings: CohortSettings,
    options: RunOptions | None = None,
    *,
    progress: Progress = no_progress,
    work: Work | None = None,
) -> RunSummary:
    """Run a cohort in a Prefect flow with a task per shard and Dask futures inside.

    Parameters
    ----------
    settings, options, progress, work
        As for `plms_pipeline.cohort.run`; ``settings.prefect_api`` names another server than a private one.

    Returns
    -------
    RunSummary

    Raises
    ------
    ModuleNotFoundError
        Without Prefect; nothing was started.
    """
    if importlib.util.find_spec("prefect") is None:
        # Said before the store is locked; the caller turns it into one line.
        raise ModuleNotFoundError("Prefect is not installed", name="prefect")
    with (
        prepare(settings, options, progress=progress, work=work) as ctx,
        KernelWarming(settings.is_local and ctx.computes_nights) as warming,
    ):
        server = settle(ctx.store_root, settings.prefect_api)
        if server is not None:
            print(f"plms: the flow reports to the Prefect server {server}", file=sys.stderr, flush=True)
        progress("starting the flow", 0, 0)
        from plms_flows.cohort_flow import run_in_flow

        try:
            return run_in_flow(ctx, warming)
        except KeyboardInterrupt:
            _stop_private_servers()
            raise


def _stop_private_servers() -> None:
    """End Prefect's temporary servers now: an interrupted process does not wait for its exit handlers."""
    from prefect.server.api.server import SubprocessASGIServer

    for server in list(SubprocessASGIServer._instances.values()):
        server.stop()
