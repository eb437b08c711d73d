"""The report of a classifier: its figures say what was counted, and the page needs nothing else."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import genwright as gw
from genwright.core.errors import DataError
from genwright.core.judge import Score
from genwright.core.predictions import Predictions, scores
from genwright.judges.calibration_error import CalibrationError
from genwright.judges.macro_f1 import MacroF1
from genwright.judges.pr_auc import PrAuc
from genwright.judges.worst_group import WorstGroup
from genwright.report import classifier_page, confusion_matrix, ranking_curve, reliability_diagram
from genwright.report.build import build_report
from genwright.runs.classifier_run import ClassifierRun

HOSTILE = '<script>alert("1")</script>&'


@pytest.fixture(scope="module")
def run() -> ClassifierRun:
    return gw.classify("breast_cancer", "diagnosis", model="naive_bayes")


def judged(k: int = 3, name: str = "c") -> list[Score]:
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(k), 300)
    y = np.array([rng.choice(k, p=row) for row in p])
    by = {f"{name}olumn": np.where(rng.random(300) < 0.5, f"{name}left", "right")}
    classes = [f"{name}{i}" for i in range(k)]
    rows = Predictions(y, p, np.bincount(y, minlength=k) / 300, np.arange(300), classes, by=by)
    judges = (MacroF1, PrAuc, CalibrationError, WorstGroup)
    return [*scores(rows), *(s for judge in judges for s in judge().predicted(rows))]


def parsed(drawing: str) -> ET.Element:
    return ET.fromstring(str(drawing))


def test_a_page_of_a_loaded_run_needs_no_data_and_nothing_else(
    run: ClassifierRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.save(tmp_path / "run")
    loaded = gw.load(tmp_path / "run")
    monkeypatch.setattr(ClassifierRun, "judge", lambda *_: pytest.fail("the scores of the fit are enough"))
    page = build_report(loaded)
    shown, facts = '<section aria-labelledby="scores">', '<section aria-labelledby="facts">'
    pages = [p[p.index(shown) : p.index(facts)] for p in (page, build_report(run))]
    assert pages[0] == pages[1]
    for title in ("Confusion matrix", "Reliability diagram", "ROC curve of ", "Precision-recall curve of "):
        assert f"<title>{title}" in page
    assert not re.search(r"<script|<link|https?://[^<]*\.(js|css)|src=|@import|url\((?!#)", page)
    for drawing in re.findall(r"<svg[^>]*role=\"img\".*?</svg>", page, re.S):
        assert parsed(drawing).findtext("title")
        assert parsed(drawing).findtext("desc")


def test_the_page_says_whether_it_foretells(run: ClassifierRun) -> None:
    page, accuracy = build_report(run), next(s for s in run.scores if s.name == "accuracy")
    assert f"{100 * accuracy.value:.0f}\u00a0% of unseen rows are foretold" in page
    assert "trivial guess" in page
    assert "independent columns" not in page
    assert "real rows" not in page


def test_other_rows_are_judged_and_the_run_keeps_its_scores(run: ClassifierRun) -> None:
    before = list(run.scores)
    page = build_report(run, "breast_cancer")
    assert "569 rows not learnt from" in page
    assert run.scores == before
    with pytest.raises(DataError, match="diagnosis"):
        build_report(run, "wine")


def test_a_run_without_scores_says_so() -> None:
    run = gw.classify("wine", "cultivar", model="naive_bayes", held_out=0)
    page = build_report(run)
    assert "Not judged" in page
    assert "Confusion matrix" not in page


def test_names_are_escaped(run: ClassifierRun) -> None:
    page = classifier_page.render(run, judged(name=HOSTILE))
    assert "<script" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize("k", [2, 14, 40])
def test_a_confusion_matrix_has_every_count(k: int) -> None:
    counts = np.random.default_rng(k).integers(0, 30, (k + 1, k))
    names = [f"class {i}" for i in range(k)]
    found = parsed(confusion_matrix.draw(names, counts.tolist()))
    shown = [e.text for e in found.iter("text") if e.text and e.text.isdigit()]
    room = k <= confusion_matrix.ROOM
    assert shown == ([str(n) for n in counts.ravel() if n] if room else [])
    cells = [e for e in found.iter("path") if (e.get("class") or "").startswith("heat")]
    assert len(cells) == counts.size
    words = found.findtext("desc") or ""
    assert words.startswith(f"{np.trace(counts[:k])} of {counts.sum():,} rows")
    off = counts.copy()
    off[np.arange(k), np.arange(k)] = 0
    assert f" {off.max()} times" in words


def test_classes_that_are_numbers_stand_in_their_order() -> None:
    found = parsed(confusion_matrix.draw(["10", "2"], [[7, 1], [3, 5], [4, 6]]))
    names, shown = ([e.text for e in found.iter("text") if e.get("text-anchor") == a] for a in ("end", "middle"))
    assert names == ["2", "10", "never seen"]
    assert shown == ["2", "10", "5", "3", "1", "7", "6", "4"]
    words = ["b", "a"]
    assert [e.text for e in parsed(confusion_matrix.draw(words, [[1, 0], [0, 1]])).iter("text")][2:4] == words


def test_names_of_classes_are_all_upright_or_all_slanted() -> None:
    for names, n_slanted in ((["yes", "no"], 0), (["no", "left the company"], 2)):
        found = parsed(confusion_matrix.draw(names, [[1, 0], [0, 1]]))
        assert sum("rotate" in (e.get("transform") or "") for e in found.iter("text")) == n_slanted


def test_bins_that_are_too_small_are_put_together() -> None:
    bins = [{"n": 5, "hits": i % 6, "confidence": 0.1 * i} for i in range(9)]
    found = reliability_diagram.together(bins)
    assert [b["n"] for b in found] == [10, 10, 10, 15]
    assert sum(b["hits"] for b in found) == sum(b["hits"] for b in bins)
    assert found[0]["confidence"] == pytest.approx(0.05)
    points = list(parsed(reliability_diagram.draw(bins)).iter("circle"))
    expected = [reliability_diagram.place(b["confidence"], b["hits"] / b["n"]) for b in found]
    assert [(float(e.get("cx", 0)), float(e.get("cy", 0))) for e in points] == [
        (pytest.approx(x, abs=0.06), pytest.approx(y, abs=0.06)) for x, y in expected
    ]


@pytest.mark.parametrize("which", ["roc", "pr"])
def test_a_curve_lies_where_its_numbers_are(which: ranking_curve.Which) -> None:
    curve = next(s for s in judged() if s.name == "pr_auc").details["curves"][0]
    found = parsed(ranking_curve.draw(curve, which))
    (line,) = (e for e in found.iter("path") if e.get("class") == "real outline")
    ends = [tuple(map(float, point.split())) for point in (line.get("d") or "")[1:].split("L")]
    expected = [ranking_curve.place(x, y) for x, y in zip(curve["x"], curve[which]["y"], strict=True)]
    assert np.array(ends[-len(expected) :]) == pytest.approx(np.array(expected), abs=0.06)
    (band,) = (e for e in found.iter("path") if e.get("class") == "band")
    assert (band.get("d") or "").count("L") == 2 * len(curve["x"]) - 1


def test_the_verdict_follows_the_scores() -> None:
    found = {s.name: s for s in judged()}
    assert classifier_page.verdict(list(found.values()))[0] == "good"
    cost = found["cross_entropy"]
    worse = found | {"cross_entropy": replace(cost, details={"beyond_guess": [0.1, 0.2]})}
    assert classifier_page.verdict(list(worse.values()))[0] == "poor"
    equal = found | {"cross_entropy": replace(cost, details={"beyond_guess": [-0.1, 0.0]})}
    level, words = classifier_page.verdict(list(equal.values()))
    assert level == "fair"
    assert words.startswith("It tells the classes apart (ROC AUC")
    assert "but its probabilities are not to be told from guessing" in words
    blind = {"roc_auc": replace(found["roc_auc"], value=0.55, low=0.4)}
    level, words = classifier_page.verdict(list((equal | blind).values()))
    assert (level, words.startswith("Not to be told")) == ("fair", True)
    assert classifier_page.verdict(list((worse | blind).values()))[1].startswith("It misleads")
    assert "but its probabilities mislead" in classifier_page.verdict(list(worse.values()))[1]
    unsure = found | {"calibration_error": replace(found["calibration_error"], low=0.1, value=0.15)}
    assert "confidence is off by 0.15" in classifier_page.verdict(list(unsure.values()))[1]
    for hits, way in ((50, "too sure"), (80, "not sure enough")):
        bins = {"bins": [{"n": 100, "hits": hits, "confidence": 0.65}]}
        off = unsure | {"calibration_error": replace(unsure["calibration_error"], details=bins)}
        assert f"on average ({way})." in classifier_page.verdict(list(off.values()))[1]
