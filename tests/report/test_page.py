import dataclasses
import math
import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genwright.core.errors import GenwrightError
from genwright.core.schema import Column, Schema
from genwright.report.page import Material, render, write
from tests.report.material import Page, good_scores, material, score

EVIL = '<script>alert("1")</script>&\'"><img src=x onerror=y>'


def mixed(n: int = 300, seed: int = 0) -> dict:
    rng = np.random.default_rng(seed)
    day = np.datetime64("2024-01-01") + rng.integers(0, 500, n)
    return {
        "id": [f"c{i}" for i in range(n)],
        "age": rng.integers(18, 90, n),
        "income": np.where(rng.random(n) < 0.2, np.nan, np.exp(rng.normal(8, 2, n))),
        "city": rng.choice(["Ulm", "Lyon", "Graz"], n),
        "since": day.astype("datetime64[s]"),
        "member": rng.random(n) < 0.5,
        "note": ["x" * k for k in rng.integers(0, 60, n)],
        "unit": ["kg"] * n,
    }


KINDS = ["id", "number", "number", "category", "datetime", "boolean", "text", "constant"]


def whole_page() -> str:
    facts = {"model": "trees", "settings": {"min_leaf": 30}, "n_train": 1200, "seconds": 3.5, "seed": 0, "note": None}
    return render(material(mixed(), mixed(seed=1), KINDS, good_scores(), **facts))


def test_the_order_of_the_page():
    page = Page(whole_page())
    assert page.text_of("h1") == ["customers.csv · trees"]
    assert page.text_of("h2") == [
        *("Scores", "Texts", "Columns", "Pairs of columns", "Copies of training rows", "Synthetic rows"),
        *("How it was measured", "Facts"),
    ]
    assert page.text_of("h3") == ["note", *mixed()]
    assert ("html", {"lang": "en"}) in page.tags
    assert any("Hard to tell from real rows (detector's AUC 0.51)" in words for _, words in page.words)


def test_nothing_is_run_or_fetched():
    html = whole_page()
    page = Page(html)
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "link", "iframe", "object", "embed", "img", "base", "form", "image", "use"}
    for tag, attributes in page.tags:
        assert not [k for k in attributes if k.startswith("on") or k in ("src", "srcset", "xlink:href")], tag
        assert (attributes.get("href") or "#").startswith("#")
    style = "".join(page.text_of("style"))
    assert "@import" not in style
    assert set(re.findall(r"url\((.*?)\)", style)) == {"#hatch"}
    assert "default-src 'none'" in html


def test_every_figure_has_a_text_alternative():
    figures = Page(whole_page()).figures
    drawn = [f for f in figures if f["role"] == "img"]
    assert len(drawn) == 5 + 1 + 6 + 1 + 1  # scores, words of a text, columns that are drawn, pairs, copies
    assert all(f.get("title") and re.search(r"\d", f.get("desc", "")) for f in drawn)
    assert all("aria-hidden" in f["attributes"] for f in figures if f["role"] != "img")


def test_references_inside_the_page_lead_somewhere():
    tags = Page(whole_page()).tags
    ids = [a["id"] for _, a in tags if "id" in a]
    assert len(ids) == len(set(ids))
    assert {a["href"][1:] for _, a in tags if "href" in a} <= set(ids)
    assert {a["aria-labelledby"] for _, a in tags if "aria-labelledby" in a} <= set(ids)


def test_names_and_values_are_escaped():
    column = {EVIL: ["<b>bold</b>", EVIL, "plain"] * 9, "x": np.arange(27.0)}
    nasty = [dataclasses.replace(score(EVIL, 0.7), unit=EVIL, protocol=EVIL, source=EVIL)]
    page = material(column, column, ["category", "number"], nasty, **{"model": EVIL, EVIL: {EVIL: [EVIL]}})
    html = render(dataclasses.replace(page, title=EVIL))
    tags = {tag for tag, _ in Page(html).tags}
    assert not tags & {"script", "img", "b"}
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_characters_that_a_page_cannot_carry():
    column = {"a\x00b\x1f": ["x\x00", "\x85", "\ufffe"] * 5}
    assert not re.search(r"[\x00-\x08\x0e-\x1f\x80-\x9f\ufffe]", render(material(column, column, ["category"])))


