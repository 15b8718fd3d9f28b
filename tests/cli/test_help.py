"""``plms --help`` is instant: it imports none of the heavy packages."""

from __future__ import annotations

import subprocess
import sys

import pytest

from plms_pipeline.store import REVISIONS

HEAVY = (
    "numpy",
    "numba",
    "pandas",
    "pyarrow",
    "dask",
    "prefect",
    "great_expectations",
    "scipy",
    "duckdb",
    "matplotlib",
)
COMMANDS = (
    *("demo", "simulate", "discover", "inspect", "deidentify", "run", "detect", "score", "score-compare", "map-check"),
    *("sql", "explain", "status", "doctor", "clean"),
)


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    code = (
        "import sys\n"
        f"sys.argv = ['plms', *{list(arguments)!r}]\n"
        "from plms_pipeline.cli import main\n"
        "try:\n    main()\nfinally:\n"
        f"    print('HEAVY', [name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_help_imports_no_heavy_package_and_lists_exactly_the_commands_that_work() -> None:
    done = _run("--help")
    assert done.returncode == 0, done.stderr
    assert "HEAVY []" in done.stdout
    listed = done.stdout.split("Commands:")[1].split("Exit codes")[0]
    assert {line.split()[0] for line in listed.splitlines() if line.startswith("  ") and line[2:3].strip()} == set(
        COMMANDS
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command_is_light_too(command: str) -> None:
    done = _run(command, "--help")
    assert done.returncode == 0, done.stderr
    assert "HEAVY []" in done.stdout
    for option in ("--version", "--log-level", "--log-json", "--quiet", "--no-progress"):
        assert option in done.stdout


def test_version_names_package_schema_and_revisions() -> None:
    done = _run("--version")
    assert done.returncode == 0, done.stderr
    assert "plms 0." in done.stdout
    assert "schema 1." in done.stdout
    assert f"detect {REVISIONS['detect']}" in done.stdout


def test_an_unknown_command_is_one_line_and_exit_2() -> None:
    done = _run("lnik")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("plms: ")
