"""Conditions on texts, settings of their draws, texts piece by piece."""

import logging
import random
import re
import threading
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from genwright.core.decoding import Decoding
from genwright.core.errors import ConfigError, GivenError, UnknownNameError, UnsupportedError
from genwright.data.infer import infer
from genwright.data.read import read
from genwright.models.ngram import Ngram
from genwright.pipeline import fit
from genwright.recipes.query import query
from genwright.runs.beginnings import check_settings
from genwright.runs.run import Run

SETTINGS = [
    {},
    {"temperature": 0.7, "top_p": 0.9},
    {"top_k": 3, "repetition_penalty": 1.2},
    {"stop": "an"},
    {"stop": ("r", "\n\n"), "max_tokens": 6},
    {"pattern": "[A-Z][a-zé]+( [a-z]+)?"},
    {"min_p": 0.05, "max_tokens": 3},
]


@pytest.fixture(autouse=True)
def _fakes() -> None:
    """The real models, not this folder's fakes."""


def _verses(n: int = 300) -> pd.DataFrame:
    rng = random.Random(0)
    words = {"sea": ["wave", "sand", "salé", "shore"], "hill": ["rock", "fern", "rain", "sheep"]}
    forms = [rng.choice(list(words)) for _ in range(n)]
    texts = [" ".join(rng.choices(words[f], k=rng.randint(1, 3))).capitalize() for f in forms]
    return pd.DataFrame({"form": forms, "text": texts})


@pytest.fixture(scope="module")
def verses() -> Run:
    return fit(_verses(), "ngram", judge=False, kinds={"text": "text"})


@pytest.fixture(scope="module")
def words() -> Run:
    return fit(_verses()[["text"]], "ngram", judge=False, kinds={"text": "text"})


def _with_options(frame: pd.DataFrame, model: str = "ngram", *, fitted: dict | None = None, **options: object) -> Run:
    """A model of texts that are encoded so."""
    schema = infer(read(frame), {"text": "text"})[0]
    column = replace(schema["text"], options={**schema["text"].options, **options})
    return fit(frame, model, judge=False, schema=schema.with_columns([column]), **(fitted or {}))


def _passages() -> pd.DataFrame:
    book = "\n".join(_verses(2_000)["text"])
    return pd.DataFrame({"text": [book[i : i + 40] for i in range(0, 20_000, 40)]})


@pytest.fixture(scope="module")
def running() -> Run:
    return _with_options(_passages(), runs_on=True)


@pytest.fixture(scope="module")
def unigrams() -> Run:
    return fit(_verses(), "marginals", judge=False, kinds={"text": "text"})


def test_texts_start_as_they_were_given(verses):
    draw = verses.draw("text starts 'Sa'")
    assert not draw.rest
    texts = verses.sample(200, "text starts 'Sa'")["text"]
    assert texts.str.startswith("Sa").all()
    assert texts.nunique() > 10
    assert (verses.sample(200, {"text": "starts 'Sa'"})["form"] == "sea").mean() > 0.8  # of all verses a half


def test_a_given_beginning_leaves_the_distribution_of_what_follows(words):
    """Against the free draws that happen to begin so."""
    free = words.sample(4_000, seed=1)["text"].dropna()
    free = free[free.str.startswith("S")].str[1]
    given = words.sample(2_000, "text starts 'S'", seed=2)["text"].str[1]
    for letter in "ah":
        p, q = (free == letter).mean(), (given == letter).mean()
        error = np.sqrt(p * (1 - p) * (1 / len(free) + 1 / len(given)))
        assert abs(p - q) < 5 * error


def test_a_family_that_cannot_go_on_is_resampled(unigrams):
    draw = unigrams.draw("text starts 's'")
    assert draw.rest
    texts = pd.concat([t.to_pandas() for t in draw.tables(20)])["text"]
    assert texts.str.startswith("s").all()
    assert 0 < draw.acceptance < 0.5


def test_a_whole_text_is_given_as_any_value(verses):
    rows = verses.sample(50, {"text": "Wave sand", "form": "sea"})
    assert set(rows["text"]) == {"Wave sand"}
    assert set(rows["form"]) == {"sea"}


def test_a_beginning_beside_other_columns(verses):
    exact = verses.draw("text starts 'R' and form = 'hill'")
    assert not exact.rest
    mixed = verses.draw("text starts 'S' and form != 'sea'")
    assert [str(c) for c in mixed.rest] == ["form != 'sea'"]
    rows = pd.concat([t.to_pandas() for t in mixed.tables(30)])
    assert set(rows["form"]) == {"hill"}
    assert rows["text"].str.startswith("S").all()
    assert 0 < mixed.acceptance < 1
    both = verses.draw("text starts 'S' and text starts 'Sh'")
    assert [str(c) for c in both.rest] == ["text starts 'S'"]
    assert verses.sample(20, "text starts 'S' and text starts 'Sh'")["text"].str.startswith("Sh").all()


