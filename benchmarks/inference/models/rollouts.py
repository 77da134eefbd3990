# The models are written as users write them, mostly without annotations.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-incomplete-defs
"""Models that follow a course: a shop session, stacked frames, an agent's unroll, a tracked object."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.inference.case import Case, Policy, call, floats, ids, raises, unmeant, with_nan


class GRU4Rec(nn.Module):
    """Scores the next item of a session; 0 pads on the right, and the state at the last real click counts."""

    def __init__(self, n_items=50, embedding_dim=12, hidden_size=16, num_layers=2):
        super().__init__()
        self.emb = nn.Embedding(n_items, embedding_dim, padding_idx=0)
        self.emb_dropout = nn.Dropout(0.25)
        self.gru = nn.GRU(embedding_dim, hidden_size, num_layers, batch_first=True)
        self.a_1 = nn.Linear(hidden_size, hidden_size, bias=False)
        self.a_2 = nn.Linear(hidden_size, hidden_size, bias=False)
        self.v_t = nn.Linear(hidden_size, 1, bias=False)
        self.b = nn.Linear(embedding_dim, 2 * hidden_size, bias=False)

    def forward(self, item_seq, item_seq_len):
        embs = self.emb_dropout(self.emb(item_seq))
        outputs, _ = self.gru(embs)
        index = (item_seq_len - 1).view(-1, 1, 1).expand(-1, 1, outputs.size(-1))
        ht = outputs.gather(1, index).squeeze(1)
        mask = (item_seq > 0).float()
        query = self.a_2(ht).unsqueeze(1)
        alpha = self.v_t(torch.sigmoid(self.a_1(outputs) + query)).squeeze(-1)
        local = torch.sum((alpha * mask).unsqueeze(-1) * outputs, 1)
        session = torch.cat([local, ht], 1)
        return session @ self.b(self.emb.weight[1:]).t()


def sessions(b, t, *lengths):
    """Clicks of each length, padded to ``t``."""
    items = 1 + ids(b, t, below=49)
    count = torch.tensor(lengths)
    items[torch.arange(t) >= count[:, None]] = 0
    return items, count


class NoisyLinear(nn.Module):
    def __init__(self, in_features, out_features, std_init=0.5):
        super().__init__()
        self.weight_mu = nn.Parameter(torch.empty(out_features, in_features).uniform_(-0.2, 0.2))
        self.weight_sigma = nn.Parameter(torch.full((out_features, in_features), std_init / in_features**0.5))
        self.bias_mu = nn.Parameter(torch.zeros(out_features))
        self.bias_sigma = nn.Parameter(torch.full((out_features,), std_init / out_features**0.5))
        self.register_buffer("weight_epsilon", torch.randn(out_features, in_features))
        self.register_buffer("bias_epsilon", torch.randn(out_features))

    def forward(self, x):
        if self.training:
            weight = self.weight_mu + self.weight_sigma * self.weight_epsilon
            return F.linear(x, weight, self.bias_mu + self.bias_sigma * self.bias_epsilon)
        return F.linear(x, self.weight_mu, self.bias_mu)


class RainbowDQN(nn.Module):
    """Dueling heads over a distribution of returns, from four stacked grey frames in bytes."""

    def __init__(self, history=4, n_actions=5, n_atoms=11, v_min=-10.0, v_max=10.0):
        super().__init__()
        self.n_actions, self.n_atoms = n_actions, n_atoms
        self.register_buffer("support", torch.linspace(v_min, v_max, n_atoms))
        self.convs = nn.Sequential(
            nn.Conv2d(history, 8, 5, stride=5), nn.ReLU(), nn.Conv2d(8, 8, 5, stride=2), nn.ReLU()
        )
        self.conv_output_size = 72
        self.fc_h_v = NoisyLinear(self.conv_output_size, 16)
        self.fc_h_a = NoisyLinear(self.conv_output_size, 16)
        self.fc_z_v = NoisyLinear(16, n_atoms)
        self.fc_z_a = NoisyLinear(16, n_actions * n_atoms)

    def forward(self, x, log=False):
        x = self.convs(x.float().div(255))
        x = x.view(-1, self.conv_output_size)
        v = self.fc_z_v(F.relu(self.fc_h_v(x))).view(-1, 1, self.n_atoms)
        a = self.fc_z_a(F.relu(self.fc_h_a(x))).view(-1, self.n_actions, self.n_atoms)
        q = v + a - a.mean(1, keepdim=True)
        if log:
            return F.log_softmax(q, dim=2)
        return (F.softmax(q, dim=2) * self.support).sum(2)


def frames(b, side=45):
    return ids(b, 4, side, side, below=256).byte()


class AgentOutput(NamedTuple):
    """What the actor and the learner both read."""

    policy_logits: torch.Tensor
    baseline: torch.Tensor
    action: torch.Tensor


class AtariNet(nn.Module):
    """The agent of IMPALA as in torchbeast: time first, and the LSTM starts anew where an episode has ended."""

    def __init__(self, observation_shape=(3, 16, 16), num_actions=6, core_size=20):
        super().__init__()
        self.num_actions = num_actions
        self.conv1 = nn.Conv2d(observation_shape[0], 4, kernel_size=4, stride=2)
        self.conv2 = nn.Conv2d(4, 6, kernel_size=3, stride=2)
        self.fc = nn.Linear(54, 24)
        self.core = nn.LSTM(24 + num_actions + 1, core_size, 1)
        self.policy = nn.Linear(core_size, num_actions)
        self.baseline = nn.Linear(core_size, 1)

    def forward(self, inputs, core_state):
        x = inputs["frame"]
        time, batch, *_ = x.shape
        x = torch.flatten(x, 0, 1).float() / 255.0
        x = F.relu(self.conv2(F.relu(self.conv1(x))))
        x = F.relu(self.fc(x.view(time * batch, -1)))

        one_hot = F.one_hot(inputs["last_action"].view(time * batch), self.num_actions).float()
        reward = torch.clamp(inputs["reward"], -1, 1).view(time * batch, 1)
        core_input = torch.cat([x, reward, one_hot], dim=-1).view(time, batch, -1)

        outputs = []
        for step, not_done in zip(core_input.unbind(), (~inputs["done"]).float().unbind(), strict=True):
            not_done = not_done.view(1, -1, 1)
            core_state = tuple(not_done * state for state in core_state)
            output, core_state = self.core(step.unsqueeze(0), core_state)
            outputs.append(output)
        core_output = torch.flatten(torch.cat(outputs), 0, 1)

        logits = self.policy(core_output).view(time, batch, self.num_actions)
        baseline = self.baseline(core_output).view(time, batch)
        return AgentOutput(logits, baseline, logits.argmax(-1)), core_state


def unroll(t, b):
    return {
        "frame": ids(t, b, 3, 16, 16, below=256).byte(),
        "reward": floats(t, b),
        "done": ids(t, b, below=2).bool(),
        "last_action": ids(t, b, below=6),
    }


def state(b, size=20):
    return floats(1, b, size), floats(1, b, size)


class Belief(NamedTuple):
    """A normal distribution over positions and velocities."""

    mean: torch.Tensor
    covariance: torch.Tensor


class KalmanTracker(nn.Module):
    """Constant velocity in the plane with learnt noise; what was not observed only predicts."""

    def __init__(self, dt=0.1):
        super().__init__()
        transition = torch.eye(4)
        transition[0, 2] = transition[1, 3] = dt
        self.register_buffer("F", transition)
        self.register_buffer("H", torch.eye(2, 4))
        self.log_q = nn.Parameter(torch.full((4,), -2.0))
        self.log_r = nn.Parameter(torch.full((2,), -1.0))

    def forward(self, measurements, observed=None, prior=None):
        batch, steps, _ = measurements.shape
        if observed is None:
            observed = torch.ones(batch, steps, dtype=torch.bool, device=measurements.device)
        if prior is None:
            mean = measurements.new_zeros(batch, 4)
            covariance = torch.eye(4, device=measurements.device).expand(batch, 4, 4)
        else:
            mean, covariance = prior
        q, r = torch.diag(self.log_q.exp()), torch.diag(self.log_r.exp())
        track = []
        for t in range(steps):
            mean = mean @ self.F.T
            covariance = self.F @ covariance @ self.F.T + q
            innovation = measurements[:, t] - mean @ self.H.T
            s = self.H @ covariance @ self.H.T + r
            gain = torch.linalg.solve(s, self.H @ covariance).transpose(1, 2)
            seen = observed[:, t, None]
            mean = torch.where(seen, mean + (gain @ innovation.unsqueeze(-1)).squeeze(-1), mean)
            updated = (torch.eye(4, device=mean.device) - gain @ self.H) @ covariance
            covariance = torch.where(seen.unsqueeze(-1), updated, covariance)
            track.append(mean)
        return torch.stack(track, dim=1), Belief(mean, covariance)


def seen(b, t):
    return ids(b, t, below=2).bool()


def prior(b):
    return Belief(floats(b, 4), torch.eye(4).repeat(b, 1, 1))


CASES = (
    Case(
        "gru4rec_sessions",
        build=GRU4Rec,
        example=lambda: call(*sessions(3, 6, 6, 2, 4)),
        good=lambda: [
            call(*sessions(1, 1, 1)),
            call(*sessions(2, 9, 9, 9)),
            call(*sessions(2, 5, 1, 3)),
            call(*sessions(4, 3, 3, 2, 1, 1)),
            call(item_seq=1 + ids(2, 20, below=49), item_seq_len=torch.tensor([20, 20])),
            call(torch.tensor([[49, 1, 0]]), torch.tensor([2])),
        ],
        bad=lambda: [
            raises("item 50", torch.tensor([[50, 1]]), torch.tensor([2])),
            raises("item -1", torch.tensor([[-1, 1]]), torch.tensor([2])),
            raises("length 7 of 6", 1 + ids(2, 6, below=49), torch.tensor([7, 2])),
            raises("length 0", 1 + ids(2, 6, below=49), torch.tensor([0, 2])),
            raises("length -1", 1 + ids(2, 6, below=49), torch.tensor([-1, 2])),
            raises("three lengths for two", 1 + ids(2, 6, below=49), torch.tensor([3, 3, 3])),
            raises("one length for two", 1 + ids(2, 6, below=49), torch.tensor([3])),
            unmeant("lengths as a column", Policy.RANK, 1 + ids(2, 6, below=49), torch.tensor([[3], [2]])),
            raises("float lengths", 1 + ids(2, 6, below=49), torch.tensor([3.0, 2.0])),
            raises("no lengths", 1 + ids(2, 6, below=49)),
            raises("no batch axis", 1 + ids(6, below=49), torch.tensor([6])),
            raises("float items", floats(2, 6), torch.tensor([3, 2])),
            unmeant("int32 items", Policy.DTYPE, ids(2, 6, below=50).int(), torch.tensor([3, 2])),
            raises("python lengths", 1 + ids(2, 6, below=49), [3, 2]),
        ],
    ),
    Case(
        "rainbow_dqn_frames",
        build=RainbowDQN,
        example=lambda: call(frames(2)),
        good=lambda: [
            call(frames(1)),
            call(frames(3)),
            call(x=frames(7)),
            call(torch.zeros(2, 4, 45, 45, dtype=torch.uint8)),
            call(torch.full((1, 4, 45, 45), 255, dtype=torch.uint8)),
            call(frames(32)),
        ],
        bad=lambda: [
            raises("three frames", frames(2)[:, :3]),
            raises("frames last", frames(2).permute(0, 2, 3, 1)),
            raises("frames of 20", frames(2, 20)),
            raises("frames of 55", frames(1, 55)),
            unmeant("frames of 75, which fill four rows each", Policy.SHAPE, frames(2, 75)),
            raises("frames of 35 x 75", ids(2, 4, 35, 75, below=256).byte()),
            unmeant("frames of 47, whose last rows no window reaches", Policy.REMAINDER, frames(2, 47)),
            unmeant("no batch axis", Policy.RANK, frames(1)[0]),
            raises("an axis too many", frames(2)[None]),
            unmeant("floats", Policy.DTYPE, torch.rand(2, 4, 45, 45)),
            unmeant("int64", Policy.DTYPE, ids(2, 4, 45, 45, below=256)),
            unmeant("bool", Policy.DTYPE, ids(2, 4, 45, 45, below=2).bool()),
            unmeant("logarithms", Policy.FLAG, frames(2), log=True),
            unmeant("logarithms by place", Policy.FLAG, frames(2), True),
            raises("a list of frames", list(frames(2))),
            raises("nothing"),
        ],
    ),
    Case(
        "impala_atari_net",
        build=AtariNet,
        example=lambda: call(unroll(4, 2), state(2)),
        good=lambda: [
            call(unroll(1, 1), state(1)),
            call(unroll(1, 5), state(5)),
            call(unroll(7, 1), state(1)),
            call(unroll(3, 4), (torch.zeros(1, 4, 20), torch.zeros(1, 4, 20))),
            call(inputs=unroll(2, 3), core_state=state(3)),
            call({**unroll(2, 2), "last_action": torch.tensor([[0, 5], [5, 0]])}, state(2)),
            call({**unroll(2, 2), "reward": 1e6 * floats(2, 2)}, state(2)),
        ],
        bad=lambda: [
            raises("no state", unroll(2, 2)),
            raises("state of three for two", unroll(2, 2), state(3)),
            raises("state of another width", unroll(2, 2), state(2, 16)),
            unmeant("state of one for two", Policy.TIE, unroll(2, 2), state(1)),
            raises("half a state", unroll(2, 2), (floats(1, 2, 20),)),
            raises("action 6", {**unroll(2, 2), "last_action": torch.full((2, 2), 6)}, state(2)),
            raises("action -1", {**unroll(2, 2), "last_action": torch.full((2, 2), -1)}, state(2)),
            raises("frames of 24", {**unroll(2, 2), "frame": ids(2, 2, 3, 24, 24, below=256).byte()}, state(2)),
            raises("grey frames", {**unroll(2, 2), "frame": ids(2, 2, 1, 16, 16, below=256).byte()}, state(2)),
            raises("frames without time", {**unroll(1, 2), "frame": ids(2, 3, 16, 16, below=256).byte()}, state(2)),
            unmeant("rewards batch first", Policy.TIE, {**unroll(2, 3), "reward": floats(3, 2)}, state(3)),
            unmeant("actions batch first", Policy.TIE, {**unroll(2, 3), "last_action": ids(3, 2, below=6)}, state(3)),
            raises("five rewards for four", {**unroll(2, 2), "reward": floats(5)}, state(2)),
            unmeant("done as bytes", Policy.DTYPE, {**unroll(2, 2), "done": ids(2, 2, below=2).byte()}, state(2)),
            raises("done as floats", {**unroll(2, 2), "done": torch.zeros(2, 2)}, state(2)),
            raises("done of another length", {**unroll(3, 2), "done": torch.zeros(2, 2).bool()}, state(2)),
            raises("no reward", {k: v for k, v in unroll(2, 2).items() if k != "reward"}, state(2)),
            unmeant("the return too", Policy.UNEXPECTED, {**unroll(2, 2), "episode_return": floats(2, 2)}, state(2)),
            unmeant("floats as frames", Policy.DTYPE, {**unroll(2, 2), "frame": torch.rand(2, 2, 3, 16, 16)}, state(2)),
            unmeant("nan reward", Policy.FINITE, {**unroll(2, 2), "reward": with_nan(floats(2, 2))}, state(2)),
        ],
    ),
    Case(
        "kalman_tracker",
        build=KalmanTracker,
        example=lambda: call(floats(2, 6, 2), seen(2, 6), prior(2)),
        good=lambda: [
            call(floats(1, 1, 2)),
            call(floats(3, 8, 2)),
            call(floats(2, 4, 2), seen(2, 4)),
            call(measurements=floats(2, 5, 2), prior=prior(2)),
            call(floats(4, 3, 2), observed=torch.zeros(4, 3, dtype=torch.bool)),
            call(floats(1, 12, 2), seen(1, 12), prior(1)),
            call(100 * floats(2, 3, 2), None, prior(2)),
        ],
        bad=lambda: [
            raises("three coordinates", floats(2, 4, 3)),
            unmeant("one coordinate", Policy.TIE, floats(2, 4, 1)),
            raises("one track without batch", floats(4, 2)),
            raises("an axis too many", floats(1, 2, 4, 2)),
            raises("mask of three steps for four", floats(2, 4, 2), seen(2, 3)),
            unmeant("mask of five steps for four", Policy.REMAINDER, floats(2, 4, 2), seen(2, 5)),
            raises("mask of three tracks for two", floats(2, 4, 2), seen(3, 4)),
            unmeant("mask of one track for two", Policy.TIE, floats(2, 4, 2), seen(1, 4)),
            raises("mask of ints", floats(2, 4, 2), ids(2, 4, below=2)),
            raises("mask of floats", floats(2, 4, 2), torch.ones(2, 4)),
            raises("prior of three tracks", floats(2, 4, 2), prior=prior(3)),
            unmeant("prior of one track", Policy.TIE, floats(2, 4, 2), prior=prior(1)),
            raises(
                "prior of positions only", floats(2, 4, 2), prior=Belief(floats(2, 2), torch.eye(2).repeat(2, 1, 1))
            ),
            raises("prior without covariance", floats(2, 4, 2), prior=(floats(2, 4),)),
            raises("float64", floats(2, 4, 2).double()),
            raises("int64", ids(2, 4, 2, below=9)),
            raises("nothing"),
        ],
    ),
)
