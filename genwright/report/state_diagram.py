"""The states of a hidden Markov model: circles on a ring, as large as they are often visited, arrows for transitions.

An arrow's width stands for p(next state | this one, which is left), so that arrows out of a state sum to one; staying
is told by the mean duration, 1 / (1 - A_kk) steps. Rare transitions are left out, and of many states the rarest.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from genwright.core.space import Tokens
from genwright.models.hmm import HMM
from genwright.nn.markov.columns import NumberColumn
from genwright.nn.markov.steps import emitted
from genwright.report import svg
from genwright.report.words import breadth, number, percent, shorten
from genwright.runs.run import Run
from genwright.runs.states import state_names

MOST, RARE = 14, 0.1  # states that are drawn; share of the transitions out of a state that is left out
SMALL, LARGE = 13.0, 34.0  # radii of circles
THIN, THICK = 1.0, 6.0
RING, MARGIN = 34.0, 66.0  # radius of the ring for each state; room around it
N_ITEMS, N_NUMBERS = 4, 6  # items of a state that are named; numbers of a step that are listed


@dataclass(frozen=True)
class StateDiagram:
    """States to be drawn, the most visited first.

    Args:
        names: Of the states.
        shares: Share of the steps that a long sequence spends in each.
        durations: Mean steps of a visit.
        leaves: p(next state | left) (K, K), zeros on the diagonal.
        emits: Column → what each state emits, in a few words.
        n_left_out: States that are not drawn.
    """

    names: tuple[str, ...]
    shares: tuple[float, ...]
    durations: tuple[float, ...]
    leaves: np.ndarray
    emits: dict[str, tuple[str, ...]]
    n_left_out: int = 0

    @classmethod
    def of(cls, run: Run, model: HMM) -> "StateDiagram":
        """A fitted model's."""
        shares, durations = model.hidden.chain.occupancy(), model.hidden.chain.durations()
        shown = np.argsort(-shares, kind="stable")[:MOST]
        leaves = model.hidden.chain.move * (1 - np.eye(model.n_states))
        total = leaves.sum(1, keepdims=True)
        leaves = np.divide(leaves, total, out=np.zeros_like(leaves), where=total > 0)
        names = state_names(run)
        emits = {column: tuple(words[k] for k in shown) for column, words in _emits(run, model).items()}
        return cls(
            tuple(names[k] for k in shown),
            tuple(shares[shown].tolist()),
            tuple(durations[shown].tolist()),
            leaves[np.ix_(shown, shown)],
            emits,
            model.n_states - len(shown),
        )

    def view(self) -> dict[str, Any]:
        """Drawing and table for the page."""
        head = ["State", "Share of steps", "Mean duration, steps", *self.emits]
        cells = zip(self.names, self.shares, self.durations, *self.emits.values(), strict=True)
        rows = [(shorten(n, 40), percent(s), _steps(d), *words) for n, s, d, *words in cells]
        has_classes = any("⟨rare" in word for words in self.emits.values() for word in words)
        return {
            "drawing": draw(self),
            "head": head,
            "rows": rows,
            "n_left_out": self.n_left_out,
            "has_classes": has_classes,
        }


def _steps(duration: float) -> str:
    return number(duration) if math.isfinite(duration) else "to the end"


def _visit(duration: float) -> str:
    return f"{_steps(duration)} steps" if math.isfinite(duration) else _steps(duration)


def _emits(run: Run, model: HMM) -> dict[str, list[str]]:
    """Column, or number of a step → what every state emits."""
    found: dict[str, list[str]] = {}
    for name, column in model.columns.items():
        codec, emission = run.artefact.codec.codecs[name], model.hidden.emissions[name]
        if isinstance(column, NumberColumn):
            names = list(getattr(codec.config, "names", ())) or [f"{name}[{d}]" for d in range(column.support.dim)]
            mean, scale = _moments(emission, column)
            for d, label in list(enumerate(names))[:N_NUMBERS]:
                found[label] = [f"{number(m[d])} ± {number(s[d])}" for m, s in zip(mean, scale, strict=True)]
        else:
            words = codec.words() if hasattr(codec, "words") else [_visible(piece) for piece in codec.pieces()]  # type: ignore[attr-defined]
            codes = _codes(model, name)
            best = np.argsort(-emission.p, axis=1, kind="stable")[:, :N_ITEMS]  # type: ignore[attr-defined]
            found[name] = [", ".join(shorten(words[codes[v]], 20) for v in row) for row in best]
    return found


def _visible(piece: str) -> str:
    """A piece of text with signs for blanks and line ends; bytes that are no text become question marks."""
    return piece.replace(" ", "␣").replace("\n", "↵").encode("utf-8", "replace").decode()


def _codes(model: HMM, name: str) -> np.ndarray:
    support = model.space[name].support
    assert isinstance(support, Tokens)
    return emitted(support)


def _moments(emission: Any, column: NumberColumn) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of every state (K, D), in the column's own units."""
    if hasattr(emission, "rate"):
        return emission.rate, np.sqrt(emission.rate)
    if hasattr(emission, "share"):
        shape = (*emission.share.shape, column.support.dim)
        mean, var = emission.parts.mean.reshape(shape), emission.parts.variance.reshape(shape)
        share = emission.share[:, :, None]
        centre = (share * mean).sum(1)
        spread = (share * (var + mean**2)).sum(1) - centre**2
        return centre * column.scale + column.location, np.sqrt(spread) * column.scale
    return emission.mean * column.scale + column.location, np.sqrt(emission.variance) * column.scale


