"""The page of an augmentation says what was found, for every outcome, and needs nothing else."""

import re
from dataclasses import replace

import numpy as np
import pytest

from genwright.core.errors import GenwrightError
from genwright.report.augmentation import render, verdict, write
from genwright.runs.augmentation import Report, Trial, Way
from tests.report.augmented import COPIES, GAIN, augmented, declined, pictures, report
from tests.report.material import Page

EVIL = "<script>alert(1)</script>&\"'"


def words_of(html: str) -> str:
    return " ".join(words for tag, words in Page(html).words if tag != "style")


def drawings(html: str) -> list[tuple[str, str]]:
    """(title, description) of every figure that has them."""
    return [(f["title"], f["desc"]) for f in Page(html).figures if f["role"] == "img"]


def test_a_page_without_anything_from_elsewhere():
    html = render(augmented())
    page = Page(html)
    assert not {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe"}
    assert not re.search(r"(?:src|href)=|url\((?!#)|@import|https?://", html)
    assert "default-src 'none'" in html
    assert "img-src" not in html
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))
    assert {a["aria-labelledby"] for _, a in page.tags if "aria-labelledby" in a} <= set(ids)


@pytest.mark.parametrize(
    ("found", "level", "word", "told"),
    [
        (report(), "good", "Kept", "from 0.500 to 0.750, a gain of +0.250 (95 % interval +0.100 to +0.400)"),
        (report(gains=[replace(GAIN, low=-0.1)]), "fair", "Kept; no sure gain", "On folds that it was not"),
        (report(gains=[replace(GAIN, high=-0.1, low=-0.3)]), "poor", "Kept; it lost", "foretold better without"),
        (
            report(gains=[replace(GAIN, after=0.4, low=-0.2, high=0.1)]),
            "fair",
            "Kept; no sure gain",
            "a change of −0.100",
        ),
        (report(p=0.5), "good", "Kept, as asked", "4 rows were added by copies (until classes are equal)"),
        (
            report(gains=[GAIN, replace(GAIN, metric="pr_auc", before=0.9, after=0.8, low=-0.2, high=-0.01)]),
            "good",
            "Kept",
            "PR AUC fell from 0.900 to 0.800 (95 % interval −0.200 to −0.010).",
        ),
        (report(gains=[]), "fair", "Kept; not measured", "No rows were held out"),
        (declined(), "unknown", "Declined", "best of 3 ways was copies (until classes are equal); on folds that it"),
        (declined(fresh=[]), "unknown", "Declined", "folds that chose, the gain in balanced accuracy was −0.010"),
        (declined(trials=[], fresh=[]), "unknown", "Nothing to add", "Rows are unchanged: this amount adds no row."),
    ],
)
def test_every_outcome_in_a_sentence(found: Report, level: str, word: str, told: str):
    assert verdict(found)[:2] == (level, word)
    assert told in verdict(found)[2]
    page = Page(render(augmented(found)))
    assert told in " ".join(page.text_of("p"))
    assert page.text_of("h1") == ["shop.csv: churn"]
    assert "nan" not in words_of(render(augmented(found))).lower().split()


def test_before_and_after_with_intervals():
    html = render(augmented())
    assert "0.400 to 0.600" in html
    assert "0.600 to 0.850" in html
    figures = dict(drawings(html))
    assert figures["Rows of each class"] == "no: 7 real; yes: 3 real, 4 added."
    assert figures["Balanced accuracy before and after"].startswith("Before 0.500, 95 percent interval 0.400 to 0.600")
    assert [told[:8] for title, told in drawings(html) if title == "Confusion matrix"] == ["11 of 20", "15 of 20"]


def test_what_was_declined_has_no_after():
    html = render(augmented(declined()))
    headings = Page(html).text_of("h2")
    assert "Before and after, on held-out rows" not in headings
    assert "Drawn beside real" not in headings
    assert "What was tried" in headings
    assert "Confusion matrix" not in dict(drawings(html))
    assert "nothing was added" in words_of(html)


