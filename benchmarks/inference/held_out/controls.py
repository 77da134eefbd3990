# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Agents: twin critics, a step of a world model, a board with its legal moves, entities in sight."""

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_nan


class Critic(nn.Module):
    """The twin critics of TD3."""

    def __init__(self, state_dim=11, action_dim=3):
        super().__init__()
        self.l1, self.l2, self.l3 = nn.Linear(state_dim + action_dim, 16), nn.Linear(16, 16), nn.Linear(16, 1)
        self.l4, self.l5, self.l6 = nn.Linear(state_dim + action_dim, 16), nn.Linear(16, 16), nn.Linear(16, 1)

    def forward(self, state, action):
        sa = torch.cat([state, action], 1)

        q1 = F.relu(self.l1(sa))
        q1 = F.relu(self.l2(q1))
        q1 = self.l3(q1)

        q2 = F.relu(self.l4(sa))
        q2 = F.relu(self.l5(q2))
        q2 = self.l6(q2)
        return q1, q2

    def Q1(self, state, action):
        sa = torch.cat([state, action], 1)
        return self.l3(F.relu(self.l2(F.relu(self.l1(sa)))))


class RSSM(nn.Module):
    """One step of a recurrent state-space model; where an episode begins, the past is forgotten."""

    def __init__(self, deter=12, stoch=5, action=2, embed=10, hidden=12):
        super().__init__()
        self.img_in = nn.Sequential(nn.Linear(stoch + action, hidden), nn.ELU())
        self.cell = nn.GRUCell(hidden, deter)
        self.prior = nn.Sequential(nn.Linear(deter, hidden), nn.ELU(), nn.Linear(hidden, 2 * stoch))
        self.posterior = nn.Sequential(nn.Linear(deter + embed, hidden), nn.ELU(), nn.Linear(hidden, 2 * stoch))

    def suff_stats(self, stats, deter):
        mean, std = torch.chunk(stats, 2, dim=-1)
        std = F.softplus(std) + 0.1
        stoch = mean + std * torch.randn_like(std) if self.training else mean
        return {"mean": mean, "std": std, "stoch": stoch, "deter": deter}

    def forward(self, prev_state, prev_action, embed, is_first=None):
        stoch, deter = prev_state["stoch"], prev_state["deter"]
        if is_first is not None:
            keep = (~is_first).to(stoch.dtype).unsqueeze(-1)
            stoch, deter, prev_action = stoch * keep, deter * keep, prev_action * keep
        deter = self.cell(self.img_in(torch.cat([stoch, prev_action], dim=-1)), deter)
        prior = self.suff_stats(self.prior(deter), deter)
        post = self.suff_stats(self.posterior(torch.cat([deter, embed], dim=-1)), deter)
        return post, prior


def latent(b):
    return {"stoch": floats(b, 5), "deter": floats(b, 12)}


def firsts(b):
    return ids(b, below=2).bool()


class BoardBlock(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(c, c, 3, padding=1, bias=False), nn.BatchNorm2d(c)
        self.conv2, self.bn2 = nn.Conv2d(c, c, 3, padding=1, bias=False), nn.BatchNorm2d(c)

    def forward(self, x):
        return F.relu(x + self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))))


class AlphaZeroNet(nn.Module):
    """Policy over the points of the board and passing, and who will win. Illegal moves get no probability."""

    def __init__(self, size=6, planes=4, c=8):
        super().__init__()
        self.size = size
        self.stem = nn.Sequential(nn.Conv2d(planes, c, 3, padding=1, bias=False), nn.BatchNorm2d(c), nn.ReLU())
        self.tower = nn.Sequential(BoardBlock(c), BoardBlock(c))
        self.p_conv, self.p_fc = nn.Conv2d(c, 2, 1), nn.Linear(2 * size * size, size * size + 1)
        self.v_conv, self.v_fc1, self.v_fc2 = nn.Conv2d(c, 1, 1), nn.Linear(size * size, 8), nn.Linear(8, 1)

    def forward(self, board, legal_moves):
        x = self.tower(self.stem(board))
        p = self.p_fc(F.relu(self.p_conv(x)).flatten(1))
        p = p.masked_fill(~legal_moves, -1e9)
        v = self.v_fc1(F.relu(self.v_conv(x)).flatten(1)).relu()
        return p.softmax(dim=1), torch.tanh(self.v_fc2(v)).squeeze(1)


def boards(b, size=6):
    return ids(b, 4, size, size, below=2).float()


def legal(b, moves=37):
    allowed = ids(b, moves, below=2).bool()
    allowed[:, -1] = True
    return allowed


