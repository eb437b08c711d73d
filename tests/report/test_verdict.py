import math
from dataclasses import replace

import pytest

from genwright.report.verdict import verdict
from tests.report.material import good_scores, score


def says(*scores, blame=""):
    return verdict(scores, blame).sentence


def copying(*scores):
    """The level of what is found about copies."""
    return next(f.level for f in verdict(scores).findings if f.aspect == "copying")


def utility(value, floor=0.93, ceiling=0.53, high=None):
    return score("utility.auc", value, floor=floor, ceiling=ceiling, direction="higher", high=high)


def test_all_good():
    found = verdict(good_scores(), "worst columns: age")
    assert found.sentence == (
        "Hard to tell from real rows (detector's AUC 0.51); as useful for training as real rows (AUC 0.928 of 0.930); "
        "no sign of copying."
    )
    assert (found.level, found.word) == ("good", "Good")


def test_all_bad_says_the_worst_first_and_whom_to_blame():
    bad = [
        score("detectability.boosting", 0.70),
        utility(0.60),
        score("near_copies.exact", 0.63, floor=0.001, direction="lower"),
        score("membership.auc", 0.71),
    ]
    found = verdict(bad, "worst columns: age, income")
    assert found.level == "poor"
    assert found.sentence == (
        "Of little use for training (AUC 0.600 of 0.930); 63 % of the rows equal a training row, 50 % is usual; "
        "an attack finds training rows (AUC 0.71, 0.50 is none); a detector often tells these rows from real ones "
        "(AUC 0.70); worst columns: age, income."
    ).replace("50 % is usual", "0.1 % is usual")


@pytest.mark.parametrize(
    ("value", "level", "words"),
    [
        (0.42, "good", "Hard to tell"),
        (0.549, "good", "Hard to tell"),
        (0.56, "fair", "at times (AUC 0.56)"),
        (0.66, "fair", "often"),
        (0.93, "poor", "easily (AUC 0.93)"),
    ],
)
def test_fidelity_grows_worse_with_the_detector(value, level, words):
    found = verdict([score("detectability.boosting", value)])
    assert found.level == level
    assert words in found.sentence


def test_the_stronger_detector_counts():
    assert "0.90" in says(score("detectability.logistic", 0.9), score("detectability.boosting", 0.6))


def test_few_rows_are_said():
    found = verdict([score("detectability.boosting", 0.6, 0.41, 0.79)])
    assert found.sentence.startswith(
        "Too few rows to say whether a detector tells these rows from real ones (AUC 0.60, 0.41 to 0.79"
    )
    assert found.level == "unknown"


def test_a_wide_interval_does_not_excuse_a_strong_detector():
    assert verdict([score("detectability.boosting", 0.9, 0.75, 1.0)]).level == "poor"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.915, "as useful for training as real rows"),
        (0.88, "nearly as useful for training as real rows"),
        (0.75, "less useful for training than real rows"),
        (0.55, "of little use for training"),
    ],
)
def test_usefulness_is_what_is_left_between_floor_and_ceiling(value, words):
    assert f"{words} (AUC {value:.3f} of 0.930)".lower() in says(utility(value, high=value)).lower()


def test_a_difference_within_its_interval_is_not_held_against_the_rows():
    assert says(utility(0.90, high=0.94)).startswith("As useful")


def test_usefulness_is_silent_where_nothing_can_be_predicted():
    assert verdict([utility(0.52, floor=0.54, ceiling=0.53)]).level == "unknown"


def test_numbers_are_predicted_where_no_category_is():
    assert "R² 0.600 of 0.610" in says(score("utility.r2", 0.6, floor=0.61, ceiling=0.0, direction="higher"))


@pytest.mark.parametrize(
    ("value", "low", "level"),
    [(0.51, 0.5, "good"), (0.57, 0.53, "fair"), (0.57, 0.48, "good"), (0.85, 0.8, "poor"), (0.3, 0.2, "good")],
)
def test_near_copies(value, low, level):
    assert copying(score("near_copies.closer_tail", value, low)) == level


def test_exact_copies_that_real_rows_have_too_are_no_copying():
    assert copying(score("near_copies.exact", 0.10, 0.09, floor=0.10, direction="lower")) == "good"
    assert copying(score("near_copies.exact", 0.10, 0.09, floor=0.01, direction="lower")) == "poor"


def test_bad_membership_is_not_hidden_by_clean_copies():
    sentence = says(score("near_copies.closer_tail", 0.5), score("membership.auc", 0.7))
    assert "attack finds training rows (AUC 0.70" in sentence
    assert "no sign of copying" not in sentence


def test_unchecked_copying_is_said():
    assert says(score("detectability.boosting", 0.51)).endswith("copying was not checked.")


def test_pairs_stand_in_for_a_detector():
    pairs = lambda value: score("associations.pairs", value, floor=0.01, ceiling=0.08, direction="lower")  # noqa: E731
    assert [verdict([pairs(v)]).level for v in (0.012, 0.03, 0.07)] == ["good", "fair", "poor"]


def test_what_privacy_alone_speaks_for_is_not_called_good():
    clean = score("near_copies.exact", 0.001, 0.0, 0.002, floor=0.001, direction="lower")
    few = score("picture_detectability.svm_net", 0.84, 0.61, 1.0, floor=0.69)
    for scores in ([clean], [few, clean]):
        found = verdict(scores)
        assert (found.level, found.word) == ("unknown", "Unclear")
        assert "no sign of copying" in found.sentence.lower()
    assert verdict([score("detectability.boosting", 0.51), clean]).word == "Good"
    assert verdict([few, score("near_copies.exact", 0.6, floor=0.001, direction="lower")]).level != "unknown"


