"""How a training went: its loss and the held-out loss against steps, and which step was kept.

From the lines of the training log with `step`, `loss` and, where the family has one, `held_out`. The kept step is that
of the least held-out loss, or the last one where there is none, as `training/loop` has it. A few very large losses at
the beginning are cut off, so that the rest can be seen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from genwright.report import svg
from genwright.report.words import is_known, number, quantity

WIDTH, HEIGHT, LEFT, TOP, FOOT, RIGHT = 360, 200, 46, 16, 36, 12


@dataclass(frozen=True)
class Curve:
    """A training.

    Args:
        steps: Of each line (L,).
        loss: Of the last batch (L,), NaN where there was none.
        held_out: Of rows that are not learnt from (L,), NaN where it was not measured.
    """

    steps: np.ndarray
    loss: np.ndarray
    held_out: np.ndarray

    @property
    def has_held_out(self) -> bool:
        """Whether a held-out loss was measured."""
        return bool((~np.isnan(self.held_out)).any())

    @property
    def kept(self) -> int:
        """The line whose weights were kept."""
        return int(np.nanargmin(self.held_out)) if self.has_held_out else len(self.steps) - 1


def from_log(log: Sequence[Mapping[str, Any]]) -> Curve | None:
    """The curve of a training log; None where there are fewer than two lines to draw."""
    lines = [line for line in log if is_known(line.get("step")) and is_known(line.get("loss"))]
    if len(lines) < 2:
        return None
    steps = np.array([float(line["step"]) for line in lines])
    loss = np.array([float(line["loss"]) for line in lines])
    loss[steps == 0] = np.nan  # nothing was learnt yet, and no batch seen
    held_out = np.array([line.get("held_out", np.nan) for line in lines], dtype=np.float64)
    return Curve(steps, loss, np.where(np.isfinite(held_out), held_out, np.nan))


def draw(curve: Curve) -> Markup:
    """The figure."""
    low, high = _range(curve)
    right, floor = WIDTH - RIGHT, HEIGHT - FOOT

    def x(step: np.ndarray) -> np.ndarray:
        return LEFT + (right - LEFT) * (step - curve.steps[0]) / max(float(np.ptp(curve.steps)), 1.0)

    def y(loss: np.ndarray) -> np.ndarray:
        return floor - (floor - TOP) * (np.clip(loss, low, high) - low) / (high - low)

    parts = [svg.line(LEFT, floor, right, floor, "axis"), svg.line(LEFT, TOP, LEFT, floor, "axis")]
    for value in svg.ticks(low, high, 4):
        at = float(y(np.array(value)))
        parts += [svg.line(LEFT - 3, at, LEFT, at, "axis"), svg.text(LEFT - 6, at + 4, quantity(value, 4), "end")]
    for value in svg.ticks(float(curve.steps[0]), float(curve.steps[-1]), 4):
        at = float(x(np.array(value)))
        words = f"{value:,.0f}"
        parts += [svg.line(at, floor, at, floor + 3, "axis")]
        parts += [svg.text(min(at, WIDTH - 3.2 * len(words)), floor + 14, words, "middle")]
    parts.append(svg.text((LEFT + right) / 2, HEIGHT - 4, "steps", "middle", "quiet"))
    for values, class_ in ((curve.loss, "fake outline"), (curve.held_out, "real outline")):
        at = ~np.isnan(values)
        if at.sum() > 1:
            parts.append(svg.element("path", d=_path(x(curve.steps[at]), y(values[at])), class_=class_))
    if _is_cut(curve, high):
        parts.append(svg.text(LEFT + 6, TOP - 4, "larger losses are cut off", class_="quiet"))
    return svg.figure("Loss against training steps", describe(curve), WIDTH, HEIGHT, [*parts, *_mark(curve, x, y)])


def describe(curve: Curve) -> str:
    """The figure in words."""
    k = curve.kept
    steps = f"{curve.steps[-1]:,.0f} steps, step {curve.steps[k]:,.0f} kept."
    sides = []
    for name, values in (("Training loss", curve.loss), ("Held-out loss", curve.held_out)):
        known = values[~np.isnan(values)]
        if len(known):
            sides.append(f"{name} from {number(float(known[0]))} to {number(float(known[-1]))}.")
    least = f" Least held-out loss {number(float(curve.held_out[k]))}." if curve.has_held_out else ""
    return " ".join([steps, *sides]) + least


def _mark(curve: Curve, x: Any, y: Any) -> list[Markup]:
    """The kept step."""
    k = curve.kept
    values = curve.held_out if curve.has_held_out else curve.loss
    if np.isnan(values[k]):
        return []
    at, height = float(x(curve.steps[k])), float(y(values[k]))
    words = f"kept: step {curve.steps[k]:,.0f}"
    is_left = at > WIDTH / 2
    return [
        svg.line(at, TOP, at, HEIGHT - FOOT, "kept"),
        svg.element("circle", cx=at, cy=height, r=4.5, class_="floor"),
        svg.text(at + (-6 if is_left else 6), TOP + 8, words, "end" if is_left else "start"),
    ]


def _is_cut(curve: Curve, high: float) -> bool:
    return bool((np.concatenate([curve.loss, curve.held_out]) > high).any())


def _range(curve: Curve) -> tuple[float, float]:
    """Least and greatest loss that are drawn."""
    both = np.concatenate([curve.loss, curve.held_out])
    known = both[~np.isnan(both)]
    if not len(known):
        return 0.0, 1.0
    low, high = float(known.min()), float(known.max())
    settled = float(np.quantile(known, 0.9))
    if high - low > 3 * (settled - low) > 0:
        high = low + 1.5 * (settled - low)
    pad = 0.04 * (high - low) or 0.5 * max(abs(high), 1e-6)
    return low - pad, high + pad


def _path(x: np.ndarray, y: np.ndarray) -> str:
    return "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True))
