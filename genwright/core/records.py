"""Records: raw rows as a stream of Arrow record batches that can be opened as often as needed.

Larger-than-memory sources stay on disk: `open` starts a new pass. A reader (one source a file, in `data/`) makes
records of what a user hands over: a path, a frame, an array, the name of a built-in set.
"""

import abc
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pyarrow as pa

Flavour = Literal["pandas", "polars", "arrow"]


@dataclass(frozen=True)
class Records:
    """A table that can be read again and again.

    Args:
        name: What a message calls it: a file's path, "a pandas frame".
        arrow_schema: Column names and Arrow types of every batch. Columns of a CSV are strings.
        open: Starts a new pass over the batches.
        n_rows: Number of rows, None when only a full pass can tell.
        flavour: What kind of frame the user's own code works with; draws come back as such.
        is_text: Values were read from text (CSV): numbers and dates are still strings.
        path: The file or folder, for the run's card; None for objects in memory.
        options: Those of the reader, with which the path gives these rows.
    """

    name: str
    arrow_schema: "pa.Schema"
    open: Callable[[], Iterator["pa.RecordBatch"]]
    n_rows: int | None = None
    flavour: Flavour = "pandas"
    is_text: bool = False
    path: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


class Reader(abc.ABC):
    """Makes records of one kind of source."""

    @classmethod
    @abc.abstractmethod
    def accepts(cls, source: Any) -> bool:
        """Whether this reader is the one for the source (cheap: a type, an ending, the first bytes)."""

    @abc.abstractmethod
    def read(self, source: Any) -> Records:
        """The records.

        Raises:
            DataError: it cannot be read; the message names file, row or column and the next step.
        """
