import json
import math
from dataclasses import replace

import pytest

from genwright.core.errors import FitError
from genwright.core.judge import Score
from genwright.runs.leaderboard import Entry
from genwright.runs.yardsticks import SEQUENCES, TEXTS
from tests.runs.boards import FITTED, board, entry, of_texts, pictures, score, scores, texts, whole


def test_order_is_detectability_then_copies_then_unjudged_then_unfitted():
    assert [e.model for e in whole().entries] == ["trees", "vae", "marginals", "parrot", "unlucky", "gpt"]
    assert [e.is_ranked for e in whole().entries] == [True, True, True, False, False, False]
    assert repr(whole()) == "Leaderboard(6 families of customers.csv: trees, vae, marginals, …)"


def test_texts_are_ordered_by_bits_and_copies_stand_last():
    found = texts()
    assert [e.model for e in found.entries] == ["ngram", "gpt", "vae", "parrot", "mute"]
    assert [e.is_ranked for e in found.entries] == [True, True, True, False, False]
    assert found.entries[3].reason.startswith("copies: 0.900")
    assert found.entries[4].reason == "it has no likelihood, which families of texts are ranked by"
    assert found.sentence == (
        "ngram foretells unseen texts best (bits a character of unseen texts 2.000 [1.950 to 2.050]; its training "
        "texts 1.800, independent tokens 4.900); gpt, the second with 2.040 [1.990 to 2.090], lies within this "
        "interval; ngram passes the check for copies (0.010 of its texts copy a long passage; unseen texts 0.010): "
        "use --model ngram."
    )


def test_a_bound_is_said_to_be_one():
    found = board(of_texts("vae", 2.0, bound=True), of_texts("ngram", 3.0), by=TEXTS)
    assert found.sentence.startswith("vae foretells unseen texts best (bits a character of unseen texts at most 2.000")
    assert "ngram, the second with 3.000 [2.950 to 3.050], lies outside this interval" in found.sentence


def test_an_impossible_text_costs_a_family_its_place():
    lost = of_texts("ngram", math.inf)
    found = board(lost, of_texts("gpt", 4.0), by=TEXTS)
    assert [e.model for e in found.entries] == ["gpt", "ngram"]
    family = found.to_json()["families"][1]
    assert family["scores"]["bits_per_char"]["value"] is None
    json.dumps(found.to_json(), allow_nan=False)


def test_pictures_are_ordered_by_their_distance_and_copies_stand_last():
    found = pictures()
    assert [e.model for e in found.entries] == ["gan", "vae", "replay", "blind"]
    assert found.entries[2].reason.startswith("copies: 0.9000 [0.8950 to 0.9050] of its draws equal a training picture")
    assert found.entries[3].reason == "its pictures could not be measured"
    assert found.sentence.startswith(
        "gan draws the pictures that are closest to real ones (Fréchet distance by the judges' own network 0.020 "
        "[0.010 to 0.030]; real pictures 0.004, independent pixels 0.400); vae, the second with 0.200 [0.190 to "
        "0.210], lies outside this interval; gan passes the check for copies"
    )
    assert found.to_json()["ranked_by"] == found.yardstick.what


def test_the_trivial_model_is_not_praised_for_being_first():
    """A best family whose interval reaches the trivial model's number has learnt nothing that is sure."""
    found = board(entry("marginals", 0.97), entry("vae", 0.985))
    assert not found.is_beyond_trivial
    assert found.sentence.startswith(
        "No family is surely better than independent columns: marginals is hardest to tell"
    )
    assert found.sentence.endswith("Give them more rows or minutes before you use --model marginals.")
    assert whole().is_beyond_trivial
    noise = Score("detectability.boosting", 0.51, 0.46, 0.56, 200, 0.5, 0.51, "AUC", "half", "", "")
    idle = board(replace(entry("marginals", 0.5), scores=(noise, *scores(0.5)[1:])))
    assert idle.is_beyond_trivial  # nothing was to be learnt, and its draws are as good as real rows


def test_sequences_are_ordered_by_nats_a_step_and_copies_are_not_looked_for():
    entries = [
        Entry(name, FITTED, (score("nats_per_step", nats, 0.01, 0.4, 0.9, 200, "nats per step", "lower"),))
        for name, nats in (("hmm", 0.6), ("rnn", 0.5))
    ]
    found = board(*entries, Entry("gan", FITTED), by=SEQUENCES)
    assert [e.model for e in found.entries] == ["rnn", "hmm", "gan"]
    assert found.sentence.startswith("rnn foretells unseen sequences best (nats a step of unseen sequences 0.500")
    assert found.sentence.endswith("lies outside this interval; rnn was not checked for copies: use --model rnn.")


def test_a_family_that_leaves_out_a_column_does_not_compare():
    found = board(replace(of_texts("ngram", 1.0), left_out=("label",)), of_texts("gpt", 3.0), by=TEXTS)
    assert [e.model for e in found.entries] == ["gpt", "ngram"]
    assert found.entries[1].reason == "it leaves out 'label', so that its score does not compare"
    alone = board(replace(of_texts("ngram", 1.0), left_out=("label",)), by=TEXTS)
    assert alone.sentence.startswith("No family models all columns: ngram foretells")


def test_the_order_does_not_depend_on_who_came_first():
    entries = whole().entries
    assert board(*entries).entries == board(*entries[::-1]).entries == entries


def test_equal_numbers_are_ordered_by_name():
    assert [e.model for e in board(entry("b", 0.6), entry("a", 0.6)).entries] == ["a", "b"]


def test_a_second_within_the_interval_is_said():
    sentence = whole().sentence
    assert sentence == (
        "trees is hardest to tell from real rows (AUC of a boosted detector 0.540 [0.520 to 0.560]; real rows 0.500, "
        "independent columns 0.980); vae, the second with 0.560 [0.540 to 0.580], lies within this interval; trees "
        "passes the check for copies (of the closest 5 %, 0.50 are nearer to a training row; real rows 0.50): use "
        "--model trees."
    )


def test_a_second_outside_the_interval_is_said():
    assert "vae, the second with 0.561 [0.541 to 0.581], lies outside this interval" in (
        board(entry("trees", 0.54), entry("vae", 0.561)).sentence
    )


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([entry("vae", 0.6)], "vae is hardest to tell from real rows"),
        ([entry("vae", 0.6, tail=0.9)], "No family passes the check for copies"),
        ([Entry("vae", FITTED)], "no detector could judge it"),
        ([Entry("vae", reason="refused")], "No family could be fitted"),
    ],
)
def test_every_outcome_has_its_sentence(entries, words):
    assert words in board(*entries).sentence


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
    assert (document["kind"], document["families"][0]["ranked_by"]) == ("rows", "detectability.boosting")


def test_frame_has_a_line_a_family_and_the_anchors():
    frame = whole().to_frame().set_index("model")
    assert list(frame.index) == [*(e.model for e in whole().entries), "real rows", "independent columns"]
    assert frame.loc["trees", "detectability.boosting.low"] == pytest.approx(0.52)
    assert frame.loc["independent columns", "detectability.boosting"] == 0.98
    assert frame.loc["gpt", "reason"].startswith("gpt cannot")
    assert frame.loc["trees", "fit_seconds"] == 12.0
