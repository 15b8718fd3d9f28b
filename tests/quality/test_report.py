"""The report: opens offline, escapes what it is given, says SIMULATED, and is the same bytes every time."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from plms_pipeline import contracts
from plms_pipeline.quality import check_release, render_report
from tests.quality.cohort import valid_release
from tests.quality.plants import PLANTS
from tests.quality.synthetic import Release
from tests.quality.synthetic import row as declared_row

CHROMIUM = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--enable-logging=stderr",
)  # fmt: skip
# What a page itself says on its console; messages of the browser about its own surroundings name no CONSOLE.
CONSOLE_ERROR = re.compile(r"CONSOLE[:(]|Uncaught|Failed to load resource|net::ERR_")


def checked(candidate: Path) -> Path:
    """Add quality_result to a candidate."""
    rows = check_release(candidate).rows
    table = contracts.to_arrow("quality_result", rows)
    pq.write_table(table.replace_schema_metadata({"plms:simulated": "true"}), candidate / "quality_result.parquet")
    return candidate


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Report of the valid release."""
    folder = tmp_path_factory.mktemp("report")
    candidate = checked(valid_release().write(folder / "candidate"))
    render_report(candidate, folder / "reports" / "report.html")
    return folder / "reports" / "report.html"


class _Addresses(HTMLParser):
    """Collects everything a browser would fetch, and the text of the page."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.ids: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name in ("src", "href", "xlink:href", "srcset", "action", "poster", "data") and value:
                self.fetched.append(value)
            if name == "id" and value:
                self.ids.append(value)


def test_no_outside_address(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    parser = _Addresses()
    parser.feed(text)
    assert [address for address in parser.fetched if not address.startswith("#")] == []
    assert re.findall(r"@import|url\((?!#)", text) == []
    assert "https://" not in text
    assert "http://" not in text
    assert "script" not in parser.tags


def test_links_and_ids_are_whole(page: Path) -> None:
    parser = _Addresses()
    parser.feed(page.read_text(encoding="utf-8"))
    assert {address.removeprefix("#") for address in parser.fetched} <= set(parser.ids)
    assert len(parser.ids) == len(set(parser.ids))


def test_report_says_what_it_must(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for words in (
        "SIMULATED DATA",
        "6 in = 4 analysed + 1 excluded + 1 failed.",
        "PLMS are non-specific",
        "Restless legs syndrome follows from history only",
        "Nothing here is a diagnosis",
        "What to look for.",
        "Quality gate open.",
        "Unknown is never no and never zero",
        "no leg channel was recognised",
    ):
        assert words in text, words
    assert "Cannot be shown" not in text
    assert text.count("<figcaption>") == text.count("<figure ")


def test_real_data_carry_no_banner(tmp_path: Path, release: Release) -> None:
    real = release.copy()
    real.simulated = False
    render_report(real.write(tmp_path / "candidate"), tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "SIMULATED" not in text
    assert "The checks have not been run on this release yet." in text


def test_without_human_marks_no_agreement_is_claimed(page: Path) -> None:
    assert "No analysed recording has human leg marks" in page.read_text(encoding="utf-8")


def test_agreement_with_human_marks_is_summed_over_recordings(tmp_path: Path, release: Release) -> None:
    with_marks = release.copy()
    nights = [one for one in with_marks.rows["ledger"] if one["outcome"] == "analysed"][:2]
    counts = ((100, 80, 70, 12.0, 10.0), (20, 0, 0, 4.0, None))
    for night, (n_annotation, n_detector, n_matched, human, detected) in zip(nights, counts, strict=True):
        ids = {name: night[name] for name in ("recording_id", "cohort", "subject_id", "visit")}
        with_marks.rows["movement_agreement"].append(
            declared_row(
                "movement_agreement",
                **ids,
                rule_set="aasm3",
                n_annotation=n_annotation,
                n_detector=n_detector,
                n_matched=n_matched,
                f1=2 * n_matched / (n_annotation + n_detector),
                plmsi_annotation_per_h=human,
                plmsi_detector_per_h=detected,
                plmsi_difference_per_h=None if detected is None else detected - human,
            )
        )
    render_report(with_marks.write(tmp_path / "candidate"), tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    figure = text[text.index('<figure id="agreement"') :]
    figure = figure[: figure.index("</figure>")]
    cells = re.findall(r"<td[^>]*>(.*?)</td>", figure)
    # 70 of 120 marks, 70 of 80 movements; F1 0.78 and 0; one night with both indices
    assert cells == ["aasm3", "2", "120", "80", "70", "58 %", "88 %", "0.39", "–", "-2.0 (1)"]
    assert "<svg" in figure


def test_closed_gate_names_check_reason_and_remedy(
    tmp_path: Path, planted: Callable[[Callable[[Release], None]], Path]
) -> None:
    render_report(checked(planted(PLANTS["interval_holds_the_point"])), tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Quality gate closed" in text
    assert "interval_holds_the_point" in text
    assert "Three-valued phenotypes are decided by the interval" in text
    assert "1 of 16 (intervals that are half open" in text


def test_text_of_users_is_escaped(tmp_path: Path, release: Release) -> None:
    evil = "<script>alert(1)</script>"
    changed = release.copy()
    for rows in changed.rows.values():
        for one in rows:
            for column, value in one.items():
                if value == "demo_s4_v1" or (value == "s4" and column == "subject_id"):
                    one[column] = evil
    changed.set("ledger", "text", '"><img src=x onerror=alert(1)>', recording_id=evil)
    changed.rows["provenance"][0]["value"] = evil
    render_report(checked(changed.write(tmp_path / "candidate")), tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;alert(1)" in text
    assert "<script" not in text
    assert "<img" not in text


def test_a_lost_column_is_said_and_the_page_still_opens(
    tmp_path: Path, planted: Callable[[Callable[[Release], None]], Path]
) -> None:
    def without_column(release: Release) -> None:
        for row in release.rows["night"]:
            del row["imi_all_hist"]

    render_report(planted(without_column), tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert text.count("Cannot be shown for this release") == 1
    assert "imi_all_hist" in text


def test_same_bytes_twice_and_in_another_process(page: Path, tmp_path: Path) -> None:
    candidate = page.parent.parent / "candidate"
    render_report(candidate, tmp_path / "again.html")
    assert (tmp_path / "again.html").read_bytes() == page.read_bytes()
    moved = tmp_path / "elsewhere"
    shutil.copytree(candidate, moved)
    code = (
        "import sys, pathlib; from plms_pipeline.quality import render_report; "
        "render_report(*map(pathlib.Path, sys.argv[1:]))"
    )
    environment = os.environ | {"PYTHONHASHSEED": "7", "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    subprocess.run([sys.executable, "-c", code, str(moved), str(tmp_path / "other.html")], check=True, env=environment)
    assert (tmp_path / "other.html").read_bytes() == page.read_bytes()


def _console_errors(page: Path, profile: Path) -> list[str]:
    binary = shutil.which("chromium")
    if binary is None:
        message = "chromium is not here; .ci/run installs it"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    shot = profile.with_suffix(".png")
    done = subprocess.run(
        [binary, *CHROMIUM, f"--user-data-dir={profile}", "--window-size=1200,2000", f"--screenshot={shot}",
         page.as_uri()],
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert shot.stat().st_size > 10_000, done.stderr[-2000:]
    return [line for line in done.stderr.splitlines() if CONSOLE_ERROR.search(line)]


def test_no_console_error_in_a_browser(page: Path, tmp_path: Path) -> None:
    assert _console_errors(page, tmp_path / "profile") == []


def test_a_page_with_a_console_error_is_noticed(page: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.html"
    text = page.read_text(encoding="utf-8")
    broken.write_text(text.replace("</body>", "<script>undefined_function()</script></body>"), encoding="utf-8")
    assert _console_errors(broken, tmp_path / "profile")
