"""One symbolic run of a model on a hypothesis, without computing anything: what it asks of the sizes, and where it fails.

The inputs are fake tensors with a symbol for each size, backed by the hypothesis's number for it. The run takes the path
of those numbers and the symbolic shape environment notes each condition that it depended on (a *guard*). The last guards
of a failed run say what to change; all guards of a successful one say what the path requires.
"""

from __future__ import annotations

import contextlib
import contextvars
import logging
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sympy
import torch
from torch._dispatch.python import enable_python_dispatcher
from torch._dynamo.source import ConstantSource
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.symbolic_shapes import DimDynamic, ShapeEnv, StatelessSymbolicContext

from contractgen.infer.blame import blamed_absent, blamed_tensors, said
from contractgen.infer.guards import AxisExpr, Guard, axis_expression
from contractgen.infer.hypothesis import Hypothesis, Leaf, Node, Path, Record, Unknown
from contractgen.infer.packing import unpacked
from contractgen.infer.recorder import Asked, Decided, MissingKey, Recorder, WatchedDict, decide_at_layer
from contractgen.infer.shortcuts import resizing
from contractgen.infer.state import StateGuard
from contractgen.infer.symbols import Names
from contractgen.infer.watch import KeptWeights, Watch


@dataclass(frozen=True)
class SymbolicTensor:
    """An output: its dtype, and each size as an expression over input axes (None where none is known)."""

    dtype: torch.dtype
    sizes: tuple[AxisExpr | None, ...]


@dataclass(frozen=True)
class Repeat:
    """A size that was computed to be 1 and was repeated along an axis of a size that no input can change."""

    size: int
    """That axis's size."""
    differs: Guard
    """The condition that the computed size is another one."""


@dataclass(frozen=True)
class Trial:
    """What one run came to."""

    ok: bool
    progress: int
    """How many operators ran: how far the run came."""
    guards: tuple[Guard, ...] = ()
    error: BaseException | None = None
    message: str = ""
    """The error in one line, with numbers for the symbols."""
    suspects: tuple[Path, ...] = ()
    """The tensors that the failing operator's sizes come from, or those that the failing expression names."""
    joined: tuple[tuple[int, tuple[Path, ...]], ...] = ()
    """The rank of each operand of a failing concatenation, with the tensors that its sizes come from."""
    absent: tuple[str, ...] = ()
    """The parameters that were None where the failing expression of ``forward`` names them."""
    outputs: object = None
    """The output tree with each tensor as `SymbolicTensor`."""
    decided: Decided | None = None
    missing: MissingKey | None = None
    asked: Asked = field(default_factory=Asked)
    repeated: tuple[Repeat, ...] = ()
    of_bytes: tuple[Path, ...] = ()
    """The tensors that the model divides by 255: pictures whose elements are bytes."""
    whole: tuple[Path, ...] = ()
    """The tensors that are turned into integers as they are: ids, of whatever dtype they come."""
    weights: tuple[Path, ...] = ()
    """The integers and booleans that the model multiplies floats with as they are."""
    read: bool = False
    """Whether the model read a tensor's content."""
    answer: int | None = None
    """What such a read gave."""

    @property
    def may_run(self) -> bool:
        """Whether it succeeded, or ended only where symbols cannot follow: a real run decides."""
        return self.ok or (self.error is not None and is_beyond_symbols(self.error))

    @property
    def fails_at_tensors(self) -> bool:
        """Whether it failed in what the model does with tensors, rather than for want of another input."""
        return self.progress > 0 and self.error is not None and self.decided is None and self.missing is None


