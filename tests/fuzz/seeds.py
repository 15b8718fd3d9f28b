"""Small files to begin with: every family of recording, every family of annotation file."""

from __future__ import annotations

import numpy as np

from tests.ingest.edf_bytes import Sig, build, plus, ramp, tal


def recording_seeds() -> list[bytes]:
    """EDF, EDF+C, EDF+D, BDF, BDF+D, with two legs, one combined channel, gaps, overlaps, drift, odd fields."""
    one = [Sig("LEG", ramp(3, 4))]
    two = [Sig("Leg L", ramp(3, 4)), Sig("Leg R", ramp(3, 3)), Sig("ECG", ramp(3, 2))]
    pair = [Sig(name, ramp(3, 4), dmin="-100", dmax="100") for name in ("L-Leg1", "L-Leg2", "R-Leg1", "R-Leg2")]
    wide = [Sig("LEG", np.full((3, 2), -8388608), dmin="-8388608", dmax="8388607")]
    return [
        build(one),
        build(two, record_s="0.1", n_records=-1),
        build(pair, record_s="30", date="00.00.00"),
        build(wide, bdf=True, reserved="24BIT"),
        build(one, fields={"header_bytes": "768"}) + bytes(256),
        build(one, tals=[tal("+0", ""), tal("+1", ""), tal("+2", "x")], date="24.04.yy"),
        plus(one, ["+0", "+1", "+2"], kind="C"),
        plus(one, ["+0.5", "+2", "+2.25"]),
        plus(two, ["+0", "+1.001", "+2.002"]),
        plus(pair, ["+2", "+0", "+1"]),
        plus(wide, ["+0", "+7.5", None], bdf=True),
        build(one, reserved="EDF+D", tals=[tal("+0", "")] * 3, tals_2=[tal("+0.5", "Apnea", duration="9")] * 3),
    ]


def annotation_seeds() -> list[bytes]:
    """Tables, XML, EDF+ annotations and texts of scoring programs."""
    stage = b"<EventType>Stages|Stages</EventType><EventConcept>Stage 2 sleep|2</EventConcept>"
    return [
        b"onset_s,duration_s,stage\n0,30,W\n30,30,N2\n",
        b"onset,duration,description\n0,30,Sleep stage W\n30.5,12,Hypopnea\n",
        b"<?xml version='1.0'?><PSGAnnotation><ScoredEvents><ScoredEvent>" + stage
        + b"<Start>0</Start><Duration>30.0</Duration></ScoredEvent></ScoredEvents></PSGAnnotation>",
        b"<CMPStudyConfig><EpochLength>30</EpochLength><ScoredEvents><ScoredEvent><Name>PLM (Left)</Name>"
        b"<Start>3</Start><Duration>2</Duration></ScoredEvent></ScoredEvents><SleepStages><SleepStage>2</SleepStage></SleepStages>"
        b"</CMPStudyConfig>",
        build([], reserved="EDF+C", tals=[tal("+0", "") + tal("+30", "Sleep stage N2", duration="30")], record_s="0"),
        b"# N2 | stage\nclass\tinstance\tchannel\tstart\tstop\tmeta\n"
        b"N2\t.\t.\te:1\t...\t.\nArousal\t.\t.\t22:30:10\t+3\t.\n",
        b"N2\nN2\nW\nR\n",
        b"onset\tduration\tbegsample\tstage_hum\n0\t30\t1\t2\n",
        b"Signal ID: SchlafProfil\\profil\nStart Time: 23.04.1989 22:30:00\nUnit: \nSignal Type: Discret\n"
        b"Events list: N3,N2,N1,REM,Wake\nRate: 30 s\n\n22:30:00,000; Wake\n22:30:30,000; N2\n",
        b"Signal ID: Arousal\nStart Time: 23.04.1989 23:59:00\nUnit: s\nSignal Type: Impuls\n\n"
        b"23:59:50,750-00:00:02,250; 12;PLM Arousal (EEG)\n",
        b"22:30:00\tSTART RECORDING\n22:31:00\tSTAGE - N2\n22:40:00\tLM - DUR: 0.7 SEC. - ISOLATED\n",
        b"1\t0\n2\t2\n3\t5\n",
    ]  # fmt: skip
