"""Hostile bodies against generated validators; see docs/fuzzing.md."""
