"""What is true of every judge: it prefers the real thing, grows with a planted error, and depends on nothing else."""

import json
import math
import re
from dataclasses import replace
from functools import cache

import numpy as np
import pyarrow as pa
import pytest
import torch

from genwright.core.dataset import n_rows, select
from genwright.core.errors import UnsupportedError
from genwright.core.judge import Evidence, Judge, Measure, Score, owner
from genwright.core.picture_judge import PictureJudge
from genwright.core.predictions import PredictionJudge
from genwright.core.registry import JUDGES
from genwright.core.space import Batch, Field, Space, Tokens
from genwright.core.text_judge import TextJudge
from tests.judges import picture_worlds, text_worlds
from tests.judges.picture_worlds import picture_world
from tests.judges.tag_worlds import tag_world, with_wrong_tags
from tests.judges.text_worlds import sequence_world, text_world
from tests.judges.worlds import blend, damaged, mixed, shuffled, world

OF_DRAWS = [name for name in JUDGES.names() if not issubclass(JUDGES.get(name), PredictionJudge)]
TEXT_JUDGES = [name for name in JUDGES.names() if issubclass(JUDGES.get(name), TextJudge)]
PICTURE_JUDGES = [name for name in JUDGES.names() if issubclass(JUDGES.get(name), PictureJudge)]
SEQUENCE_JUDGES = ["nats_per_step", "tagging"]
TABLE_JUDGES = [name for name in OF_DRAWS if name not in (*TEXT_JUDGES, *PICTURE_JUDGES, *SEQUENCE_JUDGES)]
every_judge = pytest.mark.parametrize("name", OF_DRAWS)
COPY_JUDGES = (
    "near_copies",
    "membership",
    "copied_text",
    "picture_copies",
)  # their planted error is a copy of training rows
MODEL_JUDGES = (
    "likelihood",
    "bits_per_char",
    "bits_per_dim",
    "nats_per_step",
    "perplexity",
)  # they ask the model, not its draws


def judge(name: str) -> Judge:
    return JUDGES.get(name)()


def world_of(name: str) -> Evidence:
    """A table, texts, pictures, or tagged sentences, as the judge reads them."""
    if name in SEQUENCE_JUDGES:
        return tag_world() if name == "tagging" else sequence_world()
    if name in PICTURE_JUDGES:
        return picture_world()
    return text_world() if name in TEXT_JUDGES else world()


@cache
def real_scores(name: str) -> tuple[Score, ...]:
    """Scores of other real rows in place of draws; most laws compare with these."""
    return tuple(judge(name).scores(world_of(name)))


def measured(name: str, evidence: Evidence) -> dict[str, Measure]:
    """Score name → what is measured for the draws, without anchors."""
    found = judge(name).measure(evidence.fake, evidence)
    return {score_name(name, part): m for part, m in found.items()}


def score_name(name: str, part: str) -> str:
    return f"{name}{JUDGES.get(name).joint}{part}" if part else name


def blend_of(name: str, share: float) -> object:
    """The likelihood of a model that is wrong by a share."""
    for names, found in (((*TEXT_JUDGES, "nats_per_step"), text_worlds.blend), (PICTURE_JUDGES, picture_worlds.blend)):
        if name in names:
            return found(share)
    return blend(share)


def damaged_of(name: str, evidence: Evidence) -> Batch:
    """Draws as bad as can be."""
    if name in PICTURE_JUDGES:
        return picture_worlds.noisy(
            picture_worlds.mislabelled(select(evidence.trivial, slice(0, n_rows(evidence.fake))))
        )
    return text_worlds.foreign(600, 7) if name in TEXT_JUDGES else damaged(evidence.fake, 7)


def error(score: Score | Measure) -> float:
    """Standard error of a score, at least that of one row's share."""
    return max((score.high - score.low) / (2 * 1.96), 1 / score.n)


def badness(value: float, direction: str) -> float:
    return {"lower": value, "higher": -value, "half": abs(value - 0.5)}[direction]


def with_error(name: str, share: float) -> Evidence:
    """Evidence with an error of a given size in it."""
    evidence = world_of(name)
    if name == "tagging":
        return with_wrong_tags(share)
    if name in MODEL_JUDGES:
        return replace(evidence, log_prob=blend_of(name, share))
    if name in COPY_JUDGES:
        others = evidence.train
    elif name == "diversity":
        others = text_worlds.repeated(evidence.fake)
    else:
        others = damaged_of(name, evidence)
    return replace(evidence, fake=mixed(evidence.fake, others, share, 8))


