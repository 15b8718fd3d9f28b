"""Nothing leaves by accident: private home, no profiles, no telemetry, no server but a named one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from plms_flows.environment import without_credentials

CHECKOUT = Path(__file__).resolve().parents[2]
ASK = """
import sys
from pathlib import Path
from plms_flows.environment import settle
from plms_pipeline.errors import InputError
assert "prefect" not in sys.modules
try:
    server = settle(Path(sys.argv[1]), sys.argv[2] or None)
except InputError as error:
    sys.exit(f"refused: {error}")
from prefect.settings import get_current_settings
now = get_current_settings()
print(server, now.api.url, now.home, now.server.analytics_enabled, now.server.ephemeral.startup_timeout_seconds,
      now.logging.to_api.enabled, now.server.ephemeral.enabled)
"""


def _ask(tmp_path: Path, named: str = "", **environment: str) -> "subprocess.CompletedProcess[str]":
    home = tmp_path / "home"
    (home / ".prefect").mkdir(parents=True, exist_ok=True)
    (home / ".prefect" / "profiles.toml").write_text(
        'active = "theirs"\n[profiles.theirs]\nPREFECT_API_URL = "https://profile.example.org/api"\n', encoding="utf-8"
    )
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    path = os.pathsep.join([str(CHECKOUT), str(CHECKOUT / "flows")])
    return subprocess.run(
        [sys.executable, "-c", ASK, str(tmp_path / "store"), named],
        env={**inherited, "HOME": str(home), "PYTHONPATH": path, **environment},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_a_private_server_whatever_the_users_profile_says(tmp_path: Path) -> None:
    found = _ask(tmp_path, PREFECT_PROFILE="theirs")
    assert found.stdout.split() == [
        "None",
        "None",
        str(tmp_path / "store/work/prefect"),
        "False",
        "120",
        "False",
        "True",
    ]


@pytest.mark.slow
def test_another_server_by_argument_or_environment_only(tmp_path: Path) -> None:
    url = "http://10.0.0.5:4200/api"
    assert _ask(tmp_path, url).stdout.split()[:2] == [url, url]
    assert _ask(tmp_path, PREFECT_API_URL=url).stdout.split()[:2] == [url, url]
    other = "http://10.0.0.6:4200/api"
    assert _ask(tmp_path, other, PREFECT_API_URL=url).stdout.split()[:2] == [other, other]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("prefect.toml", '[api]\nurl = "https://u:p@toml.example.org/api"\n'),
        (".env", "PREFECT_API_URL=https://u:p@toml.example.org/api\n"),
    ],
)
def test_a_file_in_the_working_folder_names_no_server(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    found = _ask(tmp_path)
    assert found.returncode == 1
    assert "refused: prefect: a file in this folder" in found.stderr
    assert "https://toml.example.org/api" in found.stderr
    assert "u:p" not in found.stderr


def test_credentials_are_not_printed() -> None:
    assert without_credentials("https://user:secret@host:4200/api?key=1") == "https://host:4200/api"


def test_the_executor_module_imports_no_prefect() -> None:
    code = "import sys, plms_flows.cohort; sys.exit('prefect' in sys.modules)"
    path = os.pathsep.join([str(CHECKOUT), str(CHECKOUT / "flows")])
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": path})
