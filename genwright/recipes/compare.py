"""Which family suits these data? Every one is fitted to the same rows and judged on the same others.

All families get the same split, the same training rows, the same seed and the same judges; floors, ceilings and the
network that looks at pictures are made once, for the first of them. Families that cannot model the data are not tried.
Of the others, closed-form ones take the time they need; what is left of the minutes is divided equally among the neural
ones. The minutes are those of fitting: drawing and judging come on top, and take every family about as long. A family
that refuses the data, or fails on them, is listed with its reason and disturbs none of the others. The order is that of
`runs/leaderboard.py`, by the score that `runs/yardsticks.py` has for the kind of data.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genwright.core.codec import TableCodec
from genwright.core.config import check_share
from genwright.core.errors import ConfigError, FitError, GenwrightError, RunError, UnknownNameError
from genwright.core.lengths import affordable_rows
from genwright.core.model import HasLoss, Progress
from genwright.core.records import Records
from genwright.core.registry import MODELS
from genwright.core.rng import numpy_generator
from genwright.core.schema import Schema
from genwright.core.space import Category, Space, pictures
from genwright.data.read import read
from genwright.pipeline import MOST_CLASSES, choose, fit, fitted_codec, schema_of
from genwright.runs.folder import check_target
from genwright.runs.leaderboard import Entry, Leaderboard, ranked
from genwright.runs.run import Run, as_names, silent
from genwright.runs.suited import AS_STEPS, Suited, suited
from genwright.runs.yardsticks import Yardstick, yardstick
from genwright.training.budget import Budget
from genwright.training.settings import divided

if TYPE_CHECKING:
    import pyarrow as pa

MINUTES = 10.0  # where neither minutes nor steps are given
N_DRAWN = 10_000  # rows whose drawing is timed, at most
N_PICTURES = 200  # the same of rows with pictures
N_SHOWN = 24  # draws of each family, and real rows, that are kept for a reader to look at
JUDGING = 0.4  # share of a family's progress that judging is
Models = str | Iterable[str] | Mapping[str, Mapping[str, Any]]


def compare(
    data: Any,
    minutes: float | None = None,
    models: Models | None = None,
    *,
    steps: int | None = None,
    seed: int = 0,
    held_out: float = 0.2,
    schema: Schema | None = None,
    kinds: Mapping[str, str] | None = None,
    targets: str | Iterable[str] = (),
    out: str | Path | None = None,
    overwrite: bool = False,
    shared: dict[Any, Any] | None = None,
    progress: Progress = silent,
    each: Callable[[Entry], None] = lambda entry: None,
) -> Leaderboard:
    """Fits and judges several families on the same rows.

    Args:
        data: As for `fit`.
        minutes: Time for all fits together; 10 where neither minutes nor steps are given.
        models: Families, alone or with their settings, e.g. `["trees", "vae"]` or `{"vae": {"latent_dim": 8}}`; all of
            `genwright.models` where it is not given.
        steps: Gradient steps of each neural family, instead of minutes.
        seed: Of everything random.
        held_out: Share of the rows that no family sees and that judges use.
        schema: Kinds of the columns; inferred where it is not given.
        kinds: Single columns' kinds.
        targets: A column whose prediction matters, or several.
        out: Folder that keeps every run, as out/<model>.
        overwrite: Replace runs that are there already.
        shared: As for `Run.judge`: keeps floors, ceilings and features from one board on these rows to the next.
        progress: Called with (fraction done, what is being done).
        each: Called with every family's entry as soon as it is judged.

    Returns:
        The families in order, with `best` and a sentence that explains it.

    Raises:
        DataError: the data cannot be read.
        UnknownNameError: there is no such family, setting or column; the nearest is named.
        ConfigError: nothing is held out, or there are two budgets.
        RunError: a place in `out` is taken.
        FitError: no family could be fitted; says why for each.
    """
    budget = Budget(MINUTES if minutes is None and steps is None else minutes, steps)
    check_share(held_out, above_0=True)
    candidates = _candidates(models)
    out = _free(out, [c.name for c in candidates], overwrite)
    records = read(data)
    progress(0.0, f"reading {records.name}")
    schema = schema_of(records, schema, kinds or {}, targets := as_names(targets))
    codec, _, _, n_train = fitted_codec(records, schema, held_out, seed)
    by = yardstick(codec.space, choose(codec, n_train)[0])
    candidates = _willing(candidates, records, codec, by)
    asked = {"seed": seed, "held_out": held_out, "schema": schema, "overwrite": overwrite}
    judging: dict[str, Any] = {"targets": targets, "shared": {} if shared is None else shared}
    left, entries = _Clock(budget, sum(c.is_neural and not c.reason for c in candidates)), []
    for i, candidate in enumerate(candidates):
        told = _part(progress, i, len(candidates), candidate.name)
        entry = _entry(candidate, records, asked, left, judging, out, told)
        entries.append(_beside(entry, codec.space, by))
        each(entries[-1])
    return _leaderboard(entries, budget, by)


@dataclass(frozen=True)
class _Candidate:
    """A family that is to be tried; `reason` where it cannot be loaded, or cannot model the data."""

    name: str
    settings: Mapping[str, Any]
    is_neural: bool = False
    reason: str = ""


@dataclass
class _Clock:
    """Divides the minutes: closed-form families first, the rest in equal parts."""

    budget: Budget
    n_neural: int
    spent: float = 0.0  # seconds, by closed-form families

    def share(self) -> dict[str, Any]:
        """Arguments of `fit` for a neural family.

        Raises:
            FitError: nothing is left.
        """
        if self.budget.minutes is None:
            return {"steps": self.budget.steps}
        left = self.budget.minutes - self.spent / 60
        if left <= 0:
            raise FitError(
                f"no time was left: closed-form families took {self.spent:.0f} s of {self.budget.minutes:g} minutes; "
                "allow more"
            )
        return {"minutes": left / self.n_neural}


def _candidates(models: Models | None) -> list[_Candidate]:
    """The families, closed-form ones first."""
    asked = models if isinstance(models, Mapping) else {name: {} for name in _names(models)}
    if not asked:
        raise ConfigError("models is empty; name at least one family")
    for name in asked:
        if name not in MODELS.names():
            raise UnknownNameError(name, MODELS.names(), MODELS.package)
    return sorted((_candidate(name, settings) for name, settings in asked.items()), key=lambda c: c.is_neural)


def _names(models: str | Iterable[str] | None) -> tuple[str, ...]:
    return tuple(MODELS.names()) if models is None else as_names(models)


def _candidate(name: str, settings: Mapping[str, Any]) -> _Candidate:
    try:
        family = MODELS.get(name)
    except Exception as error:  # somebody else's package
        return _Candidate(name, settings, reason=_words(error))
    divided(family, settings)  # raises for an unknown setting before any data are read
    return _Candidate(name, settings, issubclass(family, HasLoss))


def _free(out: str | Path | None, names: Iterable[str], overwrite: bool) -> Path | None:
    """The folder for the runs, with a free place for each."""
    if out is None:
        return None
    folder = Path(out).expanduser()
    if folder.exists() and not folder.is_dir():
        raise RunError(f"{folder} is a file; name a folder for the runs")
    for name in names:
        check_target(folder / name, overwrite=overwrite)
    return folder


def _willing(candidates: list[_Candidate], records: Records, codec: TableCodec, by: Yardstick) -> list[_Candidate]:
    """The families; those that cannot model the data have their reason.

    One whose score would not compare, because it leaves out columns or reads rows as steps of a series, is tried only
    where no other models the data as they are.
    """
    given = _given(codec.space)
    asked = [_asked(candidate, records, codec, given) for candidate in candidates]
    caveats = [_caveat(one, by, codec.space) for one in asked]
    is_whole = any(one.models != "none" and not caveat for one, caveat in zip(asked, caveats, strict=True))
    refusals = [
        one.why if one.models == "none" else caveat * is_whole for one, caveat in zip(asked, caveats, strict=True)
    ]
    return [replace(c, reason=c.reason or why) for c, why in zip(candidates, refusals, strict=True)]


def _asked(candidate: _Candidate, records: Records, codec: TableCodec, given: tuple[str, ...]) -> Suited:
    """What a family can do with its settings."""
    if candidate.reason:
        return Suited(candidate.name, "none", candidate.reason)
    config = divided(MODELS.get(candidate.name), candidate.settings)[0]
    return suited(candidate.name, records, codec, config, given)


def _caveat(one: Suited, by: Yardstick, space: Space) -> str:
    """Why the score of a family that can be fitted would not compare; empty where it would."""
    if one.why == AS_STEPS:
        return f"{AS_STEPS}, so that its scores do not compare with those of rows"
    return f"{one.why}, so that its score does not compare" if by.needed(one.leaves_out, space) else ""


def _given(space: Space) -> tuple[str, ...]:
    """What `fit` gives families of pictures, where nothing else is said: their categories."""
    supports = {name: f.support for name, f in space.items()} if pictures(space) else {}
    return tuple(n for n, s in supports.items() if isinstance(s, Category) and s.n <= MOST_CLASSES)


def _entry(
    candidate: _Candidate,
    records: Records,
    asked: Mapping[str, Any],
    left: _Clock,
    judging: Mapping[str, Any],
    out: Path | None,
    progress: Progress,
) -> Entry:
    """One family, fitted, timed and judged; whatever goes wrong becomes its reason."""
    if candidate.reason:
        return Entry(candidate.name, reason=candidate.reason)
    place, started, share = out / candidate.name if out else None, time.perf_counter(), dict[str, Any]()
    try:
        share = left.share() if candidate.is_neural else {}
        run = fit(
            records,
            candidate.name,
            settings=candidate.settings,
            judge=False,
            out=place,
            progress=_scaled(progress, 0.0, 1 - JUDGING),
            **asked,
            **share,
        )
    except Exception as error:  # one family must not cost the others
        return Entry(candidate.name, reason=_words(error))
    finally:
        left.spent += 0.0 if candidate.is_neural else time.perf_counter() - started
    facts = run.artefact.facts
    steps, seconds = facts.get("n_steps"), facts["seconds"]
    entry = Entry(candidate.name, run, n_steps=steps, minutes=share.get("minutes"), fit_seconds=seconds)
    return _judged(entry, run, judging, place, _scaled(progress, 1 - JUDGING, 1.0))


def _judged(entry: Entry, run: Run, judging: Mapping[str, Any], place: Path | None, progress: Progress) -> Entry:
    try:
        progress(0.0, "drawing")
        started, shown = time.perf_counter(), None
        for table in run.stream(_n_drawn(run)):
            shown = table.slice(0, N_SHOWN) if shown is None else shown
        entry = replace(entry, draw_seconds=round(time.perf_counter() - started, 3), drawn=shown)
        scores = run.judge(progress=progress, **judging)
        if place is not None:
            run.save(place, overwrite=True)
    except Exception as error:  # the fit is good for use
        return replace(entry, notes=_notes(run), reason=f"could not be judged: {_words(error)}")
    return replace(entry, scores=tuple(scores), notes=_notes(run))


def _beside(entry: Entry, every: Space, by: Yardstick) -> Entry:
    """With the columns that it leaves out and that its score would have to rest on."""
    if entry.run is None:
        return entry
    gone = [name for name in every if name not in entry.run.model.space]
    return replace(entry, left_out=by.needed(gone, every))


def _leaderboard(entries: list[Entry], budget: Budget, by: Yardstick) -> Leaderboard:
    runs = [entry.run for entry in entries if entry.run is not None]
    if not runs:
        raise FitError("no family could be fitted: " + "; ".join(f"{e.model}: {e.reason}" for e in entries))
    facts = runs[0].artefact.facts
    common: dict[str, Any] = {key: facts[key] for key in ("data", "n_rows", "n_train", "n_held_out", "held_out")}
    common |= {"seed": runs[0].artefact.seed}
    common |= {"minutes": budget.minutes} if budget.minutes is not None else {"steps": budget.steps}
    fullest = max(runs, key=lambda run: len(run.model.space))
    in_order = ranked(entries, facts["n_held_out"], by)
    return Leaderboard(in_order, common, _n_drawn(fullest), by, _real(fullest))


def _n_drawn(run: Run) -> int:
    """Rows whose drawing is timed: fewer where they are pictures or long sequences."""
    n = min(N_DRAWN, N_PICTURES) if pictures(run.artefact.codec.space) else N_DRAWN
    if run.held_out is None:
        return n
    return affordable_rows(run.held_out.take(slice(0, 500)), run.held_out.space, n)


def _real(run: Run) -> "pa.Table | None":
    """Some held-out rows, as records."""
    if run.held_out is None or not len(run.held_out):
        return None
    rows = run.held_out.sample_rows(N_SHOWN, numpy_generator(run.artefact.seed, "compare", "shown"))
    return run.artefact.codec.decode(rows)


def _notes(run: Run) -> tuple[str, ...]:
    return tuple(run.artefact.facts.get("notes", []))


def _words(error: Exception) -> str:
    """An error on one line; of those that are not ours also what kind it is."""
    text = " ".join(str(error).split()) or "no reason given"
    return text if isinstance(error, GenwrightError) else f"{type(error).__name__}: {text}"


def _part(progress: Progress, i: int, n: int, name: str) -> Progress:
    """The progress of the i-th of n families."""
    return lambda done, line: progress((i + done) / n, f"{name} ({i + 1} of {n}): {line}")


def _scaled(progress: Progress, start: float, end: float) -> Progress:
    return lambda done, line: progress(start + (end - start) * done, line)
