"""Benchmarks: ratios against baselines and limits, measured in one run. Nothing here is a test."""
