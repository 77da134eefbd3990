"""The parameters of ``forward`` as a first hypothesis, from its signature and annotations."""

from __future__ import annotations

import dataclasses
import enum
import inspect
import re
import textwrap
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch

from contractgen.infer import priors
from contractgen.infer.hypothesis import Fixed, Group, Hypothesis, Node, Param, Path, Unknown, name_in
from contractgen.infer.messages import strings
from contractgen.infer.priors import Prior
from contractgen.infer.runner import share_class

_TENSOR_TYPES = {
    "LongTensor": torch.int64, "IntTensor": torch.int32, "ShortTensor": torch.int16, "CharTensor": torch.int8,
    "ByteTensor": torch.uint8, "BoolTensor": torch.bool, "HalfTensor": torch.float16, "BFloat16Tensor": torch.bfloat16,
    "FloatTensor": torch.float32, "DoubleTensor": torch.float64,
}  # fmt: skip


@dataclass
class Signature:
    """The first hypothesis, and what is suggested for each of its nodes."""

    hypothesis: Hypothesis
    priors: dict[Path, Prior]
    optional: dict[str, Node] = field(default_factory=dict)
    """Parameters that may be None and could be inputs, with the node to try for each."""
    source: str = ""
    floating: torch.dtype = torch.float32
    open_keywords: bool = False
    """Whether ``forward`` takes ``**kwargs``, whose names are still to be found."""
    objects: set[str] = dataclasses.field(default_factory=set)
    """The parameters that are annotated with a class of the author's own, as a cache: objects that do not travel."""
    documentation: str = ""
    """The docstrings of ``forward`` and of its class."""

    @property
    def of_graphs(self) -> bool:
        """Whether edges or the graph of each node are parameters: what there is of each has one axis less than in a batch."""
        names = [param.name for param in self.hypothesis.params]
        edges = any(priors.convention((name,)) is priors.EDGES for name in names)
        return edges or ("batch" in names and len(names) > 1)

    def written(self, path: Path) -> Prior:
        """What an annotation itself says of the dtype and the rank at ``path``: a use in the code does not override it."""
        own = self._own(path)
        if _is_attention_mask(path):  # annotated in many ways, and made by tokenizers as integers
            own = dataclasses.replace(own, dtypes=())
        return own if own.declared else Prior()

    def _own(self, path: Path) -> Prior:
        """What the author wrote, completed by what the name means wherever it is used."""
        own = self.priors.get(path, Prior())
        usual = (
            priors.PLACES if self.of_graphs and name_in(path) in ("pos", "coord", "coords") else priors.convention(path)
        )
        alone = len(path) == 1 and len(self.hypothesis.params) == 1
        if alone or own.dims or not (set(usual.dtypes) >= set(own.dtypes) and set(usual.ranks) >= set(own.ranks)):
            return own
        both = own.then(usual.dtypes, usual.ranks)
        declared = own.declared or usual.declared
        return dataclasses.replace(both, dims=usual.dims, declared=declared, fewest_axes=usual.fewest_axes)

    def prior(self, path: Path) -> Prior:
        """The suggestions for the tensor at ``path``, completed by all that is possible."""
        own = self._own(path)
        named = priors.from_name(name_in(path), self.source, self.floating)
        prior = own.then(named.dtypes, named.ranks)
        if _is_attention_mask(path):
            prior = priors.Prior((torch.int64,)).then(prior.dtypes, prior.ranks)
        return prior.then((self.floating, *priors.mentioned_dtypes(self.source), *priors.DTYPES), priors.RANKS)


def _is_attention_mask(path: Path) -> bool:
    return name_in(path).endswith("attention_mask")


