import time

import numpy as np
import pandas as pd
import polars
import pyarrow as pa
import pytest
import torch

from genwright.core.codec import TableCodec
from genwright.core.errors import DataError, UnsupportedError
from genwright.core.registry import MODELS
from genwright.data.infer import infer
from genwright.data.write import write
from genwright.pipeline import fit
from genwright.recipes import impute as recipe
from genwright.recipes.impute import filled, filled_schema, impute
from tests.cli.conftest import call
from tests.pictures import run_of, shapes
from tests.tables import as_text, customers

MODELLED = ["age", "region", "income", "visits", "joined", "churned"]


def _with_holes(n: int = 60, share: float = 0.2, seed: int = 3) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows with holes in every modelled column, and where they are."""
    rows = customers(n, seed)
    mask = pd.DataFrame(np.random.default_rng(seed).random((n, len(MODELLED))) < share, columns=MODELLED)
    for name in MODELLED:
        rows[name] = rows[name].mask(mask[name])
    return rows, rows[MODELLED].isna()


def test_holes_are_filled_and_known_cells_stay(run):
    rows, is_hole = _with_holes()
    found = impute(run, rows)
    assert not found[MODELLED].isna().any().any()
    assert list(found.columns) == list(rows.columns)
    assert found["customer_id"].equals(rows["customer_id"])
    for name in MODELLED:
        kept, before = found[name][~is_hole[name]], rows[name][~is_hole[name]]
        assert (kept.to_numpy() == before.to_numpy()).all()
    assert found["age"].between(18, 89).all()
    assert set(found["churned"]) == {True, False}


def test_types_and_index_stay(quick):
    rows, _ = _with_holes()
    rows["region"] = rows["region"].astype("category")
    rows["visits"] = rows["visits"].astype("Int64")
    rows.index = rows.index[::-1] * 2
    found = impute(quick, rows)
    assert found.index.equals(rows.index)
    assert (found.dtypes == rows.dtypes).drop("churned").all()


def test_rows_without_holes_come_back_as_they_are(run):
    rows = customers(30, seed=4).dropna()
    pd.testing.assert_frame_equal(impute(run, rows), rows)


def test_absent_columns_are_appended_and_foreign_ones_pass_through(run):
    rows = customers(30, seed=4).drop(columns=["customer_id", "region", "visits"]).assign(note=[None, "x"] * 15)
    found = impute(run, rows)
    assert list(found.columns) == [*rows.columns, "region", "visits"]
    assert not found[["region", "visits"]].isna().any().any()
    assert found["note"].isna().sum() == 15
    with pytest.raises(DataError, match="none of the run's columns"):
        impute(run, rows[["note"]])


def test_other_frames_come_back_as_such(quick):
    rows, _ = _with_holes()
    table = pa.Table.from_pandas(rows, preserve_index=False)
    kinds = [pa.string() if pa.types.is_large_string(f.type) else f.type for f in table.schema]
    table = table.cast(pa.schema(list(zip(table.column_names, kinds, strict=True))))
    found = impute(quick, table)
    assert isinstance(found, pa.Table)
    assert found.schema.remove_metadata() == table.schema.remove_metadata()
    assert isinstance(impute(quick, polars.from_pandas(rows)), polars.DataFrame)
    assert isinstance(impute(quick, rows, flavour="arrow"), pa.Table)


def test_words_of_a_frame_stay_as_written():
    run = fit(as_text(customers()), "marginals", judge=False)
    rows = as_text(customers(40, seed=5))
    rows.loc[::2, "churned"] = None
    rows.loc[1, "churned"] = " yes "
    rows.loc[::3, "joined"] = None
    found = impute(run, rows)
    assert found.loc[1, "churned"] == " yes "
    assert set(found["churned"]) == {"yes", "no", " yes "}
    assert found["joined"].str.fullmatch(r"\d{4}-\d\d-\d\d").all()


def test_whole_numbers_with_gaps_take_drawn_fractions(quick):
    rows = pd.DataFrame({"income": pd.array([30_000, None] * 10, "Int64"), "age": 40})
    found = impute(quick, rows)
    assert (found["income"][::2] == 30_000).all()
    assert (found["income"] % 1 != 0).any()


def _unlike_cells(kind: str, n: int = 60) -> pa.Table:
    """Rows whose column x holds texts or lists, beside a word."""
    rng = np.random.default_rng(0)
    make = {
        "text": lambda k: " ".join(rng.choice(["red", "blue", "big"], k)),
        "items": lambda k: rng.choice(["u", "v", "w"], k).tolist(),
        "numbers": lambda k: rng.normal(size=k).tolist(),
        "vectors": lambda k: rng.normal(size=(k, 2)).tolist(),
    }[kind]
    return pa.table({"x": [make(int(k)) for k in rng.integers(1, 5, n)], "y": rng.choice(["p", "q"], n).tolist()})


@pytest.mark.parametrize(
    ("kind", "model"),
    [
        ("text", "ngram"),
        ("items", "ngram"),
        ("items", "marginals"),
        ("numbers", "marginals"),
        ("vectors", "marginals"),
        ("text", "hmm"),
        ("items", "hmm"),
        ("numbers", "hmm"),
        ("vectors", "hmm"),
    ],
)
def test_texts_and_sequences_are_filled(kind, model):
    table = _unlike_cells(kind)
    run = fit(table, model, judge=False, kinds={"x": "text"} if kind == "text" else None)
    rows, there = table.slice(0, 4), table.column("x").slice(0, 4)
    gaps = {"all": pa.nulls(4, there.type), "typeless": pa.nulls(4), "words": pa.nulls(4, pa.string())}
    gaps |= {"one": pa.array([*there.to_pylist()[:3], None])}
    if "y" in run.artefact.codec.modelled:
        gaps["absent"] = None
    for case, x in gaps.items():
        holed = rows.select(["y"]) if x is None else rows.set_column(0, "x", x)
        found = impute(run, holed)
        assert found.num_rows == 4, case
        assert found.column("x").null_count == 0, case
        assert found.column("x").type in (there.type, pa.large_string()), case
        assert found.column("y").equals(rows.column("y")), case
        if case == "one":
            assert found.column("x").slice(0, 3).to_pylist() == there.slice(0, 3).to_pylist()


def test_a_list_that_is_drawn_as_missing_fills_no_hole():
    """Half of the lists that are learnt are missing."""
    lists = [["u", "v"], None] * 30
    run = fit(pa.table({"x": lists, "y": ["p", "q", "q"] * 20}), "marginals", judge=False)
    assert impute(run, pa.table({"x": lists, "y": ["p"] * 60})).column("x").null_count == 0


def test_a_word_beside_pictures_is_filled():
    run, rows = run_of("marginals"), shapes(6)
    found = impute(run, rows[["image"]])
    assert set(found["label"]) <= {"disc", "bar"}
    assert all((a == b).all() for a, b in zip(found["image"], rows["image"], strict=True))
    drawn = impute(run, rows[["label"]])
    assert drawn["image"][0].shape == (8, 8)
    assert drawn["label"].equals(rows["label"])


def test_a_seed_is_one_of_many_imputations(run):
    rows, is_hole = _with_holes()
    first, again, other = impute(run, rows, seed=1), impute(run, rows, seed=1), impute(run, rows, seed=2)
    pd.testing.assert_frame_equal(first, again)
    assert (first["income"] != other["income"]).sum() == (first["income"] != other["income"])[is_hole["income"]].sum()
    assert not first.equals(other)


def test_pieces_of_the_source_do_not_matter(quick, monkeypatch):
    monkeypatch.setattr(recipe, "ROWS", 16)
    rows, _ = _with_holes()
    table = pa.Table.from_pandas(rows, preserve_index=False)
    whole = pa.concat_tables(list(filled(quick, table)))
    parts = pa.Table.from_batches(table.to_batches(max_chunksize=7))
    assert pa.concat_tables(list(filled(quick, parts))).equals(whole)
    first = pa.concat_tables(list(filled(quick, table.slice(0, 32))))
    assert first.equals(whole.slice(0, 32))


def test_what_is_nearly_always_missing_is_filled():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": np.where(rng.random(500) < 0.98, np.nan, 1.5), "y": rng.choice(["a", "b"], 500)})
    frame["z"] = pd.Series(rng.choice(["c", "d"], 500)).mask(rng.random(500) < 0.98)
    run = fit(frame, "trees", judge=False, kinds={"x": "number", "z": "category"})
    assert not impute(run, frame).isna().any().any()


def test_trees_use_the_known_cells():
    """x ≈ y: the error of filled x is far below that of independent columns, by its standard error."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=1_500)
    frame = pd.DataFrame({"x": x, "y": x + 0.1 * rng.normal(size=1_500), "z": np.where(x > 0, "up", "down")})
    rows = frame.iloc[1_200:].reset_index(drop=True)
    holed = rows.assign(x=np.nan, z=rows["z"].where(rows.index % 2 == 0))
    squares = {}
    for model in ("marginals", "trees"):
        found = impute(fit(frame.iloc[:1_200], model, judge=False), holed)
        squares[model] = (found["x"] - rows["x"]) ** 2
        squares[model + "_z"] = (found["z"] != rows["z"])[1::2].astype(float)
    for part in ("", "_z"):
        gain = squares["marginals" + part] - squares["trees" + part]
        assert gain.mean() > 5 * gain.std() / np.sqrt(len(gain))
    assert squares["trees"].mean() < 0.25 * squares["marginals"].mean()


