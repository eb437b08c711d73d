"""The network of a run: columns as boxes, edges from parents to children, wider where they say more.

An edge's width stands for the mutual information of its two columns in the fitted network, in bits:

    I(a; b) = Σ_jk p(j, k) log2 p(j, k) / p(j) p(k)

Columns without any edge stand together below the others.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from genwright.core.errors import UnsupportedError
from genwright.models.bayes_net import BayesNet
from genwright.report import svg
from genwright.report.layers import arranged
from genwright.report.words import is_known, number, shorten

BOX, PAD, GAP, BEND = 26.0, 9.0, 18.0, 12.0  # height of a box, room beside its name, between boxes, for a passing edge
LEAST_FALL, MOST_FALL = 46.0, 110.0  # between two layers of boxes, more where more edges pass
LETTER, CAPITAL, WIDE_LETTER = 7.0, 8.7, 13.0  # width of a letter
LONGEST = 24  # letters of a name
THIN, THICK = 1.0, 6.0
MARGIN, FOOT = 10.0, 34.0
N_TOLD = 8  # edges that the description names


@dataclass(frozen=True)
class NetworkGraph:
    """A network to be drawn.

    Args:
        names: The columns.
        edges: Pairs of parent and child.
        bits: Mutual information of each pair; NaN where it is not known.
    """

    names: tuple[str, ...]
    edges: tuple[tuple[str, str], ...]
    bits: tuple[float, ...]

    @classmethod
    def of(cls, model: BayesNet) -> "NetworkGraph":
        """A fitted network's."""
        edges = tuple(model.edges)
        return cls(tuple(model.names), edges, tuple(_bits(model, a, b) for a, b in edges))

    @property
    def strongest(self) -> float:
        """The largest mutual information; NaN where none is known."""
        return max((b for b in self.bits if is_known(b)), default=float("nan"))


def _bits(model: BayesNet, a: str, b: str) -> float:
    try:
        p = model.marginal([a, b])
    except UnsupportedError:  # the elimination would be too large
        return float("nan")
    alone = p.sum(1, keepdims=True) * p.sum(0, keepdims=True)
    at = p > 0
    return max(0.0, float((p[at] * np.log2(p[at] / alone[at])).sum()))


def describe(graph: NetworkGraph) -> str:
    """The figure in words."""
    order = sorted(range(len(graph.edges)), key=lambda i: -graph.bits[i] if is_known(graph.bits[i]) else np.inf)
    told = "; ".join(_edge_words(graph, i) for i in order[:N_TOLD])
    rest = len(order) - N_TOLD
    ending = f"; and {rest} more" if rest > 0 else ""
    alone = len(set(graph.names) - {name for edge in graph.edges for name in edge})
    lonely = f" {_count(alone, 'column')} {'has' if alone == 1 else 'have'} no edge." if alone else ""
    both = f"{_count(len(graph.names), 'column')}, {_count(len(graph.edges), 'edge')}"
    return f"{both}{': ' if told else ''}{told}{ending}.{lonely}"


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _edge_words(graph: NetworkGraph, i: int) -> str:
    a, b = graph.edges[i]
    bits = f" ({number(graph.bits[i])} bits)" if is_known(graph.bits[i]) else ""
    return f"{shorten(a, 40)} to {shorten(b, 40)}{bits}"


def draw(graph: NetworkGraph, title: str = "Network of the columns", **attributes: Any) -> Markup:
    """The figure; its colours are those of the page it stands in."""
    parts, width, height = _drawn(graph)
    whole = svg.figure(title, describe(graph), width, height, parts)
    extra = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return Markup(str(whole).replace("<svg", f'<svg class="network"{extra}', 1))


def standalone(graph: NetworkGraph, title: str) -> str:
    """The figure as a file of its own, light or dark as the reader's system is."""
    folder = Path(__file__).parent
    page = (folder / "style.css").read_text(encoding="utf-8")
    style = page[: page.index("* {")] + (folder / "network_graph.css").read_text(encoding="utf-8")
    whole = str(draw(graph, title, xmlns="http://www.w3.org/2000/svg"))
    head, tag, rest = whole.partition("</desc>")
    ground = svg.element("rect", width="100%", height="100%", class_="ground")
    return f"{head}{tag}<style>\n{style}</style>{ground}{rest}\n"


