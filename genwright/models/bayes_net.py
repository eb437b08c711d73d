"""Bayesian network: each column depends on a few others, its parents, by a table of probabilities (Pearl 1988).

https://doi.org/10.1016/C2009-0-27609-4

    p(row) = Π_v p(x_v | x_parents(v))

The edges are searched for (a decomposable score climbed by adding, dropping and turning edges), or are the most likely
tree's, or the user's. Number columns become a few groups of their cells; inside a group a value does not depend on
other columns. Any question about codes has an exact answer by variable elimination: draws, marginals and the likeliest
codes under any evidence. The parts, one idea a file, are in `nn/networks`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from genwright.core.config import check_least, check_positive
from genwright.core.dataset import Dataset
from genwright.core.errors import ConfigError, FitError, GivenError, UnknownNameError
from genwright.core.model import Conditions, HasLogProb, HasSolution, Model, Progress
from genwright.core.packing import Packer, Unpacker
from genwright.core.space import Batch, Category, Field, Real, Space
from genwright.nn.cells import Cells
from genwright.nn.networks.bif import Document, read_bif, write_bif
from genwright.nn.networks.chow_liu import information, spanning_tree
from genwright.nn.networks.codes import HIDDEN, CategoryCodes, Codes, RealCodes, unpack_codes
from genwright.nn.networks.constraints import Constraints
from genwright.nn.networks.counts import FamilyCounts
from genwright.nn.networks.discretise import n_groups_for
from genwright.nn.networks.em import available, fit_em
from genwright.nn.networks.families import FamilyScores
from genwright.nn.networks.graph import Parents
from genwright.nn.networks.inference import (
    WIDEST,
    by_known,
    completed,
    forward,
    likeliest,
    log_evidence,
    posterior,
    width,
)
from genwright.nn.networks.network import Network, estimated
from genwright.nn.networks.scores import BIC, BDeu, Score
from genwright.nn.networks.search import climb

N_UNIFORMS = 4  # for each cell of a row: its code, the cell in a group, the place in the cell, whether it is missing
UNSEEN = 0.5  # added to the count of every code and of missing cells, so that none is impossible


@dataclass(frozen=True)
class BayesNetConfig:
    """Settings of `bayes_net`."""

    structure: str = "search"  # where edges come from: search, tree (the most likely one), none (only required ones)
    score: str = "bic"  # what the search climbs: bic, or bdeu
    sample_size: float = 10.0  # rows that bdeu's prior is worth, α
    max_parents: int = 5  # most parents that the search gives a column; 0: any number
    max_table: int = 65_536  # most entries of a column's table; larger sets of parents are passed over
    n_cells: int = 0  # codes that a number column becomes, a missing one not counted; 0: more where rows are many
    pseudo_count: float = 1.0  # imaginary rows for each combination of parents, spread like the column alone
    restarts: int = 30  # times that the search moves on from the best graph and climbs again
    required: tuple[str, ...] = ()  # edges that must be there, such as "smoker -> cancer"
    forbidden: tuple[str, ...] = ()  # edges that must not be there; * stands for every column
    tiers: tuple[str, ...] = ()  # columns, such as "age + sex"; no edge leads from a later tier to an earlier one
    missing: str = "value"  # a missing cell is a value like others, or hidden and filled in by em
    em_rounds: int = 50  # most rounds of em
    max_searched: int = 500_000  # rows that the search looks at; tables are counted over all

    def __post_init__(self) -> None:
        choices = {"structure": ("search", "tree", "none"), "score": ("bic", "bdeu"), "missing": ("value", "em")}
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise ConfigError(f"{name} = {getattr(self, name)!r}; expected one of {', '.join(known)}")
        if self.pseudo_count == float("inf"):
            raise ConfigError("pseudo_count = inf; structure = none gives columns that depend on nothing")
        check_least(self, 0, "max_parents", "n_cells", "pseudo_count", "restarts")
        check_least(self, 1, "max_table", "em_rounds", "max_searched")
        check_positive(self, "sample_size")


class BayesNet(Model, HasSolution, HasLogProb, Conditions):
    """Bayesian network over codes of mixed columns."""

    Config = BayesNetConfig
    supports = (Real, Category)
    chunk = 16_384
    is_rowwise = True

    def __init__(self, space: Space, config: Any = None):
        super().__init__(space, config)
        self.names = list(space)
        config = self.config
        self.constraints = Constraints.read(self.names, config.required, config.forbidden, config.tiers)
        if config.structure == "tree" and not self.constraints.is_free:
            raise ConfigError("structure = tree knows no required, forbidden or tiers; use structure = search")
        self.columns: list[Codes] = []
        self.network = Network((), ())
        self.missing_rate = np.zeros(len(space))  # of columns whose missing cells are hidden
        self.facts = np.full(2, np.nan)  # score of the graph; number of parent sets that were too large
        self.trace: list[float] = []  # what each round of em raised
        self.states: dict[str, list[str]] = {}  # names of codes, where they are known
        self._tempered: tuple[float, Network] | None = None

    # Learning

    def solve(self, data: Dataset, generator: torch.Generator, progress: Progress) -> None:
        """Codes, then edges, then tables."""
        if not len(data):
            raise FitError("there are no rows to learn a network from")
        rng = np.random.default_rng(int(torch.randint(2**62, (1,), generator=generator)))
        progress(0.0, "counting cells")
        self.columns = self._learnt_columns(data)
        codes = self._all_codes(data)
        parents = self._searched(codes, rng, lambda done, line: progress(0.1 + 0.7 * done, line))
        self.network = self._estimated(codes, parents, lambda done, line: progress(0.8 + 0.2 * done, line))
        self._tempered = None
        progress(1.0, f"{len(self.edges)} edges")

    def _is_hidden(self, name: str) -> bool:
        """Whether missing cells of a column are hidden codes."""
        support = self.space[name].support
        assert isinstance(support, Category | Real)
        is_known = not isinstance(support, Category) or support.n > 1  # of which some cell is not missing
        return self.config.missing == "em" and support.has_missing and is_known

    def _learnt_columns(self, data: Dataset) -> list[Codes]:
        cells = {name: Cells(f.support) for name, f in self.space.items() if isinstance(f.support, Real)}
        count = {name: np.zeros(c.n, np.int64) for name, c in cells.items()}
        for batch in data.batches():
            for name in cells:
                count[name] += np.bincount(cells[name].index(batch[name].numpy()), minlength=cells[name].n)
        n_groups = self.config.n_cells or n_groups_for(len(data))
        return [self._learnt_column(name, count.get(name), n_groups) for name in self.names]

    def _learnt_column(self, name: str, count: np.ndarray | None, n_groups: int) -> Codes:
        support = self.space[name].support
        if isinstance(support, Category):
            return CategoryCodes(support, self._is_hidden(name))
        assert isinstance(support, Real)
        assert count is not None
        return RealCodes.learn(support, self._is_hidden(name), count, n_groups)

    def _all_codes(self, data: Dataset) -> np.ndarray:
        """Codes (D, N) in the smallest integers that hold them."""
        cards = [c.n for c in self.columns]
        codes = np.empty((len(cards), len(data)), np.min_scalar_type(-max(cards)))
        start = 0
        for batch in data.batches():
            part = self._codes(batch)
            codes[:, start : start + part.shape[1]] = part
            start += part.shape[1]
        return codes

    def _searched(self, codes: np.ndarray, rng: np.random.Generator, progress: Progress) -> Parents:
        """The graph; where codes are hidden, by the rows that show whole families."""
        config, n_rows = self.config, codes.shape[1]
        if n_rows > config.max_searched:
            codes = codes[:, np.sort(rng.choice(n_rows, config.max_searched, replace=False))]
        counts = FamilyCounts(codes, [c.n for c in self.columns])
        score: Score = BIC(counts.n_rows) if config.score == "bic" else BDeu(config.sample_size)
        scores = FamilyScores(counts, score, config.max_table)
        self._check_required(counts)
        if config.structure == "tree":
            parents = spanning_tree(information(counts, config.max_table))
        elif config.structure == "none":
            parents = self._required()
        else:
            parents = climb(scores, self.constraints, config.max_parents, config.restarts, rng, progress)
        self.facts = np.array([scores.total(parents), len(scores.too_large)])
        return parents

    def _required(self) -> Parents:
        return tuple(tuple(map(int, np.flatnonzero(column))) for column in self.constraints.required.T)

    def _check_required(self, counts: FamilyCounts) -> None:
        for v, above in enumerate(self._required()):
            size = counts.size([*above, v])
            if above and size > self.config.max_table:
                raise FitError(
                    f"required edges give {self.names[v]} a table of {size:,} entries; max_table = "
                    f"{self.config.max_table:,}: raise it, require fewer edges or lower n_cells"
                )

    def _estimated(self, codes: np.ndarray, parents: Parents, progress: Progress) -> Network:
        """Tables for the graph, by counting or by em."""
        s, cards = self.config.pseudo_count, [c.n for c in self.columns]
        alone = [_share(codes[v], cards[v]) for v in range(len(cards))]
        hidden = (codes == HIDDEN).sum(1)
        self.missing_rate = (hidden + UNSEEN) / (codes.shape[1] + 2 * UNSEEN)
        if not hidden.any():
            counts = FamilyCounts(codes, cards)
            found = [counts.count([*above, v]) for v, above in enumerate(parents)]
            return Network(parents, tuple(estimated(n, a, s) for n, a in zip(found, alone, strict=True)))
        found = available(codes, parents, cards)
        start = Network(parents, tuple(estimated(n, a, max(s, 1.0)) for n, a in zip(found, alone, strict=True)))
        network, self.trace = fit_em(start, codes, alone, s, self.config.em_rounds, progress)
        return network

    # Rows and codes

    def _codes(self, batch: Batch) -> np.ndarray:
        """Codes of rows (D, B); hidden where a column is absent."""
        n = len(next(iter(batch.values()))) if batch else 0
        codes = np.full((len(self.names), n), HIDDEN, np.int64)
        for v, name in enumerate(self.names):
            if name in batch:
                codes[v] = self.columns[v].index(batch[name].numpy())
        return codes

    def _rows(self, codes: np.ndarray, u: np.ndarray, temperature: float) -> Batch:
        """Rows with these codes; cells that can be missing are so at random."""
        rows = {}
        for v, name in enumerate(self.names):
            code = codes[v]
            if self._is_hidden(name):
                code = np.where(u[:, v, 3] < self.missing_rate[v], HIDDEN, code)
            rows[name] = torch.from_numpy(self.columns[v].place(code, u[:, v, 1:3], temperature))
        return rows

    def _uniforms(self, n: int, generator: torch.Generator) -> np.ndarray:
        """Uniforms (n, D, 4), the same for row i however many are asked for."""
        shape = max(n, self.chunk), len(self.names), N_UNIFORMS
        return torch.rand(*shape, generator=generator, dtype=torch.float64).numpy()[:n]

    def _at(self, temperature: float) -> Network:
        """The network at a temperature."""
        if temperature == 1:
            return self.network
        kept = self._tempered
        if kept is None or kept[0] != temperature:
            self._tempered = kept = temperature, self.network.tempered(temperature)
        return kept[1]

    # The contract

    def sample(self, n: int, given: Batch, generator: torch.Generator, temperature: float = 1.0) -> Batch:
        """Draws by elimination; without given columns that is from parents to children.

        Raises:
            GivenError: the given columns have probability zero.
            UnsupportedError: the elimination would need a table that is too large.
        """
        u = self._uniforms(n, generator)
        codes = self._codes(given) if given else np.full((len(self.names), n), HIDDEN)
        filled, log_p = completed(self._at(temperature), codes, np.ascontiguousarray(u[:, :, 0].T))
        self._check_possible(log_p, given)
        return {name: given.get(name, x) for name, x in self._rows(filled, u, temperature).items()}

    def log_prob(self, batch: Batch) -> torch.Tensor:
        """Exact log probability of each row (B,); missing cells that are hidden are summed out."""
        codes = self._codes(batch)
        total = log_evidence(self.network, codes)
        for v, name in enumerate(self.names):
            total += self.columns[v].log_inside(batch[name].numpy())
            if self._is_hidden(name):
                rate = self.missing_rate[v]
                total += np.where(codes[v] == HIDDEN, np.log(rate), np.log1p(-rate))
        return torch.from_numpy(total)

    def conditions_exactly(self, columns: list[str]) -> bool:
        """Where the elimination's largest table is small enough."""
        return width(self.network, frozenset(self._place(name) for name in columns)) <= WIDEST

    def propose(
        self, n: int, given: Batch, generator: torch.Generator, known: Mapping[str, torch.Tensor] | None = None
    ) -> tuple[Batch, torch.Tensor]:
        """Exact draws given each row's known cells; by likelihood weighting where elimination is too wide."""
        u = self._uniforms(n, generator)
        codes = np.full((len(self.names), n), HIDDEN, np.int64)
        for name, x in given.items():
            v = self._place(name)
            codes[v] = np.where(_mask(name, n, known), self.columns[v].index(x.numpy()), HIDDEN)
        first = np.ascontiguousarray(u[:, :, 0].T)
        weight = np.zeros(n)
        filled = codes.copy()
        for draw, at in ((completed, narrow := _narrow(self.network, codes)), (forward, ~narrow)):
            filled[:, at], weight[at] = draw(self.network, codes[:, at], first[:, at])
        rows = self._rows(filled, u, 1.0)
        for name, x in given.items():
            rows[name] = torch.where(torch.from_numpy(_mask(name, n, known)), x, rows[name])
            if known is None:
                weight += self.columns[self._place(name)].log_inside(x.numpy())
        return rows, torch.from_numpy(weight)

    def describe(self) -> dict[str, Any]:
        """Edges, and the size of the tables."""
        score, n_large = self.facts
        found: dict[str, Any] = {
            "edges": [f"{a} -> {b}" for a, b in self.edges],
            "parameters": int(sum(t.size // t.shape[-1] * (t.shape[-1] - 1) for t in self.network.tables)),
            "codes": {name: c.n for name, c in zip(self.names, self.columns, strict=True)},
        }
        if np.isfinite(score):
            found |= {self.config.score: float(score), "parent sets passed over as too large": int(n_large)}
        return found

    def state(self) -> dict[str, torch.Tensor]:
        """Codes, parents and tables as flat arrays with their lengths."""
        packer = Packer()
        for column, above, table in zip(self.columns, self.network.parents, self.network.tables, strict=True):
            column.pack(packer)
            packer.add(parents=np.array(above, np.int64), table=table.ravel())
        packer.add(missing_rate=self.missing_rate, facts=self.facts, trace=np.array(self.trace, np.float64))
        return packer.tensors()

    def load_state(self, state: Mapping[str, torch.Tensor]) -> None:
        """The inverse of `state`."""
        unpacker = Unpacker(state)
        self.columns = [unpack_codes(unpacker, f, self._is_hidden(name)) for name, f in self.space.items()]
        cards = [c.n for c in self.columns]
        parents = tuple(tuple(unpacker.next("parents").tolist()) for _ in cards)
        flat = [unpacker.next("table") for _ in cards]
        tables = [t.reshape([*(cards[p] for p in above), -1]) for t, above in zip(flat, parents, strict=True)]
        self.network = Network(parents, tuple(tables))
        self.missing_rate, self.facts = unpacker.next("missing_rate"), unpacker.next("facts")
        self.trace, self._tempered = unpacker.next("trace").tolist(), None

    # Questions

    @property
    def parents(self) -> dict[str, tuple[str, ...]]:
        """Column → its parents."""
        return {self.names[v]: tuple(self.names[p] for p in above) for v, above in enumerate(self.network.parents)}

    @property
    def edges(self) -> list[tuple[str, str]]:
        """Pairs of parent and child."""
        return [(p, name) for name, above in self.parents.items() for p in above]

    def code(self, column: str, value: float) -> int:
        """The network's code for an encoded value: a category's own, the group that a number falls into."""
        return int(self.columns[self._place(column)].index(np.array([value]))[0])

    def code_names(self, column: str) -> list[str]:
        """What to call the codes of a column: the ranges of a number, or what a BIF text called them."""
        return self.states.get(column) or self.columns[self._place(column)].names()

    def marginal(self, of: str | Sequence[str], given: Mapping[str, int] | None = None) -> np.ndarray:
        """p(columns | evidence), exactly.

        Args:
            of: A column, or several for their joint distribution.
            given: Column → code.

        Returns:
            Probabilities (card,), or (cards of the columns …).

        Raises:
            GivenError: the evidence has probability zero, or names a code that does not exist.
            UnsupportedError: the elimination would need a table that is too large.
        """
        wanted = tuple(self._place(name) for name in ([of] if isinstance(of, str) else of))
        codes = self._evidence(given or {})
        twice = [self.names[v] for v in wanted if codes[v, 0] >= 0 or wanted.count(v) > 1]
        if twice:
            raise GivenError(f"{twice[0]} is asked for and given, or asked for twice")
        p = posterior(self.network, codes, wanted)[0]
        if np.isnan(p).any():
            raise _impossible(given or {})
        return p

    def predict(self, batch: Batch, column: str) -> np.ndarray:
        """p(column | the other columns of each row) (B, card), exactly; absent columns are summed out.

        Raises:
            GivenError: a row's columns have probability zero.
        """
        v = self._place(column)
        others = {name: x for name, x in batch.items() if self._place(name) != v}
        codes = self._codes(others) if others else np.full((len(self.names), len(batch.get(column, [0]))), HIDDEN)
        p = posterior(self.network, codes, (v,))
        if np.isnan(p).any():
            row = int(np.isnan(p).any(1).argmax())
            raise GivenError(f"row {row}: its other columns have probability zero; fit with a pseudo_count above 0")
        return p

    def most_probable(self, given: Mapping[str, int] | None = None) -> dict[str, int]:
        """The codes of all columns that are likeliest together, given some of them.

        Raises:
            GivenError: the evidence has probability zero.
            UnsupportedError: the elimination would need a table that is too large.
        """
        codes = self._evidence(given or {})
        found = likeliest(self.network, codes)
        if not np.isfinite(log_evidence(self.network, found)[0]):
            raise _impossible(given or {})
        return {name: int(found[v, 0]) for v, name in enumerate(self.names)}

    def to_bif(self, states: Mapping[str, Sequence[str]] | None = None) -> str:
        """The network over codes as BIF text.

        Args:
            states: Column → names of its codes; `code_names` where absent.
        """
        named = {name: list((states or {}).get(name, self.code_names(name))) for name in self.names}
        for name, column in zip(self.names, self.columns, strict=True):
            if len(set(named[name])) != column.n:
                raise ConfigError(f"{name} has {column.n} codes; found the names {named[name]}")
        return write_bif(Document(self.names, list(named.values()), self.network))

    @classmethod
    def from_bif(cls, text: str) -> "BayesNet":
        """The network that a BIF text describes, over categories.

        Raises:
            DataError: names the line that cannot be read.
        """
        document = read_bif(text)
        supports = [Category(len(s)) for s in document.states]
        model = cls(Space({c: Field(s) for c, s in zip(document.columns, supports, strict=True)}))
        model.columns = [CategoryCodes(s) for s in supports]
        model.network = document.network
        model.states = dict(zip(document.columns, document.states, strict=True))
        return model

    def _place(self, name: str) -> int:
        if name not in self.space:
            raise UnknownNameError(name, self.names, "the modelled columns")
        return self.names.index(name)

    def _evidence(self, given: Mapping[str, int]) -> np.ndarray:
        """Codes (D, 1) of what is given."""
        codes = np.full((len(self.names), 1), HIDDEN)
        for name, code in given.items():
            n = self.network.cards[v := self._place(name)]
            if code not in range(n):
                raise GivenError(f"{name} = {code!r}; its codes are 0 … {n - 1}")
            codes[v] = code
        return codes

    def _check_possible(self, log_p: np.ndarray, given: Batch) -> None:
        if not np.isneginf(log_p).any():
            return
        raise GivenError(
            f"the values given of {' and '.join(given)} have probability zero together under this network; "
            "give others, or fit with a pseudo_count above 0"
        )


def _share(codes: np.ndarray, card: int) -> np.ndarray:
    """How often each code occurs (card,), smoothed."""
    count = np.bincount(codes[codes >= 0], minlength=card) + UNSEEN
    return count / count.sum()


def _narrow(network: Network, codes: np.ndarray) -> np.ndarray:
    """Which rows (B,) can be eliminated."""
    is_narrow = np.ones(codes.shape[1], bool)
    for known, at in by_known(codes):
        is_narrow[at] = width(network, known) <= WIDEST
    return is_narrow


def _mask(name: str, n: int, known: Mapping[str, torch.Tensor] | None) -> np.ndarray:
    """Which of n rows fix a column."""
    if known is None:
        return np.ones(n, bool)
    return known[name].numpy() if name in known else np.zeros(n, bool)


def _impossible(given: Mapping[str, Any]) -> GivenError:
    shown = " and ".join(f"{name} = {value}" for name, value in given.items())
    return GivenError(f"{shown} has probability zero under this network; nothing can be conditioned on it")