def read_signature(module: torch.nn.Module) -> Signature:
    """The signature of ``module.forward``."""
    dtypes = [parameter.dtype for parameter in module.parameters()]
    real = [dtype for dtype in dtypes if dtype.is_floating_point]  # complex numbers beside them weigh a spectrum
    floating = next((dtype for dtype in (*real, *dtypes) if dtype.is_floating_point or dtype.is_complex), torch.float32)
    if isinstance(module, torch.jit.ScriptModule):
        return _from_schema(module, floating)
    if hasattr(module, "input_specs"):
        return _from_specs(module.input_specs)
    forward = module.forward
    annotations = _annotations(forward)
    try:
        source = textwrap.dedent(inspect.getsource(forward))
    except (OSError, TypeError):
        source = ""
    signature = Signature(Hypothesis(()), {}, source=source, floating=floating)
    docstring = signature.documentation = f"{inspect.getdoc(forward) or ''}\n{inspect.getdoc(type(module)) or ''}"
    params: list[Param] = []
    for parameter in inspect.signature(forward).parameters.values():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            signature.open_keywords = True
            params.append(Param(parameter.name, "keywords", Group("dict", ())))
            continue
        annotation = annotations.get(parameter.name, parameter.annotation)
        node = _node(annotation, (parameter.name,), signature.priors)
        if _is_own_class(annotation):
            signature.objects.add(parameter.name)
        dims = priors.shape_in_docstring(parameter.name, docstring)
        known = signature.priors.get((parameter.name,))
        if dims and known is None:
            signature.priors[(parameter.name,)] = Prior(ranks=(len(dims),), dims=dims)
        elif known is not None and not known.ranks and not isinstance(node, Group):
            typed = priors.typed_shape(parameter.name, docstring)
            signature.priors[(parameter.name,)] = dataclasses.replace(known, ranks=(len(typed),) if typed else ())
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            params.append(Param(parameter.name, "variadic", Group("list", ((0, node),))))
            continue
        has_default = parameter.default is not inspect.Parameter.empty
        if node == Fixed("") and not has_default:
            node = Fixed(strings(source)[0])
        if has_default:
            node = _at_default(parameter.name, node, parameter.default, signature)
        elif _may_be_none(parameter.name, signature):
            node = _at_default(parameter.name, node, None, signature)
        kind: Literal["keyword", "positional"] = (
            "keyword" if parameter.kind is inspect.Parameter.KEYWORD_ONLY else "positional"
        )
        params.append(Param(parameter.name, kind, node, has_default))
    signature.hypothesis = Hypothesis(tuple(params))
    return signature


def _at_default(name: str, node: Node, default: object, signature: Signature) -> Node:
    """A parameter at its default at first; what is None could be an input."""
    if default is None and not isinstance(node, Fixed):
        signature.optional[name] = node
    return Fixed(default)


def _may_be_none(name: str, signature: Signature) -> bool:
    """Whether the author wrote that a parameter may be None: in its annotation, or by asking whether it is."""
    said = signature.priors.get((name,), Prior()).optional
    return said or re.search(rf"\b{re.escape(name)} is (not )?None\b", signature.source) is not None


def _annotations(forward: Any) -> dict[str, Any]:
    try:
        return typing.get_type_hints(forward)
    except Exception:  # an annotation that cannot be resolved is no annotation
        return {
            name: value for name, value in getattr(forward, "__annotations__", {}).items() if not isinstance(value, str)
        }


