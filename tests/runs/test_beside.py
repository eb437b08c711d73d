"""Runs whose model is always given a text: what is told from it, draws beside real texts, and their scores."""

import random

import numpy as np
import pandas as pd
import pytest

from genwright.core.dataset import n_rows
from genwright.core.errors import GivenError
from genwright.pipeline import fit
from genwright.runs.beside import drawn_beside, is_given_whole
from genwright.runs.run import Run

GOOD, BAD = ("fine", "good", "nice"), ("bad", "poor", "awful")


@pytest.fixture(autouse=True)
def _fakes() -> None:
    """The real models, not this folder's fakes."""


@pytest.fixture(scope="module")
def reviews() -> Run:
    """Whether a review is liked follows from its words."""
    rng = random.Random(0)
    liked = [rng.random() < 0.5 for _ in range(300)]
    texts = [" ".join(rng.choices(GOOD if is_liked else BAD, k=rng.randint(1, 3))) for is_liked in liked]
    frame = pd.DataFrame({"text": texts, "liked": np.where(liked, "yes", "no")})
    settings = {"n_hidden": 24, "n_embed": 12, "learning_rate": 2e-2}
    return fit(frame, "rnn", given="text", kinds={"text": "text"}, settings=settings, steps=80)


def test_a_column_is_told_from_a_given_text(reviews):
    for text, liked in (("good nice", "yes"), ("awful bad poor", "no")):
        rows = reviews.sample(100, {"text": text})
        assert (rows["text"] == text).all()
        assert (rows["liked"] == liked).mean() > 0.9
    with pytest.raises(GivenError, match="column text is always given to this model; say what it is"):
        reviews.sample(1)


def test_judges_look_at_draws_beside_real_texts_and_not_at_these(reviews):
    found = {score.name: score for score in reviews.scores}
    assert found["likelihood.nats"].value < 0.2 * found["likelihood.nats"].ceiling
    assert found["marginals"].protocol.endswith("draws have the given columns of held-out rows")
    assert not [name for name in found if name.startswith(("copied_text", "text_detectability", "perplexity"))]


def test_what_is_gained_over_independent_columns_leaves_the_given_text_out(reviews):
    """At most what there is to gain, the entropy of one column of two values; the text itself is no gain."""
    gain = reviews.artefact.log[-1]["gain_over_marginals"]
    assert 0.3 < gain < np.log(2) + 0.3


def test_draws_beside_rows_have_their_given_columns(reviews):
    model, codec, rows = reviews.model, reviews.artefact.codec, reviews.held_out.take(slice(0, 7))
    assert is_given_whole(model)
    n = model.chunk + 3
    drawn = drawn_beside(rows, n, model, codec, 1)
    assert n_rows(drawn) == n
    assert drawn["text"].equal(rows["text"][np.arange(n) % 7])
    again = drawn_beside(rows, 5, model, codec, 1)
    assert all(x.equal(drawn[name][:5]) for name, x in again.items())
