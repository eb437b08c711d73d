"""Identifiers: never modelled; new ones of the same format are made, each row's its own.

- Integers go on above the highest one, and below the lowest where their type ends.
- Text that is a counter with fixed surroundings (INV-00017) goes on above the highest number.
- Other text (7590-VHVEG, UUIDs) fills its template (`_templates.py`): a keyed permutation of the template's numbers
  gives row i its own text.

Row i is a function of (seed, i), nothing is remembered from row to row. Training identifiers are avoided. The first
two ways cannot meet them. For templates a bitmap of hashed training identifiers, of fixed size at most, is kept, and a
row takes the first of its 16 numbers whose bit is not set; a small template is searched as a whole, so that all of its
free texts are used. A template with room for 2^40 times the identifiers seen needs no bitmap: its numbers do not meet
them but by a chance of one in 2^40 a row. When a template is used up, rows go on with a suffix: -2, -3 …
"""

import base64
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genwright.codecs._arrow_json import type_from_text, type_to_text
from genwright.codecs._hashing import mix, permute
from genwright.codecs._storage import from_storage, storage_type, to_storage, value_type
from genwright.codecs._templates import LONGEST, Template, Templates
from genwright.codecs._unmodelled import Unmodelled
from genwright.core.codec import NoConfig
from genwright.core.errors import DataError
from genwright.core.rng import derive
from genwright.core.schema import in_words

ATTEMPTS = 16  # numbers a row may choose from
SMALL = 1 << 20  # a template with so little room is searched as a whole
SEEN_BITS = 23  # log2 of the bitmap's size while learning
DENSE = 1000  # a counter may leave out so many numbers for each one it uses


