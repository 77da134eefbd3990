# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""One model per dtype that is not float32 or int64: uint8, bool, int32, float16, bfloat16, complex64."""

import torch
from torch import Tensor, nn

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_inf, with_nan


class PreprocessingClassifier(nn.Module):
    """Takes decoded images, uint8 [batch, height, width, 3], and normalises them as ImageNet models ask for."""

    def __init__(self, num_classes=5):
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1))
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.fc = nn.Linear(8, num_classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """images: uint8 tensor of shape [batch, height, width, 3]"""
        x = images.permute(0, 3, 1, 2).float() / 255.0
        x = (x - self.mean) / self.std
        x = torch.relu(self.conv(x)).mean(dim=(2, 3))
        return self.fc(x)


def pixels(*shape):
    return ids(*shape, below=256).to(torch.uint8)


class MaskedImputer(nn.Module):
    """Replaces what was not observed by a learned value per column."""

    def __init__(self, n_features=6):
        super().__init__()
        self.fill = nn.Parameter(torch.randn(n_features))
        self.out = nn.Linear(n_features, 2)

    def forward(self, values, observed):
        filled = torch.where(observed, values, self.fill)
        return self.out(filled), (~observed).sum(dim=1)


class BinaryCodes(nn.Module):
    """Unpacks 32-bit product codes into their bits."""

    def __init__(self):
        super().__init__()
        self.register_buffer("shifts", torch.arange(16, dtype=torch.int32))
        self.linear = nn.Linear(16, 3)

    def forward(self, codes: Tensor) -> Tensor:
        if codes.dtype != torch.int32:
            raise TypeError(f"codes must be int32, got {codes.dtype}")
        if codes.dim() != 1:
            raise ValueError("codes must be one per row")
        bits = (codes.unsqueeze(-1) >> self.shifts) & 1
        return self.linear(bits.float())


class HalfConv(nn.Module):
    """Was saved after `.half()`."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3, padding=1)
        self.fc = nn.Linear(4, 3)

    def forward(self, x):
        return self.fc(torch.relu(self.conv(x)).mean((-2, -1)))


def make_half_conv():
    return HalfConv().half()


class TokenScorer(nn.Module):
    def __init__(self, dim=16):
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 32), nn.SiLU(), nn.Linear(32, 1))

    def forward(self, hidden_states):
        batch_size, seq_len, _ = hidden_states.shape
        scores = self.mlp(self.norm(hidden_states)).view(batch_size, seq_len)
        return scores.softmax(dim=-1)


def make_bfloat16_scorer():
    return TokenScorer().to(torch.bfloat16)


class SpectralFilter(nn.Module):
    """Filters a half spectrum and goes back to the time domain."""

    def __init__(self, n_freq=9):
        super().__init__()
        self.gain = nn.Parameter(torch.randn(n_freq, 2))

    def forward(self, spectrum):
        re, im = torch.view_as_real(spectrum).unbind(-1)
        filtered = torch.complex(re, im) * torch.view_as_complex(self.gain)
        return torch.fft.irfft(filtered, dim=-1)


HALF, BFLOAT, COMPLEX = torch.float16, torch.bfloat16, torch.complex64

CASES = (
    Case(
        "uint8_normalising",
        build=PreprocessingClassifier,
        example=lambda: call(pixels(1, 32, 32, 3)),
        good=lambda: [
            call(pixels(1, 1, 1, 3)),
            call(pixels(2, 8, 8, 3)),
            call(pixels(1, 24, 40, 3)),
            call(pixels(3, 5, 17, 3)),
            call(torch.full((1, 4, 4, 3), 255, dtype=torch.uint8)),
            call(torch.zeros(2, 6, 3, 3, dtype=torch.uint8)),
        ],
        bad=lambda: [
            unmeant("float pixels", Policy.DTYPE, floats(1, 8, 8, 3)),
            unmeant("int64 pixels", Policy.DTYPE, ids(1, 8, 8, 3, below=256)),
            unmeant("int8 pixels", Policy.DTYPE, ids(1, 8, 8, 3, below=100).to(torch.int8)),
            unmeant("grey, broadcast by the mean", Policy.TIE, pixels(1, 8, 8, 1)),
            raises("alpha channel", pixels(1, 8, 8, 4)),
            raises("channels first", pixels(1, 3, 8, 8)),
            raises("no batch axis", pixels(8, 8, 3)),
            raises("no channel axis", pixels(1, 8, 8)),
            raises("a clip", pixels(1, 4, 8, 8, 3)),
            unmeant("empty batch", Policy.EMPTY, pixels(0, 8, 8, 3)),
            raises("python lists", [[[[0, 0, 0]]]]),
            raises("nothing"),
        ],
    ),
    Case(
        "bool_observed",
        build=MaskedImputer,
        example=lambda: call(floats(4, 6), ids(4, 6, below=2).bool()),
        good=lambda: [
            call(floats(1, 6), torch.ones(1, 6, dtype=torch.bool)),
            call(floats(1, 6), torch.zeros(1, 6, dtype=torch.bool)),
            call(floats(2, 6), ids(2, 6, below=2).bool()),
            call(floats(3, 6), ids(3, 6, below=2).bool()),
            call(floats(9, 6), ids(9, 6, below=2).bool()),
            call(values=floats(32, 6), observed=ids(32, 6, below=2).bool()),
        ],
        bad=lambda: [
            raises("mask as int64", floats(2, 6), ids(2, 6, below=2)),
            raises("mask as float", floats(2, 6), ids(2, 6, below=2).float()),
            raises("seven columns", floats(2, 7), ids(2, 7, below=2).bool()),
            raises("mask of five columns", floats(2, 6), ids(2, 5, below=2).bool()),
            raises("batches differ", floats(2, 6), ids(3, 6, below=2).bool()),
            unmeant("one mask row for two", Policy.TIE, floats(2, 6), ids(1, 6, below=2).bool()),
            unmeant("one mask column for six", Policy.TIE, floats(2, 6), ids(2, 1, below=2).bool()),
            unmeant("one value column for six", Policy.TIE, floats(2, 1), ids(2, 6, below=2).bool()),
            raises("values as float64", floats(2, 6, dtype=torch.float64), ids(2, 6, below=2).bool()),
            unmeant("values as int64", Policy.DTYPE, ids(2, 6, below=9), ids(2, 6, below=2).bool()),
            raises("no mask", floats(2, 6)),
            raises("swapped", ids(2, 6, below=2).bool(), floats(2, 6)),
            raises("no batch axis", floats(6), ids(6, below=2).bool()),
            unmeant("empty batch", Policy.EMPTY, floats(0, 6), ids(0, 6, below=2).bool()),
        ],
    ),
    Case(
        "int32_codes",
        build=BinaryCodes,
        example=lambda: call(ids(5, below=60000, dtype=torch.int32)),
        good=lambda: [
            call(torch.tensor([0], dtype=torch.int32)),
            call(torch.tensor([65535, 1], dtype=torch.int32)),
            call(torch.tensor([-1, -70000, 2**31 - 1], dtype=torch.int32)),
            call(ids(4, below=1000, dtype=torch.int32)),
            call(ids(7, below=1000, dtype=torch.int32)),
            call(codes=ids(33, below=10, dtype=torch.int32)),
        ],
        bad=lambda: [
            raises("int64", ids(4, below=1000)),
            raises("int16", ids(4, below=1000).to(torch.int16)),
            raises("uint8", ids(4, below=200).to(torch.uint8)),
            raises("float32", floats(4)),
            raises("bool", ids(4, below=2).bool()),
            raises("a scalar", torch.tensor(3, dtype=torch.int32)),
            raises("a column", ids(4, 1, below=1000, dtype=torch.int32)),
            raises("a matrix", ids(4, 3, below=1000, dtype=torch.int32)),
            unmeant("empty batch", Policy.EMPTY, ids(0, below=9, dtype=torch.int32)),
            raises("a python list", [1, 2, 3]),
            raises("two tensors", ids(4, below=9).int(), ids(4, below=9).int()),
        ],
    ),
    Case(
        "float16_conv",
        build=make_half_conv,
        example=lambda: call(floats(2, 2, 8, 8, dtype=HALF)),
        good=lambda: [
            call(floats(1, 2, 1, 1, dtype=HALF)),
            call(floats(2, 2, 8, 8, dtype=HALF)),
            call(floats(3, 2, 5, 9, dtype=HALF)),
            call(floats(1, 2, 16, 3, dtype=HALF)),
            call(floats(4, 2, 2, 7, dtype=HALF)),
            call(floats(6, 2, 12, 12, dtype=HALF)),
        ],
        bad=lambda: [
            raises("float32", floats(2, 2, 8, 8)),
            raises("bfloat16", floats(2, 2, 8, 8, dtype=BFLOAT)),
            raises("float64", floats(2, 2, 8, 8, dtype=torch.float64)),
            raises("uint8", pixels(2, 2, 8, 8)),
            raises("three channels", floats(2, 3, 8, 8, dtype=HALF)),
            raises("channels last", floats(2, 8, 8, 2, dtype=HALF)),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 2, 8, 8, dtype=HALF))),
            unmeant("infinity", Policy.FINITE, with_inf(floats(2, 2, 8, 8, dtype=HALF))),
            unmeant("empty batch", Policy.EMPTY, floats(0, 2, 8, 8, dtype=HALF)),
            raises("a vector", floats(2, dtype=HALF)),
            raises("None", None),
        ],
    ),
    Case(
        "bfloat16_scorer",
        build=make_bfloat16_scorer,
        example=lambda: call(floats(2, 5, 16, dtype=BFLOAT)),
        good=lambda: [
            call(floats(1, 1, 16, dtype=BFLOAT)),
            call(floats(2, 5, 16, dtype=BFLOAT)),
            call(floats(1, 40, 16, dtype=BFLOAT)),
            call(floats(3, 2, 16, dtype=BFLOAT)),
            call(floats(8, 7, 16, dtype=BFLOAT)),
            call(hidden_states=floats(5, 5, 16, dtype=BFLOAT)),
        ],
        bad=lambda: [
            raises("float32", floats(2, 5, 16)),
            raises("float16", floats(2, 5, 16, dtype=HALF)),
            raises("int64", ids(2, 5, 16, below=9)),
            raises("15 features", floats(2, 5, 15, dtype=BFLOAT)),
            raises("transposed", floats(2, 16, 5, dtype=BFLOAT)),
            raises("one vector per row", floats(2, 16, dtype=BFLOAT)),
            raises("an axis too many", floats(2, 3, 5, 16, dtype=BFLOAT)),
            unmeant("empty batch", Policy.EMPTY, floats(0, 5, 16, dtype=BFLOAT)),
            unmeant("empty sequence", Policy.EMPTY, floats(2, 0, 16, dtype=BFLOAT)),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 5, 16, dtype=BFLOAT))),
            raises("a list of rows", [floats(5, 16, dtype=BFLOAT)]),
        ],
    ),
    Case(
        "complex_spectrum",
        build=SpectralFilter,
        example=lambda: call(torch.randn(2, 9, dtype=COMPLEX)),
        good=lambda: (
            [call(torch.randn(n, 9, dtype=COMPLEX)) for n in (1, 2, 3, 6, 25)]
            + [call(torch.zeros(2, 9, dtype=COMPLEX))]
        ),
        bad=lambda: [
            raises("float32", floats(2, 9)),
            raises("real and imaginary parts", floats(2, 9, 2)),
            raises("int64", ids(2, 9, below=9)),
            unmeant("complex128", Policy.DTYPE, torch.randn(2, 9, dtype=torch.complex128)),
            raises("ten frequencies", torch.randn(2, 10, dtype=COMPLEX)),
            raises("transposed", torch.randn(9, 2, dtype=COMPLEX)),
            unmeant("one frequency, broadcast", Policy.TIE, torch.randn(2, 1, dtype=COMPLEX)),
            unmeant("no batch axis", Policy.RANK, torch.randn(9, dtype=COMPLEX)),
            unmeant("channels too", Policy.RANK, torch.randn(2, 3, 9, dtype=COMPLEX)),
            raises("empty batch", torch.randn(0, 9, dtype=COMPLEX)),
            unmeant("nan", Policy.FINITE, with_nan(torch.randn(2, 9, dtype=COMPLEX))),
            raises("None", None),
        ],
    ),
)
