"""A seed is a pure function of (seed, path); paths share nothing; global state is untouched."""

import random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from genwright.core.errors import ConfigError
from genwright.core.rng import derive, numpy_generator, torch_generator

PATHS = st.lists(st.text() | st.integers(), max_size=4).map(tuple)


@given(st.integers(), PATHS, st.integers(), PATHS)
def test_equal_only_for_equal_paths(seed, path, other_seed, other_path):
    assert 0 <= derive(seed, *path) < 2**63
    assert (derive(seed, *path) == derive(other_seed, *other_path)) == ((seed, path) == (other_seed, other_path))


def test_stays_the_same_in_every_version():
    found = [derive(0), derive(0, "sample", 1), derive(1, "sample", 1)]
    assert found == [2631537505891389924, 8127893519644032253, 863442034250383857]


def test_generators_draw_the_same_again():
    for make in (lambda *p: torch.rand(3, generator=torch_generator(*p)), lambda *p: numpy_generator(*p).random(3)):
        assert (np.asarray(make(5, "a")) == np.asarray(make(5, "a"))).all()
        assert (np.asarray(make(5, "a")) != np.asarray(make(5, "b"))).all()


def test_neighbouring_seeds_are_independent():
    """Correlation of the first draws of neighbouring seeds; standard error 1/sqrt(n)."""
    n = 2000
    x = np.array([numpy_generator(seed, "sample").random() for seed in range(n)])
    assert abs(np.corrcoef(x[:-1], x[1:])[0, 1]) < 5 / n**0.5
    assert abs(x.mean() - 0.5) < 5 * (1 / 12 / n) ** 0.5


def test_global_state_is_untouched():
    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # noqa: NPY002
    torch_generator(1).get_state(), numpy_generator(1).random()
    after = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # noqa: NPY002
    assert before == after


@pytest.mark.parametrize("seed", [None, "a", "1", 1.0, 1.5, [1]])
def test_a_seed_is_a_whole_number(seed):
    with pytest.raises(ConfigError, match=r"seed = .*; expected a whole number"):
        derive(seed, "sample")


def test_numpy_integers_are_integers():
    assert derive(0, "sample", np.int64(3)) == derive(0, "sample", 3)
