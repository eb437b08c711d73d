"""Which family would `fit` take, and why? Answered without a fit.

The data are read as `fit` reads them, and the rule is that of `model="auto"` (`pipeline.choose`), so the answer is the
same. Beside it stands the evidence: what the columns are, how many rows there are to learn from, which families can
model them, and what was measured on data of this sort, in the scores that `compare` ranks families by
(`runs/yardsticks.py`). `compare` tries the families on the data themselves.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from genwright.core.model import Progress
from genwright.core.registry import MODELS
from genwright.core.schema import Schema
from genwright.data.read import read
from genwright.pipeline import OF_TEXTS, fitted_codec, schema_of
from genwright.pipeline import choose as rule
from genwright.runs.run import silent
from genwright.runs.suited import Suited, suited
from genwright.runs.yardsticks import yardstick

PAGE = "docs/models/choosing.md"
MEASURED = {  # what is modelled → what boards say of it, and where they stand
    "rows": (
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
    "sequences": (
        "on 96 chorales rnn, gpt and ngram need 2.25, 2.27 and 2.30 nats a step, hmm 2.44, independent steps 2.94",
        "#sequences",
    ),
    "pictures": (
        "on Fashion-MNIST, after 9 to 11 CPU minutes, gan has a Fréchet distance of 0.010 and draws the class asked "
        "for in 0.983, flow_matching 0.010 and 0.790, with more variety and a likelihood",
        "#pictures",
    ),
}


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
        ranked_by: The score that `compare` would rank families by, on these data.
        more: What `fit` does beyond the choice; empty where nothing.
    """

    data: str
    n_rows: int
    n_train: int
    kinds: Mapping[str, tuple[str, ...]]
    families: tuple[Suited, ...]
    measured: str
    page: str
    ranked_by: str
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
    families = sorted((suited(name, records, codec) for name in MODELS.names()), key=lambda s: _place(s, model))
    by = yardstick(codec.space, model)
    measured, anchor = MEASURED["few rows" if model == "marginals" else by.kind]
    by_kind: dict[str, tuple[str, ...]] = {}
    for column in codec.schema:
        by_kind[column.kind] = (*by_kind.get(column.kind, ()), column.name)
    more = _more(model, families)
    evidence = Evidence(records.name, n_rows, n_train, by_kind, tuple(families), measured, PAGE + anchor, by.what, more)
    return Choice(model, why, evidence)


def _place(one: Suited, model: str) -> tuple[bool, int]:
    return one.model != model, ("all", "some", "none").index(one.models)


def _more(model: str, families: list[Suited]) -> str:
    """What `fit` does besides training the first family of texts."""
    other = OF_TEXTS[-1]
    if model != OF_TEXTS[0] or not any(s.model == other and s.models == "all" for s in families):
        return ""
    return f"fit counts {other} beside {model}, and keeps the one that foretells unseen rows better"
