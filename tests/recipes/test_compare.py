import itertools

import numpy as np
import pyarrow as pa
import pytest

import genwright as gw
from genwright.core.errors import ConfigError, DataError, FitError, RunError, UnknownNameError
from genwright.core.registry import JUDGES, MODELS, Registry
from genwright.data.read import read
from genwright.models.copula import Copula
from genwright.nn.picture_features import PictureFeatures
from genwright.recipes import compare as recipe
from genwright.recipes.compare import compare
from genwright.runs.run import Run
from genwright.runs.yardsticks import OF_PICTURES, SEQUENCES, TEXTS
from tests.recipes.test_choose import texts
from tests.tables import customers

SMALL = {"marginals": {}, "trees": {}, "vae": {"n_hidden": 8, "latent_dim": 2}, "gan": {"n_hidden": 8, "n_noise": 4}}
FAST = ["detectability", "near_copies"]


@pytest.fixture(autouse=True)
def _few_judges(monkeypatch):
    monkeypatch.setattr(recipe, "N_DRAWN", 100)
    judge = Run.judge
    monkeypatch.setattr(Run, "judge", lambda self, *a, **k: judge(self, *a, **{**k, "judges": FAST, "max_rows": 200}))


@pytest.fixture(scope="module")
def table():
    return customers(200)


def test_every_family_meets_the_same_rows_and_seed(table):
    board = compare(table, models={name: SMALL[name] for name in ("marginals", "trees", "vae")}, steps=3, seed=5)
    runs = [entry.run for entry in board.entries]
    assert {entry.model for entry in board.entries} == {"marginals", "trees", "vae"}
    assert {run.artefact.seed for run in runs} == {5}
    for a, b in itertools.pairwise(runs):
        for side in ("train", "held_out"):
            mine, other = getattr(a, side).arrays, getattr(b, side).arrays
            assert mine.keys() == other.keys()
            assert all(np.array_equal(mine[k], other[k], equal_nan=mine[k].dtype.kind == "f") for k in mine)
    alone = gw.fit(table, "vae", settings=SMALL["vae"], steps=3, seed=5, judge=False)
    compared = next(run for run in runs if run.artefact.model_name == "vae")
    assert alone.sample(20).equals(compared.sample(20))


def with_judges(monkeypatch, *names, max_rows=200):
    judge = Run.judge
    monkeypatch.setattr(Run, "judge", lambda self, *a, **k: judge(self, *a, **{**k, "max_rows": max_rows}))
    monkeypatch.setitem(globals(), "FAST", list(names))


def test_families_of_pictures_are_ranked_by_their_distance_under_one_network(monkeypatch):
    with_judges(monkeypatch, "frechet", "picture_copies", max_rows=60)
    n_learnt, learn = [], PictureFeatures.fit
    monkeypatch.setattr(PictureFeatures, "fit", lambda *a: n_learnt.append(1) or learn(*a))
    few = pa.Table.from_batches(read("digits-pictures").open()).slice(0, 200)
    vae = {"n_hidden": 8, "width": 4, "latent_dim": 2}
    board = compare(few, models={"marginals": {}, "vae": vae, "trees": {}, "ngram": {}}, steps=2)
    assert board.yardstick is OF_PICTURES
    assert len(n_learnt) == 1
    one, other = (e.run.artefact.features for e in board.entries[:2])
    assert one is other
    found = {e.model: e for e in board.entries}
    scores = {e.model: board.rank_score(e) for e in board.entries}
    assert {scores[name].name for name in ("marginals", "vae")} == {"frechet_net"}
    order = [e.model for e in board.entries if e.model in ("marginals", "vae") and e.is_ranked]
    assert order == sorted(order, key=lambda name: scores[name].value)
    assert found["trees"].reason == "leaves out image (image), so that its score does not compare"
    assert "ngram" in found["ngram"].reason
    assert found["trees"].run is found["ngram"].run is None
    assert len(found["vae"].drawn) == len(board.real) == recipe.N_SHOWN


def test_families_of_texts_are_ranked_by_bits_a_character(monkeypatch):
    with_judges(monkeypatch, "bits_per_char", "copied_text", "text_detectability")
    small = {"width": 8, "n_layers": 1}
    board = compare(texts(150), models={"marginals": {}, "ngram": {}, "gpt": small, "trees": {}, "hmm": {}}, steps=2)
    assert board.yardstick is TEXTS
    found = {e.model: e for e in board.entries}
    bits = [board.rank_score(e).value for e in board.entries if e.is_ranked]
    assert bits == sorted(bits)
    assert board.entries[0].model == "ngram"
    assert board.sentence.startswith("ngram foretells unseen texts best (bits a character of unseen texts ")
    assert found["trees"].run is None
    assert "text" in found["trees"].reason
    assert all(isinstance(text, str) for text in found["ngram"].drawn["text"].to_pylist())


