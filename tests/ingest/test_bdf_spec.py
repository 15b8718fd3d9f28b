"""BDF: 24-bit samples (BioSemi file format; edfplus.info on BDF+)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from plms_pipeline import ingest
from tests.ingest.edf_bytes import Sig, build, plus

EXTREMES = np.array([[-8388608, -1, 0, 1], [8388607, -65536, 65536, -8388607]])


def test_samples_are_24_bit_twos_complement_little_endian(tmp_path: Path) -> None:
    path = tmp_path / "night.bdf"
    path.write_bytes(
        build([Sig("LEG", EXTREMES, dmin="-8388608", dmax="8388607", pmin="-8388608", pmax="8388607")], bdf=True)
    )
    recording = ingest.open_recording(path)
    assert recording.header["format"] == "BDF" and recording.layout == "combined"
    np.testing.assert_allclose(recording.legs[0].segments[0].samples, EXTREMES.reshape(-1), atol=1e-6)


def test_bdf_plus_d_time_stamps(tmp_path: Path) -> None:
    path = tmp_path / "night.bdf"
    signals = [Sig("LEG", EXTREMES, dmin="-8388608", dmax="8388607")]
    path.write_bytes(plus(signals, ["+0", "+7.5"], bdf=True))
    recording = ingest.open_recording(path)
    assert recording.header["format"] == "BDF+D"
    assert recording.gaps == ((1_000_000, 7_500_000),)


def test_24bit_in_the_reserved_field_is_plain_bdf(tmp_path: Path) -> None:
    path = tmp_path / "night.bdf"
    path.write_bytes(build([Sig("LEG", EXTREMES, dmin="-8388608", dmax="8388607")], bdf=True, reserved="24BIT"))
    assert [found.code for found in ingest.open_recording(path).findings] == ["sensor_unknown"]