def test_every_way_stands_in_the_list_and_the_best_once_more():
    html = render(augmented())
    names = [words for tag, words in Page(html).words if tag == "th"]
    assert [n for n in names if n in ("nothing", "copies", "trees", "ngram")] == [
        "nothing",
        "copies",
        "trees",
        "ngram",
        "copies",
    ]
    assert "no text" in words_of(html)
    lines = [told for title, told in drawings(html) if title.startswith("Gain of copies")]
    assert lines[0].startswith("Gain +0.180, 95 percent interval ")
    assert lines[0].endswith("on folds +0.100, +0.200, +0.100, +0.300, +0.200.")
    assert lines[1].startswith("Gain +0.150")
    assert "reaches 0.512 on average" in words_of(html)


def test_the_interval_over_folds_is_that_of_the_test():
    """Half a width: t(0.975; 4) · sqrt((1/5 + 1/4) · var), by hand 0.156 for these five."""
    gains = np.array([0.1, 0.2, 0.1, 0.3, 0.2])
    half = 2.776445 * np.sqrt(0.45 * gains.var(ddof=1))
    assert f"+{gains.mean() + half:.3f}" in render(augmented())


def test_two_classes_are_named_by_their_rarer_one():
    found = report(metric="pr_auc", gains=[replace(GAIN, metric="pr_auc")])
    assert "precision-recall curve of yes, the rarer class" in words_of(render(augmented(found)))


def test_rows_texts_and_pictures_are_shown_beside_real_ones():
    rows = Page(render(augmented())).text_of("td")
    assert rows.count("real") == 2
    assert rows.count("drawn") == 3
    texts = Page(render(augmented(note=("text", [f"text {i}" for i in range(14)]))))
    assert [t for t in texts.text_of("p") if t.startswith("text ")] == [f"text {i}" for i in (7, 8, 9, 10, 11, 12)]
    html = render(augmented(face=("image", pictures())))
    alts = [a["alt"] for tag, a in Page(html).tags if tag == "img"]
    assert alts == [f"Real picture of yes, number {i}" for i in (1, 2, 3)] + [
        f"Drawn picture of yes, number {i}" for i in (1, 2, 3, 4)
    ]
    assert "img-src data:" in html


def test_names_of_others_are_escaped():
    way = Way(EVIL, "balance")
    found = report(
        target=EVIL,
        judge_model=EVIL,
        trials=[Trial(way, [0.1]), Trial(COPIES, [], EVIL)],
        chosen=way,
        counts={"no": 7, "yes": 3},
        notes=(EVIL,),
        facts={**report().facts, "data": EVIL},
    )
    for columns in ({EVIL + "x": ("text", [EVIL] * 14)}, {EVIL + "x": ("category", [EVIL] * 14)}):
        html = render(augmented(found, **columns))
        assert "<script" not in html
        assert not {tag for tag, _ in Page(html).tags} & {"script", "img"}
        assert EVIL in words_of(html)


def test_classes_of_others_are_escaped_and_many_are_cut():
    names = [EVIL, "日本語の長い名前のクラス" * 9, *map(str, range(100))]
    counts = {name: 5 + i for i, name in enumerate(names)}
    html = render(augmented(declined(counts=counts)))
    assert "<script" not in html
    assert "72 classes with more rows are not drawn." in words_of(html)


def test_a_report_without_facts_has_a_page():
    bare = Report("churn", "knn", "pr_auc", {"no": 7, "yes": 3}, [Trial(COPIES, [float("nan")])], None, 0.0, 1.0, 0.05)
    assert Page(render(augmented(bare))).text_of("h1") == ["data: churn"]


def test_the_page_is_written_whole(tmp_path):
    path = write(augmented(), tmp_path / "new" / "page.html")
    assert path.read_text(encoding="utf-8") == render(augmented())
    (tmp_path / "file").touch()
    with pytest.raises(GenwrightError, match="choose another place"):
        write(augmented(), tmp_path / "file" / "page.html")
