"""Made-up tables that several tests share."""

import numpy as np
import pandas as pd


def customers(n: int = 400, seed: int = 0) -> pd.DataFrame:
    """Every common kind of column, as pandas types them; income has holes and follows age."""
    rng = np.random.default_rng(seed)
    age = rng.integers(18, 90, n)
    region = rng.choice(["north", "south", "east", "west"], n, p=[0.4, 0.3, 0.2, 0.1])
    income = np.round(rng.lognormal(10, 0.3, n) + 500 * age, 2)
    visits = rng.poisson(np.where(region == "north", 6, 2))
    return pd.DataFrame(
        {
            "customer_id": [f"C{i:05d}" for i in rng.permutation(n)],
            "age": age,
            "region": region,
            "income": np.where(rng.random(n) < 0.05, np.nan, income),
            "visits": pd.array(visits, "Int64"),
            "joined": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 1500, n), "D"),
            "churned": rng.random(n) < np.where(age > 60, 0.6, 0.2),
        }
    )


def as_text(frame: pd.DataFrame) -> pd.DataFrame:
    """The same as a file would have it: dates and words instead of types."""
    words = frame["churned"].map({True: "yes", False: "no"})
    return frame.assign(joined=frame["joined"].dt.strftime("%Y-%m-%d"), churned=words)


def dependent(n: int, seed: int = 0) -> pd.DataFrame:
    """Three categories, each a noisy copy of the one before."""
    rng = np.random.default_rng(seed)
    a = rng.integers(0, 3, n)
    b = np.where(rng.random(n) < 0.8, a, rng.integers(0, 3, n))
    c = np.where(rng.random(n) < 0.8, b, rng.integers(0, 3, n))
    letters = np.array(list("xyz"))
    return pd.DataFrame({"a": letters[a], "b": letters[b], "c": letters[c]})


def shown(value: object) -> str:
    """The name of a test's case: the same in every process, so functions are not called by their address."""
    return "test" if callable(value) and not isinstance(value, type) else str(value)
