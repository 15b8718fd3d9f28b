"""What must hold of anything a reader gives back."""

from __future__ import annotations

import itertools

import numpy as np

from plms_pipeline import ingest
from plms_pipeline.ingest import tal


def check_recording(recording: ingest.Recording) -> None:
    """Samples lie inside the recording, in order, without overlap; everything is finite and read-only."""
    assert recording.duration_us >= 0
    for begin, end in recording.gaps:
        assert 0 <= begin < end <= recording.duration_us
    for channel in (*recording.legs, *((recording.ecg,) if recording.ecg else ())):
        step_us = 1e6 / channel.fs_hz
        ends = []
        for segment in channel.segments:
            assert segment.start_us >= 0 and len(segment.samples) > 0
            assert np.isfinite(segment.samples).all()
            assert not segment.samples.flags.writeable
            ends.append(segment.start_us + len(segment.samples) * step_us)
        assert all(end <= recording.duration_us + 2 for end in ends)
        for end, after in itertools.pairwise([(e, s.start_us) for e, s in zip(ends, channel.segments, strict=True)]):
            assert end[0] <= after[1] + 2, (end, after)


def check_stamps(data: bytes) -> None:
    """Many stamps read together are what they are one by one."""
    for width in (7, 16, tal.STAMP_BYTES):
        heads = np.frombuffer(data.ljust(-(-len(data) // width) * width, b"\x00"), dtype=np.uint8).reshape(-1, width)
        stamps, is_known = tal.first_stamps_us(heads)
        for head, stamp, known in zip(heads, stamps.tolist(), is_known.tolist(), strict=True):
            assert (stamp if known else None) == tal.first_stamp_us(head.tobytes())