def test_an_empty_beginning_is_no_condition(words):
    assert words.draw("text starts ''").conditions == ()
    assert words.sample(5, "text starts ''").equals(words.sample(5))


def test_what_cannot_be_a_beginning_is_said(verses, running):
    length = verses.artefact.codec.space["text"].support.length
    with pytest.raises(GivenError, match=f"has 500 tokens, and texts of this run at most {length - 1}; shorten it"):
        verses.draw({"text": "starts '" + 500 * "a" + "'"})
    with pytest.raises(GivenError, match="500 tokens; texts of this run have at most"):
        verses.draw({"text": 500 * "a"})
    with pytest.raises(GivenError, match="half a character"):
        verses.draw({"text": "starts '\ud800'"})
    with pytest.raises(UnknownNameError, match="no title"):
        verses.draw("title starts 'a'")


def test_only_texts_start_with_something(quick):
    with pytest.raises(GivenError, match="age is of kind number, and only texts start"):
        quick.draw("age starts '4'")
    regions = quick.sample(50, "region starts 'no'")["region"]
    assert set(regions) == {"north"}


def test_characters_that_were_never_seen_are_spelt_in_bytes(words):
    assert words.sample(3, "text starts 'ツ!'", max_tokens=4)["text"].str.startswith("ツ!").all()


@pytest.mark.parametrize("settings", SETTINGS)
def test_row_i_is_a_function_of_run_seed_and_i_under_any_settings(words, settings):
    every = words.sample(300, seed=3, **settings)
    assert every.head(7).equals(words.sample(7, seed=3, **settings))
    part = next(words.stream(5, seed=3, start=257, **settings)).to_pandas()
    assert part["text"].tolist() == every["text"].tolist()[257:262]


def test_settings_do_what_they_say(words):
    texts = words.sample(100, pattern="[A-Z][a-zé]{3}( s[a-zé]+)?")["text"]
    assert all(re.fullmatch("[A-Z][a-zé]{3}( s[a-zé]+)?", t) for t in texts)
    assert words.sample(100, stop=" ")["text"].dropna().str.contains(" ").sum() == 0
    assert words.sample(100, "text starts 'Sa'", max_tokens=2)["text"].str.len().max() == 4
    assert words.sample(100, allowed=lambda text: "Sea\x03" if text else "S")["text"].str.fullmatch("S[Sea]*").all()
    greedy = words.sample(100, top_k=1)["text"]
    assert greedy.nunique() == 1


def test_families_that_draw_whole_rows_refuse_by_name(unigrams, quick):
    with pytest.raises(UnsupportedError, match="marginals does not draw token by token and has no top_p, stop"):
        unigrams.sample(1, top_p=0.9, stop="a")
    assert len(unigrams.sample(3, temperature=0.5, top_p=1.0)) == 3
    with pytest.raises(ConfigError, match="top_k: for columns of text or sequences, and this run has none"):
        check_settings(Decoding(top_k=3), quick.artefact.codec)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"top_p": 0}, "top_p = 0; expected a share"),
        ({"top_k": 1.5}, "top_k = 1.5; expected a whole number"),
        ({"min_p": 2}, "min_p = 2"),
        ({"repetition_penalty": -1}, "repetition_penalty"),
        ({"stop": ""}, "stop = .*none of them empty"),
        ({"stop": [3]}, "stop"),
        ({"max_tokens": True}, "max_tokens"),
        ({"pattern": "("}, "no regular expression"),
        ({"pattern": 3}, "pattern = 3"),
        ({"allowed": "abc"}, "allowed = 'abc'; expected a function"),
    ],
)
def test_settings_out_of_range(words, settings, says):
    with pytest.raises(ConfigError, match=says):
        words.sample(1, **settings)


def test_a_setting_that_is_none_names_the_nearest(words):
    with pytest.raises(UnknownNameError, match="did you mean temperature"):
        words.sample(1, temprature=0.5)


