"""The diagram of states: whole, told in words, and in the report."""

import re
from xml.dom import minidom

import numpy as np
import pandas as pd
import pytest

from genwright.models.hmm import HMM
from genwright.pipeline import fit
from genwright.report.build import build_report
from genwright.report.state_diagram import StateDiagram, describe, draw
from genwright.runs.run import Run
from tests.recipes.test_segment import sentences, signal
from tests.report.material import Page

TWO = StateDiagram(
    ("a", "<b>"), (0.75, 0.25), (12.0, 4.0), np.array([[0.0, 1.0], [1.0, 0.0]]), {"x": ("1 ± 2", "3 ± 4")}
)


@pytest.fixture(scope="module")
def run() -> Run:
    settings = {"n_states": 2, "group": "machine", "n_restarts": 1}
    return fit(signal()[0], "hmm", settings=settings, judge=False)


def test_the_figure_is_whole_and_told_in_words() -> None:
    picture = minidom.parseString(str(draw(TWO))).documentElement
    assert picture.getAttribute("role") == "img"
    assert len(picture.getElementsByTagName("circle")) == 2
    assert len(re.findall('class="arrowhead"', str(draw(TWO)))) == 2
    assert (
        describe(TWO)
        == "2 states. a: 75 % of the steps, 12.0 steps a visit; <b>: 25 % of the steps, 4.00 steps a visit."
    )
    assert TWO.view()["rows"][0] == ("a", "75 %", "12.0", "1 ± 2")
    large, small = (float(c.getAttribute("r")) for c in picture.getElementsByTagName("circle"))
    assert large**2 / small**2 == pytest.approx(3, rel=0.05)


@pytest.mark.parametrize("n", [1, 3, 14])
def test_any_number_of_states_stays_in_the_figure(n: int) -> None:
    leaves = (np.ones((n, n)) - np.eye(n)) / max(n - 1, 1)
    text = str(draw(StateDiagram(tuple("s" * 20 for _ in range(n)), (1 / n,) * n, (np.inf,) * n, leaves, {})))
    picture = minidom.parseString(text).documentElement
    width = float(picture.getAttribute("width"))
    for circle in picture.getElementsByTagName("circle"):
        for axis in ("cx", "cy"):
            assert float(circle.getAttribute(axis)) - float(circle.getAttribute("r")) > 0
            assert float(circle.getAttribute(axis)) + float(circle.getAttribute("r")) < width
    assert "to the end<" in text


def test_numbers_of_states_are_those_of_the_data(run: Run) -> None:
    assert isinstance(run.model, HMM)
    diagram = StateDiagram.of(run, run.model)
    assert sum(diagram.shares) == pytest.approx(1)
    means = sorted(float(words.split()[0].replace("−", "-")) for words in diagram.emits["load"])
    assert means == pytest.approx([0, 5], abs=0.4)
    np.testing.assert_allclose(diagram.leaves, [[0, 1], [1, 0]])


def test_a_report_has_the_states(run: Run) -> None:
    page = Page(build_report(run))
    assert "States" in page.text_of("h2")
    assert "States and transitions" in page.text_of("title")
    assert "Mean duration, steps" in page.text_of("th")
    tagged = fit(sentences(), "hmm", judge=False)
    assert any("the" in words for words in Page(build_report(tagged)).text_of("td"))


def test_draws_of_a_series_keep_the_names(run: Run) -> None:
    assert isinstance(run.sample(1), pd.DataFrame)


def test_states_of_a_text_show_their_characters(tmp_path) -> None:
    path = tmp_path / "x.txt"
    path.write_text("ab ab ab\nba ba\n" * 40, encoding="utf-8")
    run = fit(path, "hmm", settings={"n_states": 2, "n_restarts": 1}, judge=False)
    shown = StateDiagram.of(run, run.model).emits["text"]
    assert {"a", "b", "␣", "↵"} & set(", ".join(shown).split(", "))
