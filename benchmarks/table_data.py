"""The tables of the comparison and their split: 80 % to learn from, 20 % held out, seed 0.

The files lie below $GENWRIGHT_DATA (default: `shared/data` beside the repository) and are public: Adult, bank
marketing, credit default and Telco churn from the UCI and IBM collections, California housing from the 1990 census.
"""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

FOLDER = Path(os.environ.get("GENWRIGHT_DATA", Path(__file__).parents[2] / "shared" / "data"))


@dataclass(frozen=True)
class Source:
    """One table of the comparison."""

    title: str
    read: Callable[[Path], pd.DataFrame]
    target: str  # the column that a classifier or regressor is asked to predict


def _adult(folder: Path) -> pd.DataFrame:
    parts = [folder / "adult" / f"adult_{name}.csv.gz" for name in ("train", "test")]
    return pd.concat([_read(p, na_values=["?"], skipinitialspace=True) for p in parts], ignore_index=True)


def _bank(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "bank-marketing" / "bank_full.csv.gz", sep=None, engine="python")


def _california(folder: Path) -> pd.DataFrame:
    return _read(folder / "california-housing" / "housing.csv.gz")


def _credit(folder: Path) -> pd.DataFrame:
    return _read(folder / "credit-default" / "credit_default.csv.gz").drop(columns="ID")


def _telco(folder: Path) -> pd.DataFrame:
    path = folder / "telco-churn" / "telco_customer_churn.csv.gz"
    return _read(path, na_values=[" "]).drop(columns="customerID")


def _read(path: Path, na_values: list[str] | None = None, skipinitialspace: bool = False) -> pd.DataFrame:
    """A CSV whose empty cells and `na_values` alone are missing."""
    tokens = ["", *(na_values or [])]
    return pd.read_csv(path, keep_default_na=False, na_values=tokens, skipinitialspace=skipinitialspace)


TABLES = {
    "adult": Source("Adult census", _adult, "income"),
    "bank": Source("Bank marketing", _bank, "y"),
    "california": Source("California housing", _california, "median_house_value"),
    "telco": Source("Telco churn", _telco, "Churn"),
    "credit": Source("Credit default", _credit, "default.payment.next.month"),
}


def load(name: str, folder: Path = FOLDER) -> pd.DataFrame:
    """One table as it is compared: identifiers dropped, missing cells empty."""
    return TABLES[name].read(folder)


def split(frame: pd.DataFrame, seed: int = 0, share: float = 0.8) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows to learn from and held-out rows, at random."""
    order = np.random.default_rng(seed).permutation(len(frame))
    cut = round(len(frame) * share)
    return frame.iloc[order[:cut]].reset_index(drop=True), frame.iloc[order[cut:]].reset_index(drop=True)


def fingerprint(frame: pd.DataFrame) -> str:
    """Twelve hexadecimal digits of the rows' content."""
    return hashlib.sha256(frame.to_csv(index=False).encode()).hexdigest()[:12]


def independent_columns(train: pd.DataFrame, n: int, seed: int = 0) -> pd.DataFrame:
    """The trivial model: every column drawn from its own values, regardless of the others."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame({c: train[c].to_numpy()[rng.integers(len(train), size=n)] for c in train})
