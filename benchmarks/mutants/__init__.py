"""Planted faults that a verification must find."""
