import logging
import multiprocessing
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch

from genwright.core.errors import ConfigError, GivenError, UnknownNameError
from genwright.core.rng import torch_generator
from genwright.pipeline import fit, load
from genwright.runs import draw as drawing
from genwright.runs.run import Run
from tests.tables import as_text, customers, dependent, shown

GIVENS = [
    None,
    {"age": 40},  # the first modelled column: trees fix it exactly
    "age > 40 and region in ('north', 'south')",  # resampled
    "region = 'west' and visits >= 1",
]


@pytest.fixture(autouse=True)
def _fakes() -> None:
    """The real models, not this folder's fakes."""


@pytest.fixture(scope="module", params=["marginals", "trees"])
def folder(request, tmp_path_factory) -> Path:
    return fit(customers(), request.param, judge=False, out=tmp_path_factory.mktemp("runs") / "run").path


@pytest.fixture(scope="module")
def run(folder) -> Run:
    return load(folder)


@pytest.fixture(scope="module")
def texts(tmp_path_factory) -> Run:
    path = tmp_path_factory.mktemp("data") / "customers.csv"
    as_text(customers()).to_csv(path, index=False)
    return fit(path, "marginals", judge=False)


def _rows(run: Run, n: int, given=None, start: int = 0, **settings) -> pa.Table:
    return pa.concat_tables(list(run.stream(n, given, start=start, **settings)))


def _slice_in_a_process(job: tuple[Path, int, int]) -> pa.Table:
    folder, start, n = job
    return _rows(load(folder), n, "region = 'north'", start=start)


@pytest.mark.parametrize("given", GIVENS, ids=shown)
def test_row_i_is_a_function_of_run_seed_and_i(run, given):
    every = _rows(run, 700, given, seed=3)
    for start, n in [(0, 1), (0, 7), (5, 1), (300, 400), (699, 1)]:
        assert _rows(run, n, given, start=start, seed=3).equals(every.slice(start, n))
    assert not _rows(run, 700, given, seed=4).equals(every)


def test_rows_past_the_first_chunk(run):
    size = run.model.chunk
    over_the_edge = _rows(run, 6, start=size - 3)
    assert over_the_edge.slice(0, 3).equals(_rows(run, 3, start=size - 3))
    assert over_the_edge.slice(3).equals(_rows(run, 3, start=size))


def test_resampled_rows_past_the_first_chunk(folder):
    small = load(folder)
    small.model.chunk = 64  # of this object only: several chunks and turns with few rows
    given = "region = 'north' and age > 30"
    every = _rows(small, 200, given)
    for start, n in [(60, 8), (64, 1), (130, 70)]:
        assert _rows(small, n, given, start=start).equals(every.slice(start, n))


@pytest.mark.slow
def test_four_processes_draw_what_one_does(folder):
    jobs = [(folder, start, 50) for start in range(0, 200, 50)]
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        parts = pool.map(_slice_in_a_process, jobs)
    assert pa.concat_tables(parts).equals(_rows(load(folder), 200, "region = 'north'"))


def test_global_random_state_is_neither_read_nor_written(run):
    np.random.seed(1)  # noqa: NPY002
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = _rows(run, 20)
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(2)
    assert _rows(run, 20).equals(first)


@pytest.mark.parametrize(
    ("given", "check"),
    [
        ("age > 60", lambda f: f["age"] > 60),
        ({"age": "> 60"}, lambda f: f["age"] > 60),
        ({"age": (20, 30)}, lambda f: f["age"].between(20, 30)),
        ({"age": (None, 30)}, lambda f: f["age"] <= 30),
        ("age = 33", lambda f: f["age"] == 33),
        ("age = 33.0", lambda f: f["age"] == 33),
        ("age > 33.5 and age < 34.5", lambda f: f["age"] == 34),
        ({"region": ["north", "west"]}, lambda f: f["region"].isin(["north", "west"])),
        ("region != 'north'", lambda f: f["region"] != "north"),
        ("region in ('west')", lambda f: f["region"] == "west"),
        ("churned = true", lambda f: f["churned"]),
        ({"churned": False}, lambda f: ~f["churned"]),
        ("churned = 1", lambda f: f["churned"]),
        ("income is missing", lambda f: f["income"].isna()),
        ({"income": None}, lambda f: f["income"].isna()),
        ("income is not missing", lambda f: f["income"].notna()),
        ("joined >= '2021-03-01'", lambda f: f["joined"] >= "2021-03-01"),
        ("joined < 2021-03-01", lambda f: f["joined"] < "2021-03-01"),
        ({"joined": (pd.Timestamp("2021-01-01"), None)}, lambda f: f["joined"] >= "2021-01-01"),
        ({"joined": ("2021-01-01", "2021-12-31")}, lambda f: f["joined"].dt.year == 2021),
    ],
    ids=shown,
)
def test_given_is_met(run, given, check):
    rows = run.sample(30, given)
    assert len(rows) == 30
    assert check(rows).all()


