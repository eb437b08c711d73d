"""From a fitted model to rows: chunked, seeded, and under conditions.

Row i is a pure function of (model, conditions, seed, i). Rows come in chunks of the model's own fixed size; chunk k has
a generator of its own, derived from (seed, k), so 1 row, a million rows, any batch size and any number of processes
agree.

Conditions are met in one of three ways, tried in this order:

1. *exactly by the model*, for columns set to one value that the model can condition on, and for beginnings of texts
   that it completes;
2. *by resampling*: rows are drawn and those that meet the rest are kept, which is exact too; every chunk has its own
   stream of candidates;
3. *by weighing*: where fewer than `MIN_RATE` of the candidates would be kept and all that is left are single values,
   `POOL` proposals are drawn for each row with the values in place and one is picked in proportion to
   p(row) / q(row): approximate, and said. The first candidates of chunk 0 decide, whatever rows are asked for.
"""

import logging
import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pyarrow as pa
import torch

from genwright.core.codec import TableCodec
from genwright.core.dataset import concat, n_rows, select
from genwright.core.decoding import Decoding
from genwright.core.errors import ConfigError, GivenError, UnsupportedError
from genwright.core.given import Condition, meets
from genwright.core.model import Autoregressive, Conditions, Model
from genwright.core.registry import MODELS
from genwright.core.rng import torch_generator
from genwright.core.space import OPEN, Batch, Pixels, Tokens, Vectors, is_open
from genwright.runs.beginnings import begun, check_settings, check_whole, opened, vocabularies
from genwright.runs.exact_conditions import is_single, met_exactly, single_conditions
from genwright.runs.given_sequences import check_rest, is_sequence, sequence_row
from genwright.runs.held_conditions import check_can_be_met, is_void, kind_of, read_condition

log = logging.getLogger("genwright")

POOL = 50  # proposals weighed for one row
POOLED_ROWS = 128  # rows whose proposals are weighed together
MIN_RATE = 1 / 500  # share of kept candidates below which single values are weighed instead
PILOT = 32_768  # candidates looked at to tell
MAX_CANDIDATES = 98_304  # rows drawn for one chunk before resampling may be given up
MAX_NEEDED = 20 * MAX_CANDIDATES  # candidates that a chunk may need in the end
FIRST_LOOK = 256  # candidates of a stream that are drawn at first
MAX_PLACES = 4_000_000  # of sequences and pictures, which cost more: as many tokens or pixels for MAX_CANDIDATES

Told = Callable[[int, str, torch.Tensor], bool]  # see `Autoregressive.decode_rows`


