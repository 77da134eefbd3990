# The helpers are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Graphs of several sizes in one batch, as libraries of graphs make them."""

import torch

from benchmarks.inference.case import ids


def to_dense_batch(x, batch):
    """Nodes of each graph in a row, padded with zeros, and which of them are real."""
    batch_size = int(batch.max()) + 1
    num_nodes = batch.new_zeros(batch_size).index_add_(0, batch, torch.ones_like(batch))
    cum_nodes = torch.cat([batch.new_zeros(1), num_nodes.cumsum(0)])
    max_num_nodes = int(num_nodes.max())
    index = torch.arange(batch.size(0), device=x.device) - cum_nodes[batch] + batch * max_num_nodes
    out = x.new_zeros(batch_size * max_num_nodes, x.size(-1))
    out[index] = x
    mask = torch.zeros(batch_size * max_num_nodes, dtype=torch.bool, device=x.device)
    mask[index] = True
    return out.view(batch_size, max_num_nodes, x.size(-1)), mask.view(batch_size, max_num_nodes)


def members(*nodes):
    return torch.cat([torch.full((count,), index) for index, count in enumerate(nodes)])


def links(*nodes, each=4):
    """``each`` links within every graph."""
    starts = [sum(nodes[:index]) for index in range(len(nodes))]
    return torch.cat([start + ids(2, each, below=count) for start, count in zip(starts, nodes, strict=True)], dim=1)
