"""What must be settled before Prefect is imported: whose server, whose home folder, no telemetry."""

import logging
import os
import sys
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from plms_pipeline.cohort.logs import library_level
from plms_pipeline.errors import InputError

TELEMETRY_OFF = {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}


def settle(store: Path, prefect_api: str | None) -> str | None:
    """Set Prefect's environment for a run of this process.

    A private home under the store, so that neither the profiles nor the database of the user are read or written;
    telemetry off by both of its switches, because the data are health data; another server only when it is named.

    Parameters
    ----------
    store
        The store of the run.
    prefect_api
        Address of a running server; else ``PREFECT_API_URL`` of the environment; else a private server is started.

    Returns
    -------
    str or None
        The named server, without credentials; None for a private one.

    Raises
    ------
    InputError
        When Prefect was imported before and looks at another server than the one this run should use.
    """
    named = prefect_api or os.environ.get("PREFECT_API_URL") or None
    home = store / "work" / "prefect"
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    values = {
        **TELEMETRY_OFF,
        "PREFECT_HOME": str(home),
        "PREFECT_PROFILES_PATH": str(home / "profiles.toml"),
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true",
        # What a task logs names recordings; logs stay on this machine.
        "PREFECT_LOGGING_TO_API_ENABLED": "false",
    }
    if named is not None:
        values["PREFECT_API_URL"] = named
    if "prefect" not in sys.modules:
        os.environ.pop("PREFECT_PROFILE", None)
        os.environ.setdefault("PREFECT_LOGGING_LEVEL", logging.getLevelName(library_level()))
        os.environ.update(values)
    else:
        os.environ.update(TELEMETRY_OFF)
    _refuse_other_server(named)
    return None if named is None else without_credentials(named)


def _refuse_other_server(named: str | None) -> None:
    """A prefect.toml or .env in the working folder could name a server without anyone saying so on this run."""
    from prefect.settings import get_current_settings

    configured = get_current_settings().api.url
    if configured is not None and named is not None and configured.rstrip("/") == named.rstrip("/"):
        return
    if configured is not None and not _is_own(configured):
        raise InputError(
            f"prefect: a file in this folder or an earlier import names the server {without_credentials(configured)}; "
            "name it with --prefect-api or PREFECT_API_URL if this run should report there, else remove it"
        )


def _is_own(url: str) -> bool:
    """Whether the address is that of a server this process started itself."""
    from prefect.server.api.server import SubprocessASGIServer

    return any(
        server.running and url.startswith(str(server.address)) for server in SubprocessASGIServer._instances.values()
    )


def without_credentials(url: str) -> str:
    """The address as it may be printed."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.port is not None:
        host = f"{host}:{parts.port}"
    return urlunsplit((parts.scheme, host, parts.path, "", ""))
