# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Time series: N-BEATS, a transformer over values and calendar marks, DeepAR over many series."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_inf, with_nan


def squeeze_last_dim(tensor):
    if len(tensor.shape) == 3 and tensor.shape[-1] == 1:
        return tensor[..., 0]
    return tensor


class GenericBlock(nn.Module):
    def __init__(self, units, thetas_dim, backcast_length, forecast_length):
        super().__init__()
        self.fc = nn.Sequential(nn.Linear(backcast_length, units), nn.ReLU(), nn.Linear(units, units), nn.ReLU())
        self.theta_b_fc = nn.Linear(units, thetas_dim, bias=False)
        self.theta_f_fc = nn.Linear(units, thetas_dim, bias=False)
        self.backcast_fc = nn.Linear(thetas_dim, backcast_length)
        self.forecast_fc = nn.Linear(thetas_dim, forecast_length)

    def forward(self, x):
        x = self.fc(squeeze_last_dim(x))
        return self.backcast_fc(self.theta_b_fc(x)), self.forecast_fc(self.theta_f_fc(x))


class NBeatsNet(nn.Module):
    def __init__(self, backcast_length=20, forecast_length=5, hidden_layer_units=16, stacks=2, blocks=2):
        super().__init__()
        self.backcast_length = backcast_length
        self.forecast_length = forecast_length
        self.stacks = nn.ModuleList(
            [
                nn.ModuleList(
                    [GenericBlock(hidden_layer_units, 4, backcast_length, forecast_length) for _ in range(blocks)]
                )
                for _ in range(stacks)
            ]
        )

    def forward(self, backcast):
        backcast = squeeze_last_dim(backcast)
        forecast = torch.zeros(size=(backcast.size()[0], self.forecast_length))
        for stack in self.stacks:
            for block in stack:
                b, f = block(backcast)
                backcast = backcast - b
                forecast = forecast + f
        return backcast, forecast


class TemporalEmbedding(nn.Module):
    """Month, day, weekday and hour of every step."""

    def __init__(self, d_model):
        super().__init__()
        self.month_embed = nn.Embedding(13, d_model)
        self.day_embed = nn.Embedding(32, d_model)
        self.weekday_embed = nn.Embedding(7, d_model)
        self.hour_embed = nn.Embedding(24, d_model)

    def forward(self, x):
        hour_x = self.hour_embed(x[:, :, 3])
        weekday_x = self.weekday_embed(x[:, :, 2])
        day_x = self.day_embed(x[:, :, 1])
        month_x = self.month_embed(x[:, :, 0])
        return hour_x + weekday_x + day_x + month_x


class DataEmbedding(nn.Module):
    def __init__(self, c_in, d_model, max_len=48):
        super().__init__()
        self.value_embedding = nn.Conv1d(c_in, d_model, 3, padding=1, padding_mode="circular", bias=False)
        position = torch.arange(max_len).float().unsqueeze(1)
        div_term = (torch.arange(0, d_model, 2).float() * -(math.log(10000.0) / d_model)).exp()
        pe = torch.zeros(max_len, d_model)
        pe[:, 0::2] = torch.sin(position * div_term)
        pe[:, 1::2] = torch.cos(position * div_term)
        self.register_buffer("pe", pe.unsqueeze(0))
        self.temporal_embedding = TemporalEmbedding(d_model)

    def forward(self, x, x_mark):
        value = self.value_embedding(x.permute(0, 2, 1)).transpose(1, 2)
        return value + self.pe[:, : x.size(1)] + self.temporal_embedding(x_mark)


class Forecaster(nn.Module):
    """The decoder's input is the known end of the series followed by zeros for the steps to be predicted."""

    def __init__(self, enc_in=3, dec_in=3, c_out=1, pred_len=6, d_model=16, n_heads=2):
        super().__init__()
        self.pred_len = pred_len
        self.enc_embedding = DataEmbedding(enc_in, d_model)
        self.dec_embedding = DataEmbedding(dec_in, d_model)
        self.encoder = nn.TransformerEncoderLayer(d_model, n_heads, 32, batch_first=True)
        self.decoder = nn.TransformerDecoderLayer(d_model, n_heads, 32, batch_first=True)
        self.projection = nn.Linear(d_model, c_out)

    def forward(self, x_enc, x_mark_enc, x_dec, x_mark_dec):
        enc_out = self.encoder(self.enc_embedding(x_enc, x_mark_enc))
        dec_out = self.dec_embedding(x_dec, x_mark_dec)
        causal = torch.triu(torch.ones(dec_out.size(1), dec_out.size(1), dtype=torch.bool), diagonal=1)
        dec_out = self.decoder(dec_out, enc_out, tgt_mask=causal)
        return self.projection(dec_out)[:, -self.pred_len :, :]


