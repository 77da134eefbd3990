"""Random contracts, inputs that are likely to keep them, and inputs with one thing changed."""

from __future__ import annotations

import dataclasses
import random
from typing import Any

import numpy as np

from contractgen.contract import model
from contractgen.contract.expression import evaluate

DTYPES = (
    "bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64",
    "float16", "bfloat16", "float32", "float64", "complex64", "complex128",
)  # fmt: skip


class Maker:
    """Makes one random contract, and inputs for it, from a seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.numpy = np.random.default_rng(seed)
        self.leaf = 0

    def contract(self) -> model.Contract:
        rng = self.random
        dims: dict[str, model.Dim] = {}
        for name in rng.sample(["batch", "seq", "height", "n0", "count", "min"], rng.randint(1, 3)):
            least = rng.choice([0, 1, 1, 1, 2])
            dims[name] = model.Dim(least, rng.choice([None, 4, 6]), rng.choice([1, 1, 2]))
        free = list(dims)
        if rng.random() < 0.4:
            operator = rng.choice(["+", "*", "//", "-", "min", "max", "%"])
            dims["derived"] = model.Dim(equals=(operator, rng.choice(free), rng.choice([1, 2, *free])))
        relations = ()
        if rng.random() < 0.3 and len(free) > 1:
            relations = ((rng.choice(["<=", "<", "=="]), free[0], rng.choice([free[1], ("+", free[1], 1)])),)
        self.dims = dims
        inputs = []
        for i in range(rng.randint(1, 3)):
            name = f"p{i}"
            inputs.append(model.Parameter(name, self.node(name, rng.randint(0, 2)), "positional", rng.random() < 0.8))
        if rng.random() < 0.2:
            item = self.tensor("rest.*")
            length = rng.choice([2, *free])
            inputs.append(model.Parameter("rest", model.List(item, length), "variadic"))
            inputs[:-1] = [model.Parameter(part.name, part.node, "positional") for part in inputs[:-1]]
        if rng.random() < 0.4:
            inputs.append(model.Parameter("only", self.node("only", 1), "keyword", rng.random() < 0.5))
        inputs.sort(key=lambda part: (part.kind != "positional", part.kind == "keyword", not part.required))
        outputs = (model.Output("output", self.tensor("output", outputs=True)),)
        return model.Contract("random", tuple(inputs), outputs, dims, relations, fingerprint="sha256:" + "0" * 64)

    def node(self, path: str, depth: int, listed: bool = False) -> model.Node:
        rng = self.random
        kind = (
            rng.choice(["tensor", "tensor", "dict", "dict", "list", "tuple", "optional", "constant"])
            if depth
            else "tensor"
        )
        if kind == "dict":
            keys = rng.sample(["ids", "image", "mask", "x y"], rng.randint(1, 3))
            fields = [model.Field(key, self.node(f"{path}.{key}", depth - 1), rng.random() < 0.75) for key in keys]
            if all(isinstance(field.node, model.Constant) for field in fields):
                fields.append(model.Field("tensor", self.tensor(f"{path}.tensor")))
            return model.Dict(tuple(fields))
        if kind == "list":
            item = self.tensor(f"{path}.*") if rng.random() < 0.7 else self.required_dict(f"{path}.*")
            return model.List(item, rng.choice([1, 2, rng.choice(list(self.dims))]))
        if kind == "tuple":
            items = tuple(self.node(f"{path}.{i}", 0) for i in range(rng.randint(1, 2)))
            return model.Tuple(items, rng.choice(["tuple", "list"]))
        if kind == "optional":
            return model.Optional(self.node(path, 0))
        if kind == "constant":
            return rng.choice([model.Constant(True, "bool"), model.Constant(3, "int"), model.Constant("0.5", "float")])
        return self.tensor(path)

    def required_dict(self, path: str) -> model.Dict:
        return model.Dict(tuple(model.Field(key, self.tensor(f"{path}.{key}")) for key in ("a", "b")))

    def tensor(self, path: str, *, outputs: bool = False) -> model.Tensor:
        rng = self.random
        names = [name for name, dim in self.dims.items() if not outputs or dim.equals is None]
        shape = tuple(rng.choice([1, 2, 3, *names, *names]) for _ in range(rng.randint(0, 3)))
        dtype = rng.choice(DTYPES)
        return model.Tensor(path, dtype, shape, None if outputs else self.values(dtype, shape))

    def values(self, dtype: str, shape: tuple[int | str, ...], depth: int = 1) -> model.Values | None:
        rng = self.random
        if rng.random() < 0.4:
            return None
        if dtype.startswith("complex"):
            return model.Values(finite=rng.random() < 0.5, not_nan=rng.random() < 0.5)
        fixed = bool(shape) and isinstance(shape[-1], int)
        if depth and shape and (fixed or self.always_has_one(shape[-1])) and rng.random() < 0.2:
            columns = tuple(self.values(dtype, (), 0) or model.Values() for _ in range(shape[-1] if fixed else 1))
            own = None if fixed else self.values(dtype, (), 0)
            return dataclasses.replace(own or model.Values(), along_last=columns)
        low: Any = rng.choice([None, None, 0, 0, 1, "0.5", "-1.25"])
        high: Any = rng.choice(
            [None, None, 3, 5, "2.1", rng.choice(list(self.dims)), ("+", rng.choice(list(self.dims)), 1)]
        )
        if dtype == "bool":
            low, high = None, rng.choice([None, 0, 1])
        one_of = rng.choice([None, None, None, (0, 1), (1, "0.1", 3)])
        is_float = "float" in dtype
        order = rng.choice([None, None, None, "ascending", "descending"]) if shape else None
        finite = is_float and rng.random() < 0.4
        not_nan = is_float and not finite and rng.random() < 0.3
        follows = (isinstance(high, str) and high in self.dims) or isinstance(high, tuple)
        attained = follows and "int" in dtype and one_of is None and depth > 0 and rng.random() < 0.5
        sized = follows or low in self.dims
        rows = not attained and order is None and not sized and bool(depth and shape) and rng.random() < 0.3
        each_row = model.EachRow(rng.choice(["nonzero", "zero"])) if rows else None
        return model.Values(low, high, one_of, finite, not_nan, order, attained, each_row)

    def always_has_one(self, name: str) -> bool:
        """Whether an axis is sure to have an index."""
        return self.dims[name].equals is None and self.dims[name].min > 0

    def arguments(self, contract: model.Contract) -> dict[str, Any]:
        """Arguments that are likely to keep the contract."""
        rng = self.random
        sizes = {}
        for name, dim in contract.dims.items():
            if dim.equals is None:
                least = -(-dim.min // dim.multiple_of) * dim.multiple_of
                options = [size for size in range(least, least + 5) if size % dim.multiple_of == 0]
                options = [size for size in options if dim.max is None or size <= dim.max] or [least]
                sizes[name] = rng.choice(options)
        from tests.generate.oracle import value_of

        for name, dim in contract.dims.items():
            if dim.equals is not None:
                value = value_of(name, sizes, contract)
                sizes[name] = value if isinstance(value, int) and value >= 0 else 1
        given = {}
        rest_follows = any(part.kind == "variadic" for part in contract.inputs)
        for part in contract.inputs:
            if part.required or rest_follows or rng.random() < 0.6:
                given[part.name] = self.value(part.node, sizes)
                if part.kind == "variadic":
                    given[part.name] = list(given[part.name])
        return given

    def value(self, node: model.Node, sizes: dict[str, int]) -> Any:
        rng = self.random
        if isinstance(node, model.Tensor):
            return self.array(node, sizes)
        if isinstance(node, model.Constant):
            return float(str(node.value)) if node.type == "float" else node.value
        if isinstance(node, model.Optional):
            return None if rng.random() < 0.4 else self.value(node.node, sizes)
        if isinstance(node, model.List):
            length = node.length if isinstance(node.length, int) else sizes[node.length]
            return [self.value(node.item, sizes) for _ in range(length)]
        if isinstance(node, model.Tuple):
            items = [self.value(item, sizes) for item in node.items]
            return items if node.sequence == "list" else tuple(items)
        return {part.key: self.value(part.node, sizes) for part in node.fields if part.required or rng.random() < 0.6}

    def array(self, node: model.Tensor, sizes: dict[str, int]) -> np.ndarray:
        shape = tuple(size if isinstance(size, int) else sizes[size] for size in node.shape)
        values = node.values or model.Values()
        numbers = self.numpy.choice([0, 1, 1, 2, 3], shape) if self.random.random() < 0.7 else np.ones(shape)
        numbers = np.asarray(numbers, np.float64)
        if node.dtype == "bool":
            numbers = numbers % 2
        if values.order is not None and numbers.ndim:
            numbers = np.sort(numbers, -1)
            numbers = numbers[..., ::-1] if values.order == "descending" else numbers
        if values.attained and numbers.size and self.random.random() < 0.8:
            high = evaluate(values.max, sizes)
            numbers = np.minimum(numbers, high)
            numbers.reshape(-1)[0 if values.order == "descending" else -1] = high
        return self.typed(numbers, node.dtype)

    def typed(self, numbers: np.ndarray, dtype: str) -> np.ndarray:
        if dtype == "bfloat16":
            return np.asarray((np.asarray(numbers, np.float32).view(np.uint32) >> 16).astype(np.uint16))
        return np.ascontiguousarray(numbers).astype(dtype).reshape(np.shape(numbers))

    def changed(self, value: Any) -> Any:
        """The same tree with one thing changed somewhere in it."""
        rng = self.random
        if isinstance(value, dict):
            if not value or rng.random() < 0.15:
                return rng.choice([list(value.values()), None, {**value, "ids ": np.zeros(1)}])
            key = rng.choice(list(value))
            if rng.random() < 0.15:
                return {name: one for name, one in value.items() if name != key}
            if rng.random() < 0.15:
                return {(f"{name}_" if name == key else name): one for name, one in value.items()}
            return {**value, key: self.changed(value[key])}
        if isinstance(value, (list, tuple)):
            items = list(value)
            if not items or rng.random() < 0.25:
                items = rng.choice([[*items, np.zeros((1, 2), np.float32)], items[:-1], items + items[-1:]])
            else:
                place = rng.randrange(len(items))
                items[place] = self.changed(items[place])
            wrong = rng.random() < 0.1
            return tuple(items) if isinstance(value, tuple) != wrong else items
        if isinstance(value, np.ndarray):
            return self.changed_array(value)
        return rng.choice([None, not value, 3, "text", value])

    def changed_array(self, array: np.ndarray) -> Any:
        rng = self.random
        kind = rng.randrange(9)
        if kind == 0:
            return array.astype(rng.choice(["float32", "float64", "int64", "int32", "uint8", "bool"]))
        if kind == 1:
            return array[None]
        if kind == 2 and array.ndim:
            return array[0] if array.shape[0] else array
        if kind == 3 and array.ndim:
            return np.concatenate([array, array[:1]], 0)
        if kind == 4 and array.size:
            changed = array.copy()
            place = tuple(rng.randrange(size) for size in array.shape)
            with np.errstate(all="ignore"):
                if array.dtype.kind in "fc":
                    changed[place] = rng.choice([np.nan, np.inf, -np.inf, -1, 7, 0.1, 2.1, 0.25])
                elif array.dtype == np.uint16:
                    changed[place] = rng.choice([0x7FC0, 0x7F80, 0xBF80, 0x40E0, 0x3DCD, 7, 0])
                elif array.dtype != bool:
                    changed[place] = rng.choice([0, 4, 7, 100])
                else:
                    changed[place] = not changed[place]
            return changed
        if kind == 5 and array.ndim > 1:
            return np.swapaxes(array, 0, -1)
        if kind == 6:
            return array.tolist()
        if kind == 7 and array.ndim:
            return array[:0]
        return None