def to_dot(graph: NetworkGraph) -> str:
    """The figure in Graphviz' language."""
    lines = [f"  {_quoted(name)};" for name in graph.names]
    for (a, b), bits in zip(graph.edges, graph.bits, strict=True):
        said = f', tooltip="{bits:.4g} bits"' if is_known(bits) else ""
        lines.append(f"  {_quoted(a)} -> {_quoted(b)} [penwidth={_width(bits, graph.strongest):.2f}{said}];")
    return "digraph network {\n  node [shape=box, style=rounded];\n" + "\n".join(lines) + "\n}\n"


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'


def _width(bits: float, strongest: float) -> float:
    """Width of a line in pixels."""
    share = bits / strongest if is_known(bits) and strongest > 0 else 0.0
    return THIN + (THICK - THIN) * share


def _text_width(words: str) -> float:
    wide = (unicodedata.east_asian_width(c) in "WF" for c in words)
    return sum(WIDE_LETTER if w else CAPITAL if c.isupper() else LETTER for c, w in zip(words, wide, strict=True))


def _drawn(graph: NetworkGraph) -> tuple[list[Markup], float, float]:
    place = {name: v for v, name in enumerate(graph.names)}
    edges = [(place[a], place[b]) for a, b in graph.edges]
    linked = sorted({v for edge in edges for v in edge})
    labels = [shorten(name, LONGEST) for name in graph.names]
    widths = [_text_width(label) + 2 * PAD for label in labels]
    number_of = {v: i for i, v in enumerate(linked)}
    own = [(number_of[a], number_of[b]) for a, b in edges]
    n_across = max(4, round(1.25 * len(linked) ** 0.5))
    found = arranged([widths[v] for v in linked], own, n_across, BEND, GAP)
    tops = _tops(found.layer, list(found.chains.values()))
    half = np.array([widths[v] / 2 for v in linked] + [BEND / 2] * (len(found.layer) - len(linked)))
    x = found.x - (found.x - half).min() + MARGIN if len(half) else found.x
    right = float((x + half).max()) if len(half) else 0.0
    y = [tops[k] for k in found.layer]
    lines = _edges(graph, found.chains, own, x, y, half)
    boxes = [_node(graph.names[v], labels[v], x[i], y[i], widths[v]) for i, v in enumerate(linked)]
    bottom = max(y, default=MARGIN - BOX - GAP) + BOX
    alone = [v for v in range(len(labels)) if v not in number_of]
    more, right, bottom = _alone(graph, labels, widths, alone, max(right, 300.0), bottom + GAP)
    legend = _legend(graph, bottom + FOOT - 12) if is_known(graph.strongest) else []
    return [*lines, *boxes, *more, *legend], right + MARGIN, bottom + (FOOT if legend else MARGIN)


def _tops(layer: list[int], chains: list[list[int]]) -> list[float]:
    """Top of each layer; layers between which many edges run lie further apart."""
    n = max(layer, default=-1) + 1
    passing = [0] * n
    for chain in chains:
        for v in chain[:-1]:
            passing[layer[v]] += 1
    tops = [MARGIN]
    for k in range(n - 1):
        tops.append(tops[-1] + BOX + min(MOST_FALL, LEAST_FALL + 2.5 * passing[k]))
    return tops


def _alone(
    graph: NetworkGraph, labels: list[str], widths: list[float], alone: list[int], right: float, top: float
) -> tuple[list[Markup], float, float]:
    """Rows of columns without an edge; the right end and the bottom of everything."""
    parts, x, y = [], MARGIN, top
    if alone:
        parts.append(svg.text(MARGIN, y + 8, "without an edge", class_="quiet"))
        y += GAP
    for v in alone:
        if x > MARGIN and x + widths[v] > right:
            x, y = MARGIN, y + BOX + 8
        parts.append(_node(graph.names[v], labels[v], x + widths[v] / 2, y, widths[v]))
        x += widths[v] + 8
        right = max(right, x - 8)
    return parts, right, y + BOX if alone else y