def marks(b, t):
    return torch.stack([ids(b, t, below=13), ids(b, t, below=32), ids(b, t, below=7), ids(b, t, below=24)], dim=-1)


def window(b, enc, dec):
    return {
        "x_enc": floats(b, enc, 3),
        "x_mark_enc": marks(b, enc),
        "x_dec": floats(b, dec, 3),
        "x_mark_dec": marks(b, dec),
    }


def mark(*values):
    return {
        "x_enc": floats(1, 1, 3),
        "x_mark_enc": torch.tensor([[values]]),
        "x_dec": floats(1, 8, 3),
        "x_mark_dec": marks(1, 8),
    }


class DeepAR(nn.Module):
    """A Gaussian for every next step; series are scaled by their own size and told apart by an embedding."""

    def __init__(self, num_series=9, cov_dim=4, embedding_dim=5, hidden=12):
        super().__init__()
        self.embedding = nn.Embedding(num_series, embedding_dim)
        self.lstm = nn.LSTM(1 + cov_dim + embedding_dim, hidden, batch_first=True)
        self.distribution_mu = nn.Linear(hidden, 1)
        self.distribution_presigma = nn.Linear(hidden, 1)

    def forward(self, past_target, covariates, series_id, hidden=None):
        scale = 1 + past_target.abs().mean(dim=1, keepdim=True)
        onehot_embed = self.embedding(series_id).unsqueeze(1).expand(-1, past_target.size(1), -1)
        lstm_input = torch.cat(((past_target / scale).unsqueeze(-1), covariates, onehot_embed), dim=2)
        output, hidden = self.lstm(lstm_input, hidden)
        mu = self.distribution_mu(output).squeeze(-1) * scale
        sigma = F.softplus(self.distribution_presigma(output)).squeeze(-1) * scale
        return mu, sigma


def demand(b, t):
    return floats(b, t), floats(b, t, 4), ids(b, below=9)


