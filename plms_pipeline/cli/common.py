"""What every command shares: version, logging, progress, and how errors end the program."""

from __future__ import annotations

import functools
import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

LEVELS = ("debug", "info", "warning", "error")


class Progress:
    """Progress on stderr: a bar on a terminal, one line per phase elsewhere, nothing when switched off."""

    def __init__(self, *, shown: bool) -> None:
        self._shown = shown
        self._bar: Any = None
        self._phase = ""

    def __call__(self, phase: str, done: int, total: int) -> None:
        """Report that ``done`` of ``total`` steps of a phase are through."""
        if not self._shown:
            return
        if not sys.stderr.isatty():
            if phase != self._phase or (total and done == total):
                print(f"plms: {phase} {done}/{total}" if total else f"plms: {phase}", file=sys.stderr, flush=True)
            self._phase = phase
            return
        from tqdm import tqdm

        if phase != self._phase:
            self.close()
            self._bar = tqdm(total=total or None, desc=phase, file=sys.stderr, unit="", leave=True)
            self._phase = phase
        self._bar.total = total or None
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """Close the bar that is open."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(
            {
                "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
                "level": record.levelname.lower(),
                "logger": record.name,
                "message": record.getMessage(),
            },
            ensure_ascii=False,
        )


def set_up_logging(level: str, log_json: Path | None, *, quiet: bool) -> None:
    """Send the logs of this package to stderr and, on request, as JSON lines to a file."""
    logger = logging.getLogger("plms_pipeline")
    logger.handlers.clear()
    logger.setLevel(level.upper())
    logger.propagate = False
    to_stderr = logging.StreamHandler(sys.stderr)
    to_stderr.setFormatter(logging.Formatter("plms: %(levelname)s: %(message)s"))
    to_stderr.setLevel("ERROR" if quiet else level.upper())
    logger.addHandler(to_stderr)
    if log_json is not None:
        to_file = logging.FileHandler(log_json, encoding="utf-8")
        to_file.setFormatter(_JsonLines())
        logger.addHandler(to_file)


def _show_version(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if not value or context.resilient_parsing:
        return
    import plms_pipeline
    from plms_pipeline import contracts
    from plms_pipeline.store import REVISIONS

    stages = ", ".join(f"{stage} {revision}" for stage, revision in REVISIONS.items())
    click.echo(f"plms {plms_pipeline.__version__}, schema {contracts.schema_version()}, revisions: {stages}")
    context.exit()


version_option = click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_show_version,
    help="Package, schema version and stage revisions.",
)
_COMMON: tuple[Callable[[Callable[..., Any]], Callable[..., Any]], ...] = (
    click.option("--no-progress", is_flag=True, help="No progress on the screen."),
    click.option("--quiet", is_flag=True, help="Only errors and results."),
    click.option("--log-json", type=click.Path(dir_okay=False, path_type=Path), help="Append the log as JSON lines."),
    click.option("--log-level", type=click.Choice(LEVELS), default="warning", show_default=True),
    version_option,
)


def common_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options every command has; the command receives ``progress`` in their place."""

    @functools.wraps(command)
    def wrapped(
        *arguments: Any, log_level: str, log_json: Path | None, quiet: bool, no_progress: bool, **rest: Any
    ) -> Any:
        set_up_logging(log_level, log_json, quiet=quiet)
        progress = Progress(shown=not (quiet or no_progress))
        try:
            return command(*arguments, progress=progress, **rest)
        finally:
            progress.close()

    decorated: Callable[..., Any] = wrapped
    for option in _COMMON:
        decorated = option(decorated)
    return decorated


def settings_from(pairs: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """``("wasm2016.short_imi_may_start=false",)`` as ``{"wasm2016": {"short_imi_may_start": False}}``."""
    from plms_pipeline import contracts
    from plms_pipeline.errors import InputError

    found: dict[str, dict[str, Any]] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        rule_set, dot, option = name.partition(".")
        if not (equals and dot and rule_set and option):
            raise InputError(f"--set {pair}: not of the form RULE_SET.OPTION=VALUE")
        found.setdefault(rule_set, {})[option] = contracts.parse_yaml(text, f"--set {pair}")
    return found
