# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Models of columns: a transformer over features, oblivious trees, wide and deep, crosses of named features."""

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_inf, with_nan


class FeatureTokenizer(nn.Module):
    """One token per feature; all categories share a table, with an offset per column."""

    def __init__(self, n_num, cardinalities, d_token):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_num + 1, d_token) * 0.1)
        self.bias = nn.Parameter(torch.zeros(n_num + len(cardinalities), d_token))
        offsets = torch.tensor([0, *cardinalities[:-1]]).cumsum(0)
        self.register_buffer("category_offsets", offsets)
        self.category_embeddings = nn.Embedding(sum(cardinalities), d_token)

    def forward(self, x_num, x_cat):
        cls = x_num.new_ones(len(x_num), 1)
        x = self.weight[None] * torch.cat([cls, x_num], dim=1)[:, :, None]
        x = torch.cat([x, self.category_embeddings(x_cat + self.category_offsets[None])], dim=1)
        bias = torch.cat([self.bias.new_zeros(1, self.bias.shape[1]), self.bias])
        return x + bias[None]


class FTTransformer(nn.Module):
    def __init__(self, n_num=4, cardinalities=(6, 6, 6), d_token=16, n_blocks=2, n_heads=4, d_out=2):
        super().__init__()
        self.n_num = n_num
        self.tokenizer = FeatureTokenizer(n_num, cardinalities, d_token)
        layer = nn.TransformerEncoderLayer(d_token, n_heads, 2 * d_token, 0.1, batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(layer, n_blocks, enable_nested_tensor=False)
        self.head = nn.Sequential(nn.LayerNorm(d_token), nn.ReLU(), nn.Linear(d_token, d_out))

    def forward(self, x_num, x_cat):
        assert x_num.ndim == 2
        tokens = self.blocks(self.tokenizer(x_num, x_cat))
        return self.head(tokens[:, 0])


def equal_categories(b):
    return ids(b, 3, below=6)


class ObliviousTrees(nn.Module):
    """A layer of NODE: trees whose nodes of one depth all ask for the same soft feature."""

    def __init__(self, in_features, num_trees, depth, tree_dim):
        super().__init__()
        self.feature_logits = nn.Parameter(torch.rand(in_features, num_trees, depth))
        self.thresholds = nn.Parameter(torch.randn(num_trees, depth))
        self.log_temperatures = nn.Parameter(torch.zeros(num_trees, depth))
        self.response = nn.Parameter(torch.randn(num_trees, tree_dim, 2**depth))
        codes = torch.arange(2**depth)[None] // 2 ** torch.arange(depth)[:, None] % 2
        self.register_buffer("bin_codes", torch.stack([codes, 1 - codes], dim=-1).float())

    def forward(self, x):
        selectors = torch.softmax(self.feature_logits, dim=0)
        values = torch.einsum("bi,ind->bnd", x, selectors)
        logits = (values - self.thresholds) * torch.exp(-self.log_temperatures)
        bins = torch.stack([torch.sigmoid(-logits), torch.sigmoid(logits)], dim=-1)
        matches = torch.einsum("btds,dcs->btdc", bins, self.bin_codes)
        weights = torch.prod(matches, dim=-2)
        return torch.einsum("bnc,nkc->bnk", weights, self.response)


class NODE(nn.Module):
    """Densely connected layers of trees; what a table lacks is given as NaN and filled with the column's mean."""

    def __init__(self, in_features=7, num_layers=2, num_trees=6, depth=3, num_classes=3):
        super().__init__()
        self.register_buffer("means", torch.randn(in_features))
        self.register_buffer("stds", torch.rand(in_features) + 0.5)
        self.num_classes = num_classes
        self.layers = nn.ModuleList()
        width = in_features
        for _ in range(num_layers):
            self.layers.append(ObliviousTrees(width, num_trees, depth, num_classes + 1))
            width += num_trees * (num_classes + 1)

    def forward(self, features):
        x = torch.where(torch.isnan(features), self.means, features)
        x = (x - self.means) / self.stds
        outputs = []
        for layer in self.layers:
            out = layer(x)
            outputs.append(out)
            x = torch.cat([x, out.flatten(1)], dim=1)
        return torch.cat(outputs, dim=1)[..., : self.num_classes].mean(dim=1)


class WideAndDeep(nn.Module):
    """Crossed ids in a linear part, and a deep part of named columns, of which one holds several ids per row."""

    def __init__(self, n_crossed=100, vocabularies=None, n_tags=30, n_dense=5, dim=6, hidden=(24, 12)):
        super().__init__()
        vocabularies = vocabularies or {"gender": 3, "education": 16, "native_country": 42}
        self.wide = nn.EmbeddingBag(n_crossed, 1, mode="sum")
        self.embeddings = nn.ModuleDict({name: nn.Embedding(size, dim) for name, size in vocabularies.items()})
        self.tags = nn.EmbeddingBag(n_tags, dim, mode="mean", padding_idx=0)
        self.norm = nn.BatchNorm1d(n_dense)
        width = dim * (len(vocabularies) + 1) + n_dense
        layers = []
        for size in hidden:
            layers += [nn.Linear(width, size), nn.ReLU(), nn.Dropout(0.2)]
            width = size
        self.deep = nn.Sequential(*layers, nn.Linear(width, 1))
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, crossed, columns):
        deep = [embedding(columns[name]) for name, embedding in self.embeddings.items()]
        deep.append(self.tags(columns["tags"]))
        deep.append(self.norm(columns["dense"]))
        logit = self.wide(crossed) + self.deep(torch.cat(deep, dim=-1)) + self.bias
        return {"logit": logit.squeeze(-1), "probability": torch.sigmoid(logit).squeeze(-1)}