def test_a_family_that_leaves_out_a_label_does_not_win_by_it(monkeypatch):
    with_judges(monkeypatch, "bits_per_char", "copied_text")
    rows = texts(150).assign(label=np.arange(150) % 7, when=1.5 * np.arange(150) ** 0.5)
    board = compare(rows, models=["ngram", "marginals"], kinds={"label": "category"})
    assert [e.model for e in board.entries] == ["marginals", "ngram"]
    assert board.entries[1].reason == "leaves out when (number), so that its score does not compare"
    alone = compare(rows, models=["ngram"], kinds={"label": "category"})
    assert alone.entries[0].reason == "it leaves out 'when', so that its score does not compare"
    assert alone.sentence.startswith("No family models all columns: ngram foretells")


def test_families_of_sequences_are_ranked_by_nats_a_step(monkeypatch):
    with_judges(monkeypatch, "nats_per_step", "likelihood")
    rng = np.random.default_rng(0)
    rows = []
    for n in rng.integers(4, 12, 120):  # a cycle with slips: what follows depends on what was before
        steps = np.cumsum(rng.choice([1, 1, 1, 1, 2], n)) % 4
        rows.append(["abcd"[i] for i in steps])
    board = compare(pa.table({"items": rows}), models=["marginals", "hmm", "ngram", "vae"])
    assert board.yardstick is SEQUENCES
    assert [e.model for e in board.entries if e.is_ranked][-1] == "marginals"
    first = board.rank_score(board.entries[0])
    assert first.high < first.ceiling
    assert "was not checked for copies" in board.sentence


def test_rows_as_steps_do_not_compare_with_rows(monkeypatch):
    numbers = pa.table({"a": np.random.default_rng(0).normal(size=90), "b": np.arange(90) % 7 * 1.5})
    board = compare(numbers, models=["marginals", "hmm"])
    assert board.entries[1].reason.startswith("reads the rows as steps that follow each other in time, so that")


def test_minutes_are_not_kept_for_families_that_cannot_model_the_data(table, monkeypatch):
    asked = {}

    def fit(records, name, minutes=None, **more):
        asked[name] = minutes
        raise FitError("stop here")

    monkeypatch.setattr(recipe, "fit", fit)
    with pytest.raises(FitError, match="vqvae models pictures"):
        compare(table, 4, ["gan", "vae", "vqvae"])
    assert asked == {"gan": 2, "vae": 2}


def test_floors_and_ceilings_are_shared(table):
    board = compare(table, models=["marginals", "trees"])
    for name, anchor in board.anchors.items():
        assert anchor.floor == anchor.floor, name
        assert {(e.score(name).floor, e.score(name).ceiling) for e in board.entries} == {(anchor.floor, anchor.ceiling)}


def test_shared_floors_and_ceilings_are_what_each_family_would_have_measured(table, monkeypatch):
    n_measured = {}
    for name in FAST:
        judge = JUDGES.get(name)

        def counted(self, fake, evidence, name=name, measure=judge.measure):
            n_measured[name] = n_measured.get(name, 0) + 1
            return measure(self, fake, evidence)

        monkeypatch.setattr(judge, "measure", counted)
    board = compare(table, models=["marginals", "trees"])
    assert n_measured == dict.fromkeys(FAST, 2 + 2)  # both families, and floor and ceiling once
    for entry in board.entries:
        assert list(entry.scores) == entry.run.judge()


def test_other_rows_share_nothing(table):
    run, shared = gw.fit(table, "marginals", judge=False), {}
    for judged in (table.iloc[:80], table.iloc[80:]):
        assert run.judge(held_out=judged, shared=shared) == run.judge(held_out=judged)
    assert len(shared) == 2 * len(FAST)


def test_all_families_without_a_word(table, monkeypatch):
    names = Registry.names
    monkeypatch.setattr(Registry, "names", lambda self: ["marginals", "trees"] if self is MODELS else names(self))
    assert {e.model for e in compare(table).entries} == {"marginals", "trees"}


@pytest.mark.parametrize("error", [FitError("planted"), ValueError("planted"), MemoryError("planted")])
def test_a_family_that_fails_costs_no_other(table, monkeypatch, error):
    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr(Copula, "solve", fail)
    board = compare(table, models=["copula", "marginals"])
    assert [e.model for e in board.entries] == ["marginals", "copula"]
    assert board.entries[1].run is None
    assert "planted" in board.entries[1].reason
    assert board.best.artefact.model_name == "marginals"


def test_a_family_that_cannot_be_loaded_is_listed(table, monkeypatch):
    get = Registry.get

    def broken(self, name):
        if name == "copula":
            raise ImportError("no module named vines")
        return get(self, name)

    monkeypatch.setattr(Registry, "get", broken)
    board = compare(table, models=["copula", "marginals"])
    assert board.entries[1].reason == "ImportError: no module named vines"


