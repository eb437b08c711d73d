"""Greedy search for the graph with the best decomposable score, from several starts.

A step adds, drops or turns round one edge. Scores are sums over families, so a step changes one or two terms: the
gains of all steps stand in matrices, of which a step renews one or two columns. From a local optimum the search wanders
on among graphs with the same independences, which have the same score but other neighbours; every second time it takes
some random steps as well; then it climbs again and keeps the better graph (iterated local search; Heckerman et al.
1995, https://doi.org/10.1007/BF00994016; graphs of one score: Chickering 1995, https://arxiv.org/abs/1302.4938).
"""

from collections.abc import Callable

import numpy as np

from genwright.nn.networks.constraints import Constraints
from genwright.nn.networks.families import FamilyScores
from genwright.nn.networks.graph import Parents, adjacency, reachability

LEAST_GAIN = 1e-6  # nats; below it a step is rounding
MOST_WANDERED = 60  # edges turned round between two climbs
ADD, DROP, TURN = 0, 1, 2

Step = tuple[int, int, int]  # ADD, DROP or TURN, and the edge's two ends


class Climb:
    """A graph, and the gain of every step from it.

    Args:
        scores: Of families.
        constraints: On edges.
        max_parents: Most parents of a column, 0: any number; required ones may be more.
        parents: The graph to begin with.
    """

    def __init__(self, scores: FamilyScores, constraints: Constraints, max_parents: int, parents: Parents):
        self.scores, self.constraints = scores, constraints
        self.max_parents = max_parents or len(parents)
        self.gain_add = np.full((len(parents), len(parents)), -np.inf)  # of a → b
        self.gain_drop = self.gain_add.copy()
        self._known: dict[tuple[int, bytes], tuple[np.ndarray, np.ndarray]] = {}  # columns of gains met before
        self.go_to(parents)

    def go_to(self, parents: Parents) -> None:
        """Changes to another graph."""
        self.edge = adjacency(parents)
        self.reach = reachability(self.edge)
        for v in range(len(parents)):
            self._renew(v)

    @property
    def parents(self) -> Parents:
        """The graph."""
        return tuple(tuple(map(int, np.flatnonzero(self.edge[:, v]))) for v in range(len(self.edge)))

    @property
    def score(self) -> float:
        """Of the graph."""
        return self.scores.total(self.parents)

    def _renew(self, v: int) -> None:
        """Gains of steps that change the parents of v."""
        key = v, self.edge[:, v].tobytes()
        if key not in self._known:
            self._known[key] = self._gains_at(v)
        self.gain_add[:, v], self.gain_drop[:, v] = self._known[key]

    def _gains_at(self, v: int) -> tuple[np.ndarray, np.ndarray]:
        """Gains of one more parent of v, and of one less (D,)."""
        add, drop = np.full((2, len(self.edge)), -np.inf)
        above = [int(p) for p in np.flatnonzero(self.edge[:, v])]
        now = self.scores.family(v, above)
        for p in above:
            drop[p] = self.scores.family(v, [q for q in above if q != p]) - now
        others = np.flatnonzero(~self.edge[:, v] & ~self.constraints.forbidden[:, v])
        if len(above) < self.max_parents:
            add[others] = self.scores.with_each(v, above, others.tolist()) - now
        return add, drop

    def gains(self) -> np.ndarray:
        """Gain of every step (3, D, D), −inf where it is not allowed: ADD, DROP, TURN of the edge row → column."""
        has_room = self.edge.sum(0) < self.max_parents
        optional = self.edge & ~self.constraints.required
        add = np.where(has_room & ~self.edge & ~self.reach.T, self.gain_add, -np.inf)
        drop = np.where(optional, self.gain_drop, -np.inf)
        roundabout = (self.reach.astype(np.float32) @ self.edge.astype(np.float32)) > 0  # a path a → … → z → b
        turn = np.where(optional & ~roundabout & has_room[:, None], self.gain_drop + self.gain_add.T, -np.inf)
        return np.stack([add, drop, turn])

    def take(self, step: Step) -> None:
        """Changes the graph."""
        kind, a, b = step
        self.edge[a, b] = kind == ADD
        self.edge[b, a] = kind == TURN
        if kind == ADD:
            above, below = self.reach[:, a].copy(), self.reach[b].copy()
            above[a] = below[b] = True
            self.reach |= above[:, None] & below[None]
        else:
            self.reach = reachability(self.edge)
        for v in {b, a} if kind == TURN else {b}:
            self._renew(v)

    def up(self) -> None:
        """Takes the best step until none gains."""
        while True:
            gains = self.gains()
            best = int(gains.argmax())
            if not gains.flat[best] > LEAST_GAIN:
                return
            kind, a, b = np.unravel_index(best, gains.shape)
            self.take((int(kind), int(a), int(b)))

    def wander(self, n_steps: int, rng: np.random.Generator) -> None:
        """Turns random edges round without changing the score, to another graph with the same independences."""
        for _ in range(n_steps):
            self._take_one(np.abs(self.gains()[TURN]) < LEAST_GAIN, TURN, rng)

    def shake(self, n_steps: int, rng: np.random.Generator) -> None:
        """Takes random steps among those whose score is known."""
        for _ in range(n_steps):
            gains = self.gains()
            kind = rng.choice([k for k in (ADD, DROP, TURN) if np.isfinite(gains[k]).any()] or [ADD])
            self._take_one(np.isfinite(gains[kind]), int(kind), rng)

    def _take_one(self, is_allowed: np.ndarray, kind: int, rng: np.random.Generator) -> None:
        allowed = np.argwhere(is_allowed)
        if len(allowed):
            a, b = allowed[rng.integers(len(allowed))]
            self.take((kind, int(a), int(b)))


def climb(
    scores: FamilyScores,
    constraints: Constraints,
    max_parents: int,
    restarts: int,
    rng: np.random.Generator,
    progress: Callable[[float, str], None],
) -> Parents:
    """The best graph found from the required edges, and `restarts` times from near the best one."""
    n_columns = len(constraints.required)
    start = tuple(tuple(map(int, np.flatnonzero(constraints.required[:, v]))) for v in range(n_columns))
    state = Climb(scores, constraints, max_parents, start)
    state.up()
    best, best_score = state.parents, state.score
    for k in range(restarts):
        progress((k + 1) / (restarts + 1), f"searching the graph, score {best_score:,.1f}")
        state.wander(min(n_columns, MOST_WANDERED), rng)
        if k % 2:
            state.shake(max(2, n_columns // 4), rng)
        state.up()
        if state.score > best_score - LEAST_GAIN:
            best, best_score = state.parents, state.score
        else:
            state.go_to(best)
    return best