CASES = (
    Case(
        "nbeats",
        build=NBeatsNet,
        example=lambda: call(floats(4, 20)),
        good=lambda: [call(floats(n, 20)) for n in (1, 2, 3, 6, 31)] + [call(backcast=torch.zeros(2, 20))],
        bad=lambda: [
            raises("19 steps", floats(2, 19)),
            raises("21 steps", floats(2, 21)),
            raises("25 steps, past and future", floats(2, 25)),
            unmeant("no batch axis", Policy.RANK, floats(20)),
            unmeant("with a feature axis", Policy.RANK, floats(2, 20, 1)),
            raises("three features", floats(2, 20, 3)),
            raises("transposed", floats(20, 3)),
            raises("float64", floats(2, 20).double()),
            raises("int64", ids(2, 20, below=9)),
            unmeant("empty batch", Policy.EMPTY, floats(0, 20)),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 20))),
            unmeant("infinity", Policy.FINITE, with_inf(floats(2, 20))),
            raises("a dict", {"backcast": floats(2, 20)}),
        ],
    ),
    Case(
        "calendar_transformer",
        build=Forecaster,
        example=lambda: call(*window(2, 24, 18).values()),
        good=lambda: [
            call(**window(1, 1, 6)),
            call(**window(2, 10, 9)),
            call(**window(3, 5, 12)),
            call(**window(1, 48, 48)),
            call(**mark(12, 31, 6, 23)),
            call(*window(5, 7, 8).values()),
        ],
        bad=lambda: [
            raises("month 13", **mark(13, 1, 1, 1)),
            raises("day 32", **mark(1, 32, 1, 1)),
            raises("weekday 7", **mark(1, 1, 7, 1)),
            raises("hour 24", **mark(1, 1, 1, 24)),
            raises("hour -1", **mark(1, 1, 1, -1)),
            raises("three marks", **mark(1, 1, 1)),
            unmeant("a fifth mark", Policy.REMAINDER, **mark(1, 1, 1, 1, 1)),
            raises("49 steps", **window(1, 49, 8)),
            raises("49 steps to decode", **window(1, 8, 49)),
            raises("marks of another length", **{**window(2, 10, 9), "x_mark_enc": marks(2, 9)}),
            unmeant("marks of one step for ten", Policy.TIE, **{**window(2, 10, 9), "x_mark_enc": marks(2, 1)}),
            unmeant("marks of one row for two", Policy.TIE, **{**window(2, 10, 9), "x_mark_dec": marks(1, 9)}),
            raises("two values", **{**window(2, 10, 9), "x_enc": floats(2, 10, 2)}),
            raises("values first", **{**window(2, 10, 9), "x_enc": floats(2, 3, 10)}),
            raises("batches differ", **{**window(2, 10, 9), "x_dec": floats(3, 9, 3), "x_mark_dec": marks(3, 9)}),
            raises("marks as floats", **{**window(2, 10, 9), "x_mark_enc": floats(2, 10, 4)}),
            unmeant("marks as int32", Policy.DTYPE, **{**window(2, 10, 9), "x_mark_enc": marks(2, 10).int()}),
            raises("float64", **{**window(2, 10, 9), "x_enc": floats(2, 10, 3).double()}),
            raises("no decoder", floats(2, 10, 3), marks(2, 10)),
            raises("no batch axes", **{name: value[0] for name, value in window(1, 10, 9).items()}),
            unmeant("nan", Policy.FINITE, **{**window(2, 10, 9), "x_enc": with_nan(floats(2, 10, 3))}),
        ],
    ),
    Case(
        "deepar",
        build=DeepAR,
        example=lambda: call(*demand(3, 12)),
        good=lambda: [
            call(*demand(1, 1)),
            call(*demand(2, 7)),
            call(*demand(5, 3)),
            call(torch.zeros(2, 4), floats(2, 4, 4), torch.tensor([0, 8])),
            call(*demand(1, 80)),
            call(past_target=floats(4, 6), covariates=floats(4, 6, 4), series_id=ids(4, below=9)),
        ],
        bad=lambda: [
            raises("series 9", floats(1, 5), floats(1, 5, 4), torch.tensor([9])),
            raises("series -1", floats(1, 5), floats(1, 5, 4), torch.tensor([-1])),
            raises("three covariates", floats(2, 5), floats(2, 5, 3), ids(2, below=9)),
            raises("covariates of another length", floats(2, 5), floats(2, 6, 4), ids(2, below=9)),
            raises("covariates of another batch", floats(2, 5), floats(3, 5, 4), ids(2, below=9)),
            raises("one series for two", floats(2, 5), floats(2, 5, 4), ids(1, below=9)),
            raises("a series per step", floats(2, 5), floats(2, 5, 4), ids(2, 5, below=9)),
            raises("target with a feature axis", floats(2, 5, 1), floats(2, 5, 4), ids(2, below=9)),
            raises("no batch axes", floats(5), floats(5, 4), ids(1, below=9)),
            raises("no series", floats(2, 5), floats(2, 5, 4)),
            raises("float series", floats(2, 5), floats(2, 5, 4), floats(2)),
            unmeant("int32 series", Policy.DTYPE, floats(2, 5), floats(2, 5, 4), ids(2, below=9).int()),
            raises("float64", *(tensor.double() for tensor in demand(2, 5)[:2]), ids(2, below=9)),
            raises("no steps", floats(2, 0), floats(2, 0, 4), ids(2, below=9)),
            raises("state of another size", *demand(2, 5), (floats(1, 2, 7), floats(1, 2, 7))),
            raises("state of another batch", *demand(2, 5), (floats(1, 3, 12), floats(1, 3, 12))),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 5)), floats(2, 5, 4), ids(2, below=9)),
            unmeant("nan in a covariate", Policy.FINITE, floats(2, 5), with_nan(floats(2, 5, 4)), ids(2, below=9)),
        ],
    ),
)
