"""Conditions as the columns hold them: values read in a column's own type, and those refused that no row can meet."""

import math
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch

from genwright.core.codec import Codec, TableCodec
from genwright.core.errors import GivenError, UnknownNameError
from genwright.core.given import Condition, is_missing, is_of_strings, meets
from genwright.core.schema import Column, in_words
from genwright.core.space import Category, Pixels, Real, Vectors, row_shape
from genwright.data.typed import as_written, typed_value
from genwright.runs.beginnings import spells
from genwright.runs.given_sequences import is_sequence, read_sequence


def read_condition(condition: Condition, codec: TableCodec) -> Condition:
    """The condition with values as the column holds them.

    Raises:
        UnknownNameError: there is no such column.
        GivenError: the column cannot be given, or holds other values.
    """
    if condition.column not in codec.codecs:
        raise UnknownNameError(condition.column, codec.schema.names, "the columns")
    column = codec.codecs[condition.column]
    described = codec.schema[condition.column]
    if not column.is_modelled:
        raise GivenError(f"{condition}: {condition.column} ({described.kind}) is not modelled, so it cannot be given")
    if is_sequence(column):
        return read_sequence(condition, column)
    if isinstance(column.field.support, Pixels):
        raise GivenError(f"{condition.column} holds pictures, and conditions are on the other columns")
    if condition.operator == "starts" and not is_of_strings(kind_of(column)):
        raise GivenError(
            f"{condition}: {condition.column} is of kind {described.kind}, and only texts start with something"
        )
    for value in condition.values:
        if isinstance(value, str) and any("\ud800" <= c <= "\udfff" for c in value):
            raise GivenError(
                f"{condition.column} {condition.operator} {value!a}: half a character (a lone surrogate); remove it"
            )
    kind = kind_of(column)
    said = condition.words if is_of_strings(kind) or _is_of_days(kind) else condition.values
    is_part = condition.operator == "starts"  # of a text, which may begin as a missing one is written
    held = (None if is_missing(v) else _held(v, kind, condition, described, column) for v in said)
    values = tuple(map(str, said)) if is_part else tuple(held)
    if any(v is None for v in values):
        raise GivenError(f"{condition}: a missing value is written 'is missing', or None on its own in a mapping")
    operator = "=" if condition.operator == "in" and len(values) == 1 else condition.operator
    return replace(condition, operator=operator, values=values, texts=())


def is_void(condition: Condition, codec: TableCodec) -> bool:
    """Whether it asks for a text that starts with nothing, which is any text."""
    is_empty = condition.operator == "starts" and condition.values == ("",)
    return is_empty and condition.column in codec.codecs and spells(codec.codecs[condition.column])


def _is_of_days(kind: pa.DataType) -> bool:
    """Whether values are dates, which no bare number is."""
    return pa.types.is_timestamp(kind) or pa.types.is_date(kind)


def _held(value: object, kind: pa.DataType, condition: Condition, described: Column, column: Codec) -> object:
    """A value as the column's Arrow type holds it; a fraction beside whole numbers stays, for comparisons."""
    value = typed_value(described, value)
    if pa.types.is_integer(kind) and isinstance(value, (int, float)) and math.isfinite(value):
        ends = np.iinfo(kind.to_pandas_dtype())
        return int(value) if value == int(value) and ends.min <= value <= ends.max else float(value)
    for form in (value, str(value)):
        try:
            scalar = pa.scalar(form)
            if pa.types.is_timestamp(kind) and kind.tz and not getattr(scalar.type, "tz", None) and _is_bare(form):
                naive = pc.cast(scalar, pa.timestamp(kind.unit))
                return pc.assume_timezone(naive, kind.tz).as_py()
            return pc.cast(scalar, kind).as_py()
        except (pa.ArrowException, ValueError, OverflowError):
            continue
    if isinstance(column.field.support, Category):
        raise _never(condition, value, described, column)
    raise GivenError(f"{condition}: column {condition.column} holds {in_words(kind)}, and {value!r} is none")


def _is_bare(value: object) -> bool:
    """Whether an instant comes without its zone; it is read in the column's."""
    text = str(value)
    return not text.endswith("Z") and "+" not in text and text.count("-") <= 2


