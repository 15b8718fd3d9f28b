"""Phenotypes: three-valued criteria of a night with their reasons, and the pattern of accompanying factors."""

from plms_pipeline.phenotypes.index_night import mark_index_nights
from plms_pipeline.phenotypes.linkage import link_recording

__all__ = ["link_recording", "mark_index_nights"]
