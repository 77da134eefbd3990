"""Comparing two contracts: which messages that the one allows the other refuses, each shown by an example."""
