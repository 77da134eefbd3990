# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Agents: QMIX mixes a team's values by its state, Deep CFR reads cards and bets."""

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_nan


class QMixer(nn.Module):
    """As in PyMARL: the weights over the agents' values come from the state and are never negative."""

    def __init__(self, n_agents=3, state_dim=10, embed_dim=8):
        super().__init__()
        self.n_agents, self.state_dim, self.embed_dim = n_agents, state_dim, embed_dim
        self.hyper_w_1 = nn.Linear(state_dim, embed_dim * n_agents)
        self.hyper_w_final = nn.Linear(state_dim, embed_dim)
        self.hyper_b_1 = nn.Linear(state_dim, embed_dim)
        self.V = nn.Sequential(nn.Linear(state_dim, embed_dim), nn.ReLU(), nn.Linear(embed_dim, 1))

    def forward(self, agent_qs, states):
        bs = agent_qs.size(0)
        states = states.reshape(-1, self.state_dim)
        agent_qs = agent_qs.view(-1, 1, self.n_agents)
        w1 = torch.abs(self.hyper_w_1(states)).view(-1, self.n_agents, self.embed_dim)
        b1 = self.hyper_b_1(states).view(-1, 1, self.embed_dim)
        hidden = F.elu(torch.bmm(agent_qs, w1) + b1)
        w_final = torch.abs(self.hyper_w_final(states)).view(-1, self.embed_dim, 1)
        y = torch.bmm(hidden, w_final) + self.V(states).view(-1, 1, 1)
        return y.view(bs, -1, 1)


class CardEmbedding(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.rank, self.suit, self.card = nn.Embedding(13, dim), nn.Embedding(4, dim), nn.Embedding(52, dim)

    def forward(self, x):
        B, num_cards = x.shape
        x = x.view(-1)
        valid = x.ge(0).float()
        x = x.clamp(min=0)
        embs = self.card(x) + self.rank(x // 4) + self.suit(x % 4)
        embs = embs * valid.unsqueeze(1)
        return embs.view(B, num_cards, -1).sum(1)


class DeepCFRModel(nn.Module):
    """Hole cards and flop as a pair, -1 where no card is dealt yet; bets below 0 have not been made."""

    def __init__(self, ncardtypes=2, nbets=6, nactions=4, dim=12):
        super().__init__()
        self.card_embeddings = nn.ModuleList([CardEmbedding(dim) for _ in range(ncardtypes)])
        self.card1, self.card2 = nn.Linear(dim * ncardtypes, dim), nn.Linear(dim, dim)
        self.bet1, self.bet2 = nn.Linear(nbets * 2, dim), nn.Linear(dim, dim)
        self.comb1, self.action_head = nn.Linear(2 * dim, dim), nn.Linear(dim, nactions)

    def forward(self, cards, bets):
        card_embs = [emb(group) for emb, group in zip(self.card_embeddings, cards, strict=True)]
        x = F.relu(self.card2(F.relu(self.card1(torch.cat(card_embs, dim=1)))))
        bet_size = bets.clamp(0, 1e6)
        bet_occurred = bets.ge(0)
        bet_feats = torch.cat([bet_size, bet_occurred.float()], dim=1)
        y = F.relu(self.bet1(bet_feats))
        y = F.relu(self.bet2(y) + y)
        z = F.relu(self.comb1(torch.cat([x, y], dim=1)))
        return self.action_head(F.normalize(z, dim=1))


def dealt(b):
    return ids(b, 2, below=52), ids(b, 3, below=53) - 1


CASES = (
    Case(
        "qmix_team_value",
        build=QMixer,
        example=lambda: call(floats(2, 5, 3), floats(2, 5, 10)),
        good=lambda: [
            call(floats(1, 1, 3), floats(1, 1, 10)),
            call(floats(1, 7, 3), floats(1, 7, 10)),
            call(floats(4, 1, 3), floats(4, 1, 10)),
            call(agent_qs=floats(3, 6, 3), states=floats(3, 6, 10)),
            call(floats(8, 2, 3), floats(8, 2, 10)),
            call(torch.zeros(2, 4, 3), torch.zeros(2, 4, 10)),
        ],
        bad=lambda: [
            raises("two agents", floats(2, 5, 2), floats(2, 5, 10)),
            raises("four agents", floats(2, 5, 4), floats(2, 5, 10)),
            unmeant("six agents in half the steps", Policy.SHAPE, floats(2, 2, 6), floats(2, 4, 10)),
            raises("nine of the state", floats(2, 5, 3), floats(2, 5, 9)),
            unmeant("states of twice the width", Policy.SHAPE, floats(2, 4, 3), floats(2, 2, 20)),
            raises("states of four steps for five", floats(2, 5, 3), floats(2, 4, 10)),
            raises("states of three teams for two", floats(2, 5, 3), floats(3, 5, 10)),
            unmeant("states with time first", Policy.TIE, floats(2, 5, 3), floats(5, 2, 10)),
            raises("no states", floats(2, 5, 3)),
            raises("float64 values", floats(2, 5, 3).double(), floats(2, 5, 10)),
            raises("integer states", floats(2, 5, 3), ids(2, 5, 10, below=3)),
            unmeant("nan in a state", Policy.FINITE, floats(2, 5, 3), with_nan(floats(2, 5, 10))),
        ],
    ),
    Case(
        "deep_cfr_cards_and_bets",
        build=DeepCFRModel,
        example=lambda: call(dealt(3), floats(3, 6)),
        good=lambda: [
            call(dealt(1), floats(1, 6)),
            call(dealt(2), torch.full((2, 6), -1.0)),
            call(cards=dealt(5), bets=floats(5, 6)),
            call((ids(2, 2, below=52), torch.full((2, 3), -1)), torch.rand(2, 6)),
            call((torch.full((2, 2), 51), torch.zeros(2, 3, dtype=torch.int64)), torch.rand(2, 6)),
            call(dealt(16), 10 * floats(16, 6)),
        ],
        bad=lambda: [
            raises("card 52", (torch.full((2, 2), 52), ids(2, 3, below=52)), floats(2, 6)),
            raises("card 52 in the flop", (ids(2, 2, below=52), torch.full((2, 3), 52)), floats(2, 6)),
            raises("five bets", dealt(2), floats(2, 5)),
            raises("seven bets", dealt(2), floats(2, 7)),
            raises("bets of three hands for two", dealt(2), floats(3, 6)),
            raises("flops of three hands for two", (ids(2, 2, below=52), ids(3, 3, below=52)), floats(2, 6)),
            raises("no flop", (ids(2, 2, below=52),), floats(2, 6)),
            raises("a turn too", (*dealt(2), ids(2, 1, below=52)), floats(2, 6)),
            raises("float cards", (floats(2, 2).abs(), ids(2, 3, below=52)), floats(2, 6)),
            raises("float64 bets", dealt(2), floats(2, 6).double()),
            raises("one hand without batch", (ids(2, below=52), ids(3, below=52)), floats(6)),
            raises("no bets", dealt(2)),
            unmeant("nan as a bet", Policy.FINITE, dealt(2), with_nan(floats(2, 6))),
        ],
    ),
)