def describe(diagram: StateDiagram) -> str:
    """The figure in words."""
    cells = zip(diagram.names, diagram.shares, diagram.durations, strict=True)
    told = "; ".join(f"{shorten(n, 40)}: {percent(s)} of the steps, {_visit(d)} a visit" for n, s, d in cells)
    rest = f" {diagram.n_left_out} rarer states are left out." if diagram.n_left_out else ""
    return f"{len(diagram.names)} states. {told}.{rest}"


def draw(diagram: StateDiagram, title: str = "States and transitions") -> Markup:
    """The figure; its colours are those of the page it stands in."""
    n = len(diagram.names)
    ring = RING * max(n, 2) / 2 + LARGE if n > 1 else 0.0
    centre = ring + MARGIN + LARGE
    angle = 2 * np.pi * np.arange(n) / max(n, 1) - np.pi / 2
    x, y = centre + ring * np.cos(angle), centre + ring * np.sin(angle)
    most = max(diagram.shares, default=1.0) or 1.0
    radius = np.array([max(SMALL, LARGE * (s / most) ** 0.5) for s in diagram.shares])
    arrows = [
        (diagram.leaves[j, k], _arrow(diagram, j, k, x, y, radius))
        for j in range(n)
        for k in range(n)
        if diagram.leaves[j, k] >= RARE
    ]
    parts = [arrow for _, arrow in sorted(arrows, key=lambda pair: pair[0])]
    parts += [_circle(diagram, k, x[k], y[k], radius[k]) for k in range(n)]
    parts += [_label(diagram, k, angle[k] if n > 1 else np.pi / 2, x[k], y[k], radius[k]) for k in range(n)]
    whole = svg.figure(title, describe(diagram), 2 * centre, 2 * centre, parts)
    return Markup(str(whole).replace("<svg", '<svg class="network"', 1))


def _circle(diagram: StateDiagram, k: int, x: float, y: float, radius: float) -> Markup:
    name = diagram.names[k]
    words = f"{name}: {percent(diagram.shares[k])} of the steps, {_visit(diagram.durations[k])} a visit"
    return svg.element(
        "g",
        svg.element("title", words),
        svg.element("circle", cx=x, cy=y, r=radius, class_="node"),
        svg.text(x, y + 4.5, shorten(name, 8, breadth), "middle", "name"),
    )


def _label(diagram: StateDiagram, k: int, angle: float, x: float, y: float, radius: float) -> Markup:
    """How long a visit lasts, on the side of the circle that faces outwards."""
    cos, sin = math.cos(angle), math.sin(angle)
    anchor = "middle" if abs(cos) < 0.35 else "start" if cos > 0 else "end"
    words = _visit(diagram.durations[k])
    return svg.text(x + (radius + 7) * cos, y + (radius + 11) * sin + 4, words, anchor, "quiet")


def _arrow(diagram: StateDiagram, j: int, k: int, x: np.ndarray, y: np.ndarray, radius: np.ndarray) -> Markup:
    """A bowed line from one circle to another; there and back lie beside each other."""
    p = float(diagram.leaves[j, k])
    width = THIN + (THICK - THIN) * p
    dx, dy = x[k] - x[j], y[k] - y[j]
    length = math.hypot(dx, dy)
    ux, uy = dx / length, dy / length
    bow = 0.14 * length
    mx, my = (x[j] + x[k]) / 2 - uy * bow, (y[j] + y[k]) / 2 + ux * bow
    start = _towards(x[j], y[j], mx, my, radius[j])
    tip = _towards(x[k], y[k], mx, my, radius[k] + 1)
    back = _towards(x[k], y[k], mx, my, radius[k] + 5 + 1.4 * width)
    line = f"M{start[0]:.1f} {start[1]:.1f}Q{mx:.1f} {my:.1f} {back[0]:.1f} {back[1]:.1f}"
    words = f"{diagram.names[j]} to {diagram.names[k]}: {percent(p)} of the times it is left"
    return svg.element(
        "g",
        svg.element("title", words),
        svg.element("path", d=line, class_="edge", stroke_width=f"{width:.2f}"),
        svg.element("path", d=_head(back, tip, 2.2 + 0.75 * width), class_="arrowhead"),
    )


def _towards(x: float, y: float, to_x: float, to_y: float, distance: float) -> tuple[float, float]:
    """The point at a distance from one point towards another."""
    length = math.hypot(to_x - x, to_y - y) or 1.0
    return x + distance * (to_x - x) / length, y + distance * (to_y - y) / length


def _head(back: tuple[float, float], tip: tuple[float, float], half: float) -> str:
    """A triangle."""
    dx, dy = tip[0] - back[0], tip[1] - back[1]
    length = math.hypot(dx, dy) or 1.0
    nx, ny = -dy / length * half, dx / length * half
    return f"M{tip[0]:.1f} {tip[1]:.1f}L{back[0] + nx:.1f} {back[1] + ny:.1f}L{back[0] - nx:.1f} {back[1] - ny:.1f}z"
