"""Class fidelity, detectors of pictures and bits per dimension."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from genwright.core.dataset import concat, select
from genwright.core.errors import DataError
from genwright.core.judge import owner
from genwright.core.space import Field, Real, Space
from genwright.judges.bits_per_dim import BitsPerDim
from genwright.judges.class_fidelity import ClassFidelity
from genwright.judges.likelihood import Likelihood
from genwright.judges.picture_detectability import PictureDetectability
from genwright.nn.picture_features import features_of
from tests.judges.picture_worlds import mislabelled, picture_world, trivial_model, with_fake


def test_agreement_is_counted_by_hand_and_by_class() -> None:
    evidence = picture_world()
    fake = concat([select(evidence.fake, slice(0, 200)), mislabelled(select(evidence.fake, slice(200, 400)))])
    found = ClassFidelity().measure(fake, with_fake(fake))[""]
    is_same = (features_of(evidence).classify(fake) == fake["label"]).numpy()
    assert found.value == is_same.mean()
    label = fake["label"].numpy()
    assert found.details["classes"] == {str(c): is_same[label == c].mean() for c in range(10)}
    assert found.details["seen"]["4"] == 3  # pictures of 3 are called 4 in the second half


def test_no_label_no_fidelity() -> None:
    evidence = picture_world()
    pictures = {"picture"}
    space = Space({"picture": evidence.space["picture"]})
    alone = replace(
        evidence,
        space=space,
        **{b: {k: x for k, x in getattr(evidence, b).items() if k in pictures} for b in ("train", "held_out", "fake")},
        trivial={"picture": evidence.trivial["picture"]},
    )
    assert not ClassFidelity.sees(space)
    assert ClassFidelity().scores(alone) == []


def test_detectors_need_a_few_pictures() -> None:
    with pytest.raises(DataError, match="at least 8"):
        PictureDetectability().scores(with_fake(select(picture_world().fake, slice(0, 7))))


def test_pictures_of_both_sides_share_a_fold() -> None:
    evidence = picture_world()
    judge, rows = PictureDetectability(), np.arange(400)
    fold = judge._folds(rows, rows[::-1].copy(), evidence.held_out, evidence)
    assert (fold[:400] == fold[400:][::-1]).all()


def test_bits_are_nats_over_pixels_and_ln_2() -> None:
    evidence = picture_world()
    found = BitsPerDim().measure(evidence.fake, evidence)
    log_p = evidence.log_prob(evidence.held_out)  # type: ignore[misc]
    assert found["nats"].value == pytest.approx(-float(log_p.mean()))
    assert found[""].value == pytest.approx(found["nats"].value / (64 * math.log(2)))


def test_a_bound_is_named_so_and_what_is_given_is_left_out() -> None:
    evidence = picture_world()
    given = dict.fromkeys(
        ("given_log_prob", "trivial_given_log_prob"), lambda rows: torch.full((len(rows["label"]),), -2.0)
    )
    told = replace(evidence, is_bound=True, given=("label",), **given)
    scores = {s.name: s for s in BitsPerDim().scores(told)}
    assert set(scores) == {"bits_per_dim.bound", "bits_per_dim.nats_bound"}
    plain = BitsPerDim().measure(evidence.fake, evidence)["nats"].value
    assert scores["bits_per_dim.nats_bound"].value == pytest.approx(plain - 2)
    ceiling = -float(trivial_model().log_prob(evidence.held_out).mean()) - 2
    assert scores["bits_per_dim.nats_bound"].ceiling == pytest.approx(ceiling)
    assert "given label" in scores["bits_per_dim.bound"].protocol


def test_likelihood_leaves_pictures_to_bits_and_bits_leaves_tables_to_likelihood() -> None:
    evidence = picture_world()
    assert Likelihood().scores(evidence) == []
    mixed = Space({**evidence.space, "size": Field(Real())})
    assert BitsPerDim().scores(replace(evidence, space=mixed)) == []


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        ("frechet_net", ("frechet", "net")),
        ("kid_pixels", ("kid", "pixels")),
        ("precision_recall.recall_net", ("precision_recall", "recall_net")),
        ("class_fidelity", ("class_fidelity", "")),
        ("bits_per_dim.nats", ("bits_per_dim", "nats")),
        ("elsewhere.part", ("elsewhere", "part")),
        ("elsewhere", ("elsewhere", "")),
    ],
)
def test_scores_know_their_judge(score: str, expected: tuple[str, str]) -> None:
    assert owner(score) == expected
