"""Contracts: the data, its JSON, its checks, its fingerprint. Standard library only."""