def _node(annotation: Any, path: Path, found: dict[Path, Prior]) -> Node:
    """The node that an annotation asks for; `Unknown` where it does not tell."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _node(arguments[0], path, found)
    if origin in (typing.Union, types.UnionType):
        kept = [argument for argument in arguments if argument is not type(None)]
        tensor = [argument for argument in kept if _is_tensor(argument)]
        node = _node((tensor or kept)[0], path, found)
        if len(kept) < len(arguments) and not isinstance(node, Fixed):
            found[path] = dataclasses.replace(found.get(path, Prior()), optional=True)
        return node
    if origin is Literal:
        return Fixed(arguments[0])
    if hasattr(annotation, "dim_str") and hasattr(annotation, "dtypes"):  # jaxtyping
        dims = tuple(str(annotation.dim_str).split())
        named = [getattr(torch, name, None) for name in annotation.dtypes if isinstance(name, str)]
        dtypes = tuple(dtype for dtype in named if isinstance(dtype, torch.dtype))
        ranks = () if any("..." in dim or dim.startswith("*") for dim in dims) else (len(dims),)
        found[path] = Prior(_widest(dtypes), ranks, dims if ranks else (), declared=True)
        return Unknown()
    if _is_tensor(annotation):
        dtype = _TENSOR_TYPES.get(getattr(annotation, "__name__", ""))
        found[path] = Prior((dtype,) if dtype else (), declared=True)
        return Unknown()
    return _container(annotation, origin, arguments, path, found)


def _container(annotation: Any, origin: Any, arguments: tuple[Any, ...], path: Path, found: dict[Path, Prior]) -> Node:
    if origin is tuple and arguments and arguments[-1] is not Ellipsis:
        return Group("tuple", tuple((i, _node(arg, (*path, i), found)) for i, arg in enumerate(arguments)))
    if origin in (tuple, list) or (isinstance(origin, type) and issubclass(origin, Sequence)):
        if origin is tuple:
            found[path] = Prior(sequence="tuple")
        item = arguments[0] if arguments else inspect.Parameter.empty
        return Group("list", tuple((index, _node(item, (*path, index), found)) for index in range(2)))
    if annotation in (list, tuple):
        if annotation is tuple:
            found[path] = Prior(sequence="tuple")
        return Group("list", ((0, Unknown()), (1, Unknown())))
    if not isinstance(annotation, type):
        is_mapping = isinstance(origin, type) and issubclass(origin, Mapping)
        return Group("dict", ()) if is_mapping else Unknown()
    if annotation in (bool, int, float, str):
        return Fixed(annotation(1) if annotation in (int, float) else annotation())
    if issubclass(annotation, enum.Enum):
        return Fixed(next(iter(annotation)))
    if typing.is_typeddict(annotation) or hasattr(annotation, "_fields") or dataclasses.is_dataclass(annotation):
        return _record(annotation, path, found)
    return Group("dict", ()) if issubclass(annotation, Mapping) else Unknown()


def _record(cls: type, path: Path, found: dict[Path, Prior]) -> Node:
    """A dataclass, NamedTuple or TypedDict: a dict of its fields; those with a default keep it at first."""
    defaults: dict[str, Any] = dict(getattr(cls, "_field_defaults", {}))
    if dataclasses.is_dataclass(cls):
        names = [item.name for item in dataclasses.fields(cls) if item.init]
        defaults = {f.name: f.default for f in dataclasses.fields(cls) if f.default is not dataclasses.MISSING}
    else:
        names = list(getattr(cls, "_fields", None) or typing.get_type_hints(cls))
    hints = typing.get_type_hints(cls)
    children: list[tuple[str | int, Node]] = []
    for name in names:
        node = _node(hints.get(name), (*path, name), found)
        children.append((name, Fixed(defaults[name]) if name in defaults else node))
    share_class(cls)
    return Group("dict", tuple(children), None if typing.is_typeddict(cls) else cls)


def _is_tensor(annotation: Any) -> bool:
    return isinstance(annotation, type) and (
        issubclass(annotation, torch.Tensor) or getattr(annotation, "__name__", "") in _TENSOR_TYPES
    )


def _is_own_class(annotation: Any) -> bool:
    """Whether an annotation, perhaps beside None, is one class that is neither a tensor nor a container."""
    union = typing.get_origin(annotation) in (typing.Union, types.UnionType)
    kept = [part for part in (typing.get_args(annotation) if union else (annotation,)) if part is not type(None)]
    if len(kept) != 1 or not isinstance(kept[0], type) or _is_tensor(kept[0]) or hasattr(kept[0], "dim_str"):
        return False
    return kept[0] not in (object, Any, inspect.Parameter.empty) and _node(kept[0], (), {}) == Unknown()


def _widest(dtypes: tuple[torch.dtype, ...]) -> tuple[torch.dtype, ...]:
    """``Float`` and ``Int`` stand for families: the member that people mean comes first."""
    usual = [dtype for dtype in (torch.float32, torch.int64, torch.complex64) if dtype in dtypes]
    return (*usual, *(dtype for dtype in dtypes if dtype not in usual))


def _from_schema(module: torch.jit.ScriptModule, floating: torch.dtype) -> Signature:
    """The signature of a TorchScript module: its schema has types and defaults, no sizes."""
    signature = Signature(Hypothesis(()), {}, floating=floating)
    params: list[Param] = []
    forward: Any = module.forward
    for argument in forward.schema.arguments[1:]:
        node = _script_node(argument.type, (argument.name,), signature.priors)
        has_default = argument.has_default_value()
        if has_default or _may_be_none(argument.name, signature):
            node = _at_default(argument.name, node, argument.default_value, signature)
        params.append(Param(argument.name, "keyword" if argument.kwarg_only else "positional", node, has_default))
    signature.hypothesis = Hypothesis(tuple(params))
    return signature


def _script_node(kind: Any, path: Path, found: dict[Path, Prior]) -> Node:
    name = kind.kind()
    if name == "OptionalType":
        node = _script_node(kind.getElementType(), path, found)
        found[path] = dataclasses.replace(found.get(path, Prior()), optional=True)
        return node
    if name == "ListType":
        return Group("list", tuple((i, _script_node(kind.getElementType(), (*path, i), found)) for i in range(2)))
    if name == "TupleType":
        return Group("tuple", tuple((i, _script_node(e, (*path, i), found)) for i, e in enumerate(kind.elements())))
    if name == "DictType":
        return Group("dict", ())
    simple = {"IntType": 1, "FloatType": 1.0, "BoolType": False, "StringType": ""}
    if name in simple:
        return Fixed(simple[name])
    found[path] = Prior(declared=True)
    return Unknown()


def _from_specs(specs: Any) -> Signature:
    """The signature of a graph that declares dtypes and shapes."""
    signature = Signature(Hypothesis(()), {})
    params: list[Param] = []
    for spec in specs:
        dtype = getattr(torch, spec.dtype, None)
        dims = () if spec.shape is None else tuple(str(size) if size is not None else "?" for size in spec.shape)
        node: Node = Unknown()
        paths: list[Path] = [(spec.parameter,)]
        if spec.sequence:
            node = Group("list", ((0, Unknown()), (1, Unknown())))
            paths = [(spec.parameter, 0), (spec.parameter, 1)]
        for path in paths:
            dtypes = (dtype,) if isinstance(dtype, torch.dtype) else ()
            signature.priors[path] = Prior(dtypes, () if spec.shape is None else (len(dims),), dims, declared=True)
        params.append(Param(spec.parameter, "positional", node))
    signature.hypothesis = Hypothesis(tuple(params))
    return signature
