"""Recurrent networks over texts and series: GRU and LSTM (Mikolov et al., 2010; Graves, 2013).

https://doi.org/10.21437/Interspeech.2010-343, https://arxiv.org/abs/1308.0850

    p(row) = Π_t p(w_t | w_<t),    h_t = cell(h_{t−1}, E w_{t−1}),    p(w_t | w_<t) = softmax(W h_t + b)

A row is one sequence of tokens (`nn/row_tokens`): single values first, then texts one after the other; padding is left
out. Each token is predicted among those of its own column. In place of texts there may be a series of numbers, whose
next step has a mixture density (`nn/mixture_density`), with an end and with missing numbers:

    p(x_t | x_<t) = Σ_k π_k(h_t) N(x_t; μ_k(h_t), diag σ_k²(h_t))

The state h is all that is remembered, so a draw costs the same at every place and a stream may go on for ever. Training
reads whole rows, or windows of `context` places where a row is one long sequence; `log_prob` reads rows whole.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from genwright.core.config import check_least
from genwright.core.dataset import Dataset, n_rows
from genwright.core.decoding import Decoding
from genwright.core.errors import ConfigError, UnsupportedError
from genwright.core.model import Autoregressive, Conditions, HasLogProb, HasLoss, Model, Vocabulary
from genwright.core.space import OPEN, Batch, Category, Field, Real, Space, Tokens, Vectors
from genwright.nn.dropout import dropout
from genwright.nn.given_columns import GivenColumns, check_is_whole
from genwright.nn.mlp import initialise, untrained
from genwright.nn.recurrent import Ragged, Recurrent
from genwright.nn.recurrent_rows import OfColumn, RowNet, Stream
from genwright.nn.row_tokens import PAD, START, Place, RowTokens
from genwright.nn.sequence_length import n_steps
from genwright.samplers.decode import decode

MAX_CONTEXT = 256  # places of a window, where the user does not say
AT_ONCE = 1 << 15  # places whose likelihood is worked out together
LOGITS_AT_ONCE = 1 << 22  # of them the probabilities
BEGINNINGS = 8  # one window in so many is the beginning of its row
CHUNK, LONG_CHUNK, LONG = 256, 32, 256  # rows drawn together, fewer where they have more than so many places


@dataclass(frozen=True)
class RNNConfig:
    """Settings of `rnn`."""

    cell: Literal["gru", "lstm"] = "gru"  # kind of the recurrent layers
    n_hidden: int = 256  # units of a layer, H
    n_embed: int = 64  # width of the vector that stands for a token or a step
    n_layers: int = 1  # layers
    dropout: float = 0.0  # share of units that a training step leaves out, before each layer but the first and the head
    context: int = 0  # places of a window that a training step reads; 0: whole rows, at most 256 of one long sequence
    n_mixture: int = 8  # normal distributions a step of a series, K

    def __post_init__(self) -> None:
        check_least(self, 1, "n_hidden", "n_embed", "n_layers", "n_mixture")
        check_least(self, 0, "context")
        if not 0 <= self.dropout < 1:
            raise ConfigError(f"dropout = {self.dropout}; expected a share from 0 up to but not 1")


class RNN(Model, HasLoss, HasLogProb, Conditions, Autoregressive):
    """Recurrent network over rows as sequences."""

    Config = RNNConfig
    supports = (Real, Category, Tokens, Vectors)
    completes = True
    training: ClassVar[Mapping[str, Any]] = {
        "batch_size": 32,
        "learning_rate": 1e-2,
        "clip": 1.0,
        "ema": 0.99,
        "n_evaluations": 20,
    }
    net: RowNet

    def __init__(self, space: Space, config: Any = None):
        super().__init__(space, config)
        self.series = _series_of(space)
        self.layout = RowTokens(Space({n: f for n, f in space.items() if n != self.series}))
        self.steps: Vectors | None = space[self.series].support if self.series else None  # type: ignore[assignment]
        self.given = GivenColumns(Space({n: f for n, f in space.items() if f.is_given and _is_single(f)}))
        self.length = self.layout.length + (self.steps.length if self.steps else 0)
        self.is_one_sequence = self.length == self.steps.length if self.steps else self.layout.is_single
        self.context = self.config.context or MAX_CONTEXT
        self.chunk = CHUNK if self.length <= LONG else LONG_CHUNK  # type: ignore[misc]
        self.net = untrained(self._untrained)
        dim = self.steps.dim if self.steps else 0
        self.location = torch.zeros(dim, dtype=torch.float64)  # of a series' numbers, (D,)
        self.scale = torch.ones(dim, dtype=torch.float64)
        self._mean_length = float(self.length)

    def _untrained(self) -> RowNet:
        c = self.config
        layers = Recurrent(c.cell, c.n_embed, c.n_hidden, c.n_layers, c.dropout)
        return RowNet(layers, c.n_embed, c.n_mixture, self.layout, self.steps)

    # -- learning ---------------------------------------------------------------------------------------------------

    def start(self, generator: torch.Generator) -> None:
        """Small random weights."""
        initialise(self.net, generator)

    def look(self, data: Dataset) -> None:
        """How long rows are on average; means and spreads of a series' numbers."""
        self.given.look(data)
        if self.series:
            x = torch.cat([b[self.series].flatten(0, 1) for b in data.batches(4096)])
            x = x[x[:, 0] != torch.inf]
            n = (~x.isnan()).sum(0).clamp(min=1)
            self.location = x.nansum(0) / n
            spread = ((x - self.location).square().nansum(0) / n).sqrt()
            self.scale = torch.where(spread > 1e-9 * self.location.abs(), spread, 1.0)
        lengths = self._lengths(self.prepare(data.take(slice(0, 1024))))
        most = self.context if self.is_one_sequence else self.length
        self._mean_length = float(lengths.clamp(max=most).double().mean())

    def prepare(self, batch: Batch) -> Batch:
        """Rows as tokens without gaps (B, L), the column of each, and the series as standard scores."""
        return {k: x.float() if x.is_floating_point() else x for k, x in self._ready(batch).items()}

    def _ready(self, batch: Batch) -> Batch:
        n = n_rows(batch)
        tokens = self.layout.encode(batch) if self.layout.columns else torch.zeros(n, 0, dtype=torch.int64)
        found = {"tokens": tokens.int()}
        if self.layout.has_inner_padding:
            order = (tokens == PAD).int().argsort(dim=1, stable=True)
            found = {"tokens": tokens.gather(1, order).int(), "columns": self.layout.column_of[order].int()}
        if self.series:
            x = batch[self.series]
            found["steps"] = n_steps(x)
            scores = (x - self.location) / self.scale
            found["missing"] = x.isnan()
            found["scores"] = scores.masked_fill(x.isnan() | x.isinf(), 0.0)
        return found

    def _lengths(self, rows: Batch) -> Tensor:
        """Places of each row that are predicted, its end included (B,)."""
        n = (rows["tokens"] != PAD).sum(1)
        return n + (rows["steps"] + 1).clamp(max=self.steps.length) if self.steps else n

    def loss(self, rows: Batch, generator: torch.Generator, phase: str = "model") -> Tensor:
        """−log p of a row, or of a window of it, over the mean length of both (B,)."""
        lengths, first = self._lengths(rows), None
        if self.is_one_sequence and self.length > self.context:
            u = torch.rand(len(lengths), 2, generator=generator)
            first = (u[:, 0] * ((lengths - self.context).clamp(min=0) + 1)).long()
            first = torch.where(u[:, 1] < 1 / BEGINNINGS, 0, first)
            lengths = (lengths - first).clamp(max=self.context)
        own = generator if self.net.training else None
        return self._nll(rows, lengths, first, own) / self._mean_length

    def _nll(
        self, rows: Batch, lengths: Tensor, first: Tensor | None = None, generator: torch.Generator | None = None
    ) -> Tensor:
        """−log p of `lengths` places of each row from `first` on (B,), in float64 where the rows are to be `exact`."""
        ragged = Ragged(lengths.clamp(min=1))
        row, place = ragged.at
        place = place if first is None else place + first[row]
        h, _ = self.net.rnn(self._read(rows, row, place), ragged, None, generator)
        h = dropout(h, self.config.dropout, generator)
        is_token = place < self._n_tokens(rows)[row]
        found = h.new_zeros(len(row), dtype=self._dtype(rows))
        if self.layout.columns:
            found = found.masked_scatter(
                is_token, self._nll_of_tokens(h[is_token], rows, row[is_token], place[is_token])
            )
        if self.steps:
            found = found.masked_scatter(
                ~is_token, self._nll_of_steps(h[~is_token], rows, row[~is_token], place[~is_token])
            )
        return ragged.summed(found)

    def _dtype(self, rows: Batch) -> torch.dtype:
        return torch.float64 if "exact" in rows else torch.float32

    def _n_tokens(self, rows: Batch) -> Tensor:
        """Places of each row that are tokens (B,)."""
        return (rows["tokens"] != PAD).sum(1)

    def _columns_at(self, rows: Batch, row: Tensor, place: Tensor) -> Tensor:
        """The column of each place (M,); the series comes last."""
        n = len(self.layout.columns)
        if not rows["tokens"].shape[1]:
            return torch.full_like(place, n)
        at = place.clamp(max=rows["tokens"].shape[1] - 1)
        own = rows["columns"][row, at].long() if "columns" in rows else self.layout.column_of[at]
        return torch.where(place < rows["tokens"].shape[1], own, n) if self.steps else own

    def _read(self, rows: Batch, row: Tensor, place: Tensor) -> Tensor:
        """What is read before each place (M, n_embed): the token or step before, or the start."""
        tokens = F.pad(rows["tokens"].long(), (1, 0), value=START)
        P = tokens.shape[1]
        x = self.net.embedded(tokens[row, place.clamp(max=P - 1)], self._columns_at(rows, row, place))
        if not self.steps:
            return x
        is_step = place >= P
        before = self._scores_at(rows, row[is_step], place[is_step] - P).float()
        return x.index_put((is_step,), self.net.embedded_steps(before, len(self.layout.columns)))

    @staticmethod
    def _scores_at(rows: Batch, row: Tensor, step: Tensor) -> Tensor:
        """Standard scores of steps (M, D), NaN where missing."""
        return rows["scores"][row, step].masked_fill(rows["missing"][row, step], torch.nan)

    def _nll_of_tokens(self, h: Tensor, rows: Batch, row: Tensor, place: Tensor) -> Tensor:
        """−log p of tokens (M,), 0 for those that are not modelled: given columns, the end of a running text."""
        target, column = rows["tokens"].long()[row, place], self._columns_at(rows, row, place)
        is_told = self._is_told(target, column)
        size = max(1, LOGITS_AT_ONCE // self.layout.n)
        parts = []
        for i in range(0, len(h), size):
            log_p = self.net.log_p(h[i : i + size], column[i : i + size], self._dtype(rows))
            parts.append(-log_p.gather(1, target[i : i + size, None])[:, 0])
        found = torch.cat(parts) if parts else h.new_zeros(0, dtype=self._dtype(rows))
        return torch.where(is_told, found, 0.0)

    def _is_told(self, target: Tensor, column: Tensor) -> Tensor:
        is_given = torch.tensor([c.is_given for c in self.layout.columns])
        return self.net.allowed[column, target] & ~is_given[column]

    def _nll_of_steps(self, h: Tensor, rows: Batch, row: Tensor, place: Tensor) -> Tensor:
        """−log p of steps, or of the end, in standard scores (M,)."""
        assert self.net.density is not None
        step = place - rows["tokens"].shape[1]
        is_end = step == rows["steps"][row]
        d = self.net.density(h, self._dtype(rows))
        x = self._scores_at(rows, row, step.clamp(max=rows["scores"].shape[1] - 1)).to(d.mu)
        return -d.log_end(is_end) - torch.where(is_end, 0.0, d.log_prob(x))

    # -- likelihood -------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def log_prob(self, batch: Batch) -> Tensor:
        """log p of each row (B,) in nats; every place sees all before it."""
        n = n_rows(batch)
        rows = self._ready(batch)
        rows["exact"] = torch.ones(n, 0)
        lengths = self._lengths(rows)
        size = max(1, AT_ONCE // self.length)
        parts = [
            -self._nll({k: x[i : i + size] for k, x in rows.items()}, lengths[i : i + size]) for i in range(0, n, size)
        ]
        found = torch.cat(parts) if parts else torch.zeros(0, dtype=torch.float64)
        if self.series:
            is_number = batch[self.series].isfinite().double()
            found = found - (is_number * self.scale.log()).sum((1, 2))
        return found + self.layout.log_inside(batch, n) + self.given.log_prob(batch, n)

    # -- drawing ----------------------------------------------------------------------------------------------------

    def sample(self, n: int, given: Batch, generator: torch.Generator, temperature: float = 1.0) -> Batch:
        """Place by place."""
        return self.decode_rows(n, given, generator, Decoding(temperature=temperature))

    @torch.no_grad()
    def decode_rows(
        self,
        n: int,
        given: Batch,
        generator: torch.Generator,
        decoding: Decoding,
        texts: Mapping[str, Vocabulary] | None = None,
        told: Callable[[int, str, Tensor], bool] | None = None,
    ) -> Batch:
        """n rows: single values, then texts or the series; see `Autoregressive.decode_rows`."""
        given = self._with_given(n, given, generator, decoding.temperature)
        u = torch.rand(n, len(self.layout.columns), 2, generator=generator, dtype=torch.float64)
        seed = torch.randint(2**62, (1,), generator=generator)
        done = torch.full((n, 1), START)  # what has been drawn, as tokens
        rows: Batch = {}
        for c in self.layout.columns:
            if c.is_sequence:
                codes = self._text(c, done, given, generator, decoding, (texts or {}).get(c.name), told)
                rows[c.name], tokens = codes, c.to_shared(codes[:, : c.places.stop - c.places.start])
            else:
                tokens = self._value(c, done, given, u[:, c.index, 0], decoding.temperature)
                rows[c.name] = given[c.name] if c.name in given else c.from_shared(tokens, u[:, c.index, 1])
            done = torch.cat([done, tokens], 1)
        if self.series:
            own = torch.Generator().manual_seed(int(seed))
            rows[self.series] = self._steps(done, given, own, decoding.temperature)
        return {name: rows[name] for name in self.space}

    def _with_given(self, n: int, given: Batch, generator: torch.Generator, temperature: float) -> Batch:
        """What is given, and draws of the single values that always are.

        Raises:
            GivenError: a sequence that is always given is not, or not all of it.
        """
        for name, f in self.space.items():
            if f.is_given and not _is_single(f):
                check_is_whole(name, given)
        return {**given, **self.given.complete(n, given, generator, temperature)}

    def _value(self, c: Place, done: Tensor, given: Batch, u: Tensor, temperature: float) -> Tensor:
        """The tokens of a single value (n, 1)."""
        if c.name in given:
            return c.to_shared(given[c.name])
        h, column = Stream(self.net).begin(done, c.index), torch.full((len(done),), c.index)
        cdf = (self.net.log_p(h, column, torch.float64) / temperature).softmax(1).cumsum(1)
        return torch.searchsorted(cdf, (u * cdf[:, -1])[:, None], right=True).clamp(c.first, c.last - 1)

    def _text(
        self,
        c: Place,
        done: Tensor,
        given: Batch,
        generator: torch.Generator,
        decoding: Decoding,
        vocabulary: Vocabulary | None,
        told: Callable[[int, str, Tensor], bool] | None,
    ) -> Tensor:
        """The codes of a text (n, T)."""
        assert isinstance(c.support, Tokens)
        known = given[c.name] if c.name in given else torch.full((len(done), c.support.length), OPEN)
        tell = (lambda t, codes: told(t, c.name, codes)) if told else None
        return decode(
            OfColumn(self.net, c, done.shape[1]), known, c.support, done, decoding, generator, vocabulary, tell
        )

    def _steps(self, done: Tensor, given: Batch, generator: torch.Generator, temperature: float) -> Tensor:
        """The series (n, T, D)."""
        assert self.steps is not None
        assert self.net.density is not None
        n, T, D = len(done), self.steps.length, self.steps.dim
        known = given.get(self.series, torch.full((n, T, D), -torch.inf, dtype=torch.float64))
        scores = torch.full_like(known, torch.inf)
        stream = Stream(self.net)
        h = stream.begin(done, len(self.layout.columns))
        is_over = torch.zeros(n, dtype=torch.bool)
        for t in range(known.shape[1]):
            u = torch.rand(n, D + 2, generator=generator, dtype=torch.float64)
            z = torch.randn(n, D, generator=generator, dtype=torch.float64)
            x = (known[:, t] - self.location) / self.scale  # what is open stays −∞, what is behind +∞
            is_over |= (x == torch.inf).all(1)
            x, is_end = self.net.density(h, torch.float64).draw(x, u, z, temperature)
            is_over |= is_end
            scores[:, t] = torch.where(is_over[:, None], torch.inf, x)
            if is_over.all():
                break
            x = torch.where(is_over[:, None], 0.0, x).float()
            h = stream.read(self.net.embedded_steps(x, len(self.layout.columns)))
        drawn = scores * self.scale + self.location
        return torch.where((known == -torch.inf) | (scores == torch.inf), drawn, known)

    def conditions_exactly(self, columns: list[str]) -> bool:
        """What is read before everything that is drawn: the first columns, single values before sequences."""
        order = [c.name for c in self.layout.columns] + ([self.series] if self.series else [])
        wanted = {*columns, *(name for name in order if self.space[name].is_given)}
        return wanted == set(order[: len(wanted)])

    def state(self) -> dict[str, Tensor]:
        """Weights, how often each value is given, and the scale of a series."""
        scales = {"scale.location": self.location, "scale.scale": self.scale} if self.series else {}
        return {**self.net.state_dict(), **self.given.state(), **scales}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """The inverse of `state`."""
        rest = self.given.load_state(state)
        if self.series:
            self.location, self.scale = rest.pop("scale.location"), rest.pop("scale.scale")
        self.net.load_state_dict(rest)

    def describe(self) -> dict[str, Any]:
        """Its size."""
        c = self.config
        size = {"cell": c.cell, "layers": c.n_layers, "units": c.n_hidden}
        return {**size, "parameters": sum(p.numel() for p in self.net.parameters())}


def _is_single(f: Field) -> bool:
    return not isinstance(f.support, Tokens | Vectors)


def _series_of(space: Space) -> str:
    """The column of vectors, or nothing.

    Raises:
        UnsupportedError: there is none and no text either, there are several, or texts beside it.
    """
    series = [name for name, f in space.items() if isinstance(f.support, Vectors)]
    texts = [name for name, f in space.items() if isinstance(f.support, Tokens)]
    if not series and not texts:
        raise UnsupportedError(f"rnn models sequences, and there is none among {list(space)}; use another family")
    if len(series) > 1 or (series and texts):
        found = ", ".join(series + texts)
        raise UnsupportedError(f"rnn models one series, or texts; found {found}: leave out all but one kind")
    return series[0] if series else ""