@dataclass
class Draw:
    """Rows from a model under conditions.

    Args:
        codec: Between records and tensors.
        model: The fitted model.
        conditions: What every row must meet.
        seed: Of the rows.
        decoding: Settings of the draw.
    """

    codec: TableCodec
    model: Model
    conditions: tuple[Condition, ...] = ()
    seed: int = 0
    decoding: Decoding = field(default_factory=Decoding)
    n_tried: int = 0  # candidates looked at so far, for the acceptance rate
    n_kept: int = 0
    fixed: Batch = field(default_factory=dict)  # columns the model fixes, one row
    rest: tuple[Condition, ...] = ()  # conditions met by resampling

    def __post_init__(self) -> None:
        if self.decoding.turned and not isinstance(self.model, Autoregressive):
            what = f"{MODELS.name_of(type(self.model))} does not draw token by token and has no"
            raise UnsupportedError(f"{what} {', '.join(self.decoding.turned)}; it knows temperature")
        check_settings(self.decoding, self.codec)
        self.conditions = tuple(read_condition(c, self.codec) for c in self.conditions if not is_void(c, self.codec))
        check_can_be_met(self.conditions, self.codec)
        exact = met_exactly(single_conditions(self.conditions, self.codec, self.model), self.model)
        self.fixed = {name: self._encode_one(c) for name, c in exact.items()} | self._longer(exact)
        self.rest = tuple(c for c in self.conditions if c is not exact.get(c.column))
        check_rest(self.rest, self.codec.codecs, self.model)

    def _encode_one(self, condition: Condition) -> torch.Tensor:
        """The condition as a row of its column (1, *event_shape), with open places behind a beginning."""
        column = self.codec.codecs[condition.column]
        if is_sequence(column) and condition.values:
            return sequence_row(condition, column, self.model)
        if condition.operator == "starts":
            return begun(condition, column, self.model, self.decoding)
        check_whole(condition, column)
        return column.encode(pa.array(condition.values or [None], kind_of(column)))

    def _longer(self, exact: Mapping[str, Condition]) -> Batch:
        """Open rows of the texts that are to be longer than those of the fit."""
        if not (self.decoding.max_tokens and isinstance(self.model, Conditions)):
            return {}
        names = [n for n in vocabularies(self.codec) if n not in exact and self.model.conditions_exactly([*exact, n])]
        rows = {name: opened(name, self.codec.codecs[name], self.model, self.decoding) for name in names}
        return {name: row for name, row in rows.items() if row is not None}

    @property
    def acceptance(self) -> float:
        """Share of the candidates that met the conditions."""
        return self.n_kept / self.n_tried if self.n_tried else 1.0

    def tables(self, n: int, start: int = 0) -> Iterator[pa.Table]:
        """Rows start … start+n−1 as Arrow tables, one a chunk, drawn by as many threads as torch uses."""
        n, start, size = whole(n, "n"), whole(start, "start"), self.model.chunk
        chunks = range(start // size, -(-(start + n) // size) if n else 0)
        pieces = ((k, max(start, k * size), min(start + n, (k + 1) * size)) for k in chunks)
        n_threads = 1 if self.rest else min(torch.get_num_threads(), len(chunks))
        return _ahead(self._table, pieces, n_threads) if n_threads > 1 else (self._table(*piece) for piece in pieces)

    def _table(self, k: int, first: int, last: int) -> pa.Table:
        """Rows first … last−1, which lie in chunk k."""
        before = k * self.model.chunk
        rows = select(self._chunk(k, last - before), slice(first - before, last - before))
        return self.codec.decode(rows, start=first, seed=self.seed)

    def _chunk(self, k: int, n: int) -> Batch:
        """At least the first n rows of chunk k."""
        if not self.rest:
            return self._candidates(k, 0, n)
        return self._weighed(k, n) if self._is_weighing else self._resampled(k, n)

    def _candidates(self, k: int, turn: int, n: int) -> Batch:
        """The first n candidates of a turn, or all of them where the model cannot tell them apart."""
        size = n if self.model.is_rowwise else self.model.chunk
        generator = torch_generator(self.seed, "sample", k, turn)
        return select(self._sampled(size, generator, _UntilOver(n, self.codec, self._n_open)), slice(0, n))

    @cached_property
    def _n_open(self) -> int:
        """Columns of codes that are drawn, wholly or from a beginning on."""
        names = [n for n in self.codec.modelled if isinstance(self.codec.codecs[n].field.support, Tokens)]
        return sum(name not in self.fixed or bool((self.fixed[name] == OPEN).any()) for name in names)

    def first(self, told: Told) -> pa.Table:
        """Row 0, where the model meets all conditions itself; every token of its chunk is told."""
        size = 1 if self.model.is_rowwise else self.model.chunk
        rows = self._sampled(size, torch_generator(self.seed, "sample", 0, 0), told)
        return self.codec.decode(select(rows, slice(0, 1)), start=0, seed=self.seed)

    def _sampled(self, n: int, generator: torch.Generator, told: Told) -> Batch:
        given = {name: x.expand(n, *x.shape[1:]).clone() for name, x in self.fixed.items()}
        if not isinstance(self.model, Autoregressive):
            return self.model.sample(n, given, generator, self.decoding.temperature)
        rows = self.model.decode_rows(n, given, generator, self.decoding, vocabularies(self.codec), told)
        for name, x in given.items():
            if rows[name].shape[1:] != x.shape[1:]:
                told_of = "%s: the model draws %s tokens at most, fewer than the %s asked for"
                log.warning(told_of, name, rows[name].shape[1], x.shape[1])
        return rows

    def _looks(self, k: int, n: int, n_most: float = math.inf) -> Iterator[tuple[Batch, int]]:
        """The rows of chunk k that were kept, and how many were looked at: more and more, until there are n.

        The stream of candidates is the same however far it is looked at.
        """
        size = self.model.chunk
        kept: list[Batch] = []
        turn = n_kept = 0
        while n_kept < n and turn * size < n_most:
            look = size if turn else min(size, max(FIRST_LOOK, 2 * n))
            while True:
                rows = self._candidates(k, turn, look)
                met = np.flatnonzero(self._is_met(rows))
                if look == size or n_kept + len(met) >= n:
                    break
                look = min(4 * look, size)
            kept, n_kept = [*kept, select(rows, met)], n_kept + len(met)
            yield concat(kept), turn * size + look
            turn += 1

    def _is_met(self, rows: Batch) -> np.ndarray:
        """Which rows (B,) meet what the model does not fix."""
        names = {c.column for c in self.rest}
        return meets(self.rest, pa.table({name: self.codec.codecs[name].decode(rows[name]) for name in names}))

    def _resampled(self, k: int, n: int) -> Batch:
        kept: Batch = {}
        n_tried = 0
        for kept, n_tried in self._looks(k, n):
            share = n_rows(kept) / n_tried
            if n_rows(kept) < n and n_tried >= self._most and share * MAX_NEEDED * self._most / MAX_CANDIDATES < n:
                rate = self._rate(n_rows(kept), n_tried)
                raise GivenError(f"{rate}: too rare for resampling; ask for fewer rows or for less")
        self.n_tried, self.n_kept = self.n_tried + n_tried, self.n_kept + n_rows(kept)
        return kept

    def _rate(self, n_kept: int, n_tried: int) -> str:
        shown = " and ".join(map(str, self.rest))
        return f"{n_kept} of {n_tried:,} candidate rows met {shown} (acceptance rate {n_kept / n_tried:.2g})"

    @cached_property
    def _most(self) -> int:
        """Candidates that are drawn for one chunk before resampling may be given up."""
        fields = [self.codec.codecs[name].field for name in self.codec.modelled]
        n_places = sum(f.support.length for f in fields if isinstance(f.support, Tokens | Vectors))
        n_places += sum(math.prod(f.event_shape) for f in fields if isinstance(f.support, Pixels))
        return min(MAX_CANDIDATES, max(self.model.chunk, MAX_PLACES // max(n_places, 1)))

    @cached_property
    def _is_weighing(self) -> bool:
        """Whether what is left are single values, and too rare for resampling."""
        can_weigh = isinstance(self.model, Conditions) and self.model.proposes
        has_open = any(is_open(x).any() for x in self.fixed.values() if not x.is_floating_point())
        if not (all(is_single(c) for c in self.rest) and can_weigh) or self.decoding.turned or has_open:
            return False
        pilot = min(PILOT, self._most)
        enough = math.ceil(MIN_RATE * pilot)
        kept, n_tried = list(self._looks(0, enough, pilot))[-1]
        if n_rows(kept) >= enough:
            return False
        self.n_tried, self.n_kept = n_tried, n_rows(kept)
        cold = "" if self.decoding.temperature == 1 else ", and leaves the temperature at 1"
        rate = self._rate(n_rows(kept), n_tried)
        log.warning("%s; weighing proposals instead, which is approximate%s", rate, cold)
        return True

    def _weighed(self, k: int, n: int) -> Batch:
        """Rows that are each picked among `POOL` proposals."""
        fixed = {**self.fixed, **{c.column: self._encode_one(c) for c in self.rest}}
        given = {name: x.expand(POOLED_ROWS, *x.shape[1:]) for name, x in fixed.items()}
        known = {name: torch.ones(POOLED_ROWS, dtype=torch.bool) for name in fixed}
        turns = range(-(-n // POOLED_ROWS))
        return concat([complete(self.model, given, known, torch_generator(self.seed, "weigh", k, t)) for t in turns])


def complete(
    model: Model,
    given: Batch,
    known: Mapping[str, torch.Tensor],
    generator: torch.Generator,
    allowed: "Callable[[Batch], np.ndarray] | None" = None,
) -> Batch:
    """One row for each row of `given`, whose known cells it keeps, picked among `POOL` proposals by their weights.

    Proposals that `allowed` forbids (B,) are picked only where there is no other.

    Args:
        model: It can condition.
        given: Some columns.
        known: Column → which of its cells (B,) are to be kept.
        generator: Of all randomness.
        allowed: Which of some proposals may be picked.

    Source:
        Sampling importance resampling, Rubin (1987), with weights that may be unbiased estimates, as in Andrieu and
        Roberts (2009): https://doi.org/10.1214/07-AOS574
    """
    assert isinstance(model, Conditions)
    n = n_rows(given)
    u = torch.rand(n, 1, generator=generator, dtype=torch.float64)
    pool, cells = ({k: x.repeat_interleave(POOL, dim=0) for k, x in some.items()} for some in (given, known))
    rows, log_weight = model.propose(n * POOL, pool, generator, cells)
    if allowed is not None:
        log_weight = log_weight - 1e4 * torch.from_numpy(~allowed(rows))
    log_weight = log_weight.reshape(n, POOL)
    weight = (log_weight - log_weight.max(1, keepdim=True).values).exp()  # (n, POOL)
    share = torch.where(weight.isnan(), 1.0, weight).cumsum(1)
    pick = torch.searchsorted(share, u * share[:, -1:], right=True)[:, 0].clamp(max=POOL - 1)
    return select(rows, (pick + torch.arange(n) * POOL).numpy())


def whole(n: object, name: str) -> int:
    """A count as an integer; 1e3 is one.

    Raises:
        ConfigError: it is not a whole number, or below 0.
    """
    try:
        value = int(n) if n == int(n) else -1  # type: ignore[call-overload]
    except (TypeError, ValueError, OverflowError):
        value = -1
    if value < 0 or isinstance(n, (bool, str)):
        raise ConfigError(f"{name} = {n!r}; expected a whole number of rows, 0 or more")
    return value


class _UntilOver:
    """Ends a draw when the first n rows are over, whatever the others of their chunk do.

    Only in the last of the columns that are drawn: what others of the chunk read before it is always the same, and so
    is which of them end when.
    """

    def __init__(self, n: int, codec: TableCodec, n_columns: int = 1):
        self.n, self.codec, self.n_columns, self.n_told = n, codec, n_columns, 0
        self.name, self.is_over = "", torch.zeros(n, dtype=torch.bool)

    def __call__(self, place: int, name: str, codes: torch.Tensor) -> bool:
        """See `Autoregressive.decode_rows`."""
        if name != self.name:
            self.name, self.is_over = name, torch.zeros(self.n, dtype=torch.bool)
            self.n_told += 1
        support = self.codec.codecs[name].field.support
        assert isinstance(support, Tokens)
        first = codes[: self.n]
        self.is_over |= (first == support.end) | (first == support.pad)
        return self.n_told == self.n_columns and bool(self.is_over.all())


def _ahead(work: Callable[..., pa.Table], pieces: Iterator[tuple[int, ...]], n_threads: int) -> Iterator[pa.Table]:
    """Results in order, no more than a few of them ahead of whoever takes them."""
    with ThreadPoolExecutor(n_threads) as pool:
        waiting: deque[Future[pa.Table]] = deque()
        for piece in pieces:
            waiting.append(pool.submit(work, *piece))
            if len(waiting) > n_threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