def test_long_names_are_cut_and_kept_in_a_title():
    name = "n" * 1_000
    column = {name: np.arange(50.0), "b": np.arange(50.0)}
    page = Page(render(material(column, column, ["number", "number"])))
    assert page.text_of("h3")[0] == "n" * 59 + "…"
    assert ("h3", {"title": name}) in page.tags


def test_what_is_not_known_is_a_dash():
    unknown = dataclasses.replace(score("detectability.boosting", 0.5), value=math.nan, low=math.nan, floor=math.nan)
    page = Page(render(material({"x": [1.0]}, {"x": [2.0]}, ["number"], [unknown])))
    assert page.text_of("td").count("–") == 1
    assert any(words.startswith("Not judged") for words in page.text_of("p"))
    assert "nan" not in " ".join(words for tag, words in page.words if tag != "style").lower().split()


def test_without_scores():
    page = Page(render(material(mixed(), mixed(seed=1), KINDS)))
    assert "Scores" in page.text_of("h2")
    assert "Copies of training rows" not in page.text_of("h2")
    assert "No scores: the fit was not judged." in page.text_of("p")


def test_wide_tables_show_the_columns_that_differ_most():
    rng = np.random.default_rng(0)
    real = {f"c{i}": rng.normal(size=50) for i in range(70)}
    fake = {**{k: v.copy() for k, v in real.items()}, "c69": rng.normal(5, 1, 50), "c33": rng.normal(5, 1, 50)}
    page = Page(render(material(real, fake, ["number"] * 70)))
    shown = page.text_of("h3")
    assert len(shown) == 60
    assert {"c33", "c69"} <= set(shown)
    assert shown == sorted(shown, key=lambda name: int(name[1:]))
    assert "The 60 of 70 columns that differ most are shown." in page.text_of("strong")


def test_the_culprits_are_named():
    rng = np.random.default_rng(0)
    real = {"fine": rng.normal(size=900), "<broken>": rng.normal(size=900)}
    fake = {"fine": rng.normal(size=900), "<broken>": rng.normal(3, 1, 900)}
    html = render(material(real, fake, ["number", "number"], [score("detectability.boosting", 0.97)]))
    assert "easily (AUC 0.97); copying was not checked; worst column: &lt;broken&gt;." in html


def test_a_distance_stands_beside_what_chance_alone_gives():
    """1.36 √(1/n + 1/m) of numbers, at most 1."""
    rng = np.random.default_rng(0)
    page = Page(render(material({"x": rng.normal(size=200)}, {"x": rng.normal(size=200)}, ["number"])))
    assert any(words.startswith("number, distance 0.") and words.endswith(" (0.14)") for words in page.text_of("span"))
    few = Page(render(material({"x": [1.5]}, {"x": [2.5]}, ["number"])))
    assert "number, distance 1.00 (1.00)" in few.text_of("span")
    assert any(words.startswith("1 real and 1 synthetic row;") for words in few.text_of("p"))


def test_why_there_are_no_scores():
    for n, words in ((0, "No scores: no rows were held out"), (1, "No scores: one row was held out")):
        page = Page(render(material(mixed(), mixed(seed=1), KINDS, n_held_out=n)))
        assert any(said.startswith(words) for said in page.text_of("p"))


def test_no_line_breaks_between_a_number_and_its_sign():
    missed = score("marginals.missed", 0.3, floor=0.0, direction="lower")
    assert "30\u00a0% of real rows" in render(material(mixed(), mixed(seed=1), KINDS, [missed]))


def test_pairs_are_blamed_where_columns_are_fine():
    rng = np.random.default_rng(0)
    x = rng.normal(size=900)
    html = render(
        material(
            {"a": x, "b": x}, {"a": x, "b": rng.permutation(x)}, ["number"] * 2, [score("detectability.boosting", 0.9)]
        )
    )
    assert "worst pair: a with b." in html


