import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_curve

from genwright.core.dataset import n_rows
from genwright.judges.membership import Membership, _tpr
from tests.judges.worlds import mixed, world

scores = st.lists(st.integers(0, 6), min_size=1, max_size=300).map(lambda x: np.array(x, float))


@given(scores, scores)
def test_true_positive_rate_is_read_from_the_roc_curve(members: np.ndarray, others: np.ndarray) -> None:
    y = np.repeat([1, 0], [len(members), len(others)])
    fpr, tpr, _ = roc_curve(y, np.concatenate([members, others]), drop_intermediate=False)
    steep = np.interp(0.01, fpr, tpr) if 0.01 not in fpr else tpr[fpr == 0.01].max()
    assert _tpr(members, others) == pytest.approx(steep)


def test_a_copy_of_every_member_is_found_and_other_real_rows_tell_nothing() -> None:
    evidence = world()
    copy = Membership().measure(evidence.train, evidence)
    assert copy["auc"].value > 0.99
    assert copy["tpr"].value > 0.9
    floor, _ = Membership().anchors(evidence)
    assert n_rows(floor) == n_rows(evidence.train) - copy["auc"].n // 2
    found = Membership().measure(floor, evidence)
    assert found["auc"].low < 0.5 < found["auc"].high
    assert 0 < found["auc"].details["plain"] < 1


def test_the_rate_grows_with_the_share_of_copied_members() -> None:
    """If a share c of the training rows is copied, about c of the members are given away."""
    evidence = world(n_train=1000, n_held_out=500)
    fake = mixed(evidence.fake, evidence.train, 0.4, 3)
    found = Membership().measure(fake, evidence)["tpr"]
    assert found.low - 0.05 < 0.4 < found.high + 0.05


def test_interval_of_the_auc_covers_one_half() -> None:
    covered = 0
    for seed in range(60):
        evidence = world(200, 100, seed)
        found = Membership().measure(evidence.fake, evidence)["auc"]
        covered += found.low <= 0.5 <= found.high
    assert covered >= 60 * 0.95 - 4 * (60 * 0.95 * 0.05) ** 0.5
