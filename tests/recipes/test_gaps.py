"""Whole numbers and truth values with gaps come back from every recipe as they went in."""

import numpy as np
import pandas as pd
import pyarrow as pa

import genwright as gw
from genwright.recipes.filter import filtered
from genwright.recipes.impute import impute
from genwright.runs.frames import frame, gapped

LARGE = 2**53 + 1  # no float is this number


def visits(n: int = 120) -> pd.DataFrame:
    """Rows with gaps in a nullable column of large whole numbers, of small ones and of truth values, and a class."""
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"age": rng.normal(50, 9, n), "n": rng.integers(0, 9, n), "ill": rng.random(n) < 0.25})
    rows["ticket"] = pd.array(LARGE + 2 * np.arange(n), "Int64")
    rows["beds"] = pd.array(rng.integers(0, 40, n), "Int16")
    rows["paid"] = pd.array(rng.random(n) < 0.5, "boolean")
    rows["told"] = (rng.random(n) < 0.5).astype(object)
    rows.loc[rows.index[::10], ["ticket", "beds", "paid"]] = pd.NA
    rows.loc[rows.index[::10], "told"] = None
    return rows.assign(ill=np.where(rows["ill"], "yes", "no"))


NULLABLE = {"ticket": "Int64", "beds": "Int16", "paid": "boolean", "n": "int64"}


def types(found: pd.DataFrame) -> dict[str, str]:
    return {name: str(found.dtypes[name]) for name in NULLABLE}


def test_gaps_of_whole_numbers_and_truth_values_are_found() -> None:
    columns = {"a": pa.array([1, None]), "b": pa.array([1, 2]), "c": pa.array([True, None]), "d": pa.array([0.5, None])}
    table = pa.table({**columns, "e": pa.array([None, False]), "f": pa.array(["x", None])})
    assert gapped(table) == ["a", "c", "e"]
    like = pd.DataFrame({"a": np.array([1, None], object), "c": np.array([True, None], object), 7: [1.0, 2.0]})
    assert gapped(table, like) == ["a", "e"]
    assert frame(pa.table({"a": [LARGE, None]}), "pandas", gapped(table))["a"].iloc[0] == LARGE


def test_augmented_rows() -> None:
    rows = visits()
    kinds = {"ticket": "number"}
    asked = {"model": "copies", "amount": "balance", "judge_model": "naive_bayes", "held_out": 0.0, "anyway": True}
    found = gw.augment(rows, "ill", kinds=kinds, **asked)
    assert types(found.rows) == types(found.drawn) == NULLABLE
    assert found.report.n_drawn
    assert found.rows["ticket"].head(120).equals(rows["ticket"])
    assert set(found.drawn["ticket"].dropna()) <= set(rows["ticket"].dropna())


def test_kept_draws() -> None:
    run = gw.fit(visits(), "marginals", judge=False)
    kept, drawn = filtered(run, 40).rows, run.sample(40)
    assert kept.dtypes.equals(drawn.dtypes)


def test_ids_beside_predictions() -> None:
    run = gw.classify(visits(), "ill", "naive_bayes", kinds={"ticket": "id"}, judge=False)
    told = run.predict(visits())
    assert told["ticket"].equals(visits()["ticket"])


def test_columns_that_are_not_filled() -> None:
    """Ids and columns that the run does not know have gaps still."""
    rows = visits()
    run = gw.fit(rows[["age", "n", "ill"]], "marginals", judge=False)
    rows.loc[5:9, "age"] = np.nan
    found = impute(run, rows)
    assert types(found) == NULLABLE
    for name in ("ticket", "beds", "paid", "told"):
        pd.testing.assert_series_equal(found[name], rows[name])
    assert not found["age"].isna().any()