DEGENERATE = {
    "one column": ({"x": [1, 2]}, {"x": [2, 1]}, ["number"]),
    "no rows": ({"x": pa.array([], pa.float64())}, {"x": pa.array([], pa.float64())}, ["number"]),
    "no draws": ({"x": [1.5, 2.5]}, {"x": pa.array([], pa.float64())}, ["number"]),
    "all missing": ({"x": pa.array([None] * 3, pa.float64())}, {"x": pa.array([None] * 3, pa.float64())}, ["number"]),
    "nulls": ({"x": pa.nulls(3)}, {"x": pa.nulls(3)}, ["category"]),
    "one side missing": ({"x": np.arange(30.0)}, {"x": pa.array([None] * 30, pa.float64())}, ["number"]),
    "constant": ({"x": [5] * 9}, {"x": [5] * 9}, ["number"]),
    "constant date": (
        {"x": pa.array([0] * 9, pa.timestamp("s"))},
        {"x": pa.array([0] * 9, pa.timestamp("s"))},
        ["datetime"],
    ),
    "an id only": ({"x": ["a", "b"]}, {"x": ["c", "d"]}, ["id"]),
    "infinite": ({"x": [math.inf, -math.inf, 1.0]}, {"x": [math.nan, 2.0, 3.0]}, ["number"]),
    "bytes": ({"x": [b"\xff\x00"]}, {"x": [b"\xfe"]}, ["category"]),
    "lists": ({"x": [[1, 2], [3]]}, {"x": [[1], []]}, ["text"]),
    "decimals": ({"x": pa.array(range(20), pa.decimal128(10, 2))}, {"x": np.arange(20.0)}, ["number"]),
    "dictionary": ({"x": pa.array(["a", "b"]).dictionary_encode()}, {"x": ["a", None]}, ["category"]),
    "very long values": ({"x": ["y" * 100_000] * 3}, {"x": ["z" * 100_000] * 3}, ["category"]),
}


@pytest.mark.parametrize("case", DEGENERATE)
def test_degenerate_tables(case):
    html = render(material(*DEGENERATE[case], good_scores()))
    assert Page(html).text_of("h3") == ["x"]
    assert len(html) < 100_000


def test_no_columns_at_all():
    page = Page(render(Material("nothing", Schema(()), [], pa.table({}), pa.table({}), {})))
    assert page.text_of("h1")
    assert not page.text_of("h3")


def test_a_column_that_one_table_lacks():
    page = material({"x": [1.0, 2.0], "y": [1.0, 2.0]}, {"x": [1.0, 2.0]}, ["number", "number"])
    assert "absent from one of the two tables" in render(page)


@settings(deadline=None, max_examples=40)
@given(st.text(min_size=1, max_size=30), st.lists(st.one_of(st.none(), st.text(max_size=20)), min_size=1, max_size=30))
def test_any_text_makes_a_whole_page(name, values):
    try:
        column = {name: pa.array(values, pa.string())}
        page = material(column, column, ["category"], **{name: name})
    except UnicodeEncodeError:  # Arrow refuses lone surrogates itself
        return
    html = render(page)
    assert len(Page(html).text_of("h3")) == 1
    assert html.encode()


def test_a_table_like_adult_is_small():
    rng = np.random.default_rng(0)
    table = {f"number_{i}": rng.normal(size=5_000) for i in range(6)}
    table |= {f"word_{i}": rng.choice([f"level {k}" for k in range(5 + 5 * i)], 5_000) for i in range(9)}
    html = render(material(table, table, ["number"] * 6 + ["category"] * 9, good_scores()))
    assert len(html.encode()) < 400_000


def test_only_some_rows_are_drawn():
    x = {"x": np.arange(9_000.0)}
    assert "5,000 real and 5,000 synthetic rows" in render(material(x, x, ["number"]))


def test_same_material_same_page():
    assert whole_page() == whole_page()


