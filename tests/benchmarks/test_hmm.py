"""The tagger of dictionaries, written on its own, guesses what the supervised model guesses."""

import numpy as np

from benchmarks.hmm import DictionaryTagger, pairs_of
from genwright.pipeline import fit
from tests.recipes.test_segment import sentences


def test_both_taggers_guess_the_same_tags() -> None:
    run = fit(sentences(150), "hmm", held_out=0, judge=False)
    config, model = run.model.config, run.model
    tagger = DictionaryTagger(pairs_of(run, sentences(150)), model.n_states, config.pseudo_moves, config.pseudo_items)  # type: ignore[attr-defined]
    batch = next(run.encode(sentences(60, seed=1)))
    tags = model.predict(batch)["tags"].numpy() - 2  # type: ignore[attr-defined]
    for row, sentence in zip(tags, pairs_of(run, sentences(60, seed=1)), strict=True):
        assert tagger.best([word for word, _ in sentence]) == row[: len(sentence)].tolist()
    p = model.hidden.emissions["words"].p  # type: ignore[attr-defined]
    seen = [(t, w) for (t, w), n in tagger.pairs.items() if n > 3]
    ours = [p[t, w - 2] for t, w in seen]
    np.testing.assert_allclose(ours, np.exp([tagger.emission(t, w) for t, w in seen]), rtol=1e-3)
