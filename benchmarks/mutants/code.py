"""Faults in generated code: text that is replaced in `client.py` or `validator.py`."""

from __future__ import annotations

from benchmarks.mutants.mutant import Mutant, in_code
from tests.verify.subjects import FRAMES, HALF, LINEAR, MULTIMODAL, ORDERED, SUMMED, TEXT, UNET

SIZES = "if batch < 1 or seq < 1 or seq > 12:"
DTYPE = 'tensor.dtype != DTYPES["int64"] or '
TIE = "if n0 != batch or n1 != seq:"
IDS = 'if not all_within(tensor, "int64", 0, 49):'
FINITE = 'if not all_finite(tensor, "float32"):'
FINGERPRINT = "if theirs != spec.contract:"
WRITE = "return array.tobytes()"
WRITE_LARGE = 'np.asarray(array, order="C")'
READ = "array: Array = np.ndarray(shape, dtype, "


def both(subject: object, what: str, old: str, new: str) -> list[Mutant]:
    """The same fault in either file."""
    return [in_code(subject, file, what, old, new) for file in ("client", "validator")]  # type: ignore[arg-type]


MUTANTS: list[Mutant] = [
    *both(TEXT, "all size checks removed", SIZES, "if False:"),
    *both(TEXT, "the check of a maximum removed", SIZES, "if batch < 1 or seq < 1:"),
    *both(TEXT, "a maximum off by one", SIZES, "if batch < 1 or seq < 1 or seq > 13:"),
    *both(TEXT, "a comparison flipped", SIZES, "if batch < 1 or seq < 1 or seq < 12:"),
    *both(TEXT, "an empty batch let through", SIZES, "if seq < 1 or seq > 12:"),
    *both(TEXT, "the dtype check removed", DTYPE, ""),
    *both(TEXT, "a tie not checked", TIE, "if n0 != batch:"),
    *both(TEXT, "a tie checked in one direction", TIE, "if n0 != batch or n1 < seq:"),
    *both(TEXT, "a value check removed", IDS, "if False:"),
    *both(TEXT, "a value bound off by one", IDS, IDS.replace("49", "50")),
    *both(TEXT, "a lower bound not checked", IDS, IDS.replace("0, 49", "None, 49")),
    *both(TEXT, "NaN let through", FINITE, "if False:"),
    *both(TEXT, "the fingerprint lost", "CONTRACT = ", "CONTRACT = 'sha256:' + '0' * 64 or "),
    *both(UNET, "a multiple not checked", " % 2", " % 1"),
    *both(LINEAR, "a fixed size not checked", "!= 20", "!= n1"),
    *both(ORDERED, "a relation flipped", "if target_ > source:", "if target_ < source:"),
    *both(ORDERED, "an order not checked", 'if not all_ordered(lengths, "int64", "descending"):', "if False:"),
    *both(ORDERED, "a bound by a size not checked", 'return all_within(lengths, "int64", None, source)', "return True"),
    *both(ORDERED, "one column not checked", "table[..., 1]", "table[..., 0]"),
    in_code(LINEAR, "client", "a wrong byte order written", WRITE, "return array.byteswap().tobytes()"),
    in_code(LINEAR, "validator", "a wrong byte order read", READ, READ.replace("dtype, ", "dtype.newbyteorder(), ")),
    in_code(LINEAR, "client", "a wrong byte order read", READ, READ.replace("dtype, ", "dtype.newbyteorder(), ")),
    in_code(LINEAR, "validator", "a wrong byte order written", WRITE, "return array.byteswap().tobytes()"),
    in_code(LINEAR, "client", "a wrong byte order written for large tensors", WRITE_LARGE, f"{WRITE_LARGE}.byteswap()"),
    in_code(LINEAR, "client", "the contract not sent", '{"contract":', '{"kontract":'),
    in_code(LINEAR, "validator", "other contracts let through", FINGERPRINT, "if False:"),
    in_code(LINEAR, "client", "responses of other contracts let through", FINGERPRINT, "if False:"),
    in_code(LINEAR, "validator", "bytes after the tensors let through", "if offset != len(binary):", "if False:"),
    in_code(MULTIMODAL, "client", "two inputs swapped", 'tensors["batch.image"] = batch["image"]', 'tensors["batch.image"] = batch["text"]'),
    in_code(MULTIMODAL, "validator", "two inputs swapped", '{"image": tensors["batch.image"], "text": tensors["batch.text"]}',
            '{"image": tensors["batch.text"], "text": tensors["batch.image"]}'),
    in_code(MULTIMODAL, "validator", "an output under another name", 'Tensor("score"', 'Tensor("points"'),
    in_code(FRAMES, "client", "two outputs swapped", "tuple(results.values())", "tuple(reversed(results.values()))"),
    in_code(TEXT, "validator", "numbers rounded on the way", "return arguments_of(tensors)", "return arguments_of({n: (t if t.dtype.kind != 'f' else t.round(2)) for n, t in tensors.items()})"),
    in_code(TEXT, "validator", "numbers cast on the way", "return arguments_of(tensors)", "return arguments_of({n: (t if t.dtype.kind != 'f' else t.astype('float64')) for n, t in tensors.items()})"),
    in_code(TEXT, "validator", "validate checks nothing", '    check_arguments(SPEC, {"ids": ids, "mask": mask})', "    pass"),
    in_code(TEXT, "validator", "an error answered with 200", "JSON, error.status)", "JSON, 200)"),
    in_code(TEXT, "validator", "violations left out of the answer", "for one in error.violations[:MAX_REPORTED]]", "for one in error.violations[:0]]"),
    in_code(TEXT, "validator", "a wrong code", '"tie": ("shape",', '"tie": ("rank",'),
    in_code(TEXT, "client", "a syntax error", "def serialize(", "def serialize(("),
    in_code(TEXT, "validator", "a function missing", "def respond(", "def answer("),
    in_code(HALF, "client", "bfloat16 read as float16", '"BF16"', '"FP16"'),
    *both(SUMMED, "a decimal bound moved", "0.5", "0.25"),
    *both(FRAMES, "a list's length not checked", "if count_ < 1 or count_ > 5:", "if False:"),
    in_code(FRAMES, "client", "list items in reverse", "enumerate(frames)", "enumerate(reversed(frames))"),
]  # fmt: skip
