"""A score: what boosted trees expect of a column, given the columns before it, as one more coordinate of a row.

    s(x_<t) = 1/K Σ_k g(F_k(x_<t))        g: the logistic function for two classes, Φ for the normal score of a number

Single trees need many rows for what adds up over columns; boosted ones need few. A tree that may also split by the
score, and a slope that may multiply it, leave to the donors what the score does not explain.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, ndtr

from genwright.core.packing import Packer, Unpacker
from genwright.nn.trees.column import TreeColumn
from genwright.nn.trees.forest import Forest
from genwright.nn.trees.leaves import put_in_order
from genwright.nn.trees.turns import Turns

FARTHEST = 5.0  # normal score that is expected; float32 would round the ranks of higher ones to 1


@dataclass(frozen=True)
class Expert:
    """A forest, and the orders of the categories it looks at (position among the predictors → order of each code)."""

    forest: Forest
    maps: dict[int, np.ndarray]

    def expected(self, predictors: np.ndarray, is_category: bool) -> np.ndarray:
        """g(F) of rows whose predictors' coordinates are (B, P) → (B,) float32."""
        F = self.forest(put_in_order(predictors.copy(), self.maps))
        return (expit(F) if is_category else ndtr(F.clip(-FARTHEST, FARTHEST))).astype(np.float32)


@dataclass(frozen=True)
class Score:
    """The experts of one column, one a fold of the training rows that it has not seen.

    Args:
        predictors: Places of the columns they look at (P,).
        is_category: They tell two classes apart.
        experts: The experts.
        turns: Turned axes, which they look at after the predictors.
    """

    predictors: np.ndarray
    is_category: bool
    experts: list[Expert]
    turns: Turns | None = None

    def __call__(self, where: np.ndarray) -> np.ndarray:
        """The score of rows whose coordinates in all columns are (B, D) → (B,) float32."""
        predictors = looked_at(where, self.predictors, self.turns)
        total = np.zeros(len(where), np.float32)
        for expert in self.experts:
            total += expert.expected(predictors, self.is_category)
        return total / np.float32(len(self.experts))

    def pack(self, packer: Packer) -> None:
        """Adds what `unpack` needs."""
        packer.add(score=np.array([self.is_category, len(self.experts), self.turns is not None], np.int64))
        packer.add(score_predictors=self.predictors.astype(np.int64))
        for expert in self.experts:
            expert.forest.pack(packer)
            packer.add(score_keys=np.array(sorted(expert.maps), np.int64))
            for key in sorted(expert.maps):
                packer.add(score_map=expert.maps[key])
        if self.turns:
            self.turns.pack(packer)

    @classmethod
    def unpack(cls, unpacker: Unpacker, columns: list[TreeColumn]) -> "Score":
        """The inverse of `pack`."""
        is_category, n_experts, *n_turns = unpacker.next("score").tolist()  # runs of older versions have no turns
        predictors = unpacker.next("score_predictors")
        experts = []
        for _ in range(n_experts):
            forest, keys = Forest.unpack(unpacker), unpacker.next("score_keys")
            experts.append(Expert(forest, {int(k): unpacker.next("score_map") for k in keys}))
        return cls(predictors, bool(is_category), experts, Turns.unpack(unpacker, columns) if any(n_turns) else None)


def looked_at(where: np.ndarray, predictors: np.ndarray, turns: Turns | None) -> np.ndarray:
    """What experts look at, of rows whose coordinates are (B, D): predictors, and turned axes (B, P or more)."""
    seen = where[:, predictors]
    return np.concatenate([seen, turns(where)], axis=1) if turns else seen
