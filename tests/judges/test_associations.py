from itertools import combinations

import numpy as np
import pytest
import torch

from genwright.core.judge import Evidence
from genwright.core.rng import numpy_generator
from genwright.core.space import Category, Field, Space
from genwright.judges.associations import Associations, _groups
from tests.judges.worlds import shuffled, world


def test_distances_of_small_tables_by_enumeration() -> None:
    rng = np.random.default_rng(0)
    space = Space({name: Field(Category(3)) for name in "abcd"})
    train, held_out, fake = ({name: torch.from_numpy(rng.integers(0, 3, 200)) for name in "abcd"} for _ in range(3))
    found = Associations().measure(fake, Evidence(space, train, held_out, fake, train))
    for size, part in ((2, "pairs"), (3, "triples")):
        distances = []
        for names in combinations("abcd", size):
            real, drawn = ([tuple(int(rows[n][i]) for n in names) for i in range(200)] for rows in (held_out, fake))
            cells = set(real) | set(drawn)
            distances.append(sum(abs(real.count(c) - drawn.count(c)) for c in cells) / 400)
        assert found[part].value == pytest.approx(np.mean(distances))
        if size == 2:
            assert found[part].details["pairs"][0][1] == pytest.approx(distances[0])
            assert found[part].details["pairs"][1][0] == found[part].details["pairs"][0][1]
            assert found[part].details["pairs"][2][2] is None


def test_the_broken_pair_stands_out() -> None:
    evidence = world()
    broken = evidence.fake | {"size": shuffled(evidence.fake, 1)["size"]}
    found = Associations().measure(broken, evidence)["pairs"].details
    pairs = {(a, b): found["pairs"][i][j] for (i, a), (j, b) in combinations(enumerate(found["columns"]), 2)}
    assert max(pairs, key=pairs.get) == ("size", "weight")


@pytest.mark.parametrize(("n_columns", "size"), [(5, 2), (40, 2), (40, 3), (200, 3), (2, 3), (1, 2)])
def test_groups_are_distinct_and_no_more_than_asked(n_columns: int, size: int) -> None:
    groups = _groups(n_columns, size, 50, numpy_generator(0, "groups"))
    assert len(groups) == len(set(groups)) <= 50
    assert all(len(set(g)) == size and tuple(sorted(g)) == g and max(g) < n_columns for g in groups)
    assert groups == _groups(n_columns, size, 50, numpy_generator(0, "groups"))


def test_a_single_column_has_no_pairs() -> None:
    space, rows = Space({"a": Field(Category(2))}), {"a": torch.tensor([0, 1, 1])}
    assert Associations().measure(rows, Evidence(space, rows, rows, rows, rows)) == {}