class Tracer:
    """Runs hypotheses of one module symbolically. The module's plain attributes are restored after each run."""

    def __init__(self, module: torch.nn.Module) -> None:
        self.module = module
        self.trials = 0
        encoders = (torch.nn.TransformerEncoder,)
        self._nesting: list[Any] = [submodule for submodule in module.modules() if isinstance(submodule, encoders)]
        self._guard = StateGuard(module)
        logging.getLogger("torch").setLevel(logging.CRITICAL)

    def run(self, hypothesis: Hypothesis, *, answer: int | None = None, symbolic: bool = True) -> Trial:
        """One run. ``answer`` is what a read of a tensor's value (``item()``, ``if tensor:``) gives, if anything.

        Without symbols it tells no more than whether it succeeds, in a fraction of the time.
        """
        self.trials += 1
        env = ShapeEnv(duck_shape=False, specialize_zero_one=True)
        mode = FakeTensorMode(shape_env=env, allow_non_fake_inputs=True)
        mode.cache_enabled = not symbolic  # symbols are one run's own
        names = Names(env)
        asked = Asked()
        made: dict[Path, object] = {}

        def make(path: Path, node: Node) -> object:
            return made.setdefault(path, _make(mode, path, node, names if symbolic else None))

        args, kwargs = hypothesis.build(make)
        args, kwargs = _watch_groups(hypothesis, args, kwargs, asked)
        watch = Watch(answer, names)
        error: BaseException | None = None
        suspects: tuple[Path, ...] = ()
        joined: tuple[tuple[int, tuple[Path, ...]], ...] = ()
        absent: tuple[str, ...] = ()
        outputs: object = None
        for submodule in self._nesting:
            submodule.use_nested_tensor = False  # whether it nests depends on the mask's content
        hook = torch.nn.modules.module.register_module_forward_pre_hook(decide_at_layer)
        try:
            with (
                torch.no_grad(),
                enable_python_dispatcher(),
                unpacked(),
                resizing(),
                unfused(),
                mode,
                watch,
                KeptWeights(),
            ):
                # A library that notes a call in a context variable, and fails in it, would find the note at the next one.
                result = contextvars.copy_context().run(self.module, *args, **kwargs)
            if not hypothesis.leaves() and not tensors_of(result):
                raise TypeError("given None, it returned no tensor")
            outputs = map_outputs(result, lambda tensor: _describe(tensor, env, names))
        except (Exception, Decided, MissingKey) as raised:
            suspects = _suspects(watch.running, names) or _suspects(blamed_tensors(raised), names)
            joined = tuple((operand.dim(), _suspects((operand,), names)) for operand in watch.joining)
            absent = blamed_absent(raised, self.module.forward)
            error = raised.with_traceback(None)
        finally:
            hook.remove()
            self._guard.restore()
        guards = tuple(_guards(env, names))
        return Trial(
            ok=error is None,
            progress=watch.count,
            guards=guards,
            error=error,
            message=_said(error, names),
            suspects=suspects,
            joined=joined,
            absent=absent,
            outputs=outputs,
            decided=error if isinstance(error, Decided) else None,
            missing=error if isinstance(error, MissingKey) else None,
            asked=asked,
            repeated=tuple(_repeats(watch.repeated, names)),
            of_bytes=_alone(watch.of_bytes, names),
            whole=tuple(path for path, tensor in made.items() if any(tensor is one for one in watch.whole)),
            weights=_alone(watch.weights, names),
            read=watch.read,
            answer=answer,
        )

    def refutes(self, hypothesis: Hypothesis, answer: int | None = None) -> bool:
        """Whether a run on fake tensors fails for a reason of the model's own."""
        trial = self.run(hypothesis, answer=answer, symbolic=False)
        return trial.error is not None and not is_beyond_symbols(trial.error) and not reads_values(trial.error)


class UnsupportedModelError(Exception):
    """A model that symbols cannot follow."""


def reads_values(error: BaseException) -> bool:
    """Whether a symbolic run ended where the model reads a tensor's content."""
    name = type(error).__name__
    return name in ("DataDependentOutputException", "GuardOnDataDependentSymNode") or "data-dependent" in str(error)


def is_beyond_symbols(error: BaseException) -> bool:
    """Whether the symbolic run could not follow the model, which may run for real all the same."""
    name = type(error).__name__
    return name in (
        "DataDependentOutputException", "DynamicOutputShapeException", "UnsupportedOperatorException",
        "GuardOnDataDependentSymNode", "UserError", "NotImplementedError", "UnsupportedFakeTensorException",
        "UnsupportedModelError",
    ) or any(text in str(error) for text in ("symbolic sizes", "data-dependent", "FakeTensor", "Cannot access data pointer", "unhashable type", "in the TorchScript interpreter"))  # fmt: skip


def _said(error: BaseException | None, names: Names) -> str:
    if error is None:
        return ""
    text = re.sub(r"\bs\d+\b", lambda found: names.numbers.get(found.group(), found.group()), said(error))
    return f"{type(error).__name__}: {text}"


def _sizes(tensor: torch.Tensor) -> tuple[Any, ...]:
    """The sizes, typed loosely: the stubs say that they are plain integers."""
    return tuple(tensor.shape)


def _make(mode: FakeTensorMode, path: Path, node: Node, names: Names | None) -> object:
    """A fake tensor with a symbol for each size, noted in ``names`` where those are given."""
    if isinstance(node, Unknown):
        return Recorder(path)
    assert isinstance(node, Leaf)
    if names is None:
        with mode:
            return torch.empty(node.sizes, dtype=node.dtype)
    real = torch.empty(node.sizes, dtype=node.dtype, device="meta")
    shaped = mode.from_tensor(
        real,
        source=ConstantSource("_".join(str(part) for part in path)),
        symbolic_context=StatelessSymbolicContext(dynamic_sizes=[DimDynamic.DYNAMIC] * real.dim()),
    )
    for axis, size in enumerate(_sizes(shaped)):
        names.add(size, (path, axis))
    with mode:
        return torch.empty(shaped.shape, dtype=node.dtype)


