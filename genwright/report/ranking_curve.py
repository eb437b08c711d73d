"""How well a class is ranked above the others: ROC and precision-recall curve, each with its bootstrap band.

The dashed line is chance: equal shares of both sides for the one, the share of the class for the other. The band is the
middle 95 % of the resamples' curves, at each place by itself.
"""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from markupsafe import Markup

from genwright.report import svg
from genwright.report.reliability_diagram import FOOT, LEFT, SIZE, TOP, frame, joined, place
from genwright.report.words import number, shorten

Which = Literal["roc", "pr"]
AXES = {"roc": ("false positives among the others", "found of the class"), "pr": ("found of the class", "precision")}
TITLES = {"roc": "ROC curve", "pr": "Precision-recall curve"}
SAID = {"roc": (0.1, 0.2, 0.5), "pr": (0.2, 0.5, 0.8)}  # places that the description names


def draw(curve: Mapping[str, Any], which: Which) -> Markup:
    """The figure of one class's curve, as `pr_auc` keeps it."""
    x, own = curve["x"], curve[which]
    chance = [(0, 0), (1, 1)] if which == "roc" else [(0, curve["share"]), (1, curve["share"])]
    low, high = ([place(a, b) for a, b in zip(x, own[side], strict=True)] for side in ("low", "high"))
    line = [place(a, b) for a, b in zip(x, own["y"], strict=True)]
    if which == "roc":
        line = [place(0, 0), *line]
    parts = [
        svg.element("path", d=joined([*low, *high[::-1]]) + "z", class_="band"),
        *frame(*AXES[which]),
        svg.element("path", d=joined([place(*point) for point in chance]), class_="kept"),
        svg.element("path", d=joined(line), class_="real outline"),
    ]
    title = f"{TITLES[which]} of {shorten(curve['class'], 40)}"
    return svg.figure(title, describe(curve, which), LEFT + SIZE + 14, TOP + SIZE + FOOT, parts)


def describe(curve: Mapping[str, Any], which: Which) -> str:
    """The figure in words: the height at a few places."""
    own, at = curve[which], [int(np.abs(np.array(curve["x"]) - place).argmin()) for place in SAID[which]]
    across, up = AXES[which]
    told = [
        f"{number(own['y'][i])} ({number(own['low'][i])} to {number(own['high'][i])}) at {number(curve['x'][i], 2)}"
        for i in at
    ]
    chance = "the diagonal" if which == "roc" else number(curve["share"])
    return f"Share: {up}, against: {across}: {', '.join(told)}. Chance is {chance}."
