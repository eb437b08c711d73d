"""Which family would `fit` take, and why? Answered without a fit.

The data are read as `fit` reads them, and the rule is that of `model="auto"` (`pipeline.choose`), so the answer is the
same. Beside it stands the evidence: what the columns are, how many rows there are to learn from, which families can
model them, and what was measured on data of this sort. `compare` tries the families on the data themselves.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from textwrap import shorten
from typing import Any

from genwright.core.codec import TableCodec
from genwright.core.errors import GenwrightError
from genwright.core.model import Progress
from genwright.core.records import Records
from genwright.core.registry import MODELS
from genwright.core.schema import Schema
from genwright.data.read import read
from genwright.data.series import CLOCKS, series_of
from genwright.nn.picture_view import pictures
from genwright.pipeline import OF_TEXTS, fitted_codec, schema_of
from genwright.pipeline import choose as rule
from genwright.runs.run import silent

PAGE = "docs/models/choosing.md"
MOST_NAMES = 5  # columns named where a family leaves some out
MOST_CHARACTERS = 200  # of a refusal, which may name every column
MEASURED = {  # what is modelled → what boards say of it, and where they stand
    "a table": (
        "on 5,000 rows of Adult, Telco and California a boosted detector told draws of trees from real rows with an "
        "AUC of 0.542, 0.540 and 0.560 (0.5 is perfect), of vae with 0.675, 0.692 and 0.633, of bayes_net with 0.686, "
        "0.751 and 0.781",
        "#tables",
    ),
    "few rows": ("no board has so few rows; marginals is what the others must beat", "#when-to-use-which"),
    "texts": (
        "with a minute of a busy core ngram has 2.119 bits a character on SMS and 2.458 on Shakespeare, gpt 3.350 and "
        "3.154; with seven minutes gpt has 2.74 on SMS and is told from real messages no more than ngram",
        "#texts-and-sequences",
    ),
    "sequences": ("no board of sequences has been measured; compare measures one on these data", "#when-to-use-which"),
    "pictures": (
        "on Fashion-MNIST, after 7 to 12 CPU minutes, gan has a Fréchet distance of 0.012 and draws the class asked "
        "for in 0.971, flow_matching 0.015 and 0.808, with more variety and a likelihood",
        "#pictures",
    ),
}


@dataclass(frozen=True)
class Suited:
    """What one family can do with the data.

    Args:
        model: Its name.
        models: `all` of the columns that are modelled, `some` of them, or `none`.
        why: What it leaves out, or why it refuses; empty where it models all.
    """

    model: str
    models: str
    why: str = ""


@dataclass(frozen=True)
class Evidence:
    """What the answer stands on.

    Args:
        data: Name of the data.
        n_rows: All rows.
        n_train: Rows to learn from; the others are held out.
        kinds: Kind → the columns that are of it.
        families: What each can do, the one that was chosen first, then those that model the most.
        measured: What boards say of data of this sort.
        page: Where these boards stand.
        more: What `fit` does beyond the choice; empty where nothing.
    """

    data: str
    n_rows: int
    n_train: int
    kinds: Mapping[str, tuple[str, ...]]
    families: tuple[Suited, ...]
    measured: str
    page: str
    more: str = ""


@dataclass(frozen=True)
class Choice:
    """A family, and why.

    Args:
        model: Its name, for `fit(data, model)`.
        why: One line, as in the facts of a run.
        evidence: What that stands on.
    """

    model: str
    why: str
    evidence: Evidence

    def __str__(self) -> str:
        return f"{self.model}: {self.why}"

    def to_json(self) -> dict[str, Any]:
        """All of it as plain JSON values."""
        return asdict(self)


def choose(
    data: Any,
    *,
    schema: Schema | None = None,
    kinds: Mapping[str, str] | None = None,
    held_out: float = 0.2,
    seed: int = 0,
    progress: Progress = silent,
) -> Choice:
    """The family that `fit(data)` begins with, and why; nothing is fitted.

    Args:
        data: As for `fit`.
        schema: Kinds of the columns; inferred where it is not given.
        kinds: Single columns' kinds.
        held_out: Share of the rows that the fit would hold out.
        seed: Of the fit: it says which rows are held out.
        progress: Called with (fraction done, what is being done).

    Raises:
        DataError: the data cannot be read or encoded; names file, row or column.
        FitError: nothing can be learnt from them; says why.
        UnknownNameError: there is no such column or kind; the nearest is named.
        ConfigError: `held_out` is out of range.
    """
    records = read(data)
    progress(0.0, f"reading {records.name}")
    schema = schema_of(records, schema, kinds or {}, ())
    codec, _, n_rows, n_train = fitted_codec(records, schema, held_out, seed)
    model, why = rule(codec, n_train)
    progress(0.9, "asking the families")
    families = sorted((_suited(name, records, codec) for name in MODELS.names()), key=lambda s: _place(s, model))
    measured, anchor = MEASURED[_sort(codec, model)]
    by_kind: dict[str, tuple[str, ...]] = {}
    for column in codec.schema:
        by_kind[column.kind] = (*by_kind.get(column.kind, ()), column.name)
    evidence = Evidence(
        records.name, n_rows, n_train, by_kind, tuple(families), measured, PAGE + anchor, _more(model, families)
    )
    return Choice(model, why, evidence)


def _place(suited: Suited, model: str) -> tuple[bool, int]:
    return suited.model != model, ("all", "some", "none").index(suited.models)


def _sort(codec: TableCodec, model: str) -> str:
    """Which boards speak of data for which the rule takes this family."""
    if pictures(codec.space) and model != "marginals":
        return "pictures"
    if model in OF_TEXTS:
        return "texts"
    return {"hmm": "sequences", "marginals": "few rows"}.get(model, "a table")


def _more(model: str, families: list[Suited]) -> str:
    """What `fit` does besides training the first family of texts."""
    other = OF_TEXTS[-1]
    if model != OF_TEXTS[0] or not any(s.model == other and s.models == "all" for s in families):
        return ""
    return f"fit counts {other} beside {model}, and keeps the one that foretells unseen rows better"


def _suited(name: str, records: Records, codec: TableCodec) -> Suited:
    """What a family can do: its columns, as `fit` leaves others out, and whether it takes these."""
    try:
        family = MODELS.get(name)
    except Exception as error:  # somebody else's package
        return Suited(name, "none", f"cannot be loaded: {_line(error)}")
    gone = [column for column, f in codec.space.items() if not isinstance(f.support, family.supports)]
    gone = gone if len(gone) < len(codec.modelled) else []  # where nothing would be left it refuses by name
    try:
        family(codec.without(gone, "left out").space if gone else codec.space)
    except Exception as error:  # it refuses; of somebody else's family also with errors of its own
        return _as_series(name, records, codec.schema) or Suited(name, "none", _line(error))
    return Suited(name, "some", f"leaves out {_listed(gone, codec.schema)}") if gone else Suited(name, "all")


def _as_series(name: str, records: Records, schema: Schema) -> Suited | None:
    """Where rows can be steps: what a family that reads them so can do."""
    usable = all(c.kind in ("number", "constant", *CLOCKS) for c in schema)
    if not (MODELS.get(name).reads_series and usable):
        return None
    try:
        is_series = series_of(records, schema) is not None
    except GenwrightError:
        return None
    return Suited(name, "all", "reads the rows as steps that follow each other in time") if is_series else None


def _listed(names: list[str], schema: Schema) -> str:
    """Columns with their kinds.

    >>> _listed(["note"], Schema.from_json([{"name": "note", "kind": "text"}]))
    'note (text)'
    """
    shown = ", ".join(f"{name} ({schema[name].kind})" for name in names[:MOST_NAMES])
    return f"{shown} and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else shown


def _line(error: Exception) -> str:
    return shorten(str(error), MOST_CHARACTERS, placeholder=" …") or type(error).__name__
