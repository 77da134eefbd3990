from __future__ import annotations

from typing import Any

import torch
from torch import nn

from contractgen.infer.hypothesis import Fixed, Group, Hypothesis, Leaf, Param, Unknown
from contractgen.infer.optional import Optionals, add_optionals
from tests.infer.conftest import Bench, f32, i64, params

ABSENT = Fixed(None)


def optional(*names: str, **required: Leaf) -> Hypothesis:
    given = tuple(Param(name, "positional", node) for name, node in required.items())
    return Hypothesis((*given, *(Param(name, "positional", ABSENT, has_default=True) for name in names)))


def added(bench: Bench, module: nn.Module, hypothesis: Hypothesis) -> Optionals:
    workbench = bench(module)
    search = workbench.search()
    found = workbench.found(hypothesis)
    search.asked |= found.trial.asked.optional
    return add_optionals(search, found)


class Pooled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> Any:
        y = self.layer(x)
        if mask is None:
            return y.mean(1)
        kept = mask.unsqueeze(-1).to(y.dtype)
        return (y * kept).sum(1) / kept.sum(1).clamp(min=1)


class Trained(nn.Module):
    def forward(self, x: torch.Tensor, labels: torch.Tensor | None = None, aim: torch.Tensor | None = None) -> Any:
        result = {"logits": x * 2}
        if aim is not None:
            result["loss"] = (x - aim).square().mean()
        return result


