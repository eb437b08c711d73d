"""A few rows of many columns come soon, and are the first of many rows."""

import pandas as pd
import pytest

import genwright as gw
from genwright.core.model import Model

N_COLUMNS = 600


@pytest.mark.parametrize("model", ["vae", "gan"])
def test_a_few_wide_rows_are_the_first_of_many(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pd.DataFrame({f"c{i}": ["a", "b", "c", "d"] * 15 for i in range(N_COLUMNS)})
    run = gw.fit(frame, model, steps=1, judge=False)
    family, drawn = type(run.model), []
    sample = family.sample

    def counted(self: Model, n: int, *more: object) -> object:
        drawn.append(n)
        return sample(self, n, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(family, "sample", counted)
    few, many = run.sample(5), run.sample(1_500)
    assert drawn == [1024, 1024, 1024]  # one chunk for five rows, two for the others
    assert few.equals(many.head(5))
    assert not many.head(476).equals(many.tail(476).reset_index(drop=True))
