"""The flow diagram of the report: STROBE item 13, numbers and reasons at each stage."""

from __future__ import annotations

from xml.etree import ElementTree

import duckdb
import pytest

from plms_pipeline.quality.report.flow import draw, flow
from plms_pipeline.quality.report.model import Reason, Step

LEDGER = [
    ("a", "analysed", None, None),
    ("b", "analysed", None, None),
    ("c", "analysed", None, None),
    ("d", "failed_input", "input", "file_missing"),
    ("e", "excluded", "detect", "sensor_unknown"),
    ("f", "failed_input", "detect", "bad_signal_count"),
    ("g", "failed_input", "score", "annotations_unreadable"),
    ("h", "excluded", "detect", "sensor_unknown"),
]
ANALYSIS = [("a", True, "full"), ("b", False, "full"), ("c", True, "one_leg")]


@pytest.fixture
def release() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("CREATE TABLE ledger (recording_id TEXT, outcome TEXT, stage TEXT, reason TEXT)")
    connection.executemany("INSERT INTO ledger VALUES (?, ?, ?, ?)", LEDGER)
    connection.execute(
        "CREATE TABLE analysis (recording_id TEXT, is_index_night BOOL, evidence_class TEXT, outcome TEXT)"
    )
    connection.executemany("INSERT INTO analysis VALUES (?, ?, ?, 'analysed')", ANALYSIS)
    connection.execute("CREATE TABLE domain (code_list TEXT, value TEXT, label TEXT)")
    connection.execute("INSERT INTO domain VALUES ('outcome_reason', 'sensor_unknown', 'the sensor is <unknown>')")
    return connection


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter("text")]


def test_every_stage_says_who_left_and_why(release: duckdb.DuckDBPyConnection) -> None:
    figure = flow(release)
    assert figure.caption == "8 in = 3 analysed + 2 excluded + 3 failed. Every stage adds up."
    found = texts(str(figure.svg))
    assert found == [
        "Recordings in the sheet", "8", "Left at stage input: 1", "1 failed: file_missing",
        "Files there and readable", "7", "Left at stage detect: 3",
        "2 excluded: the sensor is <unknown>", "1 failed: bad_signal_count",
        "Leg movements detected", "4", "Left at stage score: 1", "1 failed: annotations_unreadable",
        "Analysed nights", "3", "Not the index night of their person: 1", "1 one night per person is used",
        "Index nights, one per person", "2", "Evidence less than full: 1",
        "1 one leg, partial staging or too little scorable sleep",
        "Index nights with full evidence", "1",
    ]  # fmt: skip


def test_a_ledger_that_does_not_add_up_is_said(release: duckdb.DuckDBPyConnection) -> None:
    release.execute("UPDATE ledger SET stage = NULL WHERE recording_id = 'd'")
    assert "THIS DOES NOT ADD UP" in flow(release).caption


def test_the_same_steps_give_the_same_bytes_and_stay_inside_the_drawing() -> None:
    long = "a reason of many words that has to be broken into several lines because nobody cut it short " * 3
    steps = [
        Step("In", 12345, "Left:", 2, [Reason(long, 2), Reason("<script>alert(1)</script>", 0)]),
        Step("Out", 12343),
    ]
    svg = draw(steps)
    assert svg == draw(steps) and "<script>" not in svg
    root = ElementTree.fromstring(svg)
    width, height = (float(value) for value in root.attrib["viewBox"].split()[2:])
    assert all(float(box.attrib["x"]) + float(box.attrib["width"]) <= width for box in root.iter("rect"))
    assert all(float(box.attrib["y"]) + float(box.attrib["height"]) <= height for box in root.iter("rect"))
    assert "12,345" in texts(svg)