def test_a_running_text_goes_on_as_long_as_it_is_asked_to(running, caplog):
    support = running.artefact.codec.space["text"].support
    assert support.runs_on
    assert running.sample(1, max_tokens=30)["text"].str.len().tolist() == [30]
    n = support.length + 100
    assert running.sample(1, max_tokens=n)["text"].str.len().tolist() == [n]
    prompt = "Wave\n" * (support.length // 5 + 1)
    with caplog.at_level(logging.WARNING, "genwright"):
        text = running.sample(1, {"text": f"starts '{prompt}'"}, max_tokens=10)["text"][0]
    assert text.startswith(prompt)
    assert len(text) == len(prompt) + 10
    assert "more than the passages of the fit" in caplog.text


@pytest.mark.slow
def test_a_neural_family_goes_on_beyond_its_context():
    settings = {"n_layers": 1, "width": 16, "n_heads": 2, "context": 12}
    run = _with_options(_passages(), "gpt", fitted={"steps": 2, "settings": settings}, runs_on=True)
    n = run.artefact.codec.space["text"].support.length + 30
    text = run.sample(1, "text starts 'Wave'", max_tokens=n)["text"][0]
    assert len(text.encode("utf-8", "replace")) >= n
    assert "".join(run.stream(given="text starts 'Wave'", max_tokens=n)) == text
    full = run.sample(3, "text starts 'Wave'", max_tokens=n)["text"]
    assert full[0] == text


def test_a_text_that_is_to_be_longer_than_it_can_says_so(words, caplog):
    with caplog.at_level(logging.WARNING, "genwright"):
        words.sample(1, max_tokens=5_000)
    assert "fewer than asked for" in caplog.text


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("given", [None, "text starts 'Sal'"])
def test_pieces_join_to_the_text(words, settings, given):
    if given and "pattern" in settings:
        given = "text starts 'Sal'"
    for seed in range(4):
        pieces = list(words.stream(given=given, seed=seed, **settings))
        assert "".join(pieces) == (words.sample(1, given, seed=seed, **settings)["text"][0] or "")
        assert all(pieces)


def test_pieces_come_one_by_one(words):
    pieces = list(words.stream(given="text starts 'Sa'"))
    assert pieces[0] == "Sa"
    assert all(len(piece) == 1 for piece in pieces[1:])


def test_pieces_hold_whole_characters():
    frame = pd.DataFrame({"text": [random.Random(i).choice(["中文é", "é中", "🙂é🙂"]) for i in range(60)]})
    run = _with_options(frame, tokenizer="byte")
    for seed in range(10):
        pieces = list(run.stream(seed=seed))
        assert "".join(pieces) == (run.sample(1, seed=seed)["text"][0] or "")
        assert "\ufffd" not in "".join(pieces) or "\ufffd" in run.sample(1, seed=seed)["text"][0]
        assert all(len(piece.encode()) <= 4 for piece in pieces)
    assert next(iter(run.stream(given="text starts '🙂'"))).startswith("🙂")


def test_whoever_stops_taking_pieces_ends_the_draw(running):
    before = threading.active_count()
    pieces = running.stream(max_tokens=100_000)
    next(pieces)
    pieces.close()
    assert threading.active_count() == before


def test_an_error_of_the_draw_comes_through(words):
    def allowed(text: str) -> str:
        raise ValueError("no more" if len(text) > 2 else "at once")

    with pytest.raises(ValueError, match="at once"):
        list(words.stream(allowed=allowed))


def test_resampled_texts_come_whole(verses):
    given = "text starts 'S' and form != 'sea'"
    assert "".join(verses.stream(given=given)) == verses.sample(1, given)["text"][0]


def test_one_column_of_texts_is_drawn_in_pieces(verses, quick):
    assert "".join(verses.stream()) == verses.sample(1)["text"][0]
    with pytest.raises(ConfigError, match="found none"):
        quick.stream()
    with pytest.raises(ConfigError, match="none that is left to be drawn"):
        verses.stream(given={"text": "Wave"})
    twice = _verses().assign(again=lambda d: d["text"])
    run = fit(twice[["text", "again"]], "ngram", judge=False, kinds={"text": "text", "again": "text"})
    with pytest.raises(ConfigError, match="several: text, again; give all but one"):
        run.stream()
    assert "".join(run.stream(given={"again": "Wave"})) == run.sample(1, {"again": "Wave"})["text"][0]


def test_drawing_stops_when_the_rows_asked_for_are_over(words, monkeypatch):
    steps = []
    plain = Ngram.decode_rows

    def counted(self, n, given, generator, decoding, texts=None, told=None):
        def tell(place, name, codes):
            steps.append(place)
            return told(place, name, codes)

        return plain(self, n, given, generator, decoding, texts, tell)

    monkeypatch.setattr(Ngram, "decode_rows", counted)
    text = words.sample(1, seed=5)["text"][0]
    assert len(steps) == len(text) + 1
    assert torch.is_grad_enabled()


@pytest.fixture(scope="module")
def pairs() -> Run:
    """Two texts a row, of which the second is the end of the first; drawn one after the other."""
    rng = random.Random(1)
    words = ["".join(rng.choices("ab", k=rng.randint(1, 6))) for _ in range(400)]
    frame = pd.DataFrame({"left": words, "right": [word[-1] * 2 for word in words]})
    settings = {"n_hidden": 32, "n_embed": 8, "batch_size": 64}
    kinds = {"left": "text", "right": "text"}
    return fit(frame, "rnn", settings=settings, steps=300, judge=False, kinds=kinds)


def test_the_first_of_two_texts_is_the_same_in_a_whole_chunk_whatever_is_asked_for(pairs, monkeypatch):
    """The second is drawn beside the others of its chunk, which must therefore not depend on how many are wanted."""
    drawn, model = [], pairs.model
    real = model.decode_rows
    monkeypatch.setattr(model, "decode_rows", lambda *args: drawn.append(real(*args)) or drawn[-1])
    for seed in range(4):
        pairs.sample(1, seed=seed)
        pairs.sample(model.chunk, seed=seed)
        assert torch.equal(drawn[-2]["left"], drawn[-1]["left"])


def test_a_beginning_of_a_text_heeds_what_is_given_of_another_one_behind_it(pairs):
    n, every = 400, pairs.sample(6000, seed=1)
    rows = pairs.sample(n, {"left": "starts 'a'", "right": "starts 'b'"})
    kept = every[every["left"].str.startswith("a") & every["right"].str.startswith("b")]
    assert rows["left"].str.startswith("a").all()
    assert rows["right"].str.startswith("b").all()
    p, q = (x["left"].str.endswith("b").mean() for x in (rows, kept))
    assert abs(p - q) < 4 * (q * (1 - q) * (1 / n + 1 / len(kept))) ** 0.5


def test_what_a_beginning_says_about_other_columns(verses):
    answer = query(verses, "form", "text starts 'Sa'", n_draws=2_000)["form"]
    sea = answer.shares["sea"]
    assert sea > 0.8
    drawn = verses.sample(2_000, "text starts 'Sa'", seed=9)["form"].eq("sea").mean()
    assert abs(drawn - sea) < 5 * np.sqrt(2 * sea * (1 - sea) / 2_000)
    with pytest.raises(UnsupportedError, match=r"text .* has too many values for a distribution"):
        query(verses, "text", "form = 'sea'")


@pytest.mark.parametrize("tokenizer", ["char", "byte", "bpe", "unigram"])
def test_settings_speak_of_characters_whatever_the_tokens(tokenizer):
    size = 0 if tokenizer in ("char", "byte") else 300
    run = _with_options(_verses()[["text"]], tokenizer=tokenizer, vocab_size=size)
    pattern = "(Sal|Sh|R)[a-zé]+( [^e]+)?"
    assert all(re.fullmatch(pattern, t) for t in run.sample(60, pattern=pattern)["text"])
    free, stopped = run.sample(60)["text"].fillna(""), run.sample(60, stop=("é ", "an"))["text"].fillna("")
    assert stopped.tolist() == [re.split("é |an", t)[0] for t in free]
    allowed = run.sample(60, allowed=lambda text: "éR" if len(text) < 3 else "")["text"]
    assert allowed.str.fullmatch("[éR]{2,3}").all()  # two where tokens are bytes and a row has no more places
    given = run.sample(30, "text starts 'Salé'")["text"]
    assert given.str.startswith("Salé").all()
    assert (
        "".join(run.stream(given="text starts 'Salé'", stop=" r"))
        == run.sample(1, "text starts 'Salé'", stop=" r")["text"][0]
    )


def test_a_beginning_longer_than_the_context_is_said(tmp_path, caplog):
    path = tmp_path / "x.txt"
    path.write_text("ab ab ba " * 400, encoding="utf-8")
    size = {"n_layers": 1, "width": 8, "n_heads": 1, "context": 16}
    run = fit(path, "gpt", settings=size, steps=1, judge=False)
    with caplog.at_level(logging.INFO, "genwright"):
        run.draw({"text": "starts 'ab ab ab'"})
        assert "looks back" not in caplog.text
        run.draw({"text": "starts 'ab ab ab ab ab ab'"})
    assert "text: the beginning has 17 tokens, and the model looks back 16 at a time" in caplog.text


def test_beams_find_texts_at_least_as_likely_as_any_drawn(verses: Run) -> None:
    given = {"form": "sea"}
    best = verses.sample(4, given, n_beams=50)
    assert best["text"].is_unique
    log_p = np.asarray(verses.log_prob(best))
    assert (np.diff(log_p) <= 1e-9).all()
    drawn = verses.sample(300, given)
    assert log_p[0] >= np.asarray(verses.log_prob(drawn)).max() - 1e-9
    assert verses.sample(2, given, n_beams=50, seed=9)["text"].tolist() == best["text"].tolist()[:2]
    assert "".join(verses.stream(given=given, n_beams=50)) == best["text"][0]