@every_judge
def test_scores_are_complete(name: str) -> None:
    scores, cls = real_scores(name), JUDGES.get(name)
    assert scores
    for score in scores:
        judge_name, part = owner(score.name)
        assert (judge_name, score.name) == (name, score_name(name, part))
        assert score.unit == cls.parts[part].unit
        assert score.low <= score.value <= score.high
        assert all(math.isfinite(x) for x in (score.value, score.floor, score.ceiling))
        assert "at most" in score.protocol
        assert not re.search(r"\d{4}", score.protocol)  # 10,000 rows, not 10000
        assert score.source
        json.dumps(score.to_json(), allow_nan=False)
    assert cls.max_rows > 0
    assert JUDGES.summary(name).endswith((".", ")", "?"))


@every_judge
def test_other_real_rows_score_like_the_floor(name: str) -> None:
    for score in real_scores(name):
        assert abs(score.value - score.floor) < 4 * math.sqrt(2) * error(score), score


@every_judge
def test_grows_with_a_planted_error(name: str) -> None:
    some, much = (measured(name, with_error(name, share)) for share in (0.3, 1.0))
    for none in real_scores(name):
        values = [badness(x.value, none.direction) for x in (none, some[none.name], much[none.name])]
        slack = 2 * max(error(none), error(some[none.name]))
        assert values[1] > values[0] - slack, none.name
        assert values[2] > values[1] - slack, none.name
        assert values[2] > values[0] + 4 * error(none), none.name


@every_judge
def test_same_seed_same_numbers_and_nothing_else_is_touched(name: str) -> None:
    before, evidence = (np.random.get_state()[1].copy(), torch.get_rng_state()), world_of(name)  # noqa: NPY002
    batches = ("train", "held_out", "fake", "trivial")
    fresh = {batch: {k: x.clone() for k, x in getattr(evidence, batch).items()} for batch in batches}
    again = measured(name, evidence)
    for score in real_scores(name):
        found = again[score.name]
        assert (found.value, found.low, found.high, found.n) == (score.value, score.low, score.high, score.n)
        assert found.details == score.details
    assert (np.random.get_state()[1] == before[0]).all()  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), before[1])
    for batch in batches:
        for column, x in getattr(evidence, batch).items():
            assert torch.equal(x.nan_to_num(-9.0), fresh[batch][column].nan_to_num(-9.0))


@every_judge
def test_order_of_rows_does_not_matter(name: str) -> None:
    evidence, rng = world_of(name), np.random.default_rng(5)
    batches = {b: getattr(evidence, b) for b in ("train", "held_out", "fake", "trivial")}
    turned = {b: select(rows, rng.permutation(n_rows(rows))) for b, rows in batches.items()}
    again = measured(name, replace(evidence, **turned))
    for score in real_scores(name):
        assert abs(score.value - again[score.name].value) < 4 * math.sqrt(2) * error(score)


@pytest.mark.parametrize("name", [n for n in TABLE_JUDGES if n != "likelihood"])
def test_sequences_are_refused_by_name(name: str) -> None:
    words = {"words": torch.zeros(40, 5, dtype=torch.int64)}
    evidence = Evidence(Space({"words": Field(Tokens(5, 3))}), words, words, dict(words), words)
    with pytest.raises(UnsupportedError, match="words"):
        judge(name).scores(evidence)


@pytest.mark.parametrize("name", TEXT_JUDGES)
@pytest.mark.parametrize("is_tags", [True, False])
def test_judges_of_texts_are_silent_where_there_are_none(name: str, is_tags: bool) -> None:
    """Sequences of tags spell no text, and a table has no sequences."""
    tags = replace(text_world(), records=lambda rows: pa.table({n: x.tolist() for n, x in rows.items()}))
    assert judge(name).scores(tags if is_tags else world()) == []


@cache
def numbers_under(fault: str) -> dict[str, Measure]:
    evidence = world()
    fakes = {
        "copy": select(evidence.train, np.random.default_rng(0).permutation(n_rows(evidence.train))),
        "shuffled columns": shuffled(evidence.fake, 1),
        "dropped class": select(evidence.fake, np.flatnonzero(evidence.fake["kind"].numpy() != 0)),
        "none": evidence.fake,
    }
    return {k: m for name in TABLE_JUDGES for k, m in measured(name, replace(evidence, fake=fakes[fault])).items()}


