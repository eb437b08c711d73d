"""What a run knows of some columns given others: p(column | evidence).

    p(x | e) = Σ_c p(x, c) P(e | c) / Σ_x,c p(x, c) P(e | c)         c: codes of the columns that conditions weigh

A Bayesian network answers exactly, by elimination (see `models/bayes_net`). From any other family rows are drawn under
the evidence and counted; each share then comes with its standard error.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np

from genwright.core.codec import TableCodec
from genwright.core.dataset import concat
from genwright.core.errors import GivenError, UnsupportedError
from genwright.core.space import Real, row_shape
from genwright.models.bayes_net import BayesNet
from genwright.nn.cells import Cells
from genwright.nn.networks.codes import CategoryCodes, Codes, RealCodes
from genwright.runs.code_words import code_words
from genwright.runs.draw import Draw, whole
from genwright.runs.run import Run, as_names
from genwright.runs.virtual_evidence import weights

N_DRAWS = 10_000
N_RANGES = 10  # of a number that is counted
LARGEST = 1 << 20  # entries of a joint table of the asked column and those that conditions weigh
MOST_TRIED = 2_000  # combinations of weighed codes that `most_probable` tries


@dataclass(frozen=True)
class Answer:
    """The distribution of one column.

    Args:
        column: Its name.
        shares: Value or range → probability. Values stand in falling frequency of the data, ranges along the line.
        errors: Value or range → standard error of that; empty where the probabilities are exact.
        n_draws: Rows that were counted; 0 where the probabilities are exact.
    """

    column: str
    shares: dict[str, float]
    errors: dict[str, float] = field(default_factory=dict)
    n_draws: int = 0

    @property
    def is_exact(self) -> bool:
        """Whether nothing was drawn."""
        return not self.n_draws

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        rows = [{"value": v, "probability": p} for v, p in self.shares.items()]
        if self.errors:
            rows = [{**row, "standard_error": self.errors[str(row["value"])]} for row in rows]
        return {"column": self.column, "is_exact": self.is_exact, "n_draws": self.n_draws, "distribution": rows}


def query(
    run: Run, of: str | Iterable[str], given: Any = None, *, n_draws: int = N_DRAWS, seed: int | None = None
) -> dict[str, Answer]:
    """The distribution of each asked column under evidence.

    Args:
        run: A fitted run. One of `bayes_net` answers exactly, others by counting draws.
        of: A column, or several.
        given: Evidence, as `Run.sample` takes it: `"smoker = true and age > 40"` or a mapping.
        n_draws: Rows to count where there is no exact answer.
        seed: Of these rows; the run's own where it is not given.

    Raises:
        UnknownNameError: there is no such column.
        GivenError: the evidence names a value that does not exist, has probability zero, or is about an asked column.
        UnsupportedError: the exact answer would need a table that is too large; says what to do.
    """
    names = as_names(of)
    draw = run.draw(given, seed=seed)
    for name in names:
        _check_asked(run.artefact.codec, name, draw)
    if not isinstance(run.model, BayesNet):
        return _counted(run, draw, names, whole(n_draws, "n_draws"))
    evidence = _Evidence(run.model, draw)
    return {name: _exact(run, evidence, name) for name in names}


def most_probable(run: Run, given: Any = None) -> dict[str, str]:
    """Column → value or range: the codes that are likeliest together under the evidence.

    Raises:
        UnsupportedError: the family is not `bayes_net`, or the answer would need too much.
        GivenError: as `query`.
    """
    model = run.model
    if not isinstance(model, BayesNet):
        raise UnsupportedError(
            f"{run.artefact.model_name} cannot name the most probable row; bayes_net can: fit with model bayes_net"
        )
    evidence = _Evidence(model, run.draw(given))
    codes = evidence.most_probable()
    words = {name: _words(run, name, _codes(model, name)) for name in model.names}
    return {name: words[name][code] for name, code in codes.items()}


def _check_asked(codec: TableCodec, name: str, draw: Draw) -> None:
    column = codec.schema[name]  # raises for an unknown column
    if name not in codec.modelled:
        raise UnsupportedError(f"{name} ({column.kind}) is not modelled, so it cannot be asked for")
    if row_shape(codec.codecs[name].field):
        raise UnsupportedError(f"{name} ({column.kind}) has too many values for a distribution; sample it instead")
    if any(c.column == name for c in draw.conditions):
        raise GivenError(f"{name} is asked for and given; ask for other columns, or drop the condition on it")


class _Evidence:
    """Conditions as codes that are known, and weights of codes that are not.

    Args:
        model: The network.
        draw: Holds the conditions, read and checked.
    """

    def __init__(self, model: BayesNet, draw: Draw):
        self.model, self.shown = model, " and ".join(map(str, draw.conditions))
        self.known: dict[str, int] = {}
        self.weighed: dict[str, np.ndarray] = {}
        codecs = draw.codec.codecs
        for name in dict.fromkeys(c.column for c in draw.conditions):
            of_column = tuple(c for c in draw.conditions if c.column == name)
            w = weights(of_column, codecs[name], _codes(model, name))
            if (w > 0).sum() == 1:
                self.known[name] = int(w.argmax())
            elif not w.any():
                raise self.impossible()
            elif (w != w[0]).any():
                self.weighed[name] = w / w.max()

    def impossible(self) -> GivenError:
        """What to say of evidence that no row can show."""
        return GivenError(f"{self.shown} has probability zero under this network; nothing can be conditioned on it")

    def marginal(self, name: str) -> np.ndarray:
        """p(column | evidence) (card,)."""
        size = math.prod(map(len, self.weighed.values())) * len(self.model.code_names(name))
        if size > LARGEST:
            raise UnsupportedError(
                f"conditions on {len(self.weighed)} columns need a table of {size:,} entries, the most is {LARGEST:,}: "
                "give single values, or fewer columns"
            )
        joint = self._of_known([name, *self.weighed])
        for w in reversed(self.weighed.values()):
            joint = joint @ w
        if not joint.sum() > 0:
            raise self.impossible()
        return joint / joint.sum()

    def _of_known(self, names: list[str]) -> np.ndarray:
        try:
            return self.model.marginal(names, self.known)
        except GivenError:
            raise self.impossible() from None

    def most_probable(self) -> dict[str, int]:
        """Codes of all columns."""
        choices = [np.flatnonzero(w) for w in self.weighed.values()]
        n = math.prod(map(len, choices))
        if n > MOST_TRIED:
            raise UnsupportedError(f"conditions leave {n:,} combinations of values to try; give narrower ones")
        best: tuple[float, dict[str, int]] = (-math.inf, {})
        for codes in product(*choices):
            given = {**self.known, **{name: int(c) for name, c in zip(self.weighed, codes, strict=True)}}
            try:
                found = self.model.most_probable(given)
            except GivenError:
                continue
            weight = sum(math.log(w[c]) for w, c in zip(self.weighed.values(), codes, strict=True))
            best = max(best, (weight + self._log_prob(found), found), key=lambda pair: pair[0])
        if not best[1]:
            raise self.impossible()
        return best[1]

    def _log_prob(self, codes: Mapping[str, int]) -> float:
        network, column = self.model.network, np.array([[codes[name]] for name in self.model.names])
        return float(sum(network.log_prob(v, column)[0] for v in range(len(column))))


def _codes(model: BayesNet, name: str) -> Codes:
    return model.columns[model.names.index(name)]


def _words(run: Run, name: str, codes: Codes) -> list[str]:
    """A word for each code; a file that has truth values as such, JSON or Parquet, has them as true and false."""
    words, column = code_words(run.artefact.codec, name, codes), run.schema[name]
    is_bare = column.kind == "boolean" and "parse" not in column.options and run.artefact.facts.get("path")
    return [word.lower() for word in words] if is_bare else words


def _exact(run: Run, evidence: _Evidence, name: str) -> Answer:
    p = evidence.marginal(name)
    words = _words(run, name, _codes(evidence.model, name))
    return Answer(name, dict(zip(words, p.tolist(), strict=True)))


def _counted(run: Run, draw: Draw, names: tuple[str, ...], n: int) -> dict[str, Answer]:
    """Shares among n rows drawn under the evidence."""
    if n < 2:
        raise GivenError(f"n_draws = {n}; expected 2 or more")
    codec = draw.codec
    rows = concat([codec.encode(table) for table in draw.tables(n)])
    return {name: _share(run, name, rows[name].numpy()) for name in names}


def _share(run: Run, name: str, x: np.ndarray) -> Answer:
    """How often each value or range occurs among encoded values (n,), with the standard error of a proportion."""
    support, n = run.artefact.codec.codecs[name].field.support, len(x)
    if isinstance(support, Real):
        cells = Cells(support)
        codes: Codes = RealCodes.learn(support, False, np.bincount(cells.index(x), minlength=cells.n), N_RANGES)
    else:
        codes = CategoryCodes(support)  # type: ignore[arg-type]
    count = np.bincount(codes.index(x), minlength=codes.n)
    near = (count + 2) / (n + 4)  # Agresti and Coull (1998): no error of 0 where nothing was seen
    words = _words(run, name, codes)
    errors = np.sqrt(near * (1 - near) / n)
    shares = dict(zip(words, (count / n).tolist(), strict=True))
    return Answer(name, shares, dict(zip(words, errors.tolist(), strict=True)), n)