def census(b, tags=4):
    return {
        "gender": ids(b, below=3),
        "education": ids(b, below=16),
        "native_country": ids(b, below=42),
        "tags": 1 + ids(b, tags, below=29),
        "dense": floats(b, 5),
    }


class CrossNetV2(nn.Module):
    """Crosses with low rank experts, as in DCN-M."""

    def __init__(self, width, num_layers=2, rank=4):
        super().__init__()
        self.u = nn.ModuleList([nn.Linear(rank, width) for _ in range(num_layers)])
        self.v = nn.ModuleList([nn.Linear(width, rank, bias=False) for _ in range(num_layers)])

    def forward(self, x):
        x0 = x
        for u, v in zip(self.u, self.v, strict=True):
            x = x0 * u(torch.tanh(v(x))) + x
        return x


class DCNv2(nn.Module):
    """Takes one dict per batch, as a parquet loader gives it; a click history comes padded with -1."""

    def __init__(self, sparse_features, dense_features, n_items=60, dim=4):
        super().__init__()
        self.dense_features = list(dense_features)
        self.embeddings = nn.ModuleDict({name: nn.Embedding(size, dim) for name, size in sparse_features.items()})
        self.item_embedding = nn.Embedding(n_items, dim)
        width = dim * (len(sparse_features) + 2) + len(self.dense_features)
        self.cross = CrossNetV2(width)
        self.deep = nn.Sequential(nn.Linear(width, 16), nn.ReLU(), nn.Linear(16, 8), nn.ReLU())
        self.out = nn.Linear(width + 8, 2)

    def forward(self, batch):
        parts = [embed(batch[name]) for name, embed in self.embeddings.items()]
        parts.append(self.item_embedding(batch["item_id"]))
        history = batch["click_history"]
        clicked = (history >= 0).unsqueeze(-1)
        vectors = self.item_embedding(history.clamp(min=0)) * clicked
        parts.append(vectors.sum(1) / clicked.sum(1).clamp(min=1))
        parts += [torch.log1p(F.relu(batch[name])).unsqueeze(-1) for name in self.dense_features]
        x = torch.cat(parts, dim=-1)
        ctr, cvr = torch.sigmoid(self.out(torch.cat([self.cross(x), self.deep(x)], dim=-1))).unbind(-1)
        return ctr, ctr * cvr


def make_dcn_v2():
    return DCNv2({"user_id": 80, "device": 5, "hour": 24}, ("price", "item_age_days"))


def shown(b, clicks=6):
    return {
        "user_id": ids(b, below=80),
        "device": ids(b, below=5),
        "hour": ids(b, below=24),
        "item_id": ids(b, below=60),
        "click_history": ids(b, clicks, below=61) - 1,
        "price": 20 * torch.rand(b),
        "item_age_days": 100 * torch.rand(b),
    }


