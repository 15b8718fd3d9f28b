"""Quality of a candidate release: declared checks, the gate, and the report for people who will use the data."""

from plms_pipeline.quality.checks import Check, load_checks
from plms_pipeline.quality.gate import GateResult, check_release

__all__ = ["Check", "GateResult", "check_release", "load_checks"]
