# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Time series: iTransformer attends between any number of variates, calendar features as further tokens."""

import torch
from torch import nn

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_nan


class ITransformer(nn.Module):
    """Each variate's whole window is one token; statistics are taken off and put back."""

    def __init__(self, seq_len=24, pred_len=6, d_model=16):
        super().__init__()
        self.pred_len = pred_len
        self.value_embedding = nn.Linear(seq_len, d_model)
        layer = nn.TransformerEncoderLayer(d_model, 2, 32, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.projector = nn.Linear(d_model, pred_len)

    def forward(self, x_enc, x_mark_enc=None):
        means = x_enc.mean(1, keepdim=True).detach()
        x_enc = x_enc - means
        stdev = torch.sqrt(torch.var(x_enc, dim=1, keepdim=True, unbiased=False) + 1e-5)
        x_enc = x_enc / stdev
        _, _, N = x_enc.shape
        x = x_enc.permute(0, 2, 1)
        if x_mark_enc is not None:
            x = torch.cat([x, x_mark_enc.permute(0, 2, 1)], 1)
        out = self.encoder(self.value_embedding(x))
        dec_out = self.projector(out).permute(0, 2, 1)[:, :, :N]
        dec_out = dec_out * stdev[:, 0, :].unsqueeze(1).repeat(1, self.pred_len, 1)
        return dec_out + means[:, 0, :].unsqueeze(1).repeat(1, self.pred_len, 1)


CASES = (
    Case(
        "itransformer_variates",
        build=ITransformer,
        example=lambda: call(floats(2, 24, 5), floats(2, 24, 4)),
        good=lambda: [
            call(floats(1, 24, 1)),
            call(floats(3, 24, 7)),
            call(floats(1, 24, 2), floats(1, 24, 4)),
            call(x_enc=floats(4, 24, 3), x_mark_enc=floats(4, 24, 4)),
            call(floats(2, 24, 30), None),
            call(torch.zeros(2, 24, 4)),
        ],
        bad=lambda: [
            raises("23 steps", floats(2, 23, 5)),
            raises("25 steps", floats(2, 25, 5)),
            raises("variates first", floats(2, 5, 24)),
            raises("no batch axis", floats(24, 5)),
            raises("an axis too many", floats(1, 2, 24, 5)),
            raises("marks of 23 steps", floats(2, 24, 5), floats(2, 23, 4)),
            raises("marks of three for two", floats(2, 24, 5), floats(3, 24, 4)),
            raises("marks of one for two", floats(2, 24, 5), floats(1, 24, 4)),
            raises("float64", floats(2, 24, 5).double()),
            raises("integers", ids(2, 24, 5, below=9)),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 24, 5))),
            raises("nothing"),
        ],
    ),
)