def kind_of(column: Codec) -> pa.DataType:
    """The Arrow type of a column's records."""
    dtype = torch.float64 if isinstance(column.field.support, Real | Vectors) else torch.int64
    return column.decode(torch.zeros(1, *row_shape(column.field), dtype=dtype)).type


def check_can_be_met(conditions: tuple[Condition, ...], codec: TableCodec) -> None:
    """Refuses conditions that no row can meet, one by one and together, column by column.

    Raises:
        GivenError: says what values exist.
    """
    for name in dict.fromkeys(c.column for c in conditions):
        of_column = tuple(c for c in conditions if c.column == name)
        column, described = codec.codecs[name], codec.schema[name]
        support = column.field.support
        if isinstance(support, Category):
            tested = column.decode(torch.arange(support.n))
            _check_seen(of_column, tested, described, column)
        elif isinstance(support, Real):
            tested = column.decode(_test_points(of_column, column, support))
        else:
            continue
        for some in (*((c,) for c in of_column), of_column):
            if not meets(some, pa.table({name: tested})).any():
                raise _never_met(some, tested, described, column)


def _test_points(conditions: tuple[Condition, ...], column: Codec, support: Real) -> torch.Tensor:
    """Encoded numbers of which one meets the conditions, if any number does: ends, bounds, and what lies between."""
    kind = kind_of(column)
    wanted = [v for c in conditions for v in c.values]
    if pa.types.is_integer(kind):
        ends_of_type = np.iinfo(kind.to_pandas_dtype())
        near = [w for v in wanted for w in (math.floor(v), math.ceil(v))]
        wanted = [min(max(w, int(ends_of_type.min)), int(ends_of_type.max)) for w in near]
    bounds = column.encode(pa.array(wanted, kind)).numpy() if wanted else np.zeros(0)
    ends = () if support.low is None or support.high is None else (support.low, support.high)
    points = np.unique(np.concatenate([bounds, ends]))
    around = [points - support.step, points + support.step] if support.step else []
    points = np.concatenate([points, (points[1:] + points[:-1]) / 2, *around])
    points = np.clip(support.on_step(points), *(ends or (None, None)))
    return torch.from_numpy(np.append(points, np.nan) if support.has_missing else points)


def _check_seen(conditions: tuple[Condition, ...], values: pa.Array, described: Column, column: Codec) -> None:
    for condition in conditions:
        for value in condition.values if condition.operator in ("=", "in") else ():
            table = pa.table({condition.column: values})
            if not meets((Condition(condition.column, "=", (value,)),), table).any():
                raise _never(condition, value, described, column)


def _never(condition: Condition, value: object, described: Column, column: Codec) -> GivenError:
    return GivenError(f"column {condition.column} has no value {value!r}; its values are {_listed(described, column)}")


def _never_met(conditions: tuple[Condition, ...], tested: pa.Array, described: Column, column: Codec) -> GivenError:
    """Why no row can meet these conditions on one column."""
    name = described.name
    shown = " and ".join(map(str, conditions))
    if shown == f"{name} is missing":
        return GivenError(f"column {name} has no missing values")
    if isinstance(column.field.support, Category):
        found = f"its values are {_listed(described, column)}"
    else:
        ends = pc.min_max(tested).as_py()
        step = column.field.support.step if described.kind == "number" else 0  # type: ignore[union-attr]
        steps = f" in steps of {step:g}" if step else ""
        low, high = (str(ends[end]).removesuffix(" 00:00:00") for end in ("min", "max"))
        found = f"column {name} ranges from {low} to {high}{steps}"
    together = " together (acceptance rate 0)" if len(conditions) > 1 else ""
    return GivenError(f"{shown} is never met{together}: {found}")


def _listed(described: Column, column: Codec, n: int = 20) -> str:
    """The values of a category column as its data write them."""
    support = column.field.support
    assert isinstance(support, Category)
    values = column.decode(torch.arange(support.n)).drop_null()
    texts = [str(v) for v in as_written(values, described).to_pylist()]
    return ", ".join(texts[:n]) + (f", … ({len(texts)} in all)" if len(texts) > n else "")
