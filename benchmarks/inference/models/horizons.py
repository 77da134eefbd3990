# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Time series: a fusion transformer over dicts, interpolated hierarchies, trend and season, odd windows of sensors."""

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_nan


class GatedResidualNetwork(nn.Module):
    def __init__(self, size, context_size=None, output_size=None):
        super().__init__()
        output_size = output_size or size
        self.fc1, self.fc2 = nn.Linear(size, size), nn.Linear(size, 2 * output_size)
        self.context = nn.Linear(context_size, size, bias=False) if context_size else None
        self.skip = nn.Linear(size, output_size) if output_size != size else nn.Identity()
        self.norm = nn.LayerNorm(output_size)

    def forward(self, x, context=None):
        h = self.fc1(x)
        if context is not None and self.context is not None:
            h = h + self.context(context)
        return self.norm(F.glu(self.fc2(F.elu(h)), dim=-1) + self.skip(x))


class VariableSelectionNetwork(nn.Module):
    """Softmax weights over the variables, from all of them and the static context."""

    def __init__(self, n_variables, hidden):
        super().__init__()
        self.grns = nn.ModuleList(GatedResidualNetwork(hidden) for _ in range(n_variables))
        self.flattened = GatedResidualNetwork(n_variables * hidden, hidden, n_variables)

    def forward(self, variables, context):
        weights = self.flattened(torch.cat(variables, dim=-1), context.unsqueeze(1)).softmax(dim=-1)
        processed = torch.stack([grn(v) for grn, v in zip(self.grns, variables, strict=True)], dim=-1)
        return (processed * weights.unsqueeze(-2)).sum(dim=-1), weights


class TemporalFusionTransformer(nn.Module):
    """What was seen and what is known ahead, in one mapping; quantiles for each step ahead."""

    def __init__(self, hidden=8, n_shops=9, n_weekdays=7, n_encoder=3, n_decoder=1, n_quantiles=3):
        super().__init__()
        self.shop, self.weekday = nn.Embedding(n_shops, hidden), nn.Embedding(n_weekdays, hidden)
        self.encoder_reals = nn.ModuleList(nn.Linear(1, hidden) for _ in range(n_encoder))
        self.decoder_reals = nn.ModuleList(nn.Linear(1, hidden) for _ in range(n_decoder))
        self.encoder_vsn = VariableSelectionNetwork(n_encoder + 1, hidden)
        self.decoder_vsn = VariableSelectionNetwork(n_decoder + 1, hidden)
        self.static_grns = nn.ModuleList(GatedResidualNetwork(hidden) for _ in range(4))
        self.lstm_encoder = nn.LSTM(hidden, hidden, batch_first=True)
        self.lstm_decoder = nn.LSTM(hidden, hidden, batch_first=True)
        self.enrichment = GatedResidualNetwork(hidden, hidden)
        self.attention = nn.MultiheadAttention(hidden, 2, batch_first=True)
        self.output_layer = nn.Linear(hidden, n_quantiles)

    def attention_mask(self, encoder_lengths, encoder_steps, decoder_steps):
        device = encoder_lengths.device
        attend = torch.arange(decoder_steps, device=device)
        decoder_mask = (attend > attend[:, None]).unsqueeze(0).expand(encoder_lengths.size(0), -1, -1)
        encoder_mask = torch.arange(encoder_steps, device=device).unsqueeze(0) >= encoder_lengths.unsqueeze(-1)
        return torch.cat((encoder_mask.unsqueeze(1).expand(-1, decoder_steps, -1), decoder_mask), dim=2)

    def forward(self, x):
        static = self.shop(x["static_categoricals"][:, 0])
        c_selection, c_hidden, c_cell, c_enrich = [grn(static) for grn in self.static_grns]
        encoder = [lin(x["encoder_cont"][..., i : i + 1]) for i, lin in enumerate(self.encoder_reals)]
        decoder = [lin(x["decoder_cont"][..., i : i + 1]) for i, lin in enumerate(self.decoder_reals)]
        encoder.append(self.weekday(x["encoder_cat"][..., 0]))
        decoder.append(self.weekday(x["decoder_cat"][..., 0]))
        encoder, encoder_weights = self.encoder_vsn(encoder, c_selection)
        decoder, decoder_weights = self.decoder_vsn(decoder, c_selection)
        past, hidden = self.lstm_encoder(encoder, (c_hidden.unsqueeze(0), c_cell.unsqueeze(0)))
        future, _ = self.lstm_decoder(decoder, hidden)
        sequence = self.enrichment(torch.cat([past, future], dim=1), c_enrich.unsqueeze(1))
        mask = self.attention_mask(x["encoder_lengths"], encoder.size(1), decoder.size(1))
        query = sequence[:, encoder.size(1) :]
        out, _ = self.attention(query, sequence, sequence, attn_mask=mask.repeat_interleave(2, dim=0))
        return {
            "prediction": self.output_layer(out + query),
            "encoder_variables": encoder_weights,
            "decoder_variables": decoder_weights,
        }