@pytest.mark.parametrize("value", [math.nan, None])
def test_scores_without_a_value_are_no_scores(value):
    bare = score("detectability.boosting", 0.5)
    found = verdict([type(bare)(**{**bare.__dict__, "value": value})])
    assert (found.level, found.sentence) == ("unknown", "There are no scores.")


def test_nothing_was_judged():
    assert verdict([]).word == "Not judged"


def of_texts(value, low=None, high=None, floor=0.5, part="unseen"):
    return score(f"text_detectability.{part}", value, low, high, floor=floor)


@pytest.mark.parametrize(
    ("value", "level", "words"),
    [(0.5, "good", "Hard to tell"), (0.6, "fair", "at times"), (0.7, "fair", "often"), (0.97, "poor", "easily")],
)
def test_texts_are_told_apart(value, level, words):
    found = verdict([of_texts(value)])
    assert found.level == level
    assert words in found.sentence


def test_where_unseen_texts_are_about_other_things_those_learnt_from_count():
    far = of_texts(0.99, floor=0.96)
    assert verdict([far, of_texts(0.52, part="seen")]).level == "good"
    assert verdict([far, of_texts(0.9, part="seen")]).level == "poor"
    assert verdict([of_texts(0.52, floor=0.52), of_texts(0.9, part="seen")]).level == "good"


def test_few_texts_are_said():
    found = verdict([of_texts(0.6, 0.4, 0.8)])
    assert found.level == "unknown"
    assert found.sentence.startswith("Too few texts")


@pytest.mark.parametrize(
    ("value", "low", "level"), [(0.01, 0.0, "good"), (0.05, 0.005, "good"), (0.1, 0.05, "fair"), (0.4, 0.3, "poor")]
)
def test_copied_passages(value, low, level):
    assert copying(score("copied_text.share", value, low, floor=0.01, direction="lower")) == level


def test_whole_copies_count_where_unseen_texts_are_copies_too():
    none = score("copied_text.share", 0.0, 0.0, floor=0.0, direction="lower")
    whole = lambda value: score("copied_text.whole", value, floor=0.14, direction="lower")  # noqa: E731
    assert copying(none, whole(0.16)) == "good"
    assert copying(none, whole(0.9)) == "poor"
    assert "90 % of the texts stand in the training texts from end to end, 14 % of unseen ones" in says(whole(0.9))


@pytest.mark.parametrize(("value", "level"), [(0.6, "unknown"), (0.5, "unknown"), (0.4, "fair"), (0.1, "poor")])
def test_repetition_is_said_where_real_texts_have_more_variety(value, level):
    assert verdict([score("diversity.distinct_2", value, floor=0.6, direction="higher")]).level == level


def test_more_surprise_than_independent_tokens_is_poor():
    worse = score("bits_per_char", 6.0, floor=5.9, ceiling=4.8, direction="lower")
    found = verdict([*good_scores(), worse])
    assert (found.level, "6.00 bits, more than with independent tokens (4.80)" in found.sentence) == ("poor", True)
    endless = replace(worse, value=math.inf, low=math.inf, high=math.inf)  # a text that the model holds impossible
    found = verdict([*good_scores(), endless])
    assert (found.level, "∞ bits, more than with independent tokens" in found.sentence) == ("poor", True)
    unsure = replace(worse, low=4.7, high=7.3)
    assert verdict([*good_scores(), unsure]).level == "good"


def test_surprise_is_said_and_not_weighed():
    bits = score("bits_per_char", 2.29, floor=1.3, ceiling=4.8, direction="lower")
    found = verdict([*good_scores(), bits])
    assert found.level == "good"
    assert found.sentence.endswith("an unseen character costs 2.29 bits (independent tokens: 4.80).")
    assert "at most 2.29" in says(score("bits_per_char.bound", 2.29, ceiling=4.8, direction="lower"))


def test_what_a_step_costs_is_said_where_nothing_else_is_known():
    nats = score("nats_per_step", 1.91, floor=1.8, ceiling=2.55, direction="lower")
    likelihood = score("likelihood.nats", 58.0, floor=53.0, ceiling=77.0, direction="lower")
    found = verdict([likelihood, nats])
    assert (found.word, found.level) == ("Unclear", "unknown")
    assert found.sentence == "An unseen step costs 1.91 nats (independent steps: 2.55); copying was not checked."
    assert verdict([replace(nats, value=3.0, low=2.9, high=3.1)]).level == "poor"
    assert verdict([likelihood]).sentence == "None of these scores tells how good the draws are."


def test_what_is_unsure_says_what_was_measured():
    assert says(score("detectability.boosting", 0.66, 0.5, 0.8)).startswith(
        "Too few rows to say whether a detector tells these rows from real ones (AUC 0.66, 0.50 to 0.80 on 1,000 rows)"
    )
    assert "drawn texts from real ones (AUC 0.66, 0.50 to 0.80 on 1,000 texts)" in says(of_texts(0.66, 0.5, 0.8))


@pytest.mark.parametrize(("low", "high", "level"), [(0.96, 0.98, "good"), (0.93, 0.99, "fair"), (0.90, 0.93, "poor")])
def test_tags_are_held_against_the_most_frequent_ones(low, high, level):
    accuracy = score("tagging.accuracy", (low + high) / 2, floor=0.97, ceiling=0.94, direction="higher")
    found = verdict([replace(accuracy, low=low, high=high)])
    assert found.level == level
    assert "of unseen tags (each word's most frequent tag: 94 %)" in found.sentence.replace("94.0 %", "94 %")
