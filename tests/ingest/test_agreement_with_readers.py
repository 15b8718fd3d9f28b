"""Sample by sample the same as edfio and pyedflib wherever those are right."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from plms_pipeline import ingest
from plms_pipeline.ingest.channels import uv_per_unit

EDFIO = [
    "derived/ndr_minus1.edf", "derived/trailing_garbage.edf", "derived/trunc_at_record.edf",
    "derived/trunc_midrecord.edf", "edfReader/bdfPlusC.bdf", "edfReader/edfAnnonC.edf", "edfReader/edfPlusC.edf",
    "edfReader/edfPlusD.edf", "edfio/mne_test.edf", "edfio/short_psg.bdf", "edfio/short_psg.edf",
    "edfio/test_subsecond.bdf", "edfio/test_subsecond.edf", "pyedflib/test_generator.bdf",
    "pyedflib/test_generator.edf", "pyedflib/test_generator_datarec_generator_0_5.bdf",
    "pyedflib/test_generator_datarec_generator_2.bdf", "pyedflib/test_legacy.edf", "pyedflib/test_utf8.edf",
]  # fmt: skip
PYEDFLIB = [name for name in EDFIO if "derived" not in name and "edfPlusD" not in name] + [
    "derived/trailing_garbage.edf"
]


def ours(path: Path, label: str) -> np.ndarray:
    overrides = ingest.overrides_from({"combined": label})
    leg = ingest.open_recording(path, overrides).legs[0]
    return np.concatenate([segment.samples for segment in leg.segments])


def in_volts(signals: list[ingest.SignalHeader]) -> list[ingest.SignalHeader]:
    seen: set[str] = set()
    kept = []
    for signal in signals:
        if uv_per_unit(signal.unit) is not None and signal.label not in seen:
            kept.append(signal)
        seen.add(signal.label)
    return kept[:12]


@pytest.mark.parametrize("name", EDFIO)
def test_edfio(shared_data: Path, name: str) -> None:
    import edfio

    path = shared_data / "edf" / name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # edfio warns of the defect that the file was made to have
        theirs = (edfio.read_bdf if name.endswith("bdf") else edfio.read_edf)(path)
    n = 0
    for signal in in_volts(list(ingest.read_header(path).data_signals)):
        other = next(s for s in theirs.signals if s.label == signal.label)
        factor = uv_per_unit(signal.unit)
        np.testing.assert_allclose(ours(path, signal.label), other.data * factor, rtol=1e-12, atol=1e-9)
        n += 1
    assert n


@pytest.mark.parametrize("name", sorted(PYEDFLIB))
def test_pyedflib(shared_data: Path, name: str) -> None:
    import pyedflib

    path = shared_data / "edf" / name
    with pyedflib.EdfReader(str(path)) as reader:
        labels = reader.getSignalLabels()
        n = 0
        for signal in in_volts(list(ingest.read_header(path).data_signals)):
            other = reader.readSignal(labels.index(signal.label)) * uv_per_unit(signal.unit)
            np.testing.assert_allclose(ours(path, signal.label), other, rtol=1e-12, atol=1e-9)
            n += 1
    assert n


def test_file_written_by_edfio(tmp_path: Path) -> None:
    import edfio

    rng = np.random.default_rng(3)
    data = rng.normal(0, 30, 60 * 200), rng.normal(0, 0.02, 60 * 128)
    signals = [
        edfio.EdfSignal(data[0], 200, label="LAT", physical_dimension="uV", physical_range=(-500, 500)),
        edfio.EdfSignal(data[1], 128, label="RAT", physical_dimension="mV", physical_range=(-0.5, 0.5)),
    ]
    notes = [edfio.EdfAnnotation(3.5, 30, "Sleep stage N2"), edfio.EdfAnnotation(40, 4, "EEG arousal")]
    path = tmp_path / "night.edf"
    edfio.Edf(signals, annotations=notes).write(path)
    recording = ingest.open_recording(path)
    for leg, signal, factor in zip(recording.legs, edfio.read_edf(path).signals, (1.0, 1000.0), strict=True):
        np.testing.assert_allclose(leg.segments[0].samples, signal.data * factor, rtol=1e-12, atol=1e-9)
    found = ingest.read_annotations([path], duration_us=recording.duration_us, recording_start=recording.start)
    assert found.stages is not None and found.stages.onset_us.tolist() == [3_500_000]
    assert found.arousals is not None and found.arousals.offset_us.tolist() == [44_000_000]
