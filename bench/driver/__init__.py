"""The benchmark: makes trees, measures the contestants interleaved, prints tables.

`scripts/bench` runs it.
"""
