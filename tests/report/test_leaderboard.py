import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from genwright.core.errors import GenwrightError
from genwright.core.schema import Column, Schema
from genwright.report import family_draws
from genwright.report.leaderboard import render, shared_scale, shown, write
from genwright.runs.leaderboard import Entry, Leaderboard
from genwright.runs.yardsticks import DETECTOR
from tests.report.material import Page
from tests.runs.boards import FITTED, board, entry, pictures, score, scores, texts, whole

EVIL = "<script>alert(1)</script>&\"'"


def test_a_page_without_anything_from_elsewhere():
    html = render(whole())
    page = Page(html)
    assert not {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe"}
    assert not re.search(r"(?:src|href)=|url\((?!#)|@import|https?://", html)
    assert "default-src 'none'" in html
    assert [a["lang"] for tag, a in page.tags if tag == "html"] == ["en"]


def test_all_scores_have_their_intervals():
    html = render(board(entry("trees", 0.6, half=0.05)))
    assert re.search(r'<td class="number">0\.600 <span class="quiet">0\.550 to 0\.650</span></td>', html)


def test_every_drawing_says_its_numbers():
    figures = [f for f in Page(render(whole())).figures if f["role"] == "img"]
    assert len(figures) == 3 * 4  # detector, closest 5 % and usefulness of the judged families
    assert figures[0]["title"] == "Detectability · boosting of trees on its scale"
    assert figures[0]["desc"].startswith("Value 0.540, 95 percent interval 0.520 to 0.560; real rows 0.500")


def test_dots_of_one_column_share_a_scale():
    found = board(entry("trees", 0.55), entry("vae", 0.75))
    assert shared_scale(found, DETECTOR) == (0.5, 0.98)
    at = [float(x) for x in re.findall(r'd="M([\d.]+) 6\.0l5 6l-5 6l-5 -6z"', render(found))[::3]]
    low, high = 18, 190 - 18
    assert at == pytest.approx([low + (high - low) * (v - 0.5) / 0.48 for v in (0.55, 0.75)], abs=0.06)


def test_families_stand_in_order_with_reasons():
    page = Page(render(whole()))
    names = [words for tag, words in page.words if tag == "th"]
    places = [names.index(name) for name in ("trees", "vae", "marginals", "parrot", "unlucky")]
    assert places == sorted(places)
    words = " ".join(words for _, words in page.words)
    assert "leans to training rows" in words
    assert "gpt cannot model column 'age' (real)" in words
    assert "Stopped by hand at step 3." in words
    assert "Use trees" in page.text_of("p")
    idle = Page(render(board(entry("marginals", 0.97))))
    assert "Nothing better than independent columns" in idle.text_of("p")
    assert any(attributes.get("class") == "verdict poor" for _, attributes in idle.tags)
    assert whole().sentence.partition("--model")[0].strip() in page.text_of("p")
    assert page.text_of("code") == ["--model trees"]


def test_anchors_stand_once():
    page = Page(render(whole()))
    rows = [words for tag, words in page.words if tag == "th"]
    assert rows.count("Real rows") == rows.count("Independent columns") == 1


def test_usefulness_of_numbers_where_no_category_is_predicted():
    only = [s for s in scores(0.6) if s.name != "utility.auc"] + [score("utility.r2", 0.4, direction="higher")]
    assert shown(board(Entry("vae", FITTED, tuple(only))))[-1] == "utility.r2"
    assert shown(whole())[-1] == "utility.auc"


def test_names_and_reasons_are_escaped():
    nasty = replace(entry(EVIL, 0.6), notes=(EVIL,))
    found = board(nasty, Entry("gpt", reason=EVIL))
    found = replace(found, facts={**found.facts, "data": EVIL})
    html = render(found)
    assert "<script" not in html
    assert not {tag for tag, _ in Page(html).tags} & {"script", "img"}


@pytest.mark.parametrize(
    "entries",
    [[], [Entry("gpt", reason="refused")], [Entry("vae", FITTED)], [entry("vae", 0.6, tail=0.9)], [entry("vae", 0.5)]],
)
def test_every_outcome_has_a_page(entries):
    page = Page(render(board(*entries)))
    assert page.text_of("h1") == ["customers.csv"]
    assert "nan" not in " ".join(words for tag, words in page.words if tag != "style").lower().split()


def test_numbers_that_are_not_known_are_dashes():
    odd = [replace(s, value=float("nan"), low=float("nan"), high=float("nan")) for s in scores(0.6)]
    assert Page(render(board(Entry("vae", FITTED, tuple(odd)))))


def test_references_inside_the_page_lead_somewhere():
    tags = Page(render(whole())).tags
    ids = [a["id"] for _, a in tags if "id" in a]
    assert len(ids) == len(set(ids))
    assert {a["aria-labelledby"] for _, a in tags if "aria-labelledby" in a} <= set(ids)


def test_the_page_is_written_whole(tmp_path):
    path = write(whole(), tmp_path / "new" / "leaderboard.html")
    assert path.read_text(encoding="utf-8") == render(whole())
    assert [p.name for p in path.parent.iterdir()] == ["leaderboard.html"]
    (tmp_path / "file").touch()
    with pytest.raises(GenwrightError, match="choose another place"):
        write(whole(), tmp_path / "file" / "leaderboard.html")


class _Drawn:
    """Stands for a run whose codec and schema the page asks for."""

    def __init__(self, column: Column, peak: int = 255):
        self.schema = Schema((column,))
        codec = SimpleNamespace(schema=self.schema, codecs={column.name: SimpleNamespace(peak=peak)}, modelled=["x"])
        self.artefact = SimpleNamespace(codec=codec)


def _with_draws(found: Leaderboard, column: Column, real: pa.Table, fake: pa.Table) -> Leaderboard:
    run = _Drawn(column)
    entries = tuple(replace(e, run=run if e.run else None, drawn=fake) for e in found.entries)
    return replace(found, entries=entries, real=real)


def test_texts_of_every_family_stand_below_real_ones():
    real, fake = pa.table({"note": ["a real one"]}), pa.table({"note": [EVIL, "drawn " * 400]})
    html = render(_with_draws(texts(), Column("note", "text"), real, fake))
    page = Page(html)
    headings = page.text_of("h3")
    assert headings == ["Real texts", "ngram", "gpt", "vae", "parrot", "mute"]
    passages = [words for tag, words in page.words if tag == "p"]
    assert passages.count("a real one") == 1
    assert passages.count(EVIL) == 5
    assert "<script" not in html
    assert max(map(len, passages)) < 700
    assert "the fewest bits for a character" in " ".join(page.text_of("p"))
    assert "img-src" not in html


def test_pictures_of_every_family_stand_below_real_ones():
    shape = pa.fixed_shape_tensor(pa.uint8(), [8, 8])
    storage = pa.FixedSizeListArray.from_arrays(pa.array(np.arange(192) % 255, pa.uint8()), 64)
    table = pa.table({"face": pa.ExtensionArray.from_storage(shape, storage)})
    page = Page(html := render(_with_draws(pictures(), Column("face", "image"), table, table)))
    tiles = [a for tag, a in page.tags if tag == "img"]
    assert len(tiles) == 3 * 5
    assert all(a["src"].startswith("data:image/png;base64,") and a["alt"] for a in tiles)
    assert page.text_of("h3") == ["Real pictures", "gan", "vae", "replay", "blind"]
    assert "img-src data:" in html


def test_sequences_are_written_on_a_line():
    assert family_draws._passages([["a", "b"], [[1.0, 2.5], [None, 3.0]]]) == ["a · b", "1 2.5 · ? 3"]


def test_nothing_is_drawn_of_tables():
    assert family_draws.views(whole()) == []
    assert "What they draw" not in render(whole())


def test_what_the_order_goes_by_is_drawn_first():
    assert shown(texts())[:2] == ["bits_per_char", "bits_per_char.bound"]
    assert shown(pictures())[0] == "frechet_net"
    assert "Real pictures" in Page(render(pictures())).text_of("th")
    assert "Independent tokens" in Page(render(texts())).text_of("th")
