"""The report of a release: one HTML file that opens offline, for the people who will use the data."""

from plms_pipeline.quality.report.render import render_report

__all__ = ["render_report"]
