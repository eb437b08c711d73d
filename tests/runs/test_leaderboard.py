import json
import math
from dataclasses import replace

import pytest

from genwright.core.errors import FitError
from genwright.runs.leaderboard import Entry, fault, is_above, is_apart
from tests.runs.boards import FITTED, board, entry, score, scores, whole


def test_order_is_detectability_then_copies_then_unjudged_then_unfitted():
    assert [e.model for e in whole().entries] == ["trees", "vae", "marginals", "parrot", "unlucky", "gpt"]
    assert [e.is_ranked for e in whole().entries] == [True, True, True, False, False, False]


def of_texts(
    model: str, seen: float, unseen: float = 0.99, floor: float = 0.95, copied: float = 0.01, whole: float = 0.0
):
    found = [
        score("text_detectability.unseen", unseen, floor=floor, n=600),
        score("text_detectability.seen", seen, n=600),
        score("copied_text.share", copied, 0.01, floor=0.01, ceiling=0.0, n=600, unit="share", direction="lower"),
        score("copied_text.whole", whole, 0.01, floor=0.0, ceiling=0.0, n=600, unit="share", direction="lower"),
    ]
    return Entry(model, FITTED, tuple(found), fit_seconds=2.5, draw_seconds=0.25)


def test_texts_are_ordered_by_their_detector_and_copies_stand_last():
    families = (of_texts("ngram", 0.8), of_texts("gpt", 0.6), of_texts("parrot", 0.5, copied=0.9, whole=0.9))
    found = board(*families)
    assert [e.model for e in found.entries] == ["gpt", "ngram", "parrot"]
    assert found.text_detector == "text_detectability.seen"
    assert "copies: 0.900" in found.entries[2].reason
    assert found.sentence.startswith(
        "gpt is hardest to tell from real rows, ahead of ngram (AUC of a detector of texts"
    )
    assert "0.010 of its texts copy a long passage; unseen texts 0.010" in found.sentence


def test_unseen_texts_decide_where_they_are_about_the_same():
    found = board(of_texts("gpt", 0.5, unseen=0.7, floor=0.5), of_texts("ngram", 0.9, unseen=0.6, floor=0.5))
    assert [e.model for e in found.entries] == ["ngram", "gpt"]
    assert found.text_detector == "text_detectability.unseen"
    assert board(entry("trees", 0.5)).text_detector == ""


def test_of_rows_with_texts_the_detector_that_tells_more_counts():
    rows = scores(0.9)
    both = Entry("gpt", FITTED, (*rows, *of_texts("", 0.6, unseen=0.6, floor=0.5).scores), fit_seconds=1.0)
    assert both.detector.name == "detectability.boosting"
    assert fault(both.scores, 1_000) == ""
    leaning = Entry("gpt", FITTED, (*scores(0.5, tail=0.9), *of_texts("", 0.6).scores), fit_seconds=1.0)
    assert "leans to training rows" in fault(leaning.scores, 1_000)


def of_pictures(model: str, auc: float, tail: float = 0.5, exact: float = 0.0, beside: float | None = None):
    found = [
        score("picture_detectability.convnet", 1.0, 0.0, n=4_000),
        score("picture_detectability.svm_net", auc, n=4_000),
        score("picture_copies.closer_tail", tail, 0.06, n=100, unit="share"),
        score("picture_copies.exact", exact, 0.005, floor=0.0, ceiling=0.0, n=2_000, unit="share", direction="lower"),
    ]
    return Entry(model, FITTED, (*found, *(scores(beside) if beside else [])), fit_seconds=2.5, draw_seconds=0.25)


def test_pictures_are_ordered_by_their_detector_and_copies_stand_last():
    replay = of_pictures("replay", 0.5, exact=0.9)
    found = board(of_pictures("vae", 0.9), of_pictures("flow_matching", 0.6), replay, of_pictures("near", 0.5, 0.9))
    assert [e.model for e in found.entries] == ["flow_matching", "vae", "near", "replay"]
    assert [e.is_ranked for e in found.entries] == [True, True, False, False]
    assert found.entries[2].reason.startswith("leans to training pictures: 0.90")
    assert found.entries[3].reason.startswith("copies: 0.9000 [0.8950 to 0.9050] of its draws equal a training picture")
    assert found.sentence.startswith(
        "flow_matching is hardest to tell from real rows, ahead of vae (AUC of a linear SVM"
    )
    assert "of the closest 5 %, 0.50 are nearer to a training picture; real pictures 0.50" in found.sentence


@pytest.mark.parametrize(("relative", "is_fault"), [(0.4, True), (1.2, False)])
def test_draws_far_from_every_picture_do_not_lean(relative: float, is_fault: bool):
    found = of_pictures("gan", 0.9, tail=0.9).scores
    near = [replace(s, details={"closest": [{"relative": relative}, {"relative": 2.0}]}) for s in found]
    assert bool(fault(near, 1_000)) is is_fault
    copies = [replace(s, low=0.4) if s.name == "picture_copies.exact" else s for s in near]
    assert fault(copies, 1_000)


