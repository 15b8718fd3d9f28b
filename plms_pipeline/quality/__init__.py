"""Quality of a candidate release: declared checks, the gate, and the report for people who will use the data."""

from plms_pipeline.quality.checks import Check, load_checks
from plms_pipeline.quality.gate import GateResult, check_release
from plms_pipeline.quality.report.render import render_report

__all__ = ["Check", "GateResult", "check_release", "load_checks", "render_report"]
