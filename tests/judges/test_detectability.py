import numpy as np
import pytest

from genwright.core.dataset import n_rows, select
from genwright.core.errors import DataError
from genwright.judges.detectability import Detectability, _histogram_scores
from tests.judges.worlds import draw, world


def test_a_copy_of_the_training_rows_is_not_seen_against_held_out_rows() -> None:
    evidence = world()
    found = Detectability().measure(evidence.train, evidence)
    assert all(m.low < 0.5 < m.high for m in found.values())


def test_interval_covers_one_half_where_there_is_nothing_to_find() -> None:
    class Linear(Detectability):
        parts = {"logistic": Detectability.parts["logistic"]}  # noqa: RUF012

    covered = 0
    for seed in range(40):
        found = Linear().measure(draw(60, 1000 + seed), world(60, 60, seed))["logistic"]
        covered += found.low <= 0.5 <= found.high
    assert covered >= 40 * 0.95 - 4 * (40 * 0.95 * 0.05) ** 0.5


def test_a_wrong_column_is_named() -> None:
    evidence = world(fake=draw(700, 5) | {"size": draw(700, 6)["size"] + 1})
    columns = Detectability().measure(evidence.fake, evidence)["logistic"].details["columns"]
    assert max(columns, key=columns.get) == "size"
    normal_shift = 0.760  # Φ(1/√2): AUC of two normal distributions one standard deviation apart
    assert columns["size"] == pytest.approx(normal_shift, abs=0.06)
    assert all(0.4 < auc < 0.6 for name, auc in columns.items() if name != "size")


def test_no_row_scores_itself() -> None:
    """Rows with codes of their own carry no information about others: every score is the prior."""
    codes, is_fake, fold = np.arange(20), np.arange(20) % 2 == 0, np.arange(20) % 5
    assert set(_histogram_scores(codes, is_fake, fold)) == {0.5}


def test_max_rows_is_kept_and_stated() -> None:
    class Small(Detectability):
        max_rows = 30

    evidence = world()
    assert Small().measure(evidence.fake, evidence)["logistic"].n == 60
    assert "30 draws against 30 held-out rows (at most 30 a side)" in Small().protocol(evidence)


def test_too_few_rows_are_refused() -> None:
    evidence = world(n_held_out=9)
    assert n_rows(evidence.held_out) == 9
    with pytest.raises(DataError, match="at least 10 held-out rows"):
        Detectability().measure(select(evidence.fake, slice(100)), evidence)
