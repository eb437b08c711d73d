"""How often each value occurs, in bounded memory: exact up to a limit of distinct values, then the frequent ones only.

Whether every row has a value of its own is told exactly up to the limit. Beyond it, a repetition is seen when it lies
within one batch, or repeats one of the first `limit` values.
"""

import heapq
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

KEPT = 1_000  # frequent values that are counted on beyond the limit


class Counter:
    """Counts the values of one column.

    Args:
        limit: Distinct values that are counted exactly.
    """

    def __init__(self, limit: int = 100_000):
        self.limit = limit
        self.counts: dict[Any, int] = {}
        self.n_distinct = 0
        self.is_exact = True
        self.is_unique = True
        self.n_exact = 0  # values seen while counts were exact
        self._known: pa.Array | None = None  # the first values, while uniqueness is in question

    def add(self, values: "pa.Array", counts: "pa.Array") -> None:
        """Takes in the distinct values of a batch and how often each occurs."""
        import pyarrow.compute as pc

        if not len(values):
            return
        self.is_unique = self.is_unique and pc.max(counts).as_py() == 1
        if self.is_exact:
            self._add_exactly(values, counts)
        else:
            self._add_frequent(values, counts)

    @property
    def distinct_share(self) -> float:
        """Different values per value, as far as it was counted exactly."""
        return self.n_distinct / max(self.n_exact, 1)

    def top(self, n: int) -> list[tuple[Any, int]]:
        """The n most frequent values and their counts."""
        return heapq.nsmallest(n, self.counts.items(), key=lambda item: (-item[1], str(item[0])))

    def _add_exactly(self, values: "pa.Array", counts: "pa.Array") -> None:
        import pyarrow.compute as pc

        before, known = len(self.counts), self.counts
        self.n_exact += pc.sum(counts).as_py()
        for value, count in zip(values.to_pylist(), counts.to_pylist()):
            known[value] = known.get(value, 0) + count
        self.is_unique = self.is_unique and len(known) == before + len(values)
        self.n_distinct = len(known)
        if len(known) > self.limit:
            self._stop_exact(values.type)

    def _stop_exact(self, kind: "pa.DataType") -> None:
        import pyarrow as pa

        self.is_exact = False
        self._known = pa.array(list(self.counts), kind) if self.is_unique else None
        self.counts = dict(self.top(KEPT))

    def _add_frequent(self, values: "pa.Array", counts: "pa.Array") -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        if self._known is not None:
            repeats = pc.any(pc.is_in(values, value_set=self._known)).as_py()
            self.is_unique = self.is_unique and not repeats
            self._known = self._known if self.is_unique else None
        is_kept = pc.is_in(values, value_set=pa.array(list(self.counts), values.type))
        for value, count in zip(values.filter(is_kept).to_pylist(), counts.filter(is_kept).to_pylist()):
            self.counts[value] += count