@pytest.mark.parametrize(
    ("given", "column", "value"),
    [
        ("churned = 'yes'", "churned", "yes"),
        ({"churned": "no"}, "churned", "no"),
        ("churned = yes", "churned", "yes"),
        ({"churned": True}, "churned", "yes"),
        ("joined = '2021-03-01'", "joined", pd.Timestamp("2021-03-01")),
    ],
)
def test_values_as_the_file_writes_them(texts, given, column, value):
    assert (texts.sample(5, given)[column] == value).all()


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ("zip = 01234", "01234"),
        ("zip = 1234", "1234"),
        ({"zip": "= 01234"}, "01234"),
        ({"zip": 1234}, "1234"),
        ("zip in (1e5)", "1e5"),
        ("zip starts 01", "01234"),
    ],
    ids=shown,
)
@pytest.mark.parametrize("form", ["frame", "file"])
def test_leading_zeros_are_no_matter_of_taste(given, value, form, tmp_path):
    rows = pd.DataFrame({"zip": ["01234", "1234", "1e5", "x9"] * 15, "a": np.arange(60.0) % 7})
    rows.to_csv(tmp_path / "zip.csv", index=False)
    data = rows if form == "frame" else tmp_path / "zip.csv"
    draw = fit(data, "marginals", judge=False).draw(given)
    assert set(pa.concat_tables(list(draw.tables(20))).column("zip").to_pylist()) == {value}
    assert not [c for c in draw.conditions if c.texts]  # read: values are the column's own


def test_a_bare_year_is_no_moment_after_1970(run):
    with pytest.raises(GivenError, match=r"holds dates.*, and '2021' is none"):
        run.draw("joined > 2021")


def test_instants_are_read_in_the_zone_of_the_column():
    frame = customers(200).assign(joined=customers(200)["joined"].dt.tz_localize("Europe/Berlin"))
    rows = fit(frame, "marginals", judge=False).sample(50, "joined < '2021-03-01'")
    assert str(rows["joined"].dt.tz) == "Europe/Berlin"
    assert (rows["joined"] < pd.Timestamp("2021-03-01", tz="Europe/Berlin")).all()


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ("regio = 'north'", UnknownNameError, ["regio", "region"]),
        ("region = 'nort'", GivenError, ["'nort'", "north", "south", "east", "west"]),
        ("region in ('north', 'nowhere')", GivenError, ["'nowhere'", "south"]),
        ("age > 500", GivenError, ["age > 500", "18 to 89"]),
        ("age < 18", GivenError, ["18 to 89"]),
        ("age = 1e30", GivenError, ["18 to 89"]),
        ("age = 33.5", GivenError, ["steps of 1"]),
        ("age = old", GivenError, ["'old'", "whole numbers"]),
        ("age > 60 and age < 50", GivenError, ["age > 60 and age < 50", "acceptance rate 0"]),
        ("age > 60 and age < 61", GivenError, ["together"]),
        ("region = 'north' and region = 'south'", GivenError, ["together"]),
        ("region = 'north' and region != 'north'", GivenError, ["together"]),
        ("income is missing and income > 5", GivenError, ["together"]),
        ("age is missing", GivenError, ["age has no missing values"]),
        ("region is missing", GivenError, ["region has no missing values"]),
        ("joined > '2031-01-01'", GivenError, ["joined > 2031-01-01 is never met", "2020-01-0"]),
        ("churned = maybe", GivenError, ["maybe"]),
        ("customer_id = 'C00001'", GivenError, ["customer_id", "id", "not modelled"]),
        ({"age": [20, None]}, GivenError, ["is missing"]),
        ({"age": [20, float("nan")]}, GivenError, ["a missing value is written 'is missing'"]),
        ({"region": ["north", float("nan")]}, GivenError, ["a missing value is written 'is missing'"]),
        ({"region": pd.Series(["north", None])}, GivenError, ["a missing value is written 'is missing'"]),
        ({"age": pd.Series([20, pd.NA], dtype="Int64")}, GivenError, ["a missing value is written 'is missing'"]),
        ({"joined": pd.Series([pd.Timestamp("2021-03-01"), pd.NaT])}, GivenError, ["a missing value is written"]),
        ({"joined": np.array(["2021-03-01", "NaT"], "M8[ns]")}, GivenError, ["a missing value is written"]),
    ],
    ids=shown,
)
def test_what_cannot_be_given_is_told_at_once(run, given, error, words):
    with pytest.raises(error) as caught:
        run.draw(given)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_an_unseen_word_lists_the_words_of_the_file(texts):
    with pytest.raises(GivenError, match="its values are no, yes"):
        texts.draw("churned = maybe")


