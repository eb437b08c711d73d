"""The answer is that of `model="auto"`, and its evidence is what families do and what the page says."""

import json
import re

import numpy as np
import pandas as pd
import pytest

import genwright as gw
from genwright.core.errors import ConfigError, FitError, GenwrightError, UnknownNameError
from genwright.core.registry import JUDGES, MODELS, Registry
from genwright.recipes.choose import MEASURED, PAGE
from genwright.runs.yardsticks import OF_PICTURES, ROWS, SEQUENCES, TEXTS, YARDSTICKS
from tests.docs.catalogue import ROOT
from tests.pictures import shapes
from tests.tables import customers

SMALL = {"steps": 1, "settings": {"width": 8}}


def texts(n: int = 60) -> pd.DataFrame:
    words = ["the", "cat", "sat", "on", "a", "mat", "and", "went", "home", "again", "to", "sleep"]
    rng = np.random.default_rng(0)
    return pd.DataFrame({"text": [" ".join(rng.choice(words, 14)) for _ in range(n)]})


def sequences(n: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame({"items": [list(rng.choice(["a", "b", "c"], 4)) for _ in range(n)]})


def can(choice: gw.Choice) -> dict[str, str]:
    return {s.model: s.models for s in choice.evidence.families}


def test_a_table_is_for_trees_and_families_of_texts_say_no():
    choice = gw.choose(customers(100))
    assert choice.model == "trees"
    assert (choice.evidence.n_rows, choice.evidence.n_train) == (100, 80)
    assert choice.evidence.kinds["number"] == ("age", "income", "visits")
    found = can(choice)
    assert set(found) == set(MODELS.names())
    assert found["bayes_net"] == found["vae"] == "all"
    assert found["ngram"] == found["hmm"] == found["vqvae"] == "none"
    assert choice.evidence.page == f"{PAGE}#tables"
    assert "trees" in choice.evidence.measured


def test_a_text_is_for_gpt_and_n_grams_are_counted_beside_it():
    choice = gw.choose(texts())
    assert choice.model == "gpt"
    assert "ngram" in choice.evidence.more
    assert can(choice)["ngram"] == "all"
    assert can(choice)["trees"] == "none"
    assert choice.evidence.page.endswith("#texts-and-sequences")


def test_pictures_are_for_flow_matching_and_trees_leave_them_out():
    choice = gw.choose(shapes(60))
    assert choice.model == "flow_matching"
    assert choice.evidence.kinds == {"image": ("image",), "category": ("label",)}
    assert can(choice)["gan"] == "all"
    trees = next(s for s in choice.evidence.families if s.model == "trees")
    assert (trees.models, trees.why) == ("some", "leaves out image (image)")


@pytest.mark.parametrize("data", [customers(100), customers(20), sequences(), shapes(30)])
def test_auto_takes_the_same_for_the_same_reason(data):
    choice = gw.choose(data)
    run = gw.fit(data, judge=False, **(SMALL if choice.model == "flow_matching" else {}))
    assert (choice.model, choice.why) == (run.artefact.model_name, run.artefact.facts["why"])
    assert (choice.evidence.n_rows, choice.evidence.n_train) == tuple(
        run.artefact.facts[name] for name in ("n_rows", "n_train")
    )


def test_auto_begins_with_the_same_on_texts():
    choice = gw.choose(texts())
    run = gw.fit(texts(), judge=False, steps=1)
    assert run.artefact.facts["why"].startswith(choice.why)
    assert run.artefact.model_name in (choice.model, "ngram")


def test_who_can_not_is_refused_by_fit_too():
    refused = [s for s in gw.choose(customers(60)).evidence.families if s.models == "none"]
    assert {s.model for s in refused} >= {"hmm", "ngram", "vqvae"}
    for suited in refused:
        with pytest.raises(GenwrightError):
            gw.fit(customers(60), suited.model, judge=False)


def test_a_table_of_numbers_may_be_a_series():
    numbers = pd.DataFrame(np.random.default_rng(0).normal(size=(40, 2)), columns=["a", "b"])
    suited = {s.model: s for s in gw.choose(numbers).evidence.families}
    readers = [name for name in MODELS.names() if MODELS.get(name).reads_series]
    assert "hmm" in readers
    for name in readers:
        assert "steps" in suited[name].why
    assert suited["ngram"].models == "none"


def test_few_rows_and_kinds_and_held_out_count():
    assert gw.choose(customers(24)).model == "marginals"  # 19 of them to learn from
    assert gw.choose(customers(24), held_out=0.0).model == "trees"
    assert "region" in gw.choose(customers(60), kinds={"region": "omitted"}).evidence.kinds["omitted"]


def test_the_chosen_comes_first_and_those_that_cannot_last():
    order = [s.models for s in gw.choose(shapes(60)).evidence.families]
    assert order == sorted(order, key=("all", "some", "none").index)


def test_a_family_that_cannot_be_loaded_is_listed_with_its_reason(monkeypatch):
    get = Registry.get

    def broken(self, name):
        if name == "gan":
            raise ImportError("no such wheel")
        return get(self, name)

    monkeypatch.setattr(Registry, "get", broken)
    gan = next(s for s in gw.choose(customers(40)).evidence.families if s.model == "gan")
    assert (gan.models, gan.why) == ("none", "cannot be loaded: no such wheel")


def test_it_is_json_and_a_sentence():
    choice = gw.choose(customers(40))
    assert json.loads(json.dumps(choice.to_json()))["evidence"]["kinds"]["category"] == ["region"]
    assert str(choice) == f"trees: {choice.why}"


def test_what_cannot_be_learnt_is_said():
    with pytest.raises(FitError):
        gw.choose(customers(1))
    with pytest.raises(ConfigError):
        gw.choose(customers(40), held_out=1.0)
    with pytest.raises(UnknownNameError):
        gw.choose(customers(40), kinds={"region": "categry"})


@pytest.mark.parametrize("sort", MEASURED)
def test_measured_numbers_and_their_place_stand_on_the_page(sort):
    said, anchor = MEASURED[sort]
    page = (ROOT / PAGE).read_text(encoding="utf-8")
    assert [n for n in re.findall(r"\d+\.\d{2,}", said) if n not in page] == []
    headings = {"#" + h.lower().replace(" ", "-").rstrip("?,") for h in re.findall(r"^#+ (.+)$", page, re.M)}
    assert anchor in headings


@pytest.mark.parametrize(
    ("data", "by"), [(customers(60), ROWS), (texts(), TEXTS), (sequences(), SEQUENCES), (shapes(40), OF_PICTURES)]
)
def test_choose_says_what_compare_ranks_by(data, by):
    assert gw.choose(data).evidence.ranked_by == by.what


def test_every_score_is_one_that_a_judge_gives():
    named = {name for by in YARDSTICKS.values() for name in (*by.scores, *by.beside)}
    known = {
        f"{judge}{JUDGES.get(judge).joint}{part}" if part else judge
        for judge in JUDGES.names()
        for part in JUDGES.get(judge).parts
    }
    assert named - known == set()