def _node(name: str, label: str, x: float, y: float, width: float) -> Markup:
    return svg.element(
        "g",
        svg.element("title", name),
        svg.element("rect", x=x - width / 2, y=y, width=width, height=BOX, rx=6, class_="node"),
        svg.text(x, y + BOX / 2 + 4.5, label, "middle"),
    )


def _edges(
    graph: NetworkGraph,
    chains: dict[tuple[int, int], list[int]],
    own: Sequence[tuple[int, int]],
    x: np.ndarray,
    y: list[float],
    half: np.ndarray,
) -> list[Markup]:
    """The curves; thin ones first, so that strong ones lie above them."""
    start, end = _ports([chains[e] for e in own], x, half, 0), _ports([chains[e] for e in own], x, half, -1)
    drawn = []
    for i, edge in enumerate(own):
        width = _width(graph.bits[i], graph.strongest)
        head = 5 + 1.4 * width
        chain = chains[edge]
        points = [(start[i], y[chain[0]] + BOX)]
        for v in chain[1:-1]:
            points += [(float(x[v]), y[v]), (float(x[v]), y[v] + BOX)]
        tip = (end[i], y[chain[-1]] - 1)
        points.append((tip[0], tip[1] - head + 1))
        words = _edge_words(graph, i)
        line = svg.element(
            "g",
            svg.element("title", words),
            svg.element("path", d=_curve(points), class_="edge", stroke_width=f"{width:.2f}"),
            svg.element("path", d=_arrow(tip, head, 2.2 + 0.75 * width), class_="arrowhead"),
        )
        drawn.append((width, line))
    return [line for _, line in sorted(drawn, key=lambda pair: pair[0])]


def _ports(chains: list[list[int]], x: np.ndarray, half: np.ndarray, side: int) -> list[float]:
    """Where edges leave (side 0) or enter (side −1) their box: spread over it, in the order of where they go."""
    found = [0.0] * len(chains)
    of_box: dict[int, list[int]] = {}
    for i, chain in enumerate(chains):
        of_box.setdefault(chain[side], []).append(i)
    for v, some in of_box.items():
        some.sort(key=lambda i: x[chains[i][1 if side == 0 else -2]])
        room = min(2 * half[v] - 16, 16.0 * (len(some) - 1))
        offsets = np.linspace(-room / 2, room / 2, len(some)) if len(some) > 1 else [0.0]
        for i, offset in zip(some, offsets, strict=True):
            found[i] = float(x[v] + offset)
    return found


def _curve(points: list[tuple[float, float]]) -> str:
    """A smooth line through the points that is upright at each of them."""
    parts = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for (x0, y0), (x1, y1) in pairwise(points):
        bow = 0.5 * (y1 - y0)
        parts.append(f"C{x0:.1f} {y0 + bow:.1f} {x1:.1f} {y1 - bow:.1f} {x1:.1f} {y1:.1f}")
    return "".join(parts)


def _arrow(tip: tuple[float, float], length: float, half: float) -> str:
    x, y = tip
    return f"M{x:.1f} {y:.1f}l{-half:.1f} {-length:.1f}h{2 * half:.1f}z"


def _legend(graph: NetworkGraph, y: float) -> list[Markup]:
    """What the widths mean."""
    head = "mutual information:"
    parts, x = [svg.text(MARGIN, y + 4, head, class_="quiet")], MARGIN + 6.4 * len(head)
    for bits in (graph.strongest / 10, graph.strongest):
        words = f"{number(bits, 2)} bits"
        width = f"{_width(bits, graph.strongest):.2f}"
        parts.append(svg.element("path", d=f"M{x:.1f} {y:.1f}h26", class_="edge", stroke_width=width))
        parts.append(svg.text(x + 32, y + 4, words, class_="quiet"))
        x += 40 + 6.4 * len(words)
    return parts
