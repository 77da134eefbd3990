"""Measurements of contractgen that are too slow, or too wide, for the test suite."""
