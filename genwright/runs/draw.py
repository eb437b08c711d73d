"""From a fitted model to rows: chunked, seeded, and under conditions.

Row i is a pure function of (model, seed, i). Rows come in chunks of the model's own fixed size; chunk k has a generator
of its own, derived from (seed, k), so 1 row, a million rows, any batch size and any number of processes agree.

Conditions are met in one of three ways, tried in this order:

1. *exactly by the model*, for columns set to one value that the model can condition on;
2. *by resampling*: rows are drawn and those that meet the rest are kept, which is exact too; every chunk has its own
   stream of candidates;
3. *by weighing*: where resampling would take too long and all that is left are equalities, `POOL` proposals are drawn
   for each row with the values in place and one is picked in proportion to p(row) / q(row): approximate, and said.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import torch

from genwright.core.codec import TableCodec
from genwright.core.dataset import concat, n_rows, select
from genwright.core.errors import GivenError, UnknownNameError
from genwright.core.given import Condition, meets
from genwright.core.model import Conditions, Model
from genwright.core.rng import torch_generator
from genwright.core.space import Batch, Category, Real
from genwright.data.typed import typed_value

log = logging.getLogger("genwright")

POOL = 50  # proposals weighed for one row
MAX_CANDIDATES = 400_000  # rows drawn for one chunk before resampling is given up


@dataclass
class Draw:
    """Rows from a model under conditions.

    Args:
        codec: Between records and tensors.
        model: The fitted model.
        conditions: What every row must meet.
        seed: Of the rows.
        temperature: See `Model.sample`.
    """

    codec: TableCodec
    model: Model
    conditions: tuple[Condition, ...] = ()
    seed: int = 0
    temperature: float = 1.0
    n_tried: int = 0  # candidates drawn so far, for the acceptance rate
    n_kept: int = 0
    fixed: Batch = field(default_factory=dict)  # columns the model fixes, one row
    rest: tuple[Condition, ...] = ()  # conditions met by resampling

    def __post_init__(self) -> None:
        self.conditions = tuple(_read(c, self.codec) for c in self.conditions)
        equal = {c.column: c for c in self.conditions if c.operator == "="}
        self.fixed = {name: _encode_one(c, self.codec) for name, c in _exact(equal, self.model).items()}
        self.rest = tuple(c for c in self.conditions if c.column not in self.fixed or c.operator != "=")
        self._is_weighing = False

    @property
    def acceptance(self) -> float:
        """Share of the candidates that met the conditions."""
        return self.n_kept / self.n_tried if self.n_tried else 1.0

    def tables(self, n: int, start: int = 0) -> Iterator[pa.Table]:
        """Rows start … start+n−1 as Arrow tables, one a chunk."""
        size = self.model.chunk
        for k in range(start // size, (start + n + size - 1) // size if n else start // size):
            first, last = max(start, k * size), min(start + n, (k + 1) * size)
            rows = self._chunk(k, last - k * size)
            rows = select(rows, slice(first - k * size, last - k * size))
            yield self.codec.decode(rows, start=first, seed=self.seed)

    def _chunk(self, k: int, n: int) -> Batch:
        """The first n rows of chunk k."""
        if not self.rest:
            return self._candidates(k, 0, n if self.model.is_rowwise else self.model.chunk)
        return self._weighed(k) if self._is_weighing else self._resampled(k, n)

    def _candidates(self, k: int, turn: int, size: int) -> Batch:
        given = {name: x.expand(size, *x.shape[1:]).clone() for name, x in self.fixed.items()}
        generator = torch_generator(self.seed, "sample", k, turn)
        return self.model.sample(size, given, generator, self.temperature)

    def _resampled(self, k: int, n: int) -> Batch:
        kept: list[Batch] = []
        n_kept = n_tried = 0
        while n_kept < n:
            rows = self._candidates(k, n_tried // self.model.chunk, self.model.chunk)
            met = np.flatnonzero(meets(self.rest, self.codec.decode(rows)))
            kept.append(select(rows, met))
            n_kept, n_tried = n_kept + len(met), n_tried + self.model.chunk
            if n_tried >= MAX_CANDIDATES and n_kept < n * min(1.0, n_tried / (20 * MAX_CANDIDATES)):
                return self._too_rare(k, n_kept, n_tried)
        self.n_tried, self.n_kept = self.n_tried + n_tried, self.n_kept + n_kept
        return concat(kept)

    def _too_rare(self, k: int, n_kept: int, n_tried: int) -> Batch:
        shown = " and ".join(map(str, self.rest))
        rate = f"{n_kept} of {n_tried:,} candidate rows met {shown} (acceptance rate {n_kept / n_tried:.2g})"
        if all(c.operator == "=" for c in self.rest) and isinstance(self.model, Conditions):
            log.warning("%s; weighing proposals instead, which is approximate", rate)
            self._is_weighing = True
            return self._weighed(k)
        raise GivenError(f"{rate}: too rare for resampling; ask for fewer rows or for less")

    def _weighed(self, k: int) -> Batch:
        """One chunk, each row picked among `POOL` proposals."""
        fixed = {**self.fixed, **{c.column: _encode_one(c, self.codec) for c in self.rest}}
        given = {name: x.expand(self.model.chunk, *x.shape[1:]) for name, x in fixed.items()}
        rows, _ = complete(self.model, given, torch_generator(self.seed, "weigh", k))
        return rows


def complete(
    model: Model, given: Batch, generator: torch.Generator, allowed: "Callable[[Batch], np.ndarray] | None" = None
) -> tuple[Batch, np.ndarray]:
    """One row for each row of `given`, whose columns it keeps, and the effective number of proposals behind it.

    Proposals that `allowed` forbids (B,) are picked only where there is no other.

    Source:
        Sampling importance resampling, Rubin (1987).
    """
    n = n_rows(given)
    assert isinstance(model, Conditions)
    pool = {name: x.repeat_interleave(POOL, dim=0) for name, x in given.items()}
    rows, log_weight = model.propose(n * POOL, pool, generator)
    if allowed is not None:
        log_weight = log_weight - 1e4 * torch.from_numpy(~allowed(rows))
    log_weight = log_weight.reshape(n, POOL)
    weight = (log_weight - log_weight.max(1, keepdim=True).values).exp()  # (n, POOL)
    weight = torch.where(weight.isnan(), 1.0, weight)
    pick = torch.multinomial(weight, 1, generator=generator)[:, 0] + torch.arange(n) * POOL
    n_effective = weight.sum(1).square() / weight.square().sum(1)
    return select(rows, pick.numpy()), n_effective.numpy()


def _exact(equal: dict[str, Condition], model: Model) -> dict[str, Condition]:
    """The largest set of equalities, found by dropping one after the other, that the model meets exactly."""
    if not isinstance(model, Conditions):
        return {}
    names = [name for name in equal if name in model.space]
    best = [n for n in names if model.conditions_exactly([n])]
    if names and model.conditions_exactly(names):
        best = names
    elif not best or not model.conditions_exactly(best):
        best = best[:1]
    return {name: equal[name] for name in best}


def _encode_one(condition: Condition, codec: TableCodec) -> torch.Tensor:
    """The condition's value as a row of its column (1, *event_shape)."""
    column = codec.codecs[condition.column]
    kind = column.decode(torch.zeros(1, dtype=_dtype(column.field.support))).type
    return column.encode(_cast(condition, kind))