class EntityPolicy(nn.Module):
    """Own body, and as many entities as are in sight: attention pools them, and one of them is picked as a target."""

    def __init__(self, self_dim=6, entity_dim=8, n_actions=4, dim=12):
        super().__init__()
        self.embed_self, self.embed_entity = nn.Linear(self_dim, dim), nn.Linear(entity_dim, dim)
        self.attention = nn.MultiheadAttention(dim, 2, batch_first=True)
        self.norm = nn.LayerNorm(dim)
        self.action, self.value, self.key = nn.Linear(2 * dim, n_actions), nn.Linear(2 * dim, 1), nn.Linear(dim, dim)

    def forward(self, obs):
        me = self.embed_self(obs["self"]).relu().unsqueeze(1)
        entities = torch.cat([me, self.embed_entity(obs["entities"]).relu()], dim=1)
        visible = F.pad(obs["visible"], (1, 0), value=True)
        out, _ = self.attention(entities, entities, entities, key_padding_mask=~visible)
        entities = self.norm(entities + out)
        weight = visible.unsqueeze(-1).float()
        pooled = (entities * weight).sum(1) / weight.sum(1)
        core = torch.cat([me.squeeze(1), pooled], dim=-1)
        target = (self.key(entities) @ me.transpose(1, 2)).squeeze(-1)
        target = target.masked_fill(~visible, -1e8)
        return {"action": self.action(core), "target": target.log_softmax(-1), "value": self.value(core).squeeze(-1)}


def sight(b, n):
    return {"self": floats(b, 6), "entities": floats(b, n, 8), "visible": ids(b, n, below=2).bool()}


def changed(mapping, **changes):
    return {**mapping, **changes}


def without(name, mapping):
    return {key: value for key, value in mapping.items() if key != name}


