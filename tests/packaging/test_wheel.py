"""The wheel outside the checkout: an unlocked install, a folder named ``flows`` in the way, and a demo with Prefect."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(CHECKOUT)],
        check=True,
        capture_output=True,
        text=True,
    )
    (built,) = out.glob("*.whl")
    return built


def test_the_wheel_holds_pipeline_flows_declarations_and_the_command(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        entry_points = next(name for name in names if name.endswith("entry_points.txt"))
        commands = archive.read(entry_points).decode()
    tops = {name.split("/")[0] for name in names if ".dist-info" not in name}
    assert tops == {"plms_pipeline", "plms_flows"}
    for declared in sorted((CHECKOUT / "schemas").rglob("*")):
        if declared.is_file():
            assert f"plms_pipeline/_schemas/{declared.relative_to(CHECKOUT / 'schemas').as_posix()}" in names
    assert "plms = plms_pipeline.cli:main" in commands
    assert "prefect = plms_flows.cohort:run_prefect" in commands


@pytest.mark.slow
def test_an_unlocked_install_runs_the_demo_beside_a_folder_named_flows(wheel: Path, tmp_path: Path) -> None:
    environment = tmp_path / "env"
    venv.create(environment, with_pip=True)
    binaries = environment / "bin"
    subprocess.run(
        [str(binaries / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", str(wheel)],
        check=True,
        capture_output=True,
        text=True,
    )
    place = tmp_path / "elsewhere"
    (place / "flows").mkdir(parents=True)
    (place / "flows" / "__init__.py").write_text("raise RuntimeError('not ours')\n", encoding="utf-8")
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "PIP_INDEX_URL") if name in os.environ}
    done = subprocess.run(
        [str(binaries / "plms"), "demo", "--nights", "4"],
        cwd=place,
        env={**kept, "HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "analysed" in done.stdout
    latest = json.loads((place / "plms_demo" / "store" / "releases" / "LATEST").read_text(encoding="utf-8"))
    assert any(str(value).startswith("r2") for value in latest.values())
