"""A score is the same measurement three times: of the draws, of real rows, of the trivial model."""

from typing import ClassVar

import torch

from genwright.core.judge import Evidence, Judge, Measure, Part, Score, comparable, scalars
from genwright.core.registry import Registry
from genwright.core.space import Field, Real, Space, Tokens


class Mean(Judge):
    parts: ClassVar = {
        "": Part("x", "lower", "the mean"),
        "twice": Part("2x", "half", "the mean twice"),
        "gone": Part("", "lower", ""),
    }
    source = "a book"

    def measure(self, fake, evidence):
        mean = float(fake["x"].mean())
        numbers = {"": mean, "twice": 2 * mean}
        found = {part: Measure(v, v - 1, v + 1, len(fake["x"])) for part, v in numbers.items()}
        return found | ({"gone": Measure(0, 0, 0, 0)} if fake is evidence.fake else {})

    def protocol(self, evidence):
        return "the arithmetic mean"


def test_a_single_number_beside_texts_is_no_row_to_compare():
    number, text = Field(Real()), Field(Tokens(5, 3))
    assert list(comparable(Space({"x": number, "t": text}))) == []
    assert list(comparable(Space({"x": number, "y": number, "t": text}))) == ["x", "y"]
    assert list(comparable(Space({"x": number}))) == ["x"]
    assert list(scalars(Space({"x": number, "t": text}))) == ["x"]


def test_scores_stand_between_their_anchors(monkeypatch):
    monkeypatch.setattr(Registry, "name_of", lambda self, cls: "mean")
    space = Space({"x": Field(Real())})
    rows = {name: {"x": torch.full((n,), value)} for name, n, value in [("a", 2, 1.0), ("b", 3, 2.0), ("c", 4, 3.0)]}
    evidence = Evidence(space, train=rows["a"], held_out=rows["a"], fake=rows["b"], trivial=rows["c"])
    first, second = Mean().scores(evidence)
    assert first == Score(
        "mean", 2.0, 1.0, 3.0, 3, 1.0, 3.0, "x", "lower", "the arithmetic mean", "a book", {}, 0.0, 2.0
    )
    assert (second.name, second.value, second.floor, second.ceiling, second.unit) == ("mean.twice", 4.0, 2.0, 6.0, "2x")
    assert Score(**first.to_json()) == first
