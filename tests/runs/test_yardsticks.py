"""Which score ranks families, for which data."""

import pytest

from genwright.core.space import Category, Field, Pixels, Real, Space, Tokens
from genwright.runs import yardsticks
from genwright.runs.yardsticks import OF_PICTURES, ROWS, SEQUENCES, TEXTS, is_within, yardstick
from tests.runs.boards import of_pictures, of_texts, score, scores

SPACE = Space({"text": Field(Tokens(9, 5)), "label": Field(Category(3)), "age": Field(Real())})


def test_pictures_decide_whatever_the_rule_takes():
    assert yardstick(Space({"image": Field(Pixels(17), (1, 8, 8))}), "marginals") is OF_PICTURES
    assert yardstick(SPACE, "ngram") is yardstick(SPACE, "gpt") is TEXTS
    assert yardstick(SPACE, "hmm") is SEQUENCES
    assert yardstick(SPACE, "trees") is yardstick(SPACE, "marginals") is ROWS


def test_an_exact_number_counts_before_a_bound():
    both = {"bits_per_char": score("bits_per_char", 0.5), "bits_per_char.bound": score("bits_per_char.bound", 0.9)}
    assert TEXTS.of(both) is both["bits_per_char"]
    del both["bits_per_char"]
    assert TEXTS.of(both) is both["bits_per_char.bound"]
    assert TEXTS.of({}) is None


def test_of_rows_the_detector_that_tells_more_counts():
    by_name = {s.name: s for s in (*scores(0.9), *of_texts("", unseen=0.6).scores)}
    assert ROWS.of(by_name).name == "detectability.boosting"
    by_name = {s.name: s for s in (*scores(0.5), *of_pictures("", 0.1, auc=0.8).scores)}
    assert ROWS.of(by_name).name == "picture_detectability.svm_net"
    assert ROWS.name_of(ROWS.of(by_name)) == "AUC of a linear SVM on pictures"


def test_texts_learnt_from_stand_in_where_unseen_ones_are_about_other_things():
    unseen, seen = score(yardsticks.UNSEEN, 0.99, floor=0.95), score(yardsticks.SEEN, 0.7)
    assert yardsticks.text_detector({s.name: s for s in (unseen, seen)}) is seen
    usual = score(yardsticks.UNSEEN, 0.6, floor=0.5)
    assert yardsticks.text_detector({s.name: s for s in (usual, seen)}) is usual


def test_columns_that_must_not_be_left_out():
    gone = ("label", "age")
    assert TEXTS.needed(gone, SPACE) == SEQUENCES.needed(gone, SPACE) == gone
    assert OF_PICTURES.needed(gone, SPACE) == ("label",)
    assert ROWS.needed(gone, SPACE) == ()


@pytest.mark.parametrize(("value", "found"), [(0.53, True), (0.519, True), (0.521, False), (0.4, True)])
def test_within_the_interval(value, found):
    best = score("a", 0.5) if value < 0.53 else score("a", 0.52)
    assert is_within(score("b", value), best) is found