class Id(Unmodelled):
    """Integers, text or bytes that are unique for every row."""

    def __init__(self, config: NoConfig | None = None):
        super().__init__(config)
        self.type: pa.DataType = pa.null()
        self.ends: tuple[int, int] | None = None  # of integers
        self.counter = Counter()
        self.templates: list[Template] = []
        self._learning = Templates()
        self._seen = np.zeros(1 << SEEN_BITS, bool)
        self._free: dict[tuple[int, int], np.ndarray] = {}

    def update(self, values: pa.Array) -> None:
        """Takes in the identifiers of a chunk."""
        kind = value_type(values.type)
        self.type = self.type if pa.types.is_null(kind) else kind
        stored = to_storage(values)
        self._count(stored)
        known = stored.drop_null()
        if not len(known):
            return
        if pa.types.is_integer(kind) or pa.types.is_floating(kind):
            self._update_integers(known)
        else:
            self._update_text(_to_text(known))

    def finish(self) -> None:
        """Chooses the way in which new identifiers are made."""
        self.counter.finish()
        self.templates = [] if self.counter.is_counter else self._learning.finish()
        n, room = sum(t.n for t in self.templates), sum(t.room for t in self.templates)
        self._seen = _folded(self._seen) if n and room < n << 40 else np.zeros(1, bool)
        self._learning = Templates()

    def regenerate(self, n: int, start: int, seed: int) -> pa.Array:
        """New identifiers, or missing in the share of rows in which they were."""
        made = self._made(np.arange(start, start + n, dtype=np.uint64), seed)
        if not self.n_missing:
            return made
        at = pa.array(np.arange(n), mask=self._is_missing(n, start, seed))
        return from_storage(to_storage(made).take(at), made.type)

    def _made(self, rows: np.ndarray, seed: int) -> pa.Array:
        if self.ends:
            return self._more_integers(rows)
        if self.counter.is_counter:
            return _from_text(self.counter.more(rows), self.type)
        if self.templates:
            return _from_text(self._more_texts(rows, seed).tolist(), self.type)
        return pa.nulls(len(rows), self.type)

    def state(self) -> dict[str, Any]:
        """Everything learnt."""
        packed = zlib.compress(np.packbits(self._seen).tobytes(), 9)
        return {
            "type": type_to_text(self.type),
            "ends": [str(end) for end in self.ends or ()],  # as text: integers beyond 2^53 stay what they are
            "counter": self.counter.state(),
            "templates": [{"sets": list(t.sets), "n": t.n} for t in self.templates],
            "seen": base64.b64encode(packed).decode(),
            "n_seen_bits": len(self._seen),
            "n": self.n,
            "n_missing": self.n_missing,
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """The inverse of `state`."""
        self.type = type_from_text(state["type"])
        self.ends = (int(state["ends"][0]), int(state["ends"][1])) if state["ends"] else None
        self.counter = Counter.from_state(state["counter"])
        self.templates = [Template(tuple(t["sets"]), t["n"]) for t in state["templates"]]
        packed = np.frombuffer(zlib.decompress(base64.b64decode(state["seen"])), np.uint8)
        self._seen = np.unpackbits(packed, count=state["n_seen_bits"]).astype(bool)
        self.n, self.n_missing = state.get("n", 0), state.get("n_missing", 0)  # older runs have neither
        self._free = {}

    def _update_integers(self, known: pa.Array) -> None:
        try:
            whole = known.cast(pa.uint64() if pa.types.is_uint64(known.type) else pa.int64())
        except pa.ArrowInvalid:
            raise DataError("holds fractions, which are no identifiers; set its kind to number") from None
        ends = pc.min_max(whole).as_py()
        low, high = self.ends or (ends["min"], ends["max"])
        self.ends = min(low, ends["min"]), max(high, ends["max"])

    def _update_text(self, texts: pa.Array) -> None:
        longest = pc.max(pc.utf8_length(texts)).as_py()
        if longest > LONGEST:
            raise DataError(f"holds {longest} characters in a row, more than an identifier has; set its kind to text")
        self.counter.add(texts)
        words = texts.to_pylist()
        self._learning.add(words)
        self._seen[_hash(np.array(words, dtype=np.str_)) & np.uint64(len(self._seen) - 1)] = True

    def _more_integers(self, rows: np.ndarray) -> pa.Array:
        assert self.ends is not None
        low, high = self.ends
        if pa.types.is_floating(self.type):
            first, last = -(2**53), 2**53
        else:
            limits = np.iinfo(self.type.to_pandas_dtype())
            first, last = int(limits.min), int(limits.max)
        above = last - high
        if len(rows) and int(rows[-1]) >= above + low - first:
            raise DataError(f"{self.type} has no room for {int(rows[-1]) + 1} more ids beyond {low} … {high}")
        is_above = rows < np.uint64(above)
        up = rows + np.uint64((high + 1) % 2**64)
        down = np.uint64((low - 1 + above) % 2**64) - rows
        whole = np.where(is_above, up, down)
        whole = whole if first == 0 else whole.view(np.int64)
        return pa.array(whole).cast(self.type)

    def _more_texts(self, rows: np.ndarray, seed: int) -> np.ndarray:
        """Each row's template by its share of the training rows, and its text in it."""
        sizes = np.array([t.n for t in self.templates])
        dice = mix(mix(rows) ^ np.uint64(derive(seed, "id")))
        shares = np.cumsum(sizes) / sizes.sum()
        chosen = np.searchsorted(shares, (dice >> np.uint64(11)) / 2.0**53, side="right")
        capacities = np.array([self._capacity(k, seed) for k in range(len(sizes))], dtype=np.uint64)
        roomiest = int(capacities.argmax())
        chosen = np.where(rows < capacities[chosen], chosen, roomiest)
        texts = np.zeros(len(rows), dtype=f"<U{LONGEST + 24}")
        for k in np.unique(chosen).tolist():
            here = chosen == k
            rounds, places = np.divmod(rows[here], max(capacities[k], np.uint64(1)))
            found = self._texts_of(k, places, dice[here], seed)
            texts[here] = [t if not r else f"{t}-{r + 1}" for t, r in zip(found.tolist(), rounds.tolist(), strict=True)]
        return texts

    def _capacity(self, k: int, seed: int) -> int:
        """How many rows a template gives before a suffix is needed."""
        template = self.templates[k]
        return len(self._free_texts(k, seed)) if template.room <= SMALL else template.n_unique // ATTEMPTS

    def _texts_of(self, k: int, places: np.ndarray, dice: np.ndarray, seed: int) -> np.ndarray:
        template = self.templates[k]
        if template.room <= SMALL:
            return self._free_texts(k, seed)[places.astype(np.int64)]
        texts = np.zeros(len(places), dtype=f"<U{len(template.sets)}")
        pending = np.arange(len(places))
        for attempt in range(ATTEMPTS):
            numbers = places[pending] * np.uint64(ATTEMPTS) + np.uint64(attempt)
            numbers = permute(numbers, template.n_unique, derive(seed, "id", k))
            texts[pending] = template.fill(numbers, dice[pending])
            pending = pending[self._was_seen(texts[pending])]
            if not len(pending):
                break
        return texts

    def _free_texts(self, k: int, seed: int) -> np.ndarray:
        """All texts of a small template that were not seen in training, in an order of the seed; else with a suffix."""
        found = self._free.get((k, seed))
        if found is None:
            numbers = np.arange(self.templates[k].room, dtype=np.uint64)
            numbers = permute(numbers, len(numbers), derive(seed, "id", k))
            texts = free = self.templates[k].fill(numbers, numbers)
            suffix = 1
            while not len(free := free[~self._was_seen(free)]) and suffix < 100:
                suffix += 1
                free = np.array([f"{t}-{suffix}" for t in texts.tolist()])
            found = free if len(free) else texts
            kept = {key: value for key, value in self._free.items() if key[1] == seed}
            self._free = {**kept, (k, seed): found}
        return found

    def _was_seen(self, texts: np.ndarray) -> np.ndarray:
        return self._seen[_hash(texts) & np.uint64(len(self._seen) - 1)]


class Counter:
    """Identifiers that are one number with fixed text around it."""

    def __init__(self) -> None:
        self.surroundings: set[tuple[str, str]] = set()  # (before, behind); two of them: no counter
        self.low, self.high, self.n = 0, 0, 0
        self.widths: set[int] = set()  # digits; a padded counter has one width
        self.is_counter = True

    def add(self, texts: pa.Array) -> None:
        """Takes in identifiers."""
        if not self.is_counter:
            return
        parts = pc.extract_regex(texts, r"^(?P<before>(?s:.*?))(?P<number>\d{1,18})(?P<behind>\D*)$")
        if parts.null_count:
            self.is_counter = False
            return
        before, number, behind = (parts.field(i) for i in range(3))
        self.surroundings |= {(a, b) for a in before.unique().to_pylist()[:2] for b in behind.unique().to_pylist()[:2]}
        ends = pc.min_max(number.cast(pa.int64())).as_py()
        self.low = min(self.low, ends["min"]) if self.n else ends["min"]
        self.high, self.n = max(self.high, ends["max"]), self.n + len(texts)
        self.widths |= set(pc.utf8_length(number).unique().to_pylist())
        self.is_counter = len(self.surroundings) == 1

    def finish(self) -> None:
        """Decides whether the numbers are close enough to each other to be counted on."""
        is_dense = self.high - self.low < DENSE * self.n
        self.is_counter = self.is_counter and self.n > 0 and is_dense and self.high < 10**17

    def more(self, rows: np.ndarray) -> list[str]:
        """The identifiers behind the highest one."""
        before, behind = next(iter(self.surroundings))
        width = next(iter(self.widths)) if len(self.widths) == 1 else 0
        return [f"{before}{number:0{width}d}{behind}" for number in (rows.astype(np.int64) + self.high + 1).tolist()]

    def state(self) -> dict[str, Any] | None:
        """Plain JSON values; None: no counter."""
        if not self.is_counter:
            return None
        around = [list(pair) for pair in self.surroundings]
        return {"around": around, "high": str(self.high), "widths": sorted(self.widths)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any] | None) -> "Counter":
        """The inverse of `state`."""
        counter = cls()
        counter.is_counter = state is not None
        if state is not None:
            counter.surroundings = {(a, b) for a, b in state["around"]}
            counter.high, counter.widths = int(state["high"]), set(state["widths"])
        return counter


