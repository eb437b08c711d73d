"""Conditions on a column as evidence about its codes: P(the value meets the conditions | code).

A condition that holds for all values of some codes and for none of the others picks codes. One that cuts through a
group of numbers (`age > 42` where a group runs from 38 to 45) weighs the group by the share of it that meets the
condition; values inside a group do not depend on other columns, so that this is exact too (virtual evidence,
Pearl 1988). Where only single points of a smooth number meet it, shares are densities.
"""

from itertools import pairwise

import numpy as np
import pyarrow as pa
import torch

from genwright.core.codec import Codec
from genwright.core.given import Condition, meets
from genwright.core.space import Category
from genwright.nn.cells import Cells
from genwright.nn.networks.codes import Codes, RealCodes


def weights(conditions: tuple[Condition, ...], codec: Codec, codes: Codes) -> np.ndarray:
    """P(all conditions are met | code), up to a factor, of every code (n,).

    Args:
        conditions: Of one column, read by `Draw`.
        codec: The column's.
        codes: The column's.
    """
    support = codec.field.support
    if isinstance(support, Category):
        met = _is_met(conditions, codec, torch.arange(support.n))
        return _known(met.astype(float), codes.n)
    assert isinstance(codes, RealCodes)
    cells = codes.cells
    line = cells.place(np.arange(len(cells.low)), np.full(len(cells.low), 0.5))  # a value of each cell that is no hole
    share = np.exp(codes.log_inside(line) - cells.log_inside(cells.index(line)))  # of each cell in its group
    found = np.zeros(codes.n + 1)  # the last is a missing value
    points = _points(conditions, codec)
    met = _is_met(conditions, codec, torch.from_numpy(points))
    edges = [-np.inf, *points, np.inf]
    for a, b in pairwise(edges):
        inside = _between(cells, a, b)
        if inside.any() and _is_met(conditions, codec, torch.tensor([_middle(cells, a, b)], dtype=torch.float64))[0]:
            np.add.at(found, codes.index(line), share * inside)
    at = points[met]
    density = np.exp(codes.log_inside(at))
    is_mass = np.full(len(at), bool(cells.step)) | np.isin(at, cells.low[cells.is_atom])
    some = is_mass if is_mass.any() or found.any() else ~is_mass
    np.add.at(found, codes.index(at[some]), density[some])
    if cells.has_missing:
        found[codes.index(np.array([np.nan]))] = _is_met(conditions, codec, torch.tensor([np.nan]).double())
    return _known(found, codes.n)


def _known(found: np.ndarray, n: int) -> np.ndarray:
    """The weights of codes; a hidden code, which is the last and depends on no other column, says nothing of them."""
    return np.ones(n) if not found[:n].any() and found[n:].any() else found[:n]


def _is_met(conditions: tuple[Condition, ...], codec: Codec, x: torch.Tensor) -> np.ndarray:
    """Which encoded values (B,) meet all conditions."""
    return meets(conditions, pa.table({conditions[0].column: codec.decode(x)}))


def _points(conditions: tuple[Condition, ...], codec: Codec) -> np.ndarray:
    """The values that the conditions name, as the column encodes them: between them nothing changes."""
    values = [v for c in conditions for v in c.values]
    if not values:
        return np.zeros(0)
    kind = codec.decode(torch.zeros(1, dtype=torch.float64)).type
    try:
        named = pa.array(values, kind)
    except (pa.ArrowException, ValueError, OverflowError):  # a fraction beside whole numbers
        named = pa.array([float(v) for v in values], pa.float64())
    return np.unique(codec.encode(named).numpy())


def _between(cells: Cells, a: float, b: float) -> np.ndarray:
    """The share of each cell (cells,) strictly between a and b."""
    low, high = cells.low, cells.high
    if cells.step:
        first = np.round(low / cells.step) + 1
        start, stop = np.round(a / cells.step), np.round(b / cells.step)
        n = np.minimum(stop, first + cells.size) - np.maximum(start + 1, first)
        share = n.clip(0) / cells.size
    else:
        with np.errstate(invalid="ignore", divide="ignore"):
            share = ((np.minimum(b, high) - np.maximum(a, low)) / (high - low)).clip(0, 1)
    return np.where(cells.is_atom, (low > a) & (low < b), share)


def _middle(cells: Cells, a: float, b: float) -> float:
    """A value strictly between a and b that the column can have, where there is one."""
    low, high = float(cells.cuts[0]), float(cells.cuts[-1])
    if cells.step:
        if a == -np.inf:
            return min(low, b - cells.step)
        return float(cells.support.on_step(np.array([a + cells.step]))[0])
    if a == -np.inf:
        return low
    return high if b == np.inf else (a + b) / 2
