"""From the signal of a leg to monolateral leg movements: arrays in, arrays out."""

from plms_pipeline.emg.detector import Detector, LegResult, detect_leg
from plms_pipeline.emg.ecg import r_peaks_us
from plms_pipeline.emg.legs import Level, SignalChecks, compare_legs, shared_correlation, signal_level
from plms_pipeline.emg.picture import AmplitudeBins, amplitude_bins
from plms_pipeline.emg.piezo import PiezoDetector, PiezoResult, detect_piezo_leg
from plms_pipeline.emg.warming import warm

__all__ = [
    "AmplitudeBins",
    "Detector",
    "LegResult",
    "Level",
    "PiezoDetector",
    "PiezoResult",
    "SignalChecks",
    "amplitude_bins",
    "compare_legs",
    "detect_leg",
    "detect_piezo_leg",
    "r_peaks_us",
    "shared_correlation",
    "signal_level",
    "warm",
]
