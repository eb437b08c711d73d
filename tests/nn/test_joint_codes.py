"""Combinations of columns against counting and enumeration."""

import itertools

import numpy as np
import pytest
import torch

from genwright.core.dataset import Dataset
from genwright.core.rng import torch_generator
from genwright.core.space import Category, Field, Real, Space
from genwright.nn import joint_codes
from genwright.nn.joint_codes import JointCodes

N = 3_000
SIZES = (2, 3, 4)


def _categories(n: int = N) -> Dataset:
    """b is a nearly always, c never 3 where a is 1."""
    rng = np.random.default_rng(0)
    a = rng.integers(0, 2, n)
    b = np.where(rng.random(n) < 0.9, a, rng.integers(0, 3, n))
    c = np.where(a == 1, rng.integers(0, 3, n), rng.integers(0, 4, n))
    return Dataset(Space({k: Field(Category(s)) for k, s in zip("abc", SIZES, strict=True)}), {"a": a, "b": b, "c": c})


def _counted(data: Dataset) -> JointCodes:
    joint = JointCodes(data.space)
    joint.count(data)
    return joint


def _grid() -> dict[str, torch.Tensor]:
    cells = torch.tensor(list(itertools.product(*map(range, SIZES))))
    return {k: cells[:, j] for j, k in enumerate("abc")}


def test_the_table_is_witten_and_bells() -> None:
    data = _categories()
    rows = np.stack(list(data.arrays.values()), 1).tolist()
    seen = {tuple(c) for c in rows}
    alone = [
        (np.bincount(column, minlength=s) + 0.5) / (N + s / 2)
        for column, s in zip(np.array(rows).T, SIZES, strict=True)
    ]
    for c, log_p in zip(itertools.product(*map(range, SIZES)), _counted(data).log_prob(_grid()), strict=True):
        independent = np.prod([p[k] for p, k in zip(alone, c, strict=True)])
        expected = (rows.count(list(c)) + len(seen) * independent) / (N + len(seen))
        assert np.exp(log_p) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("most", [4096, 3])
def test_all_combinations_sum_to_one_and_draws_follow_them(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joint_codes, "MOST", most)
    joint = _counted(_categories())
    p = np.exp(joint.log_prob(_grid()))
    assert p.sum() == pytest.approx(1, abs=1e-9)
    n = 40_000
    rows = joint.complete(n, {}, torch_generator(0))
    place = (rows["a"] * 3 + rows["b"]) * 4 + rows["c"]
    found = np.bincount(place.numpy(), minlength=24) / n
    assert (np.abs(found - p) < 5 * np.sqrt(p / n) + 1e-4).all()


@pytest.mark.parametrize("most", [4096, 3])
def test_fixed_cells_stay_and_the_others_follow_the_exact_conditional(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joint_codes, "MOST", most)
    joint, n = _counted(_categories()), 40_000
    p = np.exp(joint.log_prob(_grid())).reshape(SIZES)
    known = {"b": torch.arange(n) % 2 == 0}
    rows = joint.complete(n, {"b": torch.full((n,), 1)}, torch_generator(0), known=known)
    assert (rows["b"][known["b"]] == 1).all()
    for is_fixed, expected in ((known["b"], p[:, 1, :] / p[:, 1, :].sum()), (~known["b"], p.sum(1))):
        place = (rows["a"] * 4 + rows["c"])[is_fixed]
        found = np.bincount(place.numpy(), minlength=8) / len(place)
        expected = expected.ravel()
        assert (np.abs(found - expected) < 5 * np.sqrt(expected / len(place)) + 1e-4).all()


def test_temperature_makes_the_frequent_more_frequent() -> None:
    joint = _counted(_categories())
    agree = [
        float((rows["a"] == rows["b"]).double().mean())
        for rows in (joint.complete(5_000, {}, torch_generator(0), t) for t in (0.3, 1.0, 3.0))
    ]
    assert agree[0] > agree[1] > agree[2]


def _mixed() -> Dataset:
    rng = np.random.default_rng(1)
    c = rng.integers(0, 3, N)
    x = np.clip(rng.normal(3.0 * c, 0.5), -3, 9)
    x[rng.random(N) < 0.1] = np.nan
    known = x[~np.isnan(x)]
    support = Real(-3.0, 9.0, quantiles=tuple(np.quantile(known, np.linspace(0, 1, 33))), has_missing=True)
    return Dataset(Space({"c": Field(Category(3)), "x": Field(support)}), {"c": c, "x": x})


def test_numbers_follow_categories_and_the_density_integrates_to_one() -> None:
    data = _mixed()
    joint = _counted(data)
    rows = joint.complete(N, {}, torch_generator(0))
    for k in range(3):
        of_k = rows["x"][rows["c"] == k]
        assert abs(float(of_k.nanmean()) - 3 * k) < 0.5
        assert abs(float(of_k.isnan().double().mean()) - 0.1) < 5 * np.sqrt(0.09 / (N / 3))
    low, high = np.nanquantile(data.arrays["x"], [0, 1])
    step = (high - low) / 24_000
    middle = low + step * (torch.arange(24_000, dtype=torch.float64) + 0.5)
    total = 0.0
    for k in range(3):
        c = torch.full((len(middle),), k)
        total += float(np.exp(joint.log_prob({"c": c, "x": middle})).sum() * step)
        total += float(np.exp(joint.log_prob({"c": c[:1], "x": torch.tensor([torch.nan], dtype=torch.float64)}))[0])
    assert total == pytest.approx(1, abs=1e-3)


def test_what_was_saved_draws_the_same() -> None:
    first, again = _counted(_mixed()), JointCodes(_mixed().space)
    again.load_state(first.state())
    a, b = (joint.complete(100, {}, torch_generator(3)) for joint in (first, again))
    assert torch.equal(a["c"], b["c"])
    assert torch.equal(a["x"].nan_to_num(), b["x"].nan_to_num())


@pytest.mark.parametrize("temperature", [1e-3, 1e-9])
def test_cold_draws_are_the_likeliest_ones(temperature: float) -> None:
    """Powers of shares would all be 0."""
    data = _categories()
    joint = _counted(data)
    best = dict(zip("abc", joint.table[joint.share.argmax()].tolist(), strict=True))
    rows = joint.complete(20, {}, torch_generator(0), temperature)
    assert {name: set(x.tolist()) for name, x in rows.items()} == {name: {code} for name, code in best.items()}
    other = {"a": torch.full((20,), 1 - best["a"]), "c": torch.full((20,), 3 if best["a"] else 2)}
    assert set(joint.complete(20, other, torch_generator(0), temperature)["b"].tolist()) == {1 - best["a"]}


def test_many_columns_do_not_underflow() -> None:
    rng, n_columns, n_codes = np.random.default_rng(0), 300, 20
    space = Space({f"c{j}": Field(Category(n_codes)) for j in range(n_columns)})
    joint = _counted(Dataset(space, {name: rng.integers(0, n_codes, 200) for name in space}))
    rows = {name: torch.from_numpy(rng.integers(0, n_codes, 3)) for name in space}
    alone = sum(np.log(p)[rows[name].numpy()] for name, p in zip(space, joint.alone, strict=True))
    np.testing.assert_allclose(joint.log_prob(rows), np.log(0.5) + alone, rtol=1e-12)  # of 200 rows, all different