def test_filled_cells_keep_their_spread():
    """Draws, not means: the variance of a filled column is that of the data, within its standard error."""
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"x": rng.normal(size=1_000), "y": rng.normal(size=1_000)})
    found = impute(fit(frame, "trees", judge=False), frame.assign(y=np.nan))
    var, n = found["y"].var(), len(frame)
    assert abs(var - frame["y"].var()) < 5 * np.sqrt(2 / n) * np.sqrt(2)


def test_a_file_becomes_a_file(tmp_path):
    as_text(customers()).to_csv(tmp_path / "customers.csv", index=False)
    run = fit(tmp_path / "customers.csv", "marginals", judge=False)
    rows = _with_holes()[0]
    rows = rows.astype({"age": "Int64", "visits": "Int64"})  # written as 20, not as 20.0
    holed = as_text(rows.assign(extra="kept", churned=rows["churned"].astype(object)))
    holed.to_csv(tmp_path / "holes.csv", index=False)
    schema = filled_schema(run, tmp_path / "holes.csv")
    assert write(filled(run, tmp_path / "holes.csv"), tmp_path / "full.csv", schema) == len(rows)
    before = pd.read_csv(tmp_path / "holes.csv", dtype=str)
    after = pd.read_csv(tmp_path / "full.csv", dtype=str)
    assert list(after.columns) == list(before.columns)
    assert not after.isna().any().any()
    for name in before.columns:
        was = before[name].notna()
        assert (after[name][was] == before[name][was]).all(), name
    read = impute(run, tmp_path / "holes.csv")
    assert set(read["churned"]) == {"yes", "no"}


