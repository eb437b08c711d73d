"""Which conditions a model meets itself: single values and beginnings of texts that it can fix exactly."""

from collections.abc import Mapping

from genwright.core.codec import TableCodec
from genwright.core.given import Condition
from genwright.core.model import Conditions, Model
from genwright.runs.beginnings import spells
from genwright.runs.given_sequences import is_sequence


def is_single(condition: Condition) -> bool:
    """Whether it sets its column to one value."""
    return condition.operator in ("=", "is missing")


def single_conditions(conditions: tuple[Condition, ...], codec: TableCodec, model: Model) -> dict[str, Condition]:
    """Column → the condition that a model might meet itself: one value, else the longest beginning."""
    found: dict[str, Condition] = {}
    for c in conditions:
        known = found.get(c.column)
        column = codec.codecs[c.column]
        is_beginning = c.operator == "starts" and model.completes and (spells(column) or is_sequence(column))
        is_longer = known is None or (known.operator == "starts" and len(c.values[0]) > len(known.values[0]))
        if is_single(c) or (is_beginning and is_longer):
            found[c.column] = c
    return found


def met_exactly(single: dict[str, Condition], model: Model) -> dict[str, Condition]:
    """A largest set of columns, grown one by one, that the model fixes exactly."""
    if not isinstance(model, Conditions):
        return {}
    names = list(single)
    if names and _fixes(names, single, model):
        return single
    best: list[str] = []
    while more := [n for n in names if n not in best and _fixes([*best, n], single, model)]:
        best.append(more[0])
    return {name: single[name] for name in best}


def _fixes(names: list[str], single: Mapping[str, Condition], model: Conditions) -> bool:
    """Whether the model fixes these columns exactly: behind a beginning, what is drawn has to heed all the others."""
    begun = [name for name in names if single[name].operator == "starts"]
    parts = [names, *([n for n in names if n != name] for name in begun)]
    return all(model.conditions_exactly(part) for part in parts if part)