def test_write_replaces_the_file(tmp_path):
    path = tmp_path / "report.html"
    path.write_text("old")
    assert write(material({"x": [1.0]}, {"x": [2.0]}, ["number"]), path) == path
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "taken").touch()
    with pytest.raises(GenwrightError, match=r"taken.*another place"):
        write(material({"x": [1.0]}, {"x": [2.0]}, ["number"]), tmp_path / "taken" / "report.html")


def test_the_folder_of_a_page_is_made(tmp_path):
    path = tmp_path / "absent" / "report.html"
    assert write(material({"x": [1.0]}, {"x": [2.0]}, ["number"]), path).exists()


def test_numbers_of_the_sample_are_whole_and_stand_right():
    table = {"total": [1234567.25, 2.0], "city": ["Ulm", "Graz"]}
    html = render(material(table, table, ["number", "category"]))
    assert '<td class="number">1234567.25</td>' in html
    assert "<td>Ulm</td>" in html


def test_long_names_break_after_an_underscore():
    html = render(material({"house_<i>": [1.0, 2.0]}, {"house_<i>": [2.0, 1.0]}, ["number"]))
    assert ">house_<wbr>&lt;i&gt;</h3>" in html


def test_facts_in_a_readers_words():
    facts = {"settings": {"first": [], "min_leaf": 15}, "n_train": 16_512, "seconds": 3.5}
    page = Page(render(material({"x": [1.0]}, {"x": [2.0]}, ["number"], **facts)))
    assert dict(zip(page.text_of("dt"), page.text_of("dd"), strict=True)) == {
        "Settings": "first = none, min_leaf = 15",
        "Training rows": "16,512",
        "Seconds to fit": "3.5",
    }


def test_lines_of_the_race_are_explained():
    page = Page(whole_page())
    notes = [a for tag, a in page.tags if tag == "p" and a.get("class") == "quiet note"]
    assert page.text_of("strong")[-2:] == ["exact", "closer tail"]
    assert len(notes) >= 2


def test_judges_that_are_not_installed_have_no_meaning_but_a_row():
    page = Page(render(material({"x": [1.0]}, {"x": [2.0]}, ["number"], [score("someone_elses.part", 0.5)])))
    assert any(words == "Someone elses · part" for _, words in page.words)


def test_schema_order_is_page_order():
    table = {"b": [1.0, 2.0], "a": [1.0, 2.0]}
    schema = Schema((Column("a", "number"), Column("b", "number")))
    page = dataclasses.replace(material(table, table, ["number", "number"]), schema=schema)
    assert Page(render(page)).text_of("h3") == ["a", "b"]


def test_without_real_rows_nothing_is_said_about_them():
    fake = {"x": [1.0, np.nan, 1000.0] * 9, "unit": ["kg"] * 27}
    real = {"x": pa.array([], pa.float64()), "unit": pa.array([], pa.string())}
    notes = Page(render(material(real, fake, ["number", "constant"]))).text_of("p")
    assert "no rows to draw" in notes
    assert "always kg" in notes
    assert not [words for words in notes if "% real" in words]


def test_rows_with_sequences_are_steps_in_words():
    real = {"words": [["to", "the"]] * 9, "signal": [[0.123456789, -2.5]] * 9}
    page = Page(render(material(real, real, ["sequence", "sequence"])))
    assert {"to · the", "0.123 · -2.5"} <= set(page.text_of("td"))


@pytest.mark.parametrize("is_partial", [False, True])
def test_pairs_that_were_not_looked_at_are_told(is_partial):
    names = ["a", "b", "c"]
    pairs = [[None, 0.1, 0.2], [0.1, None, None if is_partial else 0.3], [0.2, None if is_partial else 0.3, None]]
    found = score("associations.pairs", 0.2, floor=0.1, ceiling=0.4, direction="lower", columns=names, pairs=pairs)
    columns = {name: np.arange(50.0) for name in names}
    page = Page(render(material(columns, columns, ["number"] * 3, [found])))
    assert any("Pairs without a square were not looked at." in words for words in page.text_of("p")) == is_partial