def test_a_beginning_may_be_written_as_a_missing_value_is():
    words = ["NA-1", "NA-2", "None at all", "north", ""]
    run = fit(pd.DataFrame({"code": words * 20, "n": range(100)}), "marginals", judge=False)
    assert set(run.sample(200, "code starts 'NA'")["code"]) == {"NA-1", "NA-2"}
    assert set(run.sample(200, "code starts 'None'")["code"]) == {"None at all"}
    assert set(run.sample(200, "code starts ''")["code"]) == set(words[:4])
    for given in ("code = 'NA'", "code != ''", "code in ('north', NA)", {"code": ["north", ""]}):
        with pytest.raises(GivenError, match="a missing value is written 'is missing'"):
            run.sample(1, given)


def test_a_picture_that_is_given_is_not_told_pixel_by_pixel():
    pictures = list(np.arange(20 * 64, dtype=np.uint8).reshape(20, 8, 8))
    run = fit(pd.DataFrame({"image": pictures, "n": range(20)}), "marginals", judge=False)
    with pytest.raises(GivenError, match=r"^image holds pictures, and conditions are on the other columns$"):
        run.sample(1, {"image": pictures[0]})


def test_constant_and_text_columns_cannot_be_given():
    frame = customers(100).assign(country="NL", note=[f"wrote {i} long lines about {i * 7}" for i in range(100)])
    run = fit(frame, "trees", judge=False, kinds={"note": "text"})
    for name in ("country", "note"):
        with pytest.raises(GivenError, match=f"{name} .* is not modelled"):
            run.draw({name: "NL"})


def test_too_rare_says_how_rare(run, monkeypatch):
    monkeypatch.setattr(drawing, "MAX_CANDIDATES", 16_384)
    monkeypatch.setattr(drawing, "MAX_NEEDED", 50_000)
    with pytest.raises(GivenError, match=r"of 16,384 candidate rows met .*acceptance rate .*fewer rows"):
        run.sample(5_000, "age < 19 and joined < '2020-02-01' and region = 'west'")


def test_acceptance_is_the_share_that_met(run):
    draw = run.draw("age > 53 and region != 'north'")
    list(draw.tables(2_000))
    free = run.sample(20_000, seed=99)
    p = ((free["age"] > 53) & (free["region"] != "north")).mean()
    assert abs(draw.acceptance - p) < 5 * np.sqrt(p * (1 - p) * (1 / draw.n_tried + 1 / len(free)))
    assert run.draw({"age": 40}).acceptance == 1.0


def test_what_the_model_cannot_fix_and_is_rare_is_weighed_and_said(run, caplog):
    given = {"visits": 2, "region": "west", "churned": True, "joined": "2021-03-01"}
    draw = run.draw(given)
    if not draw.rest:
        pytest.skip("the model meets these exactly")
    with caplog.at_level(logging.WARNING, "genwright"):
        every = pa.concat_tables(list(draw.tables(150)))
    assert "approximate" in caplog.text
    assert draw.acceptance < drawing.MIN_RATE
    assert set(every["region"].to_pylist()) == {"west"}
    for start, n in [(0, 1), (0, 7), (126, 10)]:
        assert _rows(run, n, given, start=start).equals(every.slice(start, n))


@pytest.mark.parametrize("n", [-1, 1.5, "ten", float("nan"), float("inf"), None, True])
def test_a_number_of_rows_is_a_whole_number(run, n):
    with pytest.raises(ConfigError, match=r"n = .*whole number"):
        run.sample(n)