def test_a_family_whose_draws_fail_keeps_its_run(table, monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("planted")

    monkeypatch.setattr(Copula, "sample", fail)
    board = compare(table, models=["copula", "marginals"])
    assert board.entries[1].reason == "could not be judged: RuntimeError: planted"
    assert board.entries[1].run is not None


def test_all_fail(table, monkeypatch):
    def fail(*args, **kwargs):
        raise FitError("planted")

    monkeypatch.setattr(Copula, "solve", fail)
    with pytest.raises(FitError, match="no family could be fitted: copula: planted"):
        compare(table, models="copula")


def test_the_minutes_left_by_closed_form_families_are_divided_equally(table, monkeypatch):
    asked = {}

    def fit(records, name, minutes=None, **more):
        asked[name] = minutes
        raise FitError("stop here")

    monkeypatch.setattr(recipe, "fit", fit)
    clock = itertools.count(0.0, 15.0)  # seconds, at every look at the clock
    monkeypatch.setattr(recipe.time, "perf_counter", lambda: next(clock))
    with pytest.raises(FitError, match="stop here"):
        compare(table, 2, ["gan", "marginals", "trees", "vae"])
    assert list(asked) == ["marginals", "trees", "gan", "vae"]
    assert asked["marginals"] is None
    assert asked["gan"] == asked["vae"] == pytest.approx((120 - 2 * 15) / 60 / 2)


def test_nothing_left_is_a_reason(table):
    board = compare(table, 1e-6, models={"marginals": {}, "vae": SMALL["vae"]})
    assert board.entries[-1].model == "vae"
    assert "no time was left" in board.entries[-1].reason


def test_steps_are_those_of_every_neural_family(table):
    board = compare(table, steps=4, models=SMALL)
    steps = {e.model: e.n_steps for e in board.entries}
    assert steps == {"marginals": None, "trees": None, "vae": 4, "gan": 4}
    assert board.facts["steps"] == 4


def test_runs_are_kept_and_load(table, tmp_path):
    board = compare(table, models={"marginals": {}, "vae": SMALL["vae"]}, steps=2, out=tmp_path / "all")
    assert sorted(p.name for p in (tmp_path / "all").iterdir()) == ["marginals", "vae"]
    for entry in board.entries:
        loaded = gw.load(tmp_path / "all" / entry.model)
        assert loaded.sample(10).equals(entry.run.sample(10))
        assert [s.value for s in loaded.scores] == [s.value for s in entry.scores]
    with pytest.raises(RunError, match="holds a run already"):
        compare(table, models="marginals", out=tmp_path / "all")
    compare(table, models="marginals", out=tmp_path / "all", overwrite=True)


def test_same_seed_same_board(table):
    boards = [compare(table, models={"vae": SMALL["vae"], "trees": {}}, steps=3) for _ in range(2)]
    assert [e.scores for e in boards[0].entries] == [e.scores for e in boards[1].entries]


def test_progress_goes_from_0_to_1_and_names_the_family(table):
    told, done = [], []
    compare(table, models=["marginals", "trees"], progress=lambda d, line: told.append((d, line)), each=done.append)
    shares = [d for d, _ in told]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert any(line.startswith("trees (2 of 2): ") for _, line in told)
    assert [entry.model for entry in done] == ["marginals", "trees"]


@pytest.mark.parametrize(
    ("words", "error", "match"),
    [
        ({"minutes": 1, "steps": 1}, ConfigError, "one of them"),
        ({"minutes": 0}, ConfigError, "more than 0"),
        ({"held_out": 0}, ConfigError, "above 0"),
        ({"held_out": 1.0}, ConfigError, "above 0"),
        ({"models": []}, ConfigError, "empty"),
        ({"models": "tree"}, UnknownNameError, "trees"),
        ({"models": {"trees": {"min_leef": 2}}}, UnknownNameError, "min_leaf"),
        ({"targets": "chrned"}, UnknownNameError, "churned"),
        ({"kinds": {"age": "colour"}}, Exception, "colour"),
    ],
)
def test_a_wrong_word_is_told_before_anything_is_fitted(table, monkeypatch, words, error, match):
    monkeypatch.setattr(recipe, "fit", lambda *a, **k: pytest.fail("fitted"))
    with pytest.raises(error, match=match):
        compare(table, **words)


def test_data_that_cannot_be_read(tmp_path):
    with pytest.raises(DataError):
        compare(tmp_path / "absent.csv")


def test_a_place_that_is_a_file(table, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="is a file"):
        compare(table, models="marginals", out=tmp_path / "file")


def test_too_few_rows_to_judge_are_said(table):
    board = compare(table.head(30), models="marginals")
    assert board.entries[0].reason == "no detector could judge it"
    assert "hold out more rows" in board.sentence