def _hash(texts: np.ndarray) -> np.ndarray:
    """A 64-bit hash of every text (N,), the same whatever the width of the array."""
    found = np.zeros(len(texts), np.uint64)
    if not texts.dtype.itemsize:
        return found
    characters = np.ascontiguousarray(texts).view(np.uint32).reshape(len(texts), -1)
    for column in characters.T:
        found = np.where(column > 0, mix(found ^ column), found)
    return found


def _folded(seen: np.ndarray) -> np.ndarray:
    """The bitmap in as few bits as keep it at most one sixteenth full."""
    while len(seen) > 1024:
        half = seen[: len(seen) // 2] | seen[len(seen) // 2 :]
        if half.mean() > 1 / 16:
            break
        seen = half
    return seen


def _to_text(values: pa.Array) -> pa.Array:
    """Identifiers as text; bytes as hexadecimal digits."""
    if _is_binary(values.type):
        return pa.array([v.hex() for v in values.to_pylist()], pa.string())
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        return values.cast(pa.string())
    raise DataError(f"holds {in_words(values.type)}; an id is an integer or text: set its kind to another one")


def _from_text(texts: list[str], kind: pa.DataType) -> pa.Array:
    """The inverse of `_to_text`.

    Raises:
        DataError: a text has a suffix, which bytes cannot have.
    """
    storage = storage_type(kind)
    if _is_binary(storage):
        try:
            return from_storage(pa.array([bytes.fromhex(t) for t in texts], storage), kind)
        except ValueError:
            raise DataError(f"has no room for so many more ids of the form of its bytes ({kind})") from None
    return from_storage(pa.array(texts, pa.string()).cast(storage), kind)


def _is_binary(kind: pa.DataType) -> bool:
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind)