def test_no_rows_and_counts_written_as_floats(run):
    assert len(run.sample(1e2)) == 100
    empty, some = run.sample(0), run.sample(3)
    assert len(empty) == 0
    assert list(empty.columns) == list(some.columns)
    assert (empty.dtypes == some.dtypes).all()
    with pytest.raises(ConfigError, match="start"):
        next(run.stream(1, start=-1))


@pytest.mark.parametrize("temperature", [0, -1, float("nan"), float("inf"), "warm"])
def test_a_temperature_is_above_zero(run, temperature):
    with pytest.raises(ConfigError, match="temperature"):
        run.sample(1, temperature=temperature)


@pytest.fixture(scope="module")
def chain() -> Run:
    return fit(dependent(3_000), "trees", judge=False)


def _enumerated(run: Run) -> pd.DataFrame:
    """Every row of three letters with its probability."""
    rows = pd.DataFrame([(a, b, c) for a in "xyz" for b in "xyz" for c in "xyz"], columns=list("abc"))
    rows["p"] = np.exp(run.log_prob(rows))
    assert rows["p"].sum() == pytest.approx(1, abs=1e-6)
    return rows


def _largest_error(drawn: pd.DataFrame, rows: pd.DataFrame, mask: pd.Series) -> tuple[float, float]:
    """Largest difference of a conditional probability, in standard errors and as such."""
    p = rows[mask].set_index(list("abc"))["p"]
    p = p / p.sum()
    share = drawn.value_counts(normalize=True).reindex(p.index, fill_value=0)
    assert share.sum() == pytest.approx(1)
    error = np.sqrt(p * (1 - p) / len(drawn))
    return float(((share - p).abs() / error).max()), float((share - p).abs().max())


@pytest.mark.parametrize(
    ("given", "mask"),
    [
        ({"a": "x"}, lambda f: f["a"] == "x"),
        ("c = 'x'", lambda f: f["c"] == "x"),
        ("a = 'x' and c = 'z'", lambda f: (f["a"] == "x") & (f["c"] == "z")),
        ("b != 'x' and c in ('x', 'y')", lambda f: (f["b"] != "x") & f["c"].isin(["x", "y"])),
    ],
    ids=shown,
)
def test_conditional_draws_agree_with_enumeration(chain, given, mask):
    rows = _enumerated(chain)
    in_errors, _ = _largest_error(chain.sample(6_000, given), rows, mask(rows))
    assert in_errors < 5


def test_weighed_draws_come_close_to_enumeration(chain, monkeypatch):
    """50 proposals a row: within 0.02 of the conditional probabilities, beside the draws' own error."""
    monkeypatch.setattr(drawing, "MIN_RATE", 1.0)  # as if resampling took too long
    rows = _enumerated(chain)
    n = 6_000
    draw = chain.draw("c = 'x'")
    drawn = pa.concat_tables(list(draw.tables(n))).to_pandas()
    assert draw._is_weighing
    _, error = _largest_error(drawn, rows, rows["c"] == "x")
    assert error < 0.02 + 5 * np.sqrt(0.25 / n)


def test_weights_of_single_cells_are_unbiased(chain):
    """The mean weight of proposals with c given is p(c), which enumeration gives."""
    n, codec, rows = 40_000, chain.artefact.codec, _enumerated(chain)
    given = {"c": codec.encode(pa.table({"c": ["x"]}), ["c"])["c"].expand(n)}
    known = {"c": torch.ones(n, dtype=torch.bool)}
    _, log_weight = chain.model.propose(n, given, torch_generator(1), known)
    weight = log_weight.exp().numpy()
    assert abs(weight.mean() - rows["p"][rows["c"] == "x"].sum()) < 5 * weight.std() / np.sqrt(n)


def test_complete_picks_what_is_allowed(chain):
    codec, n = chain.artefact.codec, 200
    given = codec.encode(pa.table({"a": ["x"] * n, "b": ["x"] * n, "c": ["x"] * n}))
    known = {name: torch.arange(n) % 3 != j for j, name in enumerate("abc")}
    z = codec.encode(pa.table({"b": ["z"]}), ["b"])["b"]
    found = drawing.complete(chain.model, given, known, torch_generator(0), lambda rows: (rows["b"] != z).numpy())
    for name, is_known in known.items():
        assert torch.equal(found[name][is_known], given[name][is_known])
    assert not (found["b"] == z).any()
