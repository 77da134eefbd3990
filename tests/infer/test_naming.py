from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch

from contractgen.infer.extents import Extent
from contractgen.infer.hypothesis import Leaf, Path
from contractgen.infer.naming import identifier, name_extents
from contractgen.infer.priors import Prior
from tests.infer.conftest import f32, i64

U8 = Leaf(torch.uint8, (2, 3, 11, 13))


def names(
    leaves: dict[str, Leaf],
    *groups: tuple[tuple[str, int], ...],
    batch: int | None = 0,
    dims: Mapping[str, tuple[str, ...]] | None = None,
) -> list[str]:
    extents = [Extent(tuple(((name,), axis) for name, axis in group)) for group in groups]
    priors: dict[Path, Prior] = {(name,): Prior(dims=written) for name, written in (dims or {}).items()}
    found = name_extents(
        extents,
        {(name,): leaf for name, leaf in leaves.items()},
        priors,
        None if batch is None else extents[batch],
    )
    return list(found.values())


@pytest.mark.parametrize(
    ("leaf", "expected"),
    [
        (f32(2, 3, 11, 13), ["batch", "channels", "height", "width"]),
        (U8, ["batch", "channels", "height", "width"]),
        (f32(2, 3, 5, 11, 13), ["batch", "channels", "depth", "height", "width"]),
        (f32(2, 7, 3), ["batch", "seq", "length"]),
        (f32(2, 7), ["batch", "features"]),
        (i64(2, 7), ["batch", "seq"]),
    ],
)
def test_axes_have_the_usual_names_of_their_roles(leaf: Leaf, expected: list[str]) -> None:
    groups = [(("x", axis),) for axis in range(len(leaf.sizes))]
    assert names({"x": leaf}, *groups) == expected


def test_pictures_with_channels_last_have_their_sides_before_them() -> None:
    leaves: dict[Path, Leaf] = {("x",): f32(2, 11, 13, 3)}
    extents = [Extent(((("x",), axis),)) for axis in range(3)]
    extents += [Extent(((("x",), 3),), fixed=3)]
    assert list(name_extents(extents, leaves, {}, extents[0]).values()) == ["batch", "height", "width"]
    extents[3].fixed = 64  # so many are features of something
    assert list(name_extents(extents, leaves, {}, extents[0]).values()) == ["batch", "channels", "height"]


def test_audio_has_samples_and_spectra_have_frames() -> None:
    assert names({"waveform": f32(2, 99)}, (("waveform", 0),), (("waveform", 1),)) == ["batch", "samples"]
    assert names({"mel": f32(2, 80, 99)}, (("mel", 0),), (("mel", 2),)) == ["batch", "frames"]


def test_a_graph_has_nodes_and_edges() -> None:
    leaves = {"x": f32(5, 4), "edge_index": i64(2, 9)}
    assert names(leaves, (("x", 0),), (("edge_index", 1),), batch=None) == ["nodes", "edges"]


def test_the_same_role_twice_is_told_apart_by_the_owner() -> None:
    leaves = {"src": i64(2, 7), "tgt": i64(2, 9)}
    assert names(leaves, (("src", 0), ("tgt", 0)), (("src", 1),), (("tgt", 1),)) == ["batch", "src_seq", "tgt_seq"]


def test_the_same_name_of_one_owner_is_numbered() -> None:
    leaf = Leaf(torch.int64, (2, 7, 9))
    assert names({"x": leaf}, (("x", 0),), (("x", 1),), (("x", 2),)) == ["batch", "x_seq", "seq_2"]


def test_the_authors_own_names_come_first_and_short_ones_are_spelt_out() -> None:
    written = {"x": ("B", "3", "H", "Wide")}
    groups = [(("x", 0),), (("x", 2),), (("x", 3),)]
    assert names({"x": f32(2, 3, 11, 13)}, *groups, dims=written) == ["batch", "height", "wide"]


def test_a_fixed_size_has_no_name() -> None:
    extents = [Extent(((("x",), 0),)), Extent(((("x",), 1),), fixed=4)]
    assert name_extents(extents, {("x",): f32(2, 4)}, {}, extents[0]) == {0: "batch"}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("seq", "seq"),
        ("seq len", "seq_len"),
        ("2d", "d2d"),
        ("class", "class_"),
        ("max", "max_"),
        ("", "dim"),
        ("a:b", "a_b"),
    ],
)
def test_any_text_becomes_an_identifier(text: str, name: str) -> None:
    assert identifier(text) == name
    assert name.isidentifier()
