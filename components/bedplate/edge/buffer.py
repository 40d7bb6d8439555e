"""How much disk metrics need that wait for the link."""

BYTES_PER_SAMPLE = 13
"""A sample in Prometheus' write-ahead log before compression: 4 bytes of reference, 1 of time, 8 of value.

Robust Perception, "How much space does the WAL take up?", for Prometheus 2.17 (read 2026-11-25).
Snappy, which is on by default, saves about half; it is left as a reserve.
"""
SEGMENT_BYTES = 128 << 20
"""Of the log; it is cut by whole ones (prometheus.io/docs/prometheus/latest/storage, read 2026-11-25)."""
SERIES_BYTES = 600
"""The labels of one series, which every checkpoint repeats: about the text of its labels (same source)."""


def log_bytes(series: int, interval_seconds: int, hours: float) -> int:
    """The log after so many hours without a link: samples, series twice, and three segments of its own.

    The log is kept for as long as it was not sent, and cut to two thirds at a time: a third more is needed.
    """
    samples = series * hours * 3600 / interval_seconds
    return round((samples * BYTES_PER_SAMPLE + 2 * series * SERIES_BYTES) * 4 / 3) + 3 * SEGMENT_BYTES