CASES = (
    Case(
        "td3_twin_critics",
        build=Critic,
        example=lambda: call(floats(3, 11), floats(3, 3)),
        good=lambda: [
            call(floats(1, 11), floats(1, 3)),
            call(floats(2, 11), floats(2, 3)),
            call(state=floats(5, 11), action=floats(5, 3)),
            call(floats(256, 11), floats(256, 3)),
            call(floats(4, 11), torch.zeros(4, 3)),
            call(100 * floats(7, 11), action=floats(7, 3)),
        ],
        bad=lambda: [
            raises("ten numbers of state", floats(3, 10), floats(3, 3)),
            raises("four numbers of action", floats(3, 11), floats(3, 4)),
            unmeant("state and action swapped", Policy.SHAPE, floats(3, 3), floats(3, 11)),
            raises("no batch axes", floats(11), floats(3)),
            raises("one action for three states", floats(3, 11), floats(1, 3)),
            raises("four actions for three states", floats(3, 11), floats(4, 3)),
            raises("an axis too many", floats(2, 3, 11), floats(2, 3, 3)),
            raises("no action", floats(3, 11)),
            raises("already joined", floats(3, 14)),
            raises("discrete actions", floats(3, 11), ids(3, below=3)),
            raises("float64", floats(3, 11).double(), floats(3, 3).double()),
            unmeant("nan action", Policy.FINITE, floats(3, 11), with_nan(floats(3, 3))),
        ],
    ),
    Case(
        "rssm_world_model_step",
        build=RSSM,
        example=lambda: call(latent(3), floats(3, 2), floats(3, 10), firsts(3)),
        good=lambda: [
            call(latent(1), floats(1, 2), floats(1, 10)),
            call(latent(2), floats(2, 2), floats(2, 10), firsts(2)),
            call(prev_state=latent(4), prev_action=floats(4, 2), embed=floats(4, 10)),
            call(latent(5), floats(5, 2), floats(5, 10), is_first=torch.ones(5).bool()),
            call(latent(2), torch.zeros(2, 2), floats(2, 10), None),
            call({"deter": torch.zeros(16, 12), "stoch": torch.zeros(16, 5)}, floats(16, 2), floats(16, 10)),
        ],
        bad=lambda: [
            raises("stoch of 6", changed(latent(3), stoch=floats(3, 6)), floats(3, 2), floats(3, 10)),
            raises("deter of 10", changed(latent(3), deter=floats(3, 10)), floats(3, 2), floats(3, 10)),
            raises("three actions", latent(3), floats(3, 3), floats(3, 10)),
            raises("embed of 12", latent(3), floats(3, 2), floats(3, 12)),
            raises("one action for three", latent(3), floats(1, 2), floats(3, 10)),
            raises("embed of two for three", latent(3), floats(3, 2), floats(2, 10)),
            raises("deter of one for three", changed(latent(3), deter=floats(1, 12)), floats(3, 2), floats(3, 10)),
            raises("firsts of two for three", latent(3), floats(3, 2), floats(3, 10), firsts(2)),
            unmeant("firsts of one for three", Policy.TIE, latent(3), floats(3, 2), floats(3, 10), firsts(1)),
            raises("float firsts", latent(3), floats(3, 2), floats(3, 10), torch.zeros(3)),
            raises("no deter", without("deter", latent(3)), floats(3, 2), floats(3, 10)),
            unmeant(
                "the mean too", Policy.UNEXPECTED, changed(latent(3), mean=floats(3, 5)), floats(3, 2), floats(3, 10)
            ),
            raises("no embed", latent(3), floats(3, 2)),
            raises("state as a tuple", tuple(latent(3).values()), floats(3, 2), floats(3, 10)),
            raises("float64 actions", latent(3), floats(3, 2).double(), floats(3, 10)),
            raises("a sequence", latent(3), floats(3, 4, 2), floats(3, 4, 10)),
            unmeant("nan embed", Policy.FINITE, latent(3), floats(3, 2), with_nan(floats(3, 10))),
        ],
    ),
    Case(
        "alphazero_legal_moves",
        build=AlphaZeroNet,
        example=lambda: call(boards(2), legal(2)),
        good=lambda: [
            call(boards(1), legal(1)),
            call(boards(3), legal(3)),
            call(board=boards(5), legal_moves=legal(5)),
            call(torch.zeros(2, 4, 6, 6), torch.ones(2, 37).bool()),
            call(floats(4, 4, 6, 6), legal(4)),
            call(boards(32), legal(32)),
        ],
        bad=lambda: [
            raises("a board of 5", boards(2, 5), legal(2)),
            raises("a board of 8", boards(2, 8), legal(2)),
            unmeant("4 x 9", Policy.SHAPE, floats(2, 4, 4, 9), legal(2)),
            raises("three planes", boards(2)[:, :3], legal(2)),
            raises("no batch axis", boards(1)[0], legal(1)),
            raises("moves without passing", boards(2), legal(2, 36)),
            raises("moves of three boards for two", boards(2), legal(3)),
            unmeant("moves of one board for two", Policy.TIE, boards(2), legal(1)),
            unmeant("moves without batch", Policy.RANK, boards(2), legal(1)[0]),
            raises("float moves", boards(2), legal(2).float()),
            raises("int64 moves", boards(2), legal(2).long()),
            raises("bytes as a board", boards(2).byte(), legal(2)),
            raises("float64 board", boards(2).double(), legal(2)),
            raises("no moves", boards(2)),
            unmeant("nan", Policy.FINITE, with_nan(boards(2)), legal(2)),
        ],
    ),
    Case(
        "entities_in_sight",
        build=EntityPolicy,
        example=lambda: call(sight(2, 5)),
        good=lambda: [
            call(sight(1, 1)),
            call(sight(3, 4)),
            call(obs=sight(2, 9)),
            call(changed(sight(4, 3), visible=torch.zeros(4, 3).bool())),
            call(changed(sight(1, 12), visible=torch.ones(1, 12).bool())),
            call(sight(7, 2)),
        ],
        bad=lambda: [
            raises("self of 7", changed(sight(2, 5), self=floats(2, 7))),
            raises("entities of 6", changed(sight(2, 5), entities=floats(2, 5, 6))),
            raises("four of five visible", changed(sight(2, 5), visible=torch.ones(2, 4).bool())),
            raises("six of five visible", changed(sight(2, 5), visible=torch.ones(2, 6).bool())),
            raises("self of three for two", changed(sight(2, 5), self=floats(3, 6))),
            raises("self of one for two", changed(sight(2, 5), self=floats(1, 6))),
            raises("visible of three for two", changed(sight(2, 5), visible=torch.ones(3, 5).bool())),
            raises("visible of one for two", changed(sight(2, 5), visible=torch.ones(1, 5).bool())),
            raises("entities without batch", changed(sight(1, 5), entities=floats(5, 8))),
            raises("float visible", changed(sight(2, 5), visible=torch.ones(2, 5))),
            raises("no entities", without("entities", sight(2, 5))),
            raises("no visible", without("visible", sight(2, 5))),
            unmeant("a map too", Policy.UNEXPECTED, changed(sight(2, 5), map=floats(2, 1, 8, 8))),
            raises("float64 self", changed(sight(2, 5), self=floats(2, 6).double())),
            raises("by place", *sight(2, 5).values()),
            unmeant("nan self", Policy.FINITE, changed(sight(2, 5), self=with_nan(floats(2, 6)))),
        ],
    ),
)
