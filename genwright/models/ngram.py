"""n-grams with interpolated Kneser-Ney smoothing (Chen and Goodman, 1999): the baseline of every text score.

https://doi.org/10.1006/csla.1999.0128

    p(row) = p(c) Π_columns Π_t p(w_t | w_{t−n+1} … w_{t−1}, c)

w are the tokens of a column, c the row's categories, of which there may be none. Every token is predicted from the
n − 1 before it; what they were followed by is counted, discounted, and interpolated with what shorter histories say
(`nn/kneser_ney`). Categories have a table of their combinations; their texts have counts of their own, interpolated
with those of all rows (`nn/class_ngrams`). Columns of texts are independent of each other given the categories.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from genwright.core.config import check_least
from genwright.core.dataset import Dataset, n_rows
from genwright.core.decoding import Decoding
from genwright.core.errors import FitError, UnsupportedError
from genwright.core.model import (
    Autoregressive,
    Conditions,
    HasLogProb,
    HasSolution,
    Model,
    Progress,
    Vocabulary,
)
from genwright.core.space import OPEN, Batch, Category, Space, Tokens
from genwright.nn.class_ngrams import ClassNgrams
from genwright.nn.given_columns import GivenColumns
from genwright.nn.joint_table import JointTable
from genwright.samplers.decode import decode

ROWS = 4096  # read at a time
MOST_CODES = 20  # of a category: each has counts of its own
MOST_CELLS = 8000  # combinations of categories
MOST_WEIGHED = 64  # combinations that are weighed by the likelihood of a given text


@dataclass(frozen=True)
class NgramConfig:
    """Settings of `ngram`."""

    order: int = 0  # tokens of the longest n-gram, n; 0: the one under which held-out rows are likeliest
    max_order: int = 8  # the longest that is tried

    def __post_init__(self) -> None:
        check_least(self, 0, "order")
        check_least(self, 1, "max_order")


class Ngram(Model, HasSolution, HasLogProb, Conditions, Autoregressive):
    """n-grams with Kneser-Ney smoothing."""

    Config = NgramConfig
    supports = (Category, Tokens)
    completes = True
    holds_rows = True  # its n-grams, the long ones, are parts of the texts
    is_rowwise = True
    chunk = 256

    def __init__(self, space: Space, config: Any = None):
        super().__init__(space, config)
        sizes = {name: f.support.n for name, f in space.items() if isinstance(f.support, Category)}
        for name, n in sizes.items():
            if n > MOST_CODES:
                raise UnsupportedError(f"ngram cannot model column {name!r}: {n} categories, at most {MOST_CODES}")
        if np.prod(list(sizes.values()), dtype=float) > MOST_CELLS:
            raise UnsupportedError(f"ngram cannot model all of {list(sizes)}: more than {MOST_CELLS:,} combinations")
        self.categories = list(sizes)
        self.table = JointTable(tuple(sizes.values()))
        self.given = _GivenCategories(space, self._classes, self.table)
        self.texts = {
            name: ClassNgrams(f.support, self.table.sizes) for name, f in space.items() if isinstance(f.support, Tokens)
        }
        if not self.texts:
            raise UnsupportedError(f"ngram models texts, and there is none among {list(space)}; use another family")

    def solve(self, data: Dataset, generator: torch.Generator, progress: Progress) -> None:
        """Counts."""
        if not len(data):
            raise FitError("there are no rows to count")
        columns = [torch.from_numpy(np.array(data.arrays[name])) for name in self.categories]
        classes = torch.stack(columns, 1) if columns else torch.zeros(len(data), 0, dtype=torch.int64)
        self.table.count(classes)
        for j, (name, texts) in enumerate(self.texts.items()):
            progress(j / len(self.texts), f"counting {name}")
            batches = (torch.from_numpy(np.array(data.arrays[name][i : i + ROWS])) for i in range(0, len(data), ROWS))
            texts.fit(batches, classes, self.config.order, self.config.max_order, generator)
        progress(1.0, "counted")

    def _classes(self, batch: Batch) -> Tensor:
        """The categories (B, J), −1 where they are not known."""
        n = n_rows(batch)
        columns = [batch.get(name, torch.full((n,), -1)) for name in self.categories]
        return torch.stack(columns, 1) if columns else torch.zeros(n, 0, dtype=torch.int64)

    def log_prob(self, batch: Batch) -> Tensor:
        """log p(c) + Σ log p(text | c) (B,)."""
        classes = self._classes(batch)
        return self.table.log_prob(classes) + self._likelihood(batch, classes)

    def _likelihood(self, batch: Batch, classes: Tensor) -> Tensor:
        """Σ log p(text | c) of the texts that are there (B,)."""
        found = torch.zeros(len(classes), dtype=torch.float64)
        for name, texts in self.texts.items():
            if name in batch:
                found += texts.log_prob(batch[name], classes)
        return found

    def sample(self, n: int, given: Batch, generator: torch.Generator, temperature: float = 1.0) -> Batch:
        """Categories, then texts token by token."""
        return self.decode_rows(n, given, generator, Decoding(temperature=temperature))

    def decode_rows(
        self,
        n: int,
        given: Batch,
        generator: torch.Generator,
        decoding: Decoding,
        texts: Mapping[str, Vocabulary] | None = None,
        told: Callable[[int, str, Tensor], bool] | None = None,
    ) -> Batch:
        """As `sample`, under the settings of a draw."""
        own_generator, *generators = _own(1 + len(self.texts), generator)
        u = torch.rand(n, generator=own_generator, dtype=torch.float64)
        fixed = self._classes({"": torch.zeros(n), **given})
        classes = self.table.draw(fixed, u, self._weight(given, fixed), decoding.temperature)
        rows = {name: classes[:, j] for j, name in enumerate(self.categories)}
        for (name, own), stream in zip(self.texts.items(), generators, strict=True):
            open_row = torch.full((n, own.support.length), OPEN)
            start = torch.cat([classes, torch.full((n, 1), own.support.end)], 1)
            tell = None if told is None else _of_column(told, name)
            spelt = (texts or {}).get(name)
            stepper = NgramStepper(own)
            rows[name] = decode(stepper, given.get(name, open_row), own.support, start, decoding, stream, spelt, tell)
        return {name: rows[name] for name in self.space}

    def _weight(self, given: Batch, fixed: Tensor) -> Tensor | None:
        """What given texts, or their beginnings, say about categories that are not (B, cells)."""
        known = {name: x for name, x in given.items() if name in self.texts}
        if not known or not (fixed < 0).any():
            return None
        return torch.stack([self._likelihood(known, cell.expand(len(fixed), -1)) for cell in self.table.codes], 1)

    def conditions_exactly(self, columns: list[str]) -> bool:
        """Always, unless texts are given and too many combinations of categories would have to be weighed by them."""
        is_weighed = any(name in self.texts for name in columns) and not set(self.categories) <= set(columns)
        return not is_weighed or self.table.n_cells <= MOST_WEIGHED

    def propose(
        self, n: int, given: Batch, generator: torch.Generator, known: Mapping[str, Tensor] | None = None
    ) -> tuple[Batch, Tensor]:
        """Categories given those that are known, texts given them; weight = p(known categories) Π p(known text | c)."""
        is_known = {name: torch.ones(n, dtype=torch.bool) if known is None else known[name] for name in given}
        fixed = self._classes({"": torch.zeros(n), **given})
        for j, name in enumerate(self.categories):
            if name in given:
                fixed[:, j] = torch.where(is_known[name], fixed[:, j], -1)
        u = torch.rand(n, generator=generator, dtype=torch.float64)
        classes = self.table.draw(fixed, u)
        rows = self.sample(n, {name: classes[:, j] for j, name in enumerate(self.categories)}, generator)
        weight = self.table.log_prob(fixed)
        for name, own in self.texts.items():
            if name in given:
                rows[name] = torch.where(is_known[name][:, None], given[name], rows[name])
                weight = weight + own.log_prob(rows[name], classes) * is_known[name]
        return rows, weight

    def state(self) -> dict[str, Tensor]:
        """The table of categories and the counts of every text."""
        found = {"table": self.table.log_p}
        for j, texts in enumerate(self.texts.values()):
            found |= {f"text.{j}.{key}": x for key, x in texts.state().items()}
        return found

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """The inverse of `state`."""
        self.table.log_p = state["table"]
        for j, texts in enumerate(self.texts.values()):
            own = f"text.{j}."
            texts.load_state({key.removeprefix(own): x for key, x in state.items() if key.startswith(own)})

    def describe(self) -> dict[str, Any]:
        """Order and number of n-grams of each text."""
        return {
            name: {"order": texts.order, "n-grams": sum(len(level.words) for level in texts.all.levels)}
            for name, texts in self.texts.items()
        }


class _GivenCategories(GivenColumns):
    """The categories that are always given, as the table of all of them has them."""

    def __init__(self, space: Space, classes: Callable[[Batch], Tensor], table: JointTable):
        super().__init__(Space({name: f for name, f in space.items() if isinstance(f.support, Category)}))
        self.classes, self.table = classes, table

    def log_prob(self, batch: Batch, n: int) -> Tensor:
        """log p of them, the others summed out (n,)."""
        return self.table.log_prob(self.classes({"": torch.zeros(n), **{name: batch[name] for name in self.space}}))


class NgramStepper:
    """What follows the last tokens of each row; the first codes of a row are its categories, then its start."""

    def __init__(self, texts: ClassNgrams):
        self.texts = texts
        self.classes = self.history = np.zeros((0, 0), np.int64)

    def start(self, codes: Tensor) -> Tensor:
        """log p(• | h, c) (B, V) behind codes (B, J + 1 + t)."""
        J = len(self.texts.sizes)
        self.classes, before = codes[:, :J].numpy(), codes[:, J:].numpy().copy()
        if self.texts.support.runs_on:
            before[:, 0] = OPEN  # what stood before a passage is not known
        K = self.texts.order - 1
        absent = np.full((len(before), max(0, K - before.shape[1])), OPEN)
        self.history = np.concatenate([absent, before], 1)[:, absent.shape[1] + before.shape[1] - K :]
        return self._logits()

    def step(self, codes: Tensor) -> Tensor:
        """The same, one token later."""
        self.history = np.concatenate([self.history, codes.numpy()[:, None]], 1)[:, 1:]
        return self._logits()

    def keep(self, rows: Tensor) -> None:
        """Goes on with these rows."""
        self.classes, self.history = self.classes[rows.numpy()], self.history[rows.numpy()]

    def _logits(self) -> Tensor:
        return torch.from_numpy(self.texts.distribution(self.history, self.classes)).log()


def _own(n: int, generator: torch.Generator) -> list[torch.Generator]:
    """Streams of random numbers, each of which may be used up as far as its rows need."""
    seeds = torch.randint(2**62, (n,), generator=generator).tolist()
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def _of_column(told: Callable[[int, str, Tensor], bool], name: str) -> Callable[[int, Tensor], bool]:
    return lambda place, codes: told(place, name, codes)
