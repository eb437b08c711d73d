import re
from xml.dom import minidom

import numpy as np
import pytest

from genwright.models.bayes_net import BayesNet
from genwright.pipeline import fit
from genwright.report.build import build_report
from genwright.report.network_graph import NetworkGraph, describe, draw, standalone, to_dot
from tests.report.material import Page
from tests.tables import dependent

EVIL = '<script>alert("1")</script>&\\ '
CHAIN = NetworkGraph(("a", "b", "c", "alone"), (("a", "b"), ("b", "c"), ("a", "c")), (0.5, 0.1, float("nan")))


@pytest.fixture(scope="module")
def run():
    return fit(dependent(3_000), "bayes_net", judge=False)


def test_bits_are_those_of_the_rows(run):
    """Mutual information by counting many draws, whose bias is (r−1)(c−1) / 2N ln 2 bits."""
    assert isinstance(run.model, BayesNet)
    graph = NetworkGraph.of(run.model)
    rows = run.sample(200_000, seed=3)
    assert {frozenset(edge) for edge in graph.edges} == {frozenset("ab"), frozenset("bc")}
    for (a, b), bits in zip(graph.edges, graph.bits, strict=True):
        n = np.unique(rows[a] + rows[b], return_counts=True)[1].reshape(3, 3) / len(rows)
        alone = n.sum(1, keepdims=True) * n.sum(0, keepdims=True)
        assert bits == pytest.approx((n * np.log2(n / alone)).sum(), abs=0.01)


def test_the_figure_is_whole_and_told_in_words():
    picture = minidom.parseString(str(draw(CHAIN))).documentElement
    assert (picture.getAttribute("role"), picture.getAttribute("class")) == ("img", "network")
    assert [t.firstChild.data for t in picture.getElementsByTagName("text")[:3]] == ["a", "b", "c"]
    assert (
        describe(CHAIN) == "4 columns, 3 edges: a to b (0.500 bits); b to c (0.100 bits); a to c. 1 column has no edge."
    )
    widths = [float(w) for w in re.findall(r'class="edge" stroke-width="([\d.]+)"', str(draw(CHAIN)))]
    assert widths[:3] == [1.0, 2.0, 6.0]


def test_arrows_end_at_the_childs_box():
    text = str(draw(NetworkGraph(("up", "down"), (("up", "down"),), (0.3,))))
    tops = [float(y) for y in re.findall(r'<rect x="[-\d.]+" y="([\d.]+)"', text)]
    _, y = re.search(r'<path d="M([\d.]+) ([\d.]+)l[^"]*" class="arrowhead"', text).groups()
    assert float(y) == pytest.approx(tops[1] - 1, abs=0.11)


def test_a_file_needs_nothing_else(run):
    text = standalone(NetworkGraph.of(run.model), "Network of letters")
    picture = minidom.parseString(text).documentElement
    assert picture.getAttribute("xmlns") == "http://www.w3.org/2000/svg"
    assert "prefers-color-scheme: dark" in text
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    used = set(re.findall(r"var\(--([a-z-]+)\)", text))
    assert used <= set(re.findall(r"--([a-z-]+):", text))


def test_names_from_other_peoples_files_do_no_harm():
    graph = NetworkGraph(
        (EVIL, "漢字の長い名前がここにあります" * 3), ((EVIL, "漢字の長い名前がここにあります" * 3),), (0.2,)
    )
    text = standalone(graph, EVIL)
    minidom.parseString(text)
    assert "<script" not in text
    assert '"<script>alert(\\"1\\")</script>&\\\\ "' in to_dot(graph)


@pytest.mark.parametrize("n", [0, 1, 40])
def test_graphs_without_edges_are_drawn(n):
    graph = NetworkGraph(tuple(f"column_{i}" for i in range(n)), (), ())
    minidom.parseString(standalone(graph, "none"))
    assert describe(graph).startswith(f"{n} column")


def test_a_report_has_the_network(run):
    html = build_report(run)
    page = Page(html)
    assert "Network" in page.text_of("h2")
    assert build_report(run) == html
    assert "Network of the columns" in page.text_of("title")
    assert any("2 edges" in words for words in page.text_of("desc"))
