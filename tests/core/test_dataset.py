"""Rows are taken, batched and joined without loss."""

from pathlib import Path

import numpy as np
import pytest
import torch

from genwright.core.dataset import Dataset, concat, n_rows, select
from genwright.core.space import Category, Field, Real, Space


@pytest.fixture
def data():
    space = Space({"x": Field(Real()), "code": Field(Category(100))})
    return Dataset(space, {"x": np.arange(10.0), "code": np.arange(10) * 2})


def test_batches_hold_all_rows_in_order(data):
    for size in (1, 3, 10, 11):
        batches = list(data.batches(size))
        assert [n_rows(b) for b in batches] == [min(size, 10 - i) for i in range(0, 10, size)]
        joined = concat(batches)
        assert all(torch.equal(joined[name], torch.from_numpy(a)) for name, a in data.arrays.items())


def test_rows_stay_together(data):
    rows = data.sample_rows(4, np.random.default_rng(0))
    assert len(set(rows["x"].tolist())) == 4
    assert rows["x"].tolist() == sorted(rows["x"].tolist())
    assert torch.equal(rows["x"] * 2, rows["code"].double())
    assert n_rows(data.sample_rows(10, np.random.default_rng(0))) == 10


def test_batches_are_copies(data):
    data.take(slice(None))["x"].fill_(7)
    assert data.arrays["x"].tolist() == list(range(10))


def test_every_row_is_as_likely(data):
    """Each of 10 rows is among 3 sampled with probability 0.3; standard error sqrt(0.21 / n)."""
    rng, n = np.random.default_rng(0), 2000
    counts = np.zeros(10)
    for _ in range(n):
        counts[data.sample_rows(3, rng)["x"].long().numpy()] += 1
    assert (np.abs(counts / n - 0.3) < 5 * (0.21 / n) ** 0.5).all()


def test_subset_and_select(data):
    assert data.subset(np.array([3, 1])).arrays["x"].tolist() == [3.0, 1.0]
    assert len(data) == 10
    assert len(Dataset(Space(), {})) == 0
    assert select(data.take(slice(None)), np.array([2]))["code"].tolist() == [4]
    assert concat([]) == {}
    assert n_rows({}) == 0


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="this system does not say what a mapping takes")
def test_sampled_rows_of_a_memory_map_do_not_keep_the_rest_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "x.bin"
    np.arange(500_000.0).tofile(path)
    data = Dataset(Space({"x": Field(Real())}), {"x": np.memmap(path, dtype="float64", mode="r", shape=(500_000,))})
    data.take(slice(None))
    assert _resident(path) > 3_000
    rows = data.sample_rows(50_000, np.random.default_rng(0))
    assert _resident(path) < 500
    assert rows["x"].tolist() == data.sample_numbers(50_000, np.random.default_rng(0)).tolist()  # row i holds i


def _resident(path: Path) -> int:
    """Kilobytes of a mapped file that are in memory."""
    lines = Path("/proc/self/smaps").read_text().splitlines()
    at = next(i for i, line in enumerate(lines) if line.endswith(str(path)))
    return int(next(line for line in lines[at:] if line.startswith("Rss:")).split()[1])