class Either(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(7, 4)

    def forward(self, ids: torch.Tensor | None = None, embeds: torch.Tensor | None = None) -> Any:
        x = self.table(ids) if embeds is None else embeds
        return x * 2


class Flagged(nn.Module):
    def forward(self, x: torch.Tensor, scale: Any = None, ignored: torch.Tensor | None = None) -> Any:
        return x * 2 if scale is None else x * (2 if scale else 3)


class Strict(nn.Module):
    def forward(self, x: torch.Tensor, state: torch.Tensor | None = None) -> Any:
        if state is not None:
            raise NotImplementedError(f"no state of {state.shape} yet")
        return x * 2


class Counting(nn.Module):
    """Reads a number before it looks at the mask, which ends a symbolic run."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(7, 4)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor | None = None) -> Any:
        x = self.table(ids.new_zeros(int(ids.max()) + 1)).sum(0)
        x = x + self.table(ids)[ids >= 0].sum(0)
        return x if mask is None else x + (self.table(ids) * mask.unsqueeze(-1)).sum((0, 1))


class Shown(nn.Module):
    """Pictures of which a mask shows parts."""

    def forward(self, pictures: torch.Tensor, picture_mask: torch.Tensor | None = None) -> Any:
        return pictures if picture_mask is None else pictures * picture_mask[:, None, :, :]


class Keyed(nn.Module):
    def forward(self, batch: dict[str, torch.Tensor]) -> Any:
        x = batch["x"]
        if "bias" in batch:
            x = x + batch["bias"]
        return x * 2


def test_an_optional_mask_is_found_with_its_ties(bench: Bench) -> None:
    result = added(bench, Pooled(), optional("mask", x=f32(5, 7, 4)))
    assert result.paths == [("mask",)]
    assert result.found.hypothesis.leaves()[("mask",)].sizes == (5, 7)
    assert result.before.hypothesis == optional("mask", x=f32(5, 7, 4))
    assert result.left_out == {}


def test_labels_and_what_brings_a_loss_are_for_training(bench: Bench) -> None:
    result = added(bench, Trained(), optional("labels", "aim", x=f32(5, 7)))
    assert result.paths == []
    assert result.left_out == {
        "labels": "its name says that it is for training",
        "aim": "with it the model returns a loss: it is for training",
    }


def test_an_input_that_silences_another_is_an_alternative(bench: Bench) -> None:
    hypothesis = Hypothesis(
        (
            Param("ids", "positional", i64(5, 7), has_default=True),
            Param("embeds", "positional", ABSENT, has_default=True),
        )
    )
    result = added(bench, Either(), hypothesis)
    assert result.paths == []
    assert result.left_out == {"embeds": "with it the model no longer reads ids: it is an alternative to it"}


def test_what_is_no_tensor_or_never_read_is_left_out(bench: Bench) -> None:
    result = added(bench, Flagged(), optional("scale", "ignored", x=f32(5, 7)))
    assert result.paths == []
    assert set(result.left_out) == {"scale", "ignored"}
    assert "stays at its default" in result.left_out["scale"]


def test_what_never_runs_is_left_out(bench: Bench) -> None:
    result = added(bench, Strict(), optional("state", x=f32(5, 7)))
    assert result.left_out == {"state": "no value was found that the model runs on beside the other inputs"}


def test_a_key_that_is_asked_for_and_not_needed_is_optional(bench: Bench) -> None:
    result = added(bench, Keyed(), params(batch=Group("dict", (("x", f32(5, 7)),))))
    assert result.paths == [("batch", "bias")]


def test_nothing_is_tried_where_nothing_is_optional(bench: Bench) -> None:
    workbench = bench(nn.Linear(4, 2))
    search = workbench.search()
    found = workbench.found(params(input=f32(5, 4)))
    result = add_optionals(search, found)
    assert result.found is result.before is found
    assert not isinstance(found.hypothesis.node(("input",)), Unknown)


class Boxed(nn.Module):
    """Says of every failure that coordinates are out of range, as a library does that expects nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(11, 6), nn.Embedding(32, 6)

    def forward(self, ids: torch.Tensor, boxes: torch.Tensor | None = None) -> Any:
        if boxes is None:
            boxes = torch.zeros(*ids.shape, 4, dtype=torch.int64)
        try:
            left, right = self.places(boxes[:, :, 0]), self.places(boxes[:, :, 2])
            width = self.places(boxes[:, :, 2] - boxes[:, :, 0]) + self.places(boxes[:, :, 3] - boxes[:, :, 1])
        except IndexError as error:
            raise IndexError("coordinates are between 0 and 31") from error
        return self.words(ids) + left + right + width


def test_a_failure_that_stands_for_another_tells_the_rank_of_boxes(bench: Bench) -> None:
    result = added(bench, Boxed(), optional("boxes", ids=i64(5, 7)))
    assert result.left_out == {}
    boxes = result.found.hypothesis.leaves()[("boxes",)]
    assert (boxes.dtype, boxes.sizes[:2]) == (torch.int64, (5, 7))
    assert boxes.sizes[2] >= 4


class Carried(nn.Module):
    """Its state may be carried from call to call: torch says of another rank which one it should be."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.GRU(8, 16)

    def forward(self, x: torch.Tensor, state: torch.Tensor | None = None) -> Any:
        return self.layer(x, state)


def test_the_state_of_a_recurrent_layer_is_found(bench: Bench) -> None:
    result = added(bench, Carried(), optional("state", x=f32(5, 7, 8)))
    leaf = result.found.hypothesis.leaves()[("state",)]
    assert leaf.sizes == (1, 7, 16)


class Attending(nn.Module):
    """Reads a context beside its query: torch says of several inputs at once which rank they should have."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.MultiheadAttention(8, 2, kdim=6, vdim=6, batch_first=True)

    def forward(self, query: torch.Tensor, context: torch.Tensor | None = None) -> Any:
        x = query.unsqueeze(1)
        return x if context is None else x + self.layer(x, context, context, need_weights=False)[0]


def test_a_context_that_is_attended_to_is_found(bench: Bench) -> None:
    result = added(bench, Attending(), optional("context", query=f32(5, 8)))
    leaf = result.found.hypothesis.leaves()[("context",)]
    assert (len(leaf.sizes), leaf.sizes[0], leaf.sizes[2]) == (3, 5, 6)


class Weighed(nn.Module):
    """Says in words of its own that the weights are wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor, weight: torch.Tensor | None = None) -> Any:
        y = self.layer(x)
        if weight is not None:
            if weight.shape != x.shape[:1]:
                raise ValueError("one weight a row")
            y = y * weight.unsqueeze(1)
        return y


def test_an_input_that_is_checked_without_a_size_is_found_by_the_axes_of_others(bench: Bench) -> None:
    result = added(bench, Weighed(), optional("weight", x=f32(5, 4)))
    assert result.found.hypothesis.leaves()[("weight",)].sizes == (5,)


class Remembering(nn.Module):
    """Its state is a pair, of the rank that the layer's input has."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.LSTM(8, 6, 2, batch_first=True)

    def forward(self, x: torch.Tensor, hidden: Any = None) -> Any:
        return self.layer(x, hidden)


def test_the_pair_of_states_of_a_recurrent_layer_is_found(bench: Bench) -> None:
    result = added(bench, Remembering(), optional("hidden", x=f32(5, 7, 8)))
    leaves = result.found.hypothesis.leaves()
    assert [leaves[("hidden", index)].sizes for index in (0, 1)] == [(2, 5, 6), (2, 5, 6)]


class Spoken(nn.Module):
    """A speaker's vector is added to each frame: torch says of the sum which rank a convolution takes."""

    def __init__(self) -> None:
        super().__init__()
        self.speakers, self.layer = nn.Embedding(4, 8), nn.ConvTranspose1d(8, 2, 4, 2)

    def forward(self, x: torch.Tensor, speaker: torch.Tensor | None = None) -> Any:
        return self.layer(x if speaker is None else x + self.speakers(speaker).unsqueeze(-1))


def test_an_index_a_row_is_found_by_the_rank_of_what_it_is_added_to(bench: Bench) -> None:
    result = added(bench, Spoken(), optional("speaker", x=f32(5, 8, 7)))
    leaf = result.found.hypothesis.leaves()[("speaker",)]
    assert (leaf.dtype, leaf.sizes) == (torch.int64, (5,))


class Filtered(nn.Module):
    """Vectors and matrices of one batch: of the matrices it asks for an axis that a single one does not have."""

    step: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("step", torch.eye(4))

    def forward(self, x: torch.Tensor, prior: Any = None) -> Any:
        mean, spread = (torch.zeros(len(x), 4), torch.eye(4).expand(len(x), 4, 4)) if prior is None else prior
        return x + mean @ self.step, (self.step @ spread).transpose(1, 2)


def test_a_matrix_a_row_is_found_beside_a_vector_a_row(bench: Bench) -> None:
    result = added(bench, Filtered(), optional("prior", x=f32(5, 4)))
    leaves = result.found.hypothesis.leaves()
    assert [leaves[("prior", index)].sizes for index in (0, 1)] == [(5, 4), (5, 4, 4)]


def test_an_input_that_the_symbolic_run_never_reached_is_found_by_real_ones(bench: Bench) -> None:
    result = added(bench, Counting(), optional("mask", ids=i64(5, 7)))
    assert result.paths == [("mask",)]
    assert result.found.hypothesis.leaves()[("mask",)].sizes == (5, 7)


def test_a_mask_of_pictures_has_no_channels(bench: Bench) -> None:
    result = added(bench, Shown(), optional("picture_mask", pictures=f32(5, 3, 11, 13)))
    assert result.found.hypothesis.leaves()[("picture_mask",)].sizes == (5, 11, 13)


class Scaled(nn.Module):
    """A scale of each row; one of two axes would give the outputs one axis more."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor, scale: torch.Tensor | None = None) -> Any:
        y = self.layer(x)
        return y if scale is None else y * scale.unsqueeze(-1)


def test_an_optional_input_leaves_the_outputs_their_ranks(bench: Bench) -> None:
    result = added(bench, Scaled(), optional("scale", x=f32(5, 4)))
    assert result.found.hypothesis.leaves()[("scale",)].sizes == (5,)


class Prompted(nn.Module):
    """Labels of points that are an input, and a message that states a rank in its own words."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.table = nn.Linear(4, 3), nn.Embedding(2, 3)

    def forward(self, x: torch.Tensor, input_labels: torch.Tensor | None = None) -> Any:
        y = self.layer(x)
        if input_labels is not None:
            if input_labels.dim() != 3:
                raise ValueError("The input_labels must be a 3D tensor")
            y = y + self.table(input_labels).sum((1, 2))
        return y


def test_labels_that_are_an_input_are_given(bench: Bench) -> None:
    result = added(bench, Prompted(), optional("input_labels", x=f32(5, 4)))
    leaf = result.found.hypothesis.leaves()[("input_labels",)]
    assert (len(leaf.sizes), leaf.sizes[0]) == (3, 5)


class Received(nn.Module):
    """A picture beside words, whose annotation says integers; its patches are counted by int(), its boxes joined late."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.patches = nn.Embedding(9, 6), nn.Conv2d(3, 6, 8, 8)
        self.places, self.corners = nn.Parameter(torch.zeros(1, 16, 6)), nn.Parameter(torch.zeros(1, 16, 4))

    def forward(
        self, ids: torch.Tensor, bbox: torch.Tensor | None = None, pixel_values: torch.LongTensor | None = None
    ) -> Any:
        x = self.table(ids)
        boxes = ids.new_zeros(*ids.shape, 4) if bbox is None else bbox
        if pixel_values is not None:
            height, width = (int(size / 8) for size in pixel_values.shape[2:])
            patches = self.patches(pixel_values)[..., :height, :width].flatten(2).transpose(1, 2) + self.places
            boxes = torch.cat([boxes, self.corners.expand(len(ids), -1, -1)], 1)
            x = torch.cat([x, patches], 1)
        return x + boxes[..., :4].sum(-1, keepdim=True)


def test_a_picture_of_a_size_behind_int_is_found_beside_boxes_that_were_found_too_wide(bench: Bench) -> None:
    result = added(bench, Received(), optional("pixel_values", ids=i64(5, 7), bbox=i64(5, 7, 17)))
    leaves = result.found.hypothesis.leaves()
    assert leaves[("pixel_values",)] == f32(5, 3, 32, 32)
    assert leaves[("bbox",)].sizes == (5, 7, 4)


class Joined(nn.Module):
    """What is joined with an input before a layer of fixed width: given, it takes columns from the other."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(5, 3)

    def forward(self, x: torch.Tensor, hidden: torch.Tensor | None = None) -> Any:
        return self.layer(x if hidden is None else torch.cat([hidden, x], dim=-1))


def test_an_input_that_needs_other_widths_of_the_others_is_left_out(bench: Bench) -> None:
    result = added(bench, Joined(), optional("hidden", x=f32(7, 5)))
    assert result.found.hypothesis.leaves() == {("x",): f32(7, 5)}
    assert "does not run on without it" in result.left_out["hidden"]


class Strided(nn.Module):
    """Attends over every fourth frame: of two frames one is left, whose weight is 1 whatever the mask says."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv1d(5, 3, 4, 4, padding=1)

    def forward(self, frames: torch.Tensor, attention_mask: torch.Tensor | None = None) -> Any:
        h = self.layer(frames.transpose(1, 2))
        scores = h.sum(1)
        if attention_mask is not None:
            lengths = (attention_mask.sum(1) - 2) // 4 + 1
            kept = torch.zeros_like(scores).scatter(1, (lengths - 1).clamp(min=0)[:, None], 1.0)
            scores = scores.masked_fill(kept.flip(1).cumsum(1).flip(1) == 0, -1e9)
        return (scores.softmax(1)[:, None] * h).sum(2)


def test_a_mask_of_frames_is_read_where_strides_leave_more_than_one_step(bench: Bench) -> None:
    result = added(bench, Strided(), optional("attention_mask", frames=f32(3, 2, 5)))
    assert result.paths == [("attention_mask",)]
    sizes = result.found.hypothesis.sizes()
    assert sizes[(("attention_mask",), 1)] == sizes[(("frames",), 1)] > 2


class Memory:
    """What a model keeps between its runs."""


class TwoSided(nn.Module):
    """An encoder and a decoder in one: what stands between them may be given too, and is no input of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(9, 4)
        self.layer = nn.Linear(4, 4)

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        decoder_input_ids: torch.Tensor | None = None,
        encoder_outputs: torch.Tensor | None = None,
        decoder_inputs_embeds: torch.Tensor | None = None,
        memory: Memory | None = None,
    ) -> Any:
        if memory is not None:
            raise TypeError("no memory in this test")
        encoded = self.layer(self.words(input_ids)) if encoder_outputs is None else encoder_outputs
        h = self.words(decoder_input_ids) if decoder_inputs_embeds is None else decoder_inputs_embeds
        return h + encoded.mean(1, keepdim=True)


