from pathlib import Path
from xml.dom import minidom

import pytest

from genwright.models.bayes_net import BayesNet
from genwright.pipeline import load
from tests.cli.conftest import call


@pytest.fixture(scope="module")
def net(people: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("net") / "people"
    assert call("fit", people, "--model", "bayes_net", "--no-judge", "--out", place).code == 0
    return place


def test_a_picture(net, here):
    ended = call("draw", net, "-o", "graph.svg", "--json")
    assert ended.code == 0, ended.err
    assert [list(edge) for edge in load(net).model.edges] == ended.document["edges"]
    picture = minidom.parse("graph.svg").documentElement
    assert picture.getAttribute("xmlns") == "http://www.w3.org/2000/svg"
    assert "people.csv" in picture.getElementsByTagName("title")[0].firstChild.data
    again = call("draw", net, "-o", "graph.svg")
    assert again.code == 2
    assert "--overwrite" in again.err


def test_other_files(net, here):
    assert call("draw", net, "-o", "graph.dot").code == 0
    assert '"age" -> "income"' in Path("graph.dot").read_text() or '"income" -> "age"' in Path("graph.dot").read_text()
    assert call("draw", net, "-o", "graph.BIF").code == 0
    text = Path("graph.BIF").read_text()
    assert BayesNet.from_bif(text).edges == load(net).model.edges
    assert "Rome" in text


def test_what_cannot_be_drawn(net, run, here):
    ended = call("draw", net, "-o", "graph.png")
    assert (ended.code, ".svg, .dot, .bif" in ended.err) == (2, True)
    ended = call("draw", run, "-o", "graph.svg")
    assert (ended.code, "no network to draw" in ended.err) == (3, True)
    assert not Path("graph.svg").exists()