def _dtype(support: object) -> torch.dtype:
    return torch.float64 if isinstance(support, Real) else torch.int64


def _cast(condition: Condition, kind: pa.DataType) -> pa.Array:
    try:
        value = condition.values[0]
        return pa.array([str(value) if pa.types.is_string(kind) else value]).cast(kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        raise GivenError(f"{condition}: column {condition.column} holds {kind} values") from None


def _read(condition: Condition, codec: TableCodec) -> Condition:
    """The condition with values as the column holds them.

    Raises:
        UnknownNameError: there is no such column.
        GivenError: it can never be met; says what values exist.
    """
    if condition.column not in codec.codecs:
        raise UnknownNameError(condition.column, codec.schema.names, "the columns")
    column = codec.codecs[condition.column]
    if not column.is_modelled:
        kind = codec.schema[condition.column].kind
        raise GivenError(f"{condition}: column {condition.column} ({kind}) is not modelled, so it cannot be given")
    values = tuple(typed_value(codec.schema[condition.column], v) for v in condition.values)
    condition = replace(condition, values=values)
    support = column.field.support
    if isinstance(support, Category):
        _check_category(condition, column.decode(torch.arange(support.n)))
    elif isinstance(support, Real):
        ends = torch.tensor([support.low or 0.0, support.high or 0.0], dtype=torch.float64)
        _check_range(condition, column.decode(ends), support)
    return condition


def _check_category(condition: Condition, values: pa.Array) -> None:
    table = pa.table({condition.column: values})
    wanted = condition.values if condition.operator in ("=", "in") else ()
    unseen = [v for v in wanted if not meets((Condition(condition.column, "=", (v,)),), table).any()]
    if unseen or not meets((condition,), table).any():
        shown = [str(v) for v in values.to_pylist() if v is not None]
        more = f", … ({len(shown)} in all)" if len(shown) > 20 else ""
        what = f"has no value {unseen[0]!r}" if unseen else f"never meets {condition}"
        raise GivenError(f"column {condition.column} {what}; its values are {', '.join(shown[:20])}{more}")


def _check_range(condition: Condition, ends: pa.Array, support: Real) -> None:
    if condition.operator == "is missing" and not support.has_missing:
        raise GivenError(f"column {condition.column} has no missing values")
    low, high = pa.table({condition.column: ends.slice(0, 1)}), pa.table({condition.column: ends.slice(1, 1)})
    outside = {"<": (low,), "<=": (low,), ">": (high,), ">=": (high,)}
    is_met = [meets((condition,), t)[0] for t in outside.get(condition.operator, ())]
    if condition.operator == "=":
        ranged = [Condition(condition.column, op, condition.values) for op in ("<=", ">=")]
        is_met = [meets((ranged[0],), low)[0] and meets((ranged[1],), high)[0]]
    if is_met and not any(is_met):
        found = f"{ends[0].as_py()} to {ends[1].as_py()}"
        raise GivenError(f"{condition} is never met: column {condition.column} ranges from {found}")