def test_categories_beside_pictures_do_not_decide_alone():
    one, other = of_pictures("vae", 0.9, beside=0.5), of_pictures("gan", 0.6, beside=0.7)
    assert [e.model for e in board(one, other).entries] == ["gan", "vae"]
    unchecked = [s for s in one.scores if not s.name.startswith("picture_copies")]
    assert fault(unchecked, 1_000) == "it could not be checked for copies"
    copier = of_pictures("replay", 0.5, exact=0.9, beside=0.5)
    assert "equal a training picture" in fault(copier.scores, 1_000)


def test_the_order_does_not_depend_on_who_came_first():
    entries = whole().entries
    assert board(*entries).entries == board(*entries[::-1]).entries == entries


def test_equal_numbers_are_ordered_by_name():
    assert [e.model for e in board(entry("b", 0.6), entry("a", 0.6)).entries] == ["a", "b"]


def test_a_copier_is_told_with_its_numbers():
    parrot = next(e for e in whole().entries if e.model == "parrot")
    assert parrot.reason == (
        "leans to training rows: 0.90 [0.87 to 0.93] of its closest 5 % are nearer to one; real rows 0.50"
    )
    assert fault(scores(0.5, exact=0.05), 1_000) == (
        "copies: 0.0500 [0.0490 to 0.0510] of its draws equal a training row; real rows 0.0010"
    )


def test_what_held_out_rows_show_by_chance_is_no_copying():
    tail = score("near_copies.closer_tail", 0.58, 0.05, n=1_000)
    assert not is_above(tail, 100)  # Wilson's interval of 50 in 100 rows reaches 0.60
    assert is_above(tail, 10_000)
    assert fault(scores(0.5, tail=0.58), 1_000) == ""
    assert fault(scores(0.5, tail=0.58), 10_000)


def test_a_floor_below_one_half_is_no_reason():
    tail = replace(score("near_copies.closer_tail", 0.53, 0.05, n=1_000), floor=0.29)
    assert not is_above(tail, 10_000)
    assert is_above(replace(tail, low=0.51), 10_000)


def test_more_held_out_rows_than_are_judged_do_not_narrow_the_floor():
    assert fault(scores(0.5, tail=0.56), 10_000) == fault(scores(0.5, tail=0.56), 10_000_000) == ""
    assert fault(scores(0.5, tail=0.57), 10_000) == fault(scores(0.5, tail=0.57), 10_000_000) != ""


def test_what_was_not_measured_is_said():
    assert fault([], 1_000) == "no detector could judge it"
    assert fault(scores(0.5)[:1], 1_000) == "it could not be checked for copies"


def test_intervals_that_meet_are_no_difference():
    sentence = whole().sentence
    assert sentence.startswith("trees and vae cannot be told apart, as their intervals meet")
    assert "0.540 [0.520 to 0.560] against 0.560 [0.540 to 0.580]" in sentence
    assert "trees has the lower number and passes the check for copies (of the closest 5 %, 0.50 are" in sentence
    assert sentence.endswith("use --model trees.")


def test_a_clear_winner():
    sentence = board(entry("trees", 0.54), entry("vae", 0.7)).sentence
    assert "ahead of vae" in sentence
    assert "real rows 0.500, independent columns 0.980" in sentence
    assert sentence.endswith("use --model trees.")


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([entry("vae", 0.6)], "vae is hardest to tell from real rows"),
        ([entry("vae", 0.6, tail=0.9)], "No family passes the check for copies"),
        ([Entry("vae", FITTED)], "no detector could judge them"),
        ([Entry("vae", reason="refused")], "No family could be fitted"),
    ],
)
def test_every_outcome_has_its_sentence(entries, words):
    assert words in board(*entries).sentence


@pytest.mark.parametrize(("low", "other", "found"), [(0.5, 0.53, False), (0.5, 0.56, True), (0.56, 0.5, True)])
def test_apart(low, other, found):
    assert is_apart(score("a", low), score("a", other)) is found


def test_best_is_the_run_on_top():
    assert whole().best is FITTED
    with pytest.raises(FitError, match="vae: refused"):
        board(Entry("vae", reason="refused")).best  # noqa: B018


def test_anchors_stand_once_unless_a_family_has_its_own():
    own = [replace(s, floor=0.4) if s.name == "utility.auc" else s for s in scores(0.6)]
    found = board(entry("trees", 0.5), Entry("vae", FITTED, tuple(own)))
    assert math.isnan(found.anchors["utility.auc"].floor)
    assert found.anchors["utility.auc"].ceiling == 0.5
    document = found.to_json()
    assert document["anchors"]["utility.auc"]["floor"] is None
    assert document["anchors"]["detectability.boosting"]["floor"] == 0.5
    by_model = {family["model"]: family["scores"] for family in document["families"]}
    assert by_model["vae"]["utility.auc"]["floor"] == 0.4
    assert "floor" not in by_model["vae"]["detectability.boosting"]


def test_json_is_json():
    document = whole().to_json()
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert document["best"] == "trees"
    assert document["data"] == "customers.csv"


def test_frame_has_a_line_a_family_and_the_anchors():
    frame = whole().to_frame().set_index("model")
    assert list(frame.index) == [*(e.model for e in whole().entries), "real rows", "independent columns"]
    assert frame.loc["trees", "detectability.boosting.low"] == pytest.approx(0.52)
    assert frame.loc["independent columns", "detectability.boosting"] == 0.98
    assert frame.loc["gpt", "reason"].startswith("gpt cannot")
    assert frame.loc["trees", "fit_seconds"] == 12.0