def without(table, name):
    return {key: value for key, value in table.items() if key != name}


CASES = (
    Case(
        "ft_transformer",
        build=FTTransformer,
        example=lambda: call(floats(4, 4), equal_categories(4)),
        good=lambda: [
            call(floats(1, 4), equal_categories(1)),
            call(floats(2, 4), equal_categories(2)),
            call(floats(9, 4), equal_categories(9)),
            call(x_num=floats(3, 4), x_cat=equal_categories(3)),
            call(floats(2, 4), torch.tensor([[0, 0, 0], [5, 5, 5]])),
            call(10 * floats(32, 4), equal_categories(32)),
        ],
        bad=lambda: [
            raises("no categories", floats(2, 4)),
            raises("None for categories", floats(2, 4), None),
            raises("three numbers", floats(2, 3), equal_categories(2)),
            raises("five numbers", floats(2, 5), equal_categories(2)),
            raises("two categories", floats(2, 4), ids(2, 2, below=6)),
            unmeant("one category", Policy.TIE, floats(2, 4), ids(2, 1, below=6)),
            raises("last category 6", floats(2, 4), torch.tensor([[0, 0, 6], [0, 0, 0]])),
            unmeant("first category 6", Policy.VALUE, floats(2, 4), torch.tensor([[6, 0, 0], [0, 0, 0]])),
            raises("first category -1", floats(2, 4), torch.tensor([[-1, 0, 0], [0, 0, 0]])),
            raises("rows differ", floats(2, 4), equal_categories(3)),
            raises("categories of one row", floats(2, 4), equal_categories(1)),
            raises("numbers without batch", floats(4), equal_categories(1)),
            raises("categories as floats", floats(2, 4), equal_categories(2).float()),
            unmeant("int32 categories", Policy.DTYPE, floats(2, 4), equal_categories(2).int()),
            raises("float64 numbers", floats(2, 4).double(), equal_categories(2)),
            unmeant("nan", Policy.FINITE, with_nan(floats(2, 4)), equal_categories(2)),
            unmeant("infinity", Policy.FINITE, with_inf(floats(2, 4)), equal_categories(2)),
            raises("swapped", equal_categories(2), floats(2, 4)),
        ],
    ),
    Case(
        "node_oblivious_trees",
        build=NODE,
        example=lambda: call(floats(5, 7)),
        good=lambda: [
            call(floats(1, 7)),
            call(floats(2, 7)),
            call(features=floats(3, 7)),
            call(floats(40, 7)),
            call(with_nan(floats(2, 7))),
            call(torch.full((1, 7), float("nan"))),
            call(torch.zeros(3, 7)),
        ],
        bad=lambda: [
            raises("six features", floats(2, 6)),
            raises("eight features", floats(2, 8)),
            unmeant("one feature", Policy.TIE, floats(2, 1)),
            raises("no batch axis", floats(7)),
            raises("an axis too many", floats(2, 3, 7)),
            raises("transposed", floats(7, 5)),
            raises("float64", floats(2, 7).double()),
            unmeant("int64", Policy.DTYPE, ids(2, 7, below=9)),
            unmeant("bool", Policy.DTYPE, ids(2, 7, below=2).bool()),
            unmeant("empty batch", Policy.EMPTY, floats(0, 7)),
            raises("a list", [[0.0] * 7]),
            raises("nothing"),
            raises("two tables", floats(2, 7), floats(2, 7)),
        ],
    ),
    Case(
        "wide_and_deep",
        build=WideAndDeep,
        example=lambda: call(ids(3, 5, below=100), census(3)),
        good=lambda: [
            call(ids(1, 1, below=100), census(1)),
            call(ids(2, 8, below=100), census(2, tags=1)),
            call(ids(6, 3, below=100), census(6, tags=9)),
            call(crossed=ids(4, 2, below=100), columns=census(4)),
            call(ids(2, 3, below=100), {**census(2), "tags": torch.tensor([[7, 29, 0], [4, 0, 0]])}),
            call(ids(2, 3, below=100), {**census(2), "gender": torch.tensor([0, 2])}),
            call(torch.tensor([[0, 99]]), census(1)),
        ],
        bad=lambda: [
            raises("crossed id 100", torch.full((2, 3), 100), census(2)),
            raises("crossed id -1", torch.full((2, 3), -1), census(2)),
            raises("crossed ids of one row for two", ids(6, below=100), census(2)),
            raises("crossed ids of three rows for two", ids(3, 4, below=100), census(2)),
            unmeant("crossed ids of a single row", Policy.TIE, ids(1, 4, below=100), census(2)),
            raises("gender 3", ids(2, 3, below=100), {**census(2), "gender": torch.tensor([0, 3])}),
            raises("country 42", ids(2, 3, below=100), {**census(2), "native_country": torch.tensor([42, 3])}),
            raises("tag 30", ids(2, 3, below=100), {**census(2), "tags": torch.full((2, 2), 30)}),
            raises("education as a column", ids(2, 3, below=100), {**census(2), "education": ids(2, 1, below=16)}),
            raises("education of three rows", ids(2, 3, below=100), {**census(2), "education": ids(3, below=16)}),
            raises("float gender", ids(2, 3, below=100), {**census(2), "gender": torch.rand(2)}),
            raises("no tags", ids(2, 3, below=100), without(census(2), "tags")),
            raises("no dense numbers", ids(2, 3, below=100), without(census(2), "dense")),
            raises("four dense numbers", ids(2, 3, below=100), {**census(2), "dense": floats(2, 4)}),
            raises("float64 numbers", ids(2, 3, below=100), {**census(2), "dense": floats(2, 5).double()}),
            unmeant(
                "a column too many", Policy.UNEXPECTED, ids(2, 3, below=100), {**census(2), "race": ids(2, below=5)}
            ),
            unmeant("nan", Policy.FINITE, ids(2, 3, below=100), {**census(2), "dense": with_nan(floats(2, 5))}),
            raises("columns only", columns=census(2)),
            raises("columns as a tuple", ids(2, 3, below=100), tuple(census(2).values())),
        ],
    ),
    Case(
        "dcn_v2_parquet_batch",
        build=make_dcn_v2,
        example=lambda: call(shown(4)),
        good=lambda: [
            call(shown(1)),
            call(shown(2, clicks=1)),
            call(shown(5, clicks=12)),
            call(batch=shown(3)),
            call({**shown(2), "click_history": torch.tensor([[3, 59, -1], [-1, -1, -1]])}),
            call({**shown(2), "price": torch.tensor([0.0, 9999.0])}),
            call({**shown(2), "user_id": torch.tensor([0, 79]), "hour": torch.tensor([23, 0])}),
        ],
        bad=lambda: [
            raises("user 80", {**shown(2), "user_id": torch.tensor([80, 0])}),
            raises("device 5", {**shown(2), "device": torch.tensor([5, 0])}),
            raises("hour -1", {**shown(2), "hour": torch.tensor([-1, 0])}),
            raises("item -1", {**shown(2), "item_id": torch.tensor([-1, 0])}),
            raises("clicked item 60", {**shown(2), "click_history": torch.full((2, 3), 60)}),
            raises("history without batch", {**shown(2), "click_history": ids(6, below=60)}),
            raises("history of three rows", {**shown(2), "click_history": ids(3, 6, below=60)}),
            raises("float history", {**shown(2), "click_history": torch.rand(2, 6)}),
            raises("price as a column", {**shown(2), "price": torch.rand(2, 1)}),
            raises("price of three rows", {**shown(2), "price": torch.rand(3)}),
            raises("float user", {**shown(2), "user_id": torch.rand(2)}),
            raises("items of one row", {**shown(2), "item_id": ids(1, below=60)}),
            raises("no device", without(shown(2), "device")),
            raises("no history", without(shown(2), "click_history")),
            raises("no price", without(shown(2), "price")),
            unmeant("an unknown column", Policy.UNEXPECTED, {**shown(2), "position": ids(2, below=9)}),
            unmeant("int32 hour", Policy.DTYPE, {**shown(2), "hour": ids(2, below=24).int()}),
            unmeant("nan price", Policy.FINITE, {**shown(2), "price": with_nan(torch.rand(2))}),
            raises("columns by keyword", **shown(2)),
            raises("a list of rows", [shown(1), shown(1)]),
        ],
    ),
)
