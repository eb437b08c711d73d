"""Made-up pictures that tests of recipes and of the report share: discs and bars of 8×8 pixels."""

from functools import cache
from typing import Any

import numpy as np
import pandas as pd

import genwright as gw


def shapes(n: int = 80, seed: int = 0, channels: int = 1) -> pd.DataFrame:
    """Columns `image` (arrays of uint8) and `label`."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:8, :8]
    images, labels = [], []
    for i in range(n):
        label = ("disc", "bar")[i % 2]
        a, b = rng.integers(2, 6, 2)
        is_inside = (y - a) ** 2 + (x - b) ** 2 < 6 if label == "disc" else abs(x - b) < 2
        picture = (is_inside * rng.integers(120, 256)).astype(np.uint8)
        images.append(picture if channels == 1 else np.repeat(picture[..., None], channels, -1))
        labels.append(label)
    return pd.DataFrame({"image": images, "label": labels})


@cache
def run_of(model: str, steps: int = 30, **settings: Any) -> gw.Run:
    """A run on these pictures; tests must leave it as it is."""
    given = settings.pop("given", None)
    budget = {} if model == "marginals" else {"steps": steps}
    return gw.fit(shapes(), model=model, settings=settings, given=given, judge=False, **budget)
