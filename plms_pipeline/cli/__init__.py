"""The command line: thin. Heavy packages are imported inside commands, so that ``plms --help`` is instant."""

from __future__ import annotations

import os
import sys

import click

from plms_pipeline.cli.clinical_commands import explain, map_check
from plms_pipeline.cli.cohort_commands import clean, demo, run, simulate, status
from plms_pipeline.cli.common import version_option
from plms_pipeline.cli.compare_command import score_compare
from plms_pipeline.cli.doctor import doctor
from plms_pipeline.cli.night_commands import detect, score
from plms_pipeline.cli.query import sql
from plms_pipeline.cli.reading_commands import deidentify, discover, inspect
from plms_pipeline.errors import PlmsError

_EPILOG = (
    "Exit codes: 0 done (defective inputs are in the ledger); 1 some recordings failed for reasons of the system or "
    "above the limit; 2 bad input or settings, nothing started; 3 a quality gate closed; 4 store locked; "
    "130 interrupted, run again to resume."
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}, epilog=_EPILOG)
@version_option
def cli() -> None:
    """Periodic leg movements of sleep: from a cohort's EDF archive to Parquet for epidemiology."""


for _command in (
    *(demo, simulate, discover, inspect, deidentify, run, detect, score, score_compare, map_check),
    *(sql, explain, status, doctor, clean),
):
    cli.add_command(_command)


def main() -> None:
    """Run the command line; every error is one line on stderr and an exit code."""
    try:
        code = cli.main(standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else str(error))
        code = 2
    except click.UsageError as error:
        where = f" ({error.ctx.command_path} --help)" if error.ctx else ""
        click.echo(f"plms: {error.format_message()}{where}", err=True)
        code = 2
    except click.ClickException as error:
        click.echo(f"plms: {error.format_message()}", err=True)
        code = 2
    except PlmsError as error:
        click.echo(f"plms: {error}", err=True)
        code = error.exit_code
    except (KeyboardInterrupt, click.exceptions.Abort):
        click.echo("plms: interrupted; the same command resumes", err=True)
        code = 130
        if "prefect" in sys.modules:
            # Everything of ours is closed; Prefect's exit handlers would wait for a server that is gone.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    except BrokenPipeError:
        sys.stderr.close()
        code = 0
    sys.exit(code if isinstance(code, int) else 0)