def caught_by(names: list[str], found: dict[str, Measure]) -> set[str]:
    """The scores that are worse than the floor by more than chance."""
    caught = set()
    for score in (s for name in names for s in real_scores(name)):
        sign = {"lower": 1, "higher": -1, "half": 1}[score.direction]
        if sign * (found[score.name].value - score.floor) > 4 * math.hypot(error(found[score.name]), error(score)):
            caught.add(score.name)
    return caught


FAULTS = {
    "copy": {"near_copies.exact", "near_copies.closer", "near_copies.closer_tail", "membership.auc", "membership.tpr"},
    "shuffled columns": {"detectability.boosting", "associations.pairs", "associations.triples", "utility.ratio"},
    "dropped class": {"marginals.worst", "marginals.missed", "associations.pairs"},
    "none": set(),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_faults_are_caught_by_name_and_real_rows_pass(fault: str) -> None:
    caught = caught_by(TABLE_JUDGES, numbers_under(fault))
    assert caught >= FAULTS[fault]
    private = {name for name in caught if name.startswith(COPY_JUDGES)}
    assert private == (caught if fault == "copy" else set())
    assert bool(caught) == (fault != "none")


def texts_under(fault: str) -> dict[str, Measure]:
    evidence = text_world()
    fakes = {
        "copy": select(evidence.train, np.random.default_rng(0).permutation(n_rows(evidence.train))),
        "unigrams": evidence.trivial,
        "one repeated text": text_worlds.repeated(evidence.fake),
        "other texts": text_worlds.foreign(600, 7),
        "none": evidence.fake,
    }
    return {k: m for name in TEXT_JUDGES for k, m in measured(name, replace(evidence, fake=fakes[fault])).items()}


TEXT_FAULTS = {
    "copy": {"copied_text.mean", "copied_text.share", "copied_text.whole"},
    "unigrams": {"text_detectability.unseen", "text_detectability.seen"},
    "one repeated text": {
        "text_detectability.unseen",
        "text_detectability.seen",
        "diversity.distinct_1",
        "diversity.distinct_2",
        "diversity.self_bleu",
    },
    "other texts": {"text_detectability.unseen", "text_detectability.seen"},
    "none": set(),
}


@pytest.mark.parametrize("fault", TEXT_FAULTS)
def test_faults_planted_in_texts_are_caught_by_name_and_real_texts_pass(fault: str) -> None:
    caught = caught_by(TEXT_JUDGES, texts_under(fault))
    assert caught >= TEXT_FAULTS[fault]
    assert ("copied_text.share" in caught) == (fault == "copy")
    assert bool(caught) == (fault != "none")


def pictures_under(fault: str) -> dict[str, Measure]:
    evidence = picture_world()
    fakes = {
        "copy": picture_worlds.copies(),
        "blur": picture_worlds.blurred(evidence.fake),
        "dropped classes": picture_worlds.without(evidence.fake, (3, 4)),
        "wrong labels": picture_worlds.mislabelled(evidence.fake),
        "none": evidence.fake,
    }
    drawn = replace(evidence, fake=fakes[fault])
    return {k: m for name in PICTURE_JUDGES for k, m in measured(name, drawn).items()}


PICTURE_FAULTS = {
    "copy": {"picture_copies.exact", "picture_copies.closer"},
    "blur": {
        "frechet_pixels",
        "frechet_net",
        "kid_pixels",
        "kid_net",
        "precision_recall.recall_net",
        "precision_recall.coverage_net",
        "picture_detectability.svm_pixels",
        "picture_detectability.svm_net",
        "picture_detectability.convnet",
        "class_fidelity",
    },
    "dropped classes": {"kid_net", "precision_recall.recall_net", "precision_recall.coverage_net"},
    "wrong labels": {"class_fidelity"},
    "none": set(),
}


@pytest.mark.parametrize("fault", PICTURE_FAULTS)
def test_faults_planted_in_pictures_are_caught_by_name_and_real_pictures_pass(fault: str) -> None:
    caught = caught_by(PICTURE_JUDGES, pictures_under(fault))
    assert caught >= PICTURE_FAULTS[fault]
    assert ("picture_copies.exact" in caught) == (fault == "copy")
    assert bool(caught) == (fault != "none")


@pytest.mark.parametrize("name", PICTURE_JUDGES)
def test_judges_of_pictures_are_silent_where_there_are_none(name: str) -> None:
    assert judge(name).scores(world()) == []


@pytest.mark.parametrize("name", TABLE_JUDGES)
def test_judges_of_tables_leave_pictures_alone(name: str) -> None:
    assert name == "likelihood" or "picture" not in judge(name).sees(picture_world().space)
