import pyarrow as pa

from genwright.core.schema import Column
from genwright.report.page import render
from genwright.report.text_samples import LONGEST, MOST, shown, views
from tests.report.material import Page, material, score

EVIL = "<script>alert(1)</script> & \u202eright to left\x00"
COPIED = score(
    "copied_text.mean",
    30.0,
    floor=22.0,
    direction="lower",
    longest={"n": 7, "draw": ["so ", "<i>copy", " end"], "source": ["and ", "<i>copy", ""]},
    usual=list(range(101)),
)


def texts(*said: str | None) -> pa.Table:
    return pa.table({"text": pa.array(list(said), pa.string())})


def test_real_and_drawn_stand_side_by_side() -> None:
    (view,) = views([Column("text", "text")], texts("real one", None, ""), texts("drawn one"))
    assert view["real"] == ["real one", "(empty)"]
    assert view["fake"] == ["drawn one"]


def test_many_short_texts_or_few_long_ones() -> None:
    assert len(shown(["Anna"] * 100)) == MOST
    long = shown(["x" * 5000] * 100)
    assert len(long) == 3
    assert all(len(text) <= LONGEST + 2 and text.endswith("…") for text in long)


def test_columns_without_draws_or_of_another_kind_are_left_out() -> None:
    schema = [Column("text", "text"), Column("gone", "text")]
    assert views(schema, texts("a"), texts(None)) == []
    assert views([Column("text", "category")], texts("a"), texts("b")) == []
    assert len(views(schema, texts(), texts("b"))) == 1  # no real rows at hand


def page(*scores, real="a real text", fake="a drawn text", kind="text") -> str:
    return render(material({"text": [real] * 5}, {"text": [fake] * 5}, [kind], scores))


def test_nothing_that_texts_hold_is_markup() -> None:
    html = page(fake=EVIL, real=EVIL)
    assert "<script" not in html
    assert "\x00" not in html
    html.encode("utf-8")
    passages = [attributes for tag, attributes in Page(html).tags if attributes.get("class") == "passage"]
    assert len(passages) == 10
    assert all(attributes["dir"] == "auto" for attributes in passages)


def test_the_longest_copy_is_shown_with_its_neighbour() -> None:
    share = score("copied_text.share", 0.2, floor=0.01, direction="lower")
    found = Page(page(COPIED, share))
    assert found.text_of("mark") == ["<i>copy"] * 2
    words = " ".join(w for _, w in found.words)
    assert "30.0 characters on average, that of an unseen real text 22.0" in words
    assert "20 % of the synthetic texts share a passage of more than 99.0 characters" in words
    assert "The longest of all has 7 characters" in words


def test_details_that_were_lost_do_no_harm() -> None:
    bare = score("copied_text.mean", 30.0, floor=22.0, direction="lower")
    assert "shares anything" in page(bare)


def test_a_page_of_texts_alone_has_no_table_of_rows() -> None:
    headings = Page(page()).text_of("h2")
    assert "Texts" in headings
    assert "Synthetic rows" not in headings
    assert "Synthetic rows" in Page(page(kind="category")).text_of("h2")
