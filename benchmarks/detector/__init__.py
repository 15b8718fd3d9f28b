"""Benchmark of leg movement detectors on simulated EMG with known truth."""
