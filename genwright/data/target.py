"""The column that a classifier is to foretell: which classes it has, which rows have one, and which are held out.

Labels are names: a column of few numbers becomes a category, 1.0 the class "1.0". Rows without a label are left out.
Of each class an exact share is held out, so that rare classes stand on both sides; a class of one row is learnt from.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from genwright.core.config import check_share
from genwright.core.errors import FitError, UnsupportedError, quoted
from genwright.core.records import Records
from genwright.core.rng import numpy_generator
from genwright.core.schema import Column, Schema
from genwright.data.infer import infer
from genwright.data.split import HeldOut, split
from genwright.data.typed import as_written, typed

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

log = logging.getLogger("genwright")
MOST_CLASSES = 1_000
MOST_NUMBERS = 50  # different numbers that can be classes without being called a category
ROWS_A_CLASS = 2  # rows that a class must have on average


@dataclass(frozen=True)
class Labels:
    """What is known of the target.

    Args:
        column: Its column.
        codes: Of each row (N,), by the order in which classes first appear; −1 without a label.
        n_classes: Different labels.
        notes: What to tell, in sentences.
    """

    column: Column
    codes: "np.ndarray"
    n_classes: int
    notes: tuple[str, ...] = ()


def labels_of(records: Records, schema: Schema, target: str, is_set: bool = False) -> Labels:
    """The target as a category.

    Args:
        records: Read once, or twice where the target's kind was another.
        schema: Of the records.
        target: Its name.
        is_set: The user has said what kind the target is.

    Raises:
        UnknownNameError: there is no such column.
        UnsupportedError: it holds no classes: many numbers, dates, pictures …
        FitError: there is one class, or none.
    """
    column = schema[target]
    notes: tuple[str, ...] = ()
    if column.kind not in ("category", "boolean"):
        column, notes = _as_category(records, column)
    codes, names = _codes(records, column)
    n = len(names)
    known = int((codes >= 0).sum())
    _check(records.name, column, schema[target].kind, n, known, is_set)
    if known < len(codes):
        told = f"{len(codes) - known:,} of {len(codes):,} rows have no {target!r} and are left out"
        notes = (*notes, told + _how_to_keep(column))
    notes = (*notes, *_single(codes, _as_written(column, names)))
    return Labels(column, codes, n, notes)


def labelled(records: Records, labels: Labels) -> tuple[Records, "np.ndarray"]:
    """The rows that have a label, and their codes (N,)."""
    import pyarrow as pa

    has_label = labels.codes >= 0
    if has_label.all():
        return replace(records, n_rows=len(has_label)), labels.codes

    def opened() -> Iterator["pa.RecordBatch"]:
        first = 0
        for batch in records.open():
            yield batch.filter(pa.array(has_label[first : first + batch.num_rows]))
            first += batch.num_rows

    return replace(records, open=opened, n_rows=int(has_label.sum())), labels.codes[has_label]


def stratified(records: Records, schema: Schema, codes: "np.ndarray", share: float, seed: int) -> HeldOut:
    """Which rows are held out: the share of each class, or as a column's `split` says.

    Args:
        records: Those with a label.
        schema: Of the records.
        codes: Their classes (N,).
        share: Of the rows to hold out.
        seed: Another seed holds out other rows.

    Raises:
        ConfigError: the share is out of range.
    """
    check_share(share)
    if any(column.split for column in schema):
        return split(records, schema, len(codes), share, seed)
    mask = held_out_mask(codes, share, seed)
    return lambda batch, first: mask[first : first + batch.num_rows]


def held_out_mask(codes: "np.ndarray", share: float, seed: int) -> "np.ndarray":
    """Of each class the share of its rows, rounded at random so that the whole comes out right; bool (N,)."""
    import numpy as np

    mask = np.zeros(len(codes), dtype=bool)
    order = numpy_generator(seed, "split").permutation(len(codes))
    of_class = order[np.argsort(codes[order], kind="stable")]  # rows of a class stand together, in random order
    taken = np.floor(share * np.arange(1, len(codes) + 1) + 0.5).astype(np.int64)
    mask[of_class[np.diff(taken, prepend=0) > 0]] = True
    _, first, counts = np.unique(codes[of_class], return_index=True, return_counts=True)
    for start, n in zip(first.tolist(), counts.tolist(), strict=True):
        rows = of_class[start : start + n]
        if mask[rows].all():
            mask[rows[0]] = False  # a class must be learnt from
    if share and len(codes) >= 2 and not mask.any():
        largest = of_class[first[counts.argmax()] + counts.max() - 1]
        mask[largest] = counts.max() > 1
    return mask


def one_sided(names: Sequence[str], n_learnt: "np.ndarray", n_tested: "np.ndarray") -> list[str]:
    """Sentences on the classes that have rows on one side only; of a single row is told elsewhere.

    Args:
        names: Of the classes.
        n_learnt: Rows of each class that are learnt from (K,).
        n_tested: Rows of each class that are held out (K,); where there are none at all, nothing is told of it.
    """
    untested = [names[k] for k in ((n_tested == 0) & (n_learnt > 1)).nonzero()[0]] if n_tested.any() else []
    unlearnt = [names[k] for k in ((n_learnt == 0) & (n_tested > 0)).nonzero()[0]]
    found = []
    if untested:
        of = "it is" if len(untested) == 1 else "they are"
        found.append(f"{_classes(untested)} no held-out row, so that no score tells how well {of} foretold")
    if unlearnt:
        of = "it is" if len(unlearnt) == 1 else "they are"
        found.append(f"{_classes(unlearnt)} held-out rows alone and none to learn from, so that {of} never foretold")
    return found


def _how_to_keep(column: Column) -> str:
    """Which words of a text file count as no label, and how to have them as classes; nothing of other data."""
    words = column.options.get("parse", {}).get("missing")
    if not words:
        return ""
    listed = ", ".join(map(quoted, words[:5])) + (f" and {len(words) - 5} more" if len(words) > 5 else "")
    kept = '"kind": "category", "options": {"parse": {"verbatim": true}}'
    return f" (missing: {listed}); to keep such rows as a class, the column has {kept} in a schema (schema=, --schema)"


def _classes(names: Sequence[str]) -> str:
    """The beginning of a sentence on some classes."""
    listed = ", ".join(map(quoted, names[:5])) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return f"class {listed} has" if len(names) == 1 else f"classes {listed} have"


def _as_category(records: Records, column: Column) -> tuple[Column, tuple[str, ...]]:
    """A column of another kind, read as names."""
    import pyarrow as pa

    if column.kind not in ("number", "text", "id", "constant"):
        advice = "a classifier foretells classes: name a column of few different values"
        raise UnsupportedError(f"target {column.name!r} is of kind {column.kind}; {advice}")
    inferred = infer(records, {column.name: "category"})[0][column.name]
    found = replace(inferred, split=column.split, why=f"the target; {column.why}" if column.why else "the target")
    if column.kind != "number":
        return found, ()
    is_whole = column.options.get("parse", {}).get("type") == "int64"
    if is_whole:
        return replace(found, options={"parse": {**found.options["parse"], "type": "int64"}}), ()
    kind = records.arrow_schema.field(column.name).type
    if pa.types.is_integer(kind):
        return found, ()
    return found, (f"the labels of {column.name!r} are decimal numbers; each different one is a class of that name",)


def _single(codes: "np.ndarray", names: "pa.Array") -> list[str]:
    """A sentence on the classes that have one row alone, if there are any."""
    import numpy as np

    found = np.flatnonzero(np.bincount(codes[codes >= 0], minlength=len(names)) == 1)
    if not len(found):
        return []
    what = _classes(names.take(found).to_pylist())
    return [f"{what} a single row{'' if len(found) == 1 else ' each'}, too few to learn it from and to test it on"]


def _as_written(column: Column, names: "pa.Array") -> "pa.Array":
    """Classes as the data write them: yes and no, and not True and False."""
    return as_written(names, column) if column.kind == "boolean" else names


def _codes(records: Records, column: Column) -> tuple["np.ndarray", "pa.Array"]:
    """The label of each row as a code (N,), −1 where it is missing, and the names of the codes."""
    import numpy as np
    import pyarrow as pa

    found = pa.chunked_array([batch.column(0) for batch in typed(records, Schema((column,)))])
    values = found.combine_chunks()
    if not pa.types.is_dictionary(values.type):
        values = values.dictionary_encode()
    codes = values.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    used, dense = np.unique(codes, return_inverse=True)  # a declared category may name classes that no row has
    has_missing = bool(len(used)) and used[0] < 0
    return dense - int(has_missing), values.dictionary.take(used[int(has_missing) :])


def _check(place: str, column: Column, kind: str, n: int, known: int, is_set: bool) -> None:
    """Refuses what is no set of classes."""
    target = repr(column.name)
    if not known:
        raise FitError(f"{place}: every row lacks its {target}; label some rows, or name another target")
    if n == 1:
        found = "one row alone has a" if known == 1 else f"all {known:,} labelled rows have the same"
        raise FitError(f"{place}: {found} {target}; a classifier needs two classes")
    if kind == "number" and not is_set and n > min(MOST_NUMBERS, max(2, known // 5)):
        raise UnsupportedError(
            f"target {target} has {n:,} different numbers in {known:,} rows, and regression is not offered; "
            f'put the numbers into a few classes, or, where they are names, say kinds={{{target}: "category"}}, '
            f"--kind {column.name}=category"
        )
    if n > MOST_CLASSES or (n > ROWS_A_CLASS and known < ROWS_A_CLASS * n and not is_set):
        raise FitError(
            f"target {target} has {n:,} different values in {known:,} rows; a classifier learns up to {MOST_CLASSES:,} "
            f"classes of {ROWS_A_CLASS} rows or more on average: name another column, or group its values"
        )