def sales(b, past, ahead, *lengths):
    return {
        "static_categoricals": ids(b, 1, below=9),
        "encoder_cat": ids(b, past, 1, below=7),
        "encoder_cont": floats(b, past, 3),
        "decoder_cat": ids(b, ahead, 1, below=7),
        "decoder_cont": floats(b, ahead, 1),
        "encoder_lengths": torch.tensor(lengths) if lengths else torch.full((b,), past),
    }


class NHITSBlock(nn.Module):
    def __init__(self, input_size, h, n_theta, pool, hidden=12):
        super().__init__()
        self.input_size, self.h = input_size, h
        self.pooling_layer = nn.MaxPool1d(pool, pool, ceil_mode=True)
        pooled = (input_size + pool - 1) // pool
        self.layers = nn.Sequential(nn.Linear(pooled, hidden), nn.ReLU(), nn.Linear(hidden, input_size + n_theta))

    def forward(self, insample_y):
        pooled = self.pooling_layer(insample_y.unsqueeze(1)).squeeze(1)
        theta = self.layers(pooled)
        backcast, knots = theta[:, : self.input_size], theta[:, self.input_size :]
        return backcast, F.interpolate(knots[:, None, :], size=self.h, mode="linear")[:, 0, :]


class NHITS(nn.Module):
    """Blocks of falling pooling; the forecast adds up from the last value on."""

    def __init__(self, h=6, input_size=18, pools=(6, 3, 1), freqs=(6, 2, 1)):
        super().__init__()
        self.blocks = nn.ModuleList(
            NHITSBlock(input_size, h, max(h // freq, 1), pool) for pool, freq in zip(pools, freqs, strict=True)
        )

    def forward(self, windows_batch):
        insample_y = windows_batch["insample_y"]
        insample_mask = windows_batch["insample_mask"]
        residuals = insample_y.flip(dims=(-1,))
        insample_mask = insample_mask.flip(dims=(-1,))
        forecast = insample_y[:, -1:]
        for block in self.blocks:
            backcast, block_forecast = block(insample_y=residuals)
            residuals = (residuals - backcast) * insample_mask
            forecast = forecast + block_forecast
        return forecast


def windows(b, size=18):
    return {"insample_y": floats(b, size), "insample_mask": torch.ones(b, size)}


class SeriesDecomp(nn.Module):
    def __init__(self, kernel_size):
        super().__init__()
        self.kernel_size = kernel_size
        self.avg = nn.AvgPool1d(kernel_size=kernel_size, stride=1, padding=0)

    def forward(self, x):
        front = x[:, 0:1, :].repeat(1, (self.kernel_size - 1) // 2, 1)
        end = x[:, -1:, :].repeat(1, (self.kernel_size - 1) // 2, 1)
        mean = self.avg(torch.cat([front, x, end], dim=1).permute(0, 2, 1)).permute(0, 2, 1)
        return x - mean, mean


class DLinear(nn.Module):
    """A linear layer for the trend and one for the season, the same for every channel."""

    def __init__(self, seq_len=24, pred_len=8, kernel_size=5):
        super().__init__()
        self.decompsition = SeriesDecomp(kernel_size)
        self.Linear_Seasonal, self.Linear_Trend = nn.Linear(seq_len, pred_len), nn.Linear(seq_len, pred_len)

    def forward(self, x):
        # x: [Batch, Input length, Channel]
        seasonal_init, trend_init = self.decompsition(x)
        seasonal_output = self.Linear_Seasonal(seasonal_init.permute(0, 2, 1))
        trend_output = self.Linear_Trend(trend_init.permute(0, 2, 1))
        return (seasonal_output + trend_output).permute(0, 2, 1)


class LSTMAutoencoder(nn.Module):
    """Windows of sensors that it cannot rebuild are odd."""

    def __init__(self, n_features=5, embedding_dim=8):
        super().__init__()
        self.encoder1 = nn.LSTM(n_features, 2 * embedding_dim, batch_first=True)
        self.encoder2 = nn.LSTM(2 * embedding_dim, embedding_dim, batch_first=True)
        self.decoder1 = nn.LSTM(embedding_dim, embedding_dim, batch_first=True)
        self.decoder2 = nn.LSTM(embedding_dim, 2 * embedding_dim, batch_first=True)
        self.output_layer = nn.Linear(2 * embedding_dim, n_features)

    def forward(self, x):
        seq_len = x.shape[1]
        h, _ = self.encoder1(x)
        _, (hidden_n, _) = self.encoder2(h)
        z = hidden_n[-1].unsqueeze(1).repeat(1, seq_len, 1)
        z, _ = self.decoder1(z)
        z, _ = self.decoder2(z)
        reconstruction = self.output_layer(z)
        return reconstruction, torch.mean(torch.abs(x - reconstruction), dim=(1, 2))


def changed(mapping, **changes):
    return {**mapping, **changes}


def without(name, mapping):
    return {key: value for key, value in mapping.items() if key != name}


CASES = (
    Case(
        "temporal_fusion_dict",
        build=TemporalFusionTransformer,
        example=lambda: call(sales(3, 10, 4, 10, 7, 3)),
        good=lambda: [
            call(sales(1, 6, 2)),
            call(sales(2, 15, 3, 15, 1)),
            call(x=sales(4, 5, 9)),
            call(sales(2, 1, 1)),
            call(sales(1, 30, 6, 20)),
            call(changed(sales(2, 7, 5), encoder_cat=torch.full((2, 7, 1), 6))),
        ],
        bad=lambda: [
            raises("shop 9", changed(sales(2, 6, 3), static_categoricals=torch.full((2, 1), 9))),
            raises("weekday 7", changed(sales(2, 6, 3), encoder_cat=torch.full((2, 6, 1), 7))),
            raises("weekday -1 ahead", changed(sales(2, 6, 3), decoder_cat=torch.full((2, 3, 1), -1))),
            unmeant("length 7 of 6", Policy.VALUE, changed(sales(2, 6, 3), encoder_lengths=torch.tensor([7, 2]))),
            raises("three lengths for two", changed(sales(2, 6, 3), encoder_lengths=torch.tensor([6, 2, 3]))),
            raises("one length for two", changed(sales(2, 6, 3), encoder_lengths=torch.tensor([6]))),
            unmeant("float lengths", Policy.DTYPE, changed(sales(2, 6, 3), encoder_lengths=torch.tensor([6.0, 2.0]))),
            raises("two seen numbers", changed(sales(2, 6, 3), encoder_cont=floats(2, 6, 2))),
            unmeant("four seen numbers", Policy.REMAINDER, changed(sales(2, 6, 3), encoder_cont=floats(2, 6, 4))),
            raises("weekdays of five steps for six", changed(sales(2, 6, 3), encoder_cat=ids(2, 5, 1, below=7))),
            raises("known numbers of four steps for three", changed(sales(2, 6, 3), decoder_cont=floats(2, 4, 1))),
            raises("shops of three for two", changed(sales(2, 6, 3), static_categoricals=ids(3, 1, below=9))),
            raises("no lengths", without("encoder_lengths", sales(2, 6, 3))),
            raises("no weekdays ahead", without("decoder_cat", sales(2, 6, 3))),
            unmeant("the target too", Policy.UNEXPECTED, changed(sales(2, 6, 3), decoder_target=floats(2, 3))),
            raises("float64", changed(sales(2, 6, 3), encoder_cont=floats(2, 6, 3).double())),
            raises("keywords", **sales(2, 6, 3)),
            unmeant("nan", Policy.FINITE, changed(sales(2, 6, 3), encoder_cont=with_nan(floats(2, 6, 3)))),
        ],
    ),
    Case(
        "nhits_windows",
        build=NHITS,
        example=lambda: call(windows(3)),
        good=lambda: [
            call(windows(1)),
            call(windows(2)),
            call(windows_batch=windows(7)),
            call(changed(windows(2), insample_mask=(torch.arange(18) > 4).float().repeat(2, 1))),
            call(changed(windows(4), insample_y=100 * torch.rand(4, 18))),
            call(windows(32)),
        ],
        bad=lambda: [
            raises("17 steps", windows(2, 17)),
            raises("19 steps", windows(2, 19)),
            raises("36 steps", windows(2, 36)),
            raises("mask of 17 steps", changed(windows(2), insample_mask=torch.ones(2, 17))),
            unmeant("mask of one step", Policy.TIE, changed(windows(2), insample_mask=torch.ones(2, 1))),
            unmeant("mask of one window for two", Policy.TIE, changed(windows(2), insample_mask=torch.ones(1, 18))),
            raises("mask of three windows for two", changed(windows(2), insample_mask=torch.ones(3, 18))),
            raises("no batch axis", {"insample_y": floats(18), "insample_mask": torch.ones(18)}),
            raises("a channel axis", {"insample_y": floats(2, 18, 1), "insample_mask": torch.ones(2, 18, 1)}),
            raises("no mask", without("insample_mask", windows(2))),
            raises("no series", without("insample_y", windows(2))),
            unmeant("what is known ahead too", Policy.UNEXPECTED, changed(windows(2), futr_exog=floats(2, 24, 1))),
            raises("float64", changed(windows(2), insample_y=floats(2, 18).double())),
            unmeant("bool mask", Policy.DTYPE, changed(windows(2), insample_mask=torch.ones(2, 18).bool())),
            raises("a tensor", floats(2, 18)),
            unmeant("nan", Policy.FINITE, changed(windows(2), insample_y=with_nan(floats(2, 18)))),
        ],
    ),
    Case(
        "dlinear_trend_and_season",
        build=DLinear,
        example=lambda: call(floats(2, 24, 7)),
        good=lambda: [
            call(floats(1, 24, 1)),
            call(floats(3, 24, 2)),
            call(x=floats(5, 24, 11)),
            call(floats(2, 24, 24)),
            call(50 * floats(1, 24, 321)),
            call(floats(16, 24, 3)),
        ],
        bad=lambda: [
            raises("23 steps", floats(2, 23, 7)),
            raises("25 steps", floats(2, 25, 7)),
            raises("48 steps", floats(2, 48, 7)),
            raises("channels before steps", floats(2, 7, 24)),
            raises("no channel axis", floats(2, 24)),
            raises("no batch and channel axis", floats(24)),
            raises("an axis too many", floats(1, 2, 24, 7)),
            raises("float64", floats(2, 24, 7).double()),
            raises("int64", ids(2, 24, 7, below=9)),
            raises("the calendar too", floats(2, 24, 7), floats(2, 24, 4)),
            raises("a list of series", list(floats(2, 24, 7))),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 24, 7))),
        ],
    ),
    Case(
        "lstm_odd_windows",
        build=LSTMAutoencoder,
        example=lambda: call(floats(2, 12, 5)),
        good=lambda: [
            call(floats(1, 1, 5)),
            call(floats(3, 9, 5)),
            call(x=floats(2, 30, 5)),
            call(floats(7, 5, 5)),
            call(floats(1, 100, 5)),
            call(torch.zeros(4, 8, 5)),
        ],
        bad=lambda: [
            raises("four sensors", floats(2, 12, 4)),
            raises("six sensors", floats(2, 12, 6)),
            raises("sensors before steps", floats(2, 5, 12)),
            raises("no batch axis", floats(12, 5)),
            raises("an axis too many", floats(1, 2, 12, 5)),
            raises("no step", floats(2, 0, 5)),
            raises("float64", floats(2, 12, 5).double()),
            raises("int64", ids(2, 12, 5, below=9)),
            raises("python numbers", [[[0.0] * 5]]),
            raises("a dict", {"x": floats(2, 12, 5)}),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 12, 5))),
        ],
    ),
)
