"""From leg EMG to monolateral leg movements: arrays in, arrays out."""

from plms_pipeline.emg.detector import Detector, LegResult, detect_leg
from plms_pipeline.emg.legs import compare_legs
from plms_pipeline.emg.warming import warm

__all__ = ["Detector", "LegResult", "compare_legs", "detect_leg", "warm"]
