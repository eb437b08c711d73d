"""A run: a fitted model with everything needed to draw from it, weigh rows with it, judge it and keep it."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from genwright.core.codec import TableCodec
from genwright.core.dataset import Dataset, concat
from genwright.core.errors import DataError, UnsupportedError
from genwright.core.given import parse
from genwright.core.judge import Evidence, Score
from genwright.core.model import HasBound, HasLogProb, Model, Progress
from genwright.core.records import Flavour, Records
from genwright.core.registry import JUDGES, MODELS
from genwright.core.rng import numpy_generator, torch_generator
from genwright.core.schema import Schema
from genwright.core.space import Batch
from genwright.data.cache import encode
from genwright.data.fingerprint import fingerprint
from genwright.data.read import read
from genwright.data.split import split
from genwright.data.typed import readable, typed
from genwright.runs import artefact as artefacts
from genwright.runs.artefact import Artefact
from genwright.runs.draw import Draw

log = logging.getLogger("genwright")

JUDGED_ROWS = 10_000  # rows of each side that judges look at, unless asked for more


def silent(done: float, line: str) -> None:
    """The progress of someone who does not watch."""


@dataclass
class Run:
    """A fitted model with everything that is needed to use it.

    Args:
        artefact: What is saved: codec, model, facts, scores.
        train: Encoded rows it learnt from; only where the fit was made in this process.
        held_out: Encoded rows it did not see; the same.
        path: The folder it was loaded from.
    """

    artefact: Artefact
    train: Dataset | None = field(default=None, repr=False)
    held_out: Dataset | None = field(default=None, repr=False)
    path: Path | None = None

    @property
    def schema(self) -> Schema:
        """The columns."""
        return self.artefact.codec.schema

    @property
    def model(self) -> Model:
        """The fitted family."""
        return self.artefact.model

    @property
    def scores(self) -> list[Score]:
        """What the judges found."""
        return self.artefact.scores

    def sample(
        self, n: int, given: Any = None, *, seed: int | None = None, temperature: float = 1.0, flavour: Any = None
    ) -> Any:
        """n new rows.

        Args:
            n: Number of rows.
            given: Conditions, as text (`"age > 60 and income = '>50K'"`) or as a mapping (`{"income": ">50K"}`).
            seed: Row i is a function of (run, seed, i); the run's own seed where it is not given.
            temperature: Below 1 likelier rows, above 1 less likely ones.
            flavour: "pandas", "polars" or "arrow"; what the run was fitted on where it is not given.

        Returns:
            A frame with the columns of the data.

        Raises:
            GivenError: a condition names nothing that exists, or is too rare; says what exists, or how rare.
        """
        tables = list(self.stream(n, given, seed=seed, temperature=temperature))
        table = pa.concat_tables(tables) if tables else self._empty()
        facts = self.artefact.facts
        table = readable(table, self.schema, facts.get("is_text", False))
        return frame(table, flavour or facts.get("flavour", "pandas"))

    def stream(
        self, n: int, given: Any = None, *, seed: int | None = None, temperature: float = 1.0, start: int = 0
    ) -> Iterator[pa.Table]:
        """The same rows, start … start+n−1, one Arrow table a chunk: memory stays flat however many there are."""
        return self.draw(given, seed=seed, temperature=temperature).tables(n, start)

    def draw(self, given: Any = None, *, seed: int | None = None, temperature: float = 1.0) -> Draw:
        """Draws that can also tell how many candidates met the conditions (`acceptance`)."""
        artefact = self.artefact
        seed = artefact.seed if seed is None else seed
        return Draw(artefact.codec, artefact.model, parse(given), seed, temperature)

    def log_prob(self, rows: Any) -> np.ndarray:
        """Log probability of each row (B,) in nats, exact or a lower bound, as the model has it.

        Categories, whole numbers and repeated values have probability mass, continuous values density in their own
        units. Values never seen in training count as the nearest one that was.

        Raises:
            UnsupportedError: the family has neither a likelihood nor a bound.
        """
        score = self._log_prob_of_batch()
        if score is None:
            raise UnsupportedError(f"{self.artefact.model_name} has no likelihood and no bound")
        return torch.cat([score(batch) for batch in self.encode(rows)]).numpy()

    def encode(self, rows: Any) -> Iterator[Batch]:
        """Records with this run's columns as tensors."""
        records = read(rows)
        _require(records, self.artefact.codec)
        for batch in typed(records, self.schema):
            yield self.artefact.codec.encode(batch)

    def judge(
        self,
        held_out: Any = None,
        train: Any = None,
        *,
        judges: Iterable[str] | None = None,
        targets: Iterable[str] = (),
        max_rows: int = JUDGED_ROWS,
        progress: Progress = silent,
    ) -> list[Score]:
        """How good the draws are: scores with intervals, between a floor and a ceiling.

        Args:
            held_out: Rows the model has not seen; those held out in the fit where it is not given.
            train: The rows it learnt from; those of the fit where it is not given.
            judges: Names in `genwright.judges`; all of them where it is not given.
            targets: Columns whose prediction matters.
            max_rows: Rows of each side that judges look at.
            progress: Called with (fraction done, what is being done).

        Raises:
            DataError: rows are needed that neither the fit nor the caller provides.
        """
        names = list(judges or JUDGES.names())
        evidence = self._evidence(held_out, train, tuple(targets), max_rows)
        scores = []
        for i, name in enumerate(names):
            progress(i / len(names), f"judging: {name}")
            judge = JUDGES.get(name)()
            if "log_prob" in judge.needs and evidence.log_prob is None:
                continue
            scores += judge.scores(evidence)
        self.artefact.scores = scores
        progress(1.0, "judged")
        return scores

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Writes the run as a folder, atomically.

        Raises:
            RunError: the folder is something else, is being written by another process, or cannot be written.
        """
        self.path = artefacts.save(self.artefact, path, overwrite=overwrite)
        return self.path

    def _empty(self) -> pa.Table:
        codec = self.artefact.codec
        return codec.decode(self.model.sample(1, {}, torch_generator(0))).slice(0, 0)

    def _log_prob_of_batch(self) -> Any:
        model, seed = self.model, self.artefact.seed
        if isinstance(model, HasLogProb):
            return model.log_prob
        if isinstance(model, HasBound):
            return lambda batch: model.bound(batch, torch_generator(seed, "bound"))
        return None

    def _rows(self, given: Any, own: Dataset | None, what: str, max_rows: int) -> Batch:
        """At most `max_rows` encoded rows, handed in or kept from the fit."""
        rng = numpy_generator(self.artefact.seed, "judge", what)
        if given is not None:
            space = self.artefact.codec.space
            rows = concat(list(self.encode(given)))
            return Dataset(space, {k: v.numpy() for k, v in rows.items()}).sample_rows(max_rows, rng)
        if own is None or not len(own):
            raise DataError(f"judging needs the {what} rows: pass {what}=…, a path or a frame")
        return own.sample_rows(max_rows, rng)

    def _evidence(self, held_out: Any, train: Any, targets: tuple[str, ...], max_rows: int) -> Evidence:
        self.remember_rows(need_train=train is None, need_held_out=held_out is None)
        artefact, seed = self.artefact, self.artefact.seed
        real = self._rows(train, self.train, "train", max_rows * 4)
        held = self._rows(held_out, self.held_out, "held_out", max_rows)
        codec = artefact.codec
        fake = concat([codec.encode(t) for t in self.stream(max_rows, seed=seed)])
        trivial = MODELS.get("marginals")(codec.space)
        data = Dataset(codec.space, {k: v.numpy() for k, v in real.items()})
        trivial.solve(data, torch_generator(seed, "trivial"), silent)
        return Evidence(
            space=codec.space,
            train=real,
            held_out=held,
            fake=fake,
            trivial=trivial.sample(max_rows, {}, torch_generator(seed, "trivial")),
            log_prob=self._log_prob_of_batch(),
            trivial_log_prob=trivial.log_prob,
            is_bound=not isinstance(self.model, HasLogProb),
            targets=targets,
            seed=seed,
        )

    def remember_rows(self, need_train: bool, need_held_out: bool) -> None:
        """Reads and splits the data of the fit again, where it is still there and unchanged."""
        facts = self.artefact.facts
        is_known = (self.train is not None or not need_train) and (self.held_out is not None or not need_held_out)
        if is_known or not facts.get("path") or not Path(facts["path"]).exists():
            return
        records = read(facts["path"])
        if fingerprint(records) != facts["fingerprint"]:
            log.warning("%s has changed since the fit, so it is not used for judging", records.name)
            return
        rows = split(records, self.schema, facts["n_rows"], facts["held_out"], self.artefact.seed)
        self.train, self.held_out = encode(records, self.schema, self.artefact.codec, rows)


def frame(table: pa.Table, flavour: Flavour = "pandas") -> Any:
    """An Arrow table as the user's kind of frame."""
    if flavour == "arrow":
        return table
    if flavour == "polars":
        import polars

        return polars.from_arrow(table)
    return table.to_pandas()


def _require(records: Records, codec: TableCodec) -> None:
    absent = [name for name in codec.modelled if name not in records.arrow_schema.names]
    if absent:
        raise DataError(f"{records.name}: column {absent[0]!r} is absent; the run was fitted on {codec.schema.names}")