def test_no_rows(quick):
    with pytest.raises(DataError, match="no rows"):
        impute(quick, customers(5).iloc[:0])


def test_a_model_that_cannot_condition(quick, monkeypatch):
    monkeypatch.setattr(recipe, "Conditions", type("Other", (), {}))
    with pytest.raises(UnsupportedError, match="cannot fill cells"):
        impute(quick, customers(5))


@pytest.mark.slow
def test_two_thousand_rows_of_fifteen_columns_take_seconds():
    frame = customers(3_000)
    rng = np.random.default_rng(1)
    for i in range(8):
        number = np.round(rng.normal(size=3_000) + frame["age"] / 20 * (i % 3), 3)
        frame[f"c{i}"] = number if i % 2 else rng.choice(list("abcdef"), 3_000)
    run = fit(frame, "trees", judge=False)
    rows = frame.head(2_000).copy()
    for name in rows.columns[1:]:
        rows[name] = rows[name].mask(rng.random(len(rows)) < 0.1)
    start = time.process_time()
    found = impute(run, rows)
    assert time.process_time() - start < 20
    assert not found.isna().any().any()


@pytest.mark.parametrize("kind", ["items", "numbers", "vectors"])
def test_lists_of_which_no_step_is_known_are_completed(kind: str) -> None:
    run = fit(_unlike_cells(kind), "marginals", judge=False)
    found = impute(run, pa.table({"x": [[], None, []], "y": ["p", "q", None]}))
    assert found.column("x").type == _unlike_cells(kind).column("x").type
    x = found.column("x").to_pylist()
    assert x[0] == x[2] == []
    assert x[1]
    assert impute(run, pa.table({"x": [[], []], "y": ["p", "q"]})).column("x").to_pylist() == [[], []]
    frame = impute(run, pd.DataFrame({"x": [[], []], "y": ["p", None]}))
    assert [list(x) for x in frame["x"]] == [[], []]


def test_a_family_that_cannot_is_called_by_its_name() -> None:
    family = MODELS.get("gan")
    rows = _unlike_cells("items").select(["y"])
    space = TableCodec(infer(rows)[0]).fit(rows.to_batches()).space
    with pytest.raises(UnsupportedError, match=r"^gan cannot weigh"):
        family(space).propose(1, {}, torch.Generator())


@pytest.mark.parametrize(("day", "words"), [("%Y-%m-%d", ("True", "False")), ("%d/%m/%Y", ("TRUE", "FALSE"))])
def test_known_cells_of_text_stay_where_the_run_is_of_typed_data(tmp_path, day, words):
    """Dates and truth values of a Parquet file have no form of their own; filled ones take that of the rows."""
    rows = customers(60)[["age", "income", "joined", "churned"]]
    rows.to_parquet(tmp_path / "customers.parquet")
    run = fit(tmp_path / "customers.parquet", "marginals", judge=False, out=tmp_path / "run")
    texts = rows.assign(joined=rows["joined"].dt.strftime(day), churned=np.where(rows["churned"], *words))
    texts["income"] = [None if pd.isna(x) else f"{x:.3f}" for x in rows["income"]]
    for i, name in enumerate(["joined", "churned", "income"]):
        texts.loc[i::5, name] = None
    texts.to_csv(tmp_path / "holes.csv", index=False)
    assert call("impute", tmp_path / "run", tmp_path / "holes.csv", "-o", tmp_path / "full.csv").code == 0
    before, after = (pd.read_csv(tmp_path / name, dtype=str) for name in ("holes.csv", "full.csv"))
    assert not after.isna().any().any()
    assert (after == before)[before.notna()].fillna(True).all().all()
    assert set(after["churned"]) == set(words)
    pd.to_datetime(after["joined"], format=day)
    frame = impute(run, texts)
    assert set(frame["churned"]) == set(words)
    pd.to_datetime(frame["joined"], format=day)
