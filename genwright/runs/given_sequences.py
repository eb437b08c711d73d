"""Conditions on sequences: which steps are known, and whether the sequence ends behind them.

{"tags": ["VERB", None, "NOUN"]}           three steps, of which the second is drawn
{"tags": ["VERB", "PRON", ...]}            two known steps, then whatever follows
{"series": [[0.5, 1.0], [None, 2.0], ...]}     steps of numbers, single ones of them drawn
"tags = 'VERB _ NOUN'", "tags starts 'VERB PRON'"     items in text have blanks between them, _ is drawn
"""

import math
from dataclasses import replace
from numbers import Real
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from genwright.codecs.sequence import Sequence
from genwright.core.codec import Codec
from genwright.core.errors import DataError, GivenError
from genwright.core.given import Condition, is_of_strings
from genwright.core.model import Autoregressive, Model
from genwright.core.registry import MODELS
from genwright.core.space import OPEN, Tokens, Vectors

DRAWN = "_"


def is_sequence(codec: Codec) -> bool:
    """Whether a column's rows are lists."""
    return isinstance(codec, Sequence)


def read_sequence(condition: Condition, codec: Codec) -> Condition:
    """The condition with one tuple of steps, `None` where they are drawn; `starts` where more may follow.

    Raises:
        GivenError: it compares otherwise, or the sequence is longer than any of the fit.
    """
    if condition.operator not in ("=", "in", "starts"):
        if condition.operator == "is missing":
            return condition
        raise GivenError(
            f"{condition}: sequences are given by their steps, such as {{{condition.column!r}: [step, …]}}"
        )
    assert isinstance(codec, Sequence)
    is_of_words = pa.types.is_list(codec.type) and is_of_strings(codec.type.value_type)
    steps = list(condition.words if is_of_words or condition.operator != "in" else condition.values)
    if condition.operator != "in":
        steps = [None if word == DRAWN else word for word in str(steps[0]).split()]
    is_open = condition.operator == "starts" or bool(steps and steps[-1] is ...)
    steps = steps[:-1] if steps and steps[-1] is ... else steps
    support = codec.field.support
    longest = support.length - 1 if isinstance(support, Tokens) else support.length  # type: ignore[union-attr]
    if len(steps) > longest:
        raise GivenError(
            f"{condition.column}: {len(steps)} steps are given; sequences of this run have at most {longest}"
        )
    return replace(condition, operator="starts" if is_open else "=", values=(tuple(steps),), texts=())


def sequence_row(condition: Condition, codec: Codec, model: Model) -> torch.Tensor:
    """The condition as a row of its column, with open places where steps are drawn.

    Raises:
        GivenError: a step is none of the column's, or the family draws no open places.
    """
    assert isinstance(codec, Sequence)
    support, is_begun = codec.field.support, condition.operator == "starts"
    steps = condition.values[0]
    if (is_begun or _has_open(steps)) and not model.completes:
        name = MODELS.name_of(type(model))
        raise GivenError(f"{condition.column}: {name} draws no single steps; give one whole sequence, or use hmm")
    if isinstance(model, Autoregressive):
        _check_is_beginning(condition, is_begun, MODELS.name_of(type(model)))
    if isinstance(support, Tokens):
        row = torch.full((support.length,), OPEN if is_begun else support.pad)
        row[: len(steps)] = torch.tensor([_code(step, codec, condition) for step in steps], dtype=torch.int64)
        if not is_begun:
            row[len(steps)] = support.end
        return row[None]
    assert isinstance(support, Vectors)
    row = torch.full((support.length, support.dim), -np.inf if is_begun else np.inf, dtype=torch.float64)
    for t, step in enumerate(steps):
        row[t] = torch.tensor(_numbers(step, support, condition), dtype=torch.float64)
    return row[None]


def check_rest(rest: tuple[Condition, ...], codecs: dict[str, Codec], model: Model) -> None:
    """Refuses conditions on sequences that the model does not meet itself.

    Raises:
        GivenError: there is one.
    """
    for condition in rest:
        if is_sequence(codecs[condition.column]):
            name = MODELS.name_of(type(model))
            what = "draws no single steps" if condition.operator == "starts" else "cannot fix these columns together"
            raise GivenError(f"{condition.column}: {name} {what}; give one whole sequence, or use hmm")


def _check_is_beginning(condition: Condition, is_begun: bool, name: str) -> None:
    """Refuses steps that are drawn before something known, an end too, for families that draw one step after another:
    what stands behind would not be heeded. Of the last known step, single numbers may be drawn.

    Raises:
        GivenError: there is one.
    """
    steps = condition.values[0]
    if _has_open(steps[:-1]) or (_has_open(steps[-1:]) and (steps[-1] is None or not is_begun)):
        raise GivenError(
            f"{condition.column}: {name} draws what follows the steps that are known, and none between or before "
            "them; give a beginning and what may follow (step, step, ...), or use hmm"
        )


def _has_open(steps: tuple[Any, ...]) -> bool:
    return any(step is None or (isinstance(step, (list, tuple)) and None in step) for step in steps)


def _code(step: Any, codec: Sequence, condition: Condition) -> int:
    """The code of an item."""
    if step is None:
        return OPEN
    support = codec.field.support
    assert isinstance(support, Tokens)
    try:
        code = int(codec.encode_whole(pa.array([[step]]))[0, 0])
    except (DataError, pa.ArrowException):
        code = support.missing
    if code == support.missing:
        known = ", ".join(word for word in codec.words()[2:22] if word)
        raise GivenError(f"{condition.column} has no item {step!r}; it has {known} …")
    return code


def _numbers(step: Any, support: Vectors, condition: Condition) -> list[float]:
    """The numbers of a step, −∞ where they are drawn."""
    step = step.tolist() if hasattr(step, "tolist") else step
    numbers = [step] * support.dim if step is None or not isinstance(step, (list, tuple)) else list(step)
    is_right = len(numbers) == support.dim and (support.dim == 1 or step is None or isinstance(step, (list, tuple)))
    if not is_right or not all(x is None or (isinstance(x, Real) and math.isfinite(x)) for x in numbers):
        raise GivenError(
            f"{condition.column}: {step!r} is no step; expected {support.dim} numbers, or None to draw them"
        )
    return [-np.inf if x is None else float(x) for x in numbers]