def _watch_groups(
    hypothesis: Hypothesis, args: tuple[object, ...], kwargs: dict[str, object], asked: Asked
) -> tuple[tuple[object, ...], dict[str, object]]:
    """The same call with each dict without a class of its own replaced by one that says which keys are asked for."""

    def watched(value: object, path: Path) -> object:
        if type(value) in (dict, Record):
            assert isinstance(value, dict)
            return WatchedDict({key: watched(child, (*path, key)) for key, child in value.items()}, path, asked)
        if type(value) in (list, tuple):
            assert isinstance(value, (list, tuple))
            return type(value)(watched(child, (*path, index)) for index, child in enumerate(value))
        return value

    names = [param.name for param in hypothesis.params if param.kind == "positional"]
    variadic = next((param.name for param in hypothesis.params if param.kind == "variadic"), None)
    new_args = tuple(
        watched(value, (names[index],) if index < len(names) else (str(variadic), index - len(names)))
        for index, value in enumerate(args)
    )
    return new_args, {name: watched(value, (name,)) for name, value in kwargs.items()}


def _guards(env: ShapeEnv, names: Names) -> Iterator[Guard]:
    """The conditions of the run in order, over the axes of the inputs."""
    for shape_guard in env.guards:
        for expr in sympy.And.make_args(shape_guard.expr):  # a comparison of shapes is one condition per axis
            guard = Guard.over(expr, names.axes, names.definitions)
            if guard is not None:
                yield guard
    for asserts in env.deferred_runtime_asserts.values():
        for deferred in asserts:
            guard = Guard.over(deferred.expr, names.axes, names.definitions)
            if guard is not None:
                yield guard


def _repeats(met: Sequence[tuple[Any, Any]], names: Names) -> Iterator[Repeat]:
    """Those beside sizes that are fixed after all."""
    fixed = [(expr, sympy.sympify(want.node.expr if isinstance(want, torch.SymInt) else want)) for expr, want in met]
    for expr, number in dict.fromkeys((expr, number) for expr, number in fixed if number.is_number):
        size = int(number)
        guard = Guard.over(sympy.Ne(expr, size), names.axes, names.definitions)
        if guard is not None:
            yield Repeat(size, guard)


def _suspects(running: tuple[Any, ...], names: Names) -> tuple[Path, ...]:
    found: dict[Path, None] = {}

    def visit(value: Any) -> None:
        if isinstance(value, torch.Tensor):
            for size in _sizes(value):
                if isinstance(size, torch.SymInt):
                    before = size.node._expr  # before the run found that it is a number
                    found.update(dict.fromkeys(path for path, _ in names.axes_of(before)))
        elif isinstance(value, (list, tuple)):
            for item in value:
                visit(item)

    visit(running)
    return tuple(found)


def _alone(tensors: Sequence[torch.Tensor], names: Names) -> tuple[Path, ...]:
    """The inputs that one of these tensors has all its sizes from."""
    return tuple(path for one in tensors if len(paths := _suspects((one,), names)) == 1 for path in paths)


def _describe(tensor: torch.Tensor, env: ShapeEnv, names: Names) -> SymbolicTensor:
    sizes: list[AxisExpr | None] = []
    for size in _sizes(tensor):
        if isinstance(size, torch.SymInt):
            expr = env.simplify(size.node.expr)
            sizes.append(size.node.hint if names.hides(expr) else axis_expression(expr, names.axes))
        else:
            sizes.append(int(size))
    return SymbolicTensor(tensor.dtype, tuple(sizes))


def map_outputs(result: object, leaf: Callable[[torch.Tensor], object]) -> object:
    """An output tree of dicts, lists and tuples with ``leaf(tensor)`` for each tensor; what is no tensor becomes None."""
    if isinstance(result, torch.Tensor):
        return leaf(result)
    if isinstance(result, Mapping):
        return {str(key): map_outputs(value, leaf) for key, value in result.items()}
    if hasattr(result, "_asdict"):
        return {key: map_outputs(value, leaf) for key, value in result._asdict().items()}
    if hasattr(result, "__dataclass_fields__"):
        return {key: map_outputs(getattr(result, key), leaf) for key in result.__dataclass_fields__}
    if isinstance(result, list):
        return [map_outputs(item, leaf) for item in result]
    if isinstance(result, tuple):
        return tuple(map_outputs(item, leaf) for item in result)
    return None


def tensors_of(result: object) -> list[torch.Tensor]:
    """All tensors of an output tree, in order."""
    found: list[torch.Tensor] = []
    map_outputs(result, found.append)
    return found


@contextlib.contextmanager
def unfused() -> Iterator[None]:
    """Without torch's fused attention, whose kernels have no symbolic form; what runs for real keeps it."""
    enabled = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(enabled)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """No warnings of the model or of torch while it is being tried."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
