"""Bayes' rule over generative models: against enumeration, and against naive Bayes of scikit-learn."""

import numpy as np
import pandas as pd
import pytest
import torch

import genwright as gw
from genwright.classifiers.bayes_rule import BayesRule, BayesRuleConfig
from genwright.core.dataset import Dataset
from genwright.core.errors import SpaceMismatchError, UnknownNameError, UnsupportedError
from genwright.core.model import HasLogProb
from genwright.core.space import Category, Field, Space
from genwright.training.budget import Budget
from genwright.training.learn_classifier import learn_classifier
from genwright.training.plan import Plan
from tests.tables import customers, dependent

SPACE = Space({name: Field(Category(3)) for name in "abcy"})


def codes(n: int = 300, seed: int = 0) -> Dataset:
    rng = np.random.default_rng(seed)
    y = rng.choice(2, n, p=[0.7, 0.3])  # a third class is never seen
    others = {name: np.where(rng.random(n) < 0.5, y, rng.integers(0, 3, n)) for name in "abc"}
    return Dataset(SPACE, {**others, "y": y})


def fitted(data: Dataset, **config: object) -> BayesRule:
    found = BayesRule(BayesRuleConfig(**config)).bind(data.space, "y")  # type: ignore[arg-type]
    learn_classifier(found, data, Plan(budget=Budget(), seed=0), lambda done, line: None)
    return found


def test_marginals_apart_is_naive_bayes() -> None:
    from sklearn.naive_bayes import CategoricalNB

    data = codes()
    X = np.column_stack([data.arrays[name] for name in "abc"])
    peer = CategoricalNB(alpha=0.5, min_categories=3).fit(X, data.arrays["y"])
    p = fitted(data).predict_rows(data.take(slice(None)))
    np.testing.assert_allclose(p[:, :2], peer.predict_proba(X), atol=1e-6)
    assert (p[:, 2] == 0).all()


@pytest.mark.parametrize("family", ["bayes_net", "marginals"])
def test_a_joint_model_is_enumerated(family: str) -> None:
    """p(y | x) = p(x, y) / Σ_k p(x, k), each by the model's own likelihood."""
    data = codes()
    found = fitted(data, model=family, classes="joint")
    batch = data.take(slice(0, 20))
    p = found.predict_rows(batch)
    model = found.parts[0]
    assert isinstance(model, HasLogProb)
    every = [model.log_prob({**batch, "y": torch.full((20,), k)}).exp() for k in range(2)]
    joint = torch.stack(every, 1)
    np.testing.assert_allclose(p[:, :2], (joint / joint.sum(1, keepdim=True)).numpy(), rtol=1e-9)


def test_saved_is_loaded_bit_for_bit() -> None:
    data, batch = codes(), codes(30, 1).take(slice(None))
    for config in ({}, {"model": "bayes_net", "classes": "joint"}):
        found = fitted(data, **config)
        again = BayesRule(found.config).bind(SPACE, "y")
        again.load_state({k: x.clone() for k, x in found.state().items()})
        np.testing.assert_array_equal(again.predict_rows(batch), found.predict_rows(batch))
        batch_without = {name: batch[name] for name in "cab"}
        np.testing.assert_array_equal(again.predict_rows(batch_without), found.predict_rows(batch))


def test_a_network_is_given_the_class() -> None:
    data = codes(200)
    found = BayesRule(BayesRuleConfig("vae", {"n_hidden": 16, "n_importance": 16})).bind(SPACE, "y")
    learn_classifier(found, data, Plan(budget=Budget(steps=150), seed=0), lambda done, line: None)
    test = codes(300, 1)
    p = found.predict_rows(test.take(slice(None)))
    np.testing.assert_allclose(p.sum(1), 1)
    assert found.parts[0].space["y"].is_given
    assert (p.argmax(1) == test.arrays["y"]).mean() > 0.72  # the more frequent class: 0.7
    assert (p == found.predict_rows(test.take(slice(None)))).all()


def test_a_fitted_run_becomes_a_classifier(tmp_path) -> None:
    frame = dependent(400)
    generator = gw.fit(frame, "bayes_net", judge=False)
    run = gw.classify(generator, "c", out=tmp_path / "run")
    scores = {s.name: s for s in run.scores}
    assert scores["accuracy"].low > scores["accuracy"].ceiling
    assert "Bayes' rule on a fitted bayes_net" in run.artefact.facts["why"]
    new = dependent(50, 1).drop(columns="c")
    pd.testing.assert_frame_equal(gw.load(tmp_path / "run").predict_proba(new), run.predict_proba(new))
    with pytest.raises(UnknownNameError):
        gw.classify(generator, "d")


def test_what_it_refuses() -> None:
    with pytest.raises(UnsupportedError, match="gan has no likelihood"):
        BayesRule(BayesRuleConfig("gan"))
    with pytest.raises(UnknownNameError, match="no depth in the settings of trees"):
        BayesRule(BayesRuleConfig(model="trees", settings={"depth": 3}))
    with pytest.raises(UnknownNameError, match="did you mean marginals"):
        BayesRule(BayesRuleConfig("marginal"))
    with pytest.raises(SpaceMismatchError, match="column c is absent"):
        fitted(codes()).predict_rows({"a": torch.zeros(2), "b": torch.zeros(2)})


def test_a_column_without_classes_in_the_run_is_told_by_its_kind() -> None:
    frame = customers(60).assign(same="a")
    run = gw.fit(frame, "marginals", kinds={"region": "omitted"}, judge=False)
    for column, kind, advice in (
        ("region", "omitted", "--kind region=category"),
        ("age", "number", "--kind age=category"),
        ("same", "constant", "name a column that varies"),
    ):
        with pytest.raises(UnsupportedError, match=f"the run has '{column}' as {kind}, .*{advice}"):
            gw.classify(run, column)


def test_through_classify() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 300)
    frame = pd.DataFrame({"x": rng.normal(size=300) + 2 * y, "y": np.array(["a", "b"])[y]})
    run = gw.classify(frame, "y", "bayes_rule")
    assert {s.name: s.value for s in run.scores}["accuracy"] > 0.75
    assert run.predict_proba(frame.assign(x=np.nan)).notna().all().all()