def test_what_stands_for_another_input_by_its_name_is_an_alternative(bench: Bench) -> None:
    names = ("encoder_outputs", "decoder_inputs_embeds", "memory")
    workbench = bench(TwoSided())
    search = workbench.search()
    search.signature.optional = {"input_ids": Unknown(), **{name: Unknown() for name in names}}
    result = add_optionals(search, workbench.found(optional(*names, input_ids=i64(3, 7), decoder_input_ids=i64(3, 5))))
    assert result.paths == []
    assert result.left_out == {
        "encoder_outputs": "its name says that it stands for what the model makes of input_ids: it is an alternative to it",
        "decoder_inputs_embeds": (
            "its name says that it stands for what the model makes of decoder_input_ids: it is an alternative to it"
        ),
        "memory": "it is an object of a class of its own: it does not travel",
    }


class Dropped(nn.Module):
    """Attends from a token of its own too, and drops a mask that lets all through before anything looks at its rows."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 1)

    def forward(self, x: torch.Tensor, attention_mask: torch.Tensor | None = None) -> Any:
        scores = torch.nn.functional.pad(self.layer(x)[..., 0], (1, 0))
        if attention_mask is not None:
            kept = attention_mask + torch.zeros(scores.shape[1])
            if not attention_mask.all():
                scores = scores.masked_fill(kept[torch.arange(len(x))] == 0, -1e9)
        return scores.softmax(-1)


def test_a_mask_that_would_be_dropped_gets_the_rows_of_what_it_masks(bench: Bench) -> None:
    result = added(bench, Dropped(), optional("attention_mask", x=f32(11, 6, 4)))
    assert result.paths == [("attention_mask",)]
    assert result.found.hypothesis.leaves()[("attention_mask",)].sizes == (11, 7)


class Rewriter(nn.Module):
    """A text that decides what is computed, so that a symbolic run ends early, and the start of an answer to it.

    The answer has as many rows as the text, and places for fewer words than the first try has.
    """

    def __init__(self) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(30, 12), nn.Embedding(10, 12)

    def forward(self, text: torch.Tensor, start: torch.Tensor | None = None) -> Any:
        read = self.words(text)
        if len((text == 0).nonzero()) == 1:
            read = read * 2
        start = text if start is None else start
        if len(start) != len(text) or start.dim() != 2 or start.shape[1] > 10:
            raise ValueError("the start of an answer does not go with its text")
        return self.words(start) + self.places(torch.arange(start.shape[1])) + read.mean(1, keepdim=True)


def test_what_a_symbolic_run_never_comes_to_is_run_for_real_with_the_rows_of_others(bench: Bench) -> None:
    search = bench(Rewriter()).search()
    found = search.find(search.signature.hypothesis)
    assert found is not None
    optionals = add_optionals(search, found)
    assert optionals.paths == [("start",)], optionals.left_out
