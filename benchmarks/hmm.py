"""`hmm` beside hmmlearn: iterations of EM, best paths, one long sequence; and tags of ATIS beside plain dictionaries.

    python -m benchmarks.hmm             # about a minute; writes docs/hmm_benchmark.md
    python -m benchmarks.hmm --rounds 3  # fewer rounds

hmmlearn comes with the `dev` extra. Both sides see the same steps and start from the same parameters, in turns, on one
thread; seconds are CPU seconds, the least of all rounds, imports and first calls left out.
"""

import argparse
import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import itertools
import logging  # threads are set before NumPy comes
import math
import platform
import time
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from genwright.core.judge import Score
from genwright.nn.markov.categorical import Categorical
from genwright.nn.markov.chain import Chain, everything
from genwright.nn.markov.em import Learning, fit_em
from genwright.nn.markov.gaussian import Gaussian
from genwright.nn.markov.hidden import Hidden, Sequences, sequences
from genwright.pipeline import fit
from genwright.runs.run import Run

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "hmm_benchmark.md"
ATIS = ROOT.parent / "shared" / "data" / "pos-atis"
N, T, K, D, V = 200, 500, 8, 4, 16
LENGTHS = np.full(N, T)
Works = dict[str, Callable[[], Any]]


def world(seed: int = 0) -> tuple[Chain, np.ndarray, np.ndarray]:
    """A random chain, its states (N, T), and means of the states (K, D)."""
    rng = np.random.default_rng(seed)
    chain = Chain(np.full(K, 1 / K), rng.dirichlet(np.ones(K), K))
    u, cumulative = rng.random((N, T)), chain.move.cumsum(1)
    z = np.zeros((N, T), np.int64)
    for t in range(1, T):
        z[:, t] = np.minimum((cumulative[z[:, t - 1]] <= u[:, t, None]).sum(1), K - 1)
    return chain, z, 2 * rng.normal(size=(K, D))


def cpu(works: Works, rounds: int) -> dict[str, float]:
    """The least CPU seconds of each work, in turns."""
    for work in works.values():
        work()
    found = dict.fromkeys(works, math.inf)
    for _ in range(rounds):
        for name, work in works.items():
            started = time.process_time()
            work()
            found[name] = min(found[name], time.process_time() - started)
    return found


def peer(cls: Any, chain: Chain, implementation: str, **parameters: Any) -> Any:
    """hmmlearn's model, one iteration of EM a fit."""
    options = {k: parameters.pop(k) for k in ("covariance_type",) if k in parameters}
    found = cls(K, n_iter=1, init_params="", implementation=implementation, **options)
    found.startprob_, found.transmat_ = chain.start, chain.move
    for name, value in parameters.items():
        setattr(found, name, value)
    return found


def em_works(x: np.ndarray, hidden: Hidden, peers: dict[str, Any]) -> Works:
    """An iteration of EM of ours, of ours on one long sequence, and of hmmlearn's two implementations."""
    how = Learning(everything(K), n_iter=1)
    many, one = both(x)
    flat = x.reshape(N * T, -1)
    works: Works = {"ours": lambda: fit_em(hidden, many, how), "one long": lambda: fit_em(hidden, one, how)}
    for name, model in peers.items():
        works[name] = lambda model=model: model.fit(flat, LENGTHS)
    return works


def both(x: np.ndarray) -> tuple[Sequences, Sequences]:
    """The steps as N sequences and as one."""
    whole = x.reshape(1, N * T, *x.shape[2:])
    return sequences(LENGTHS, {"x": x}, K), sequences(np.array([N * T]), {"x": whole}, K)


def gaussian(covariance: str, rounds: int) -> dict[str, float]:
    """4-D Gaussian emissions."""
    from hmmlearn.hmm import GaussianHMM

    chain, z, mean = world()
    x = mean[z] + np.random.default_rng(1).normal(size=(N, T, D))
    start = mean + 0.3 * np.random.default_rng(2).normal(size=mean.shape)
    covar = np.ones((K, D)) if covariance == "diag" else np.tile(np.eye(D), (K, 1, 1))
    hidden = Hidden(chain, {"x": Gaussian(start, covar, covariance)})
    names = ("log", "scaling")
    parts = {"covariance_type": covariance, "means_": start, "covars_": covar}
    return cpu(em_works(x, hidden, {n: peer(GaussianHMM, chain, n, **parts) for n in names}), rounds)


def categorical(rounds: int) -> dict[str, float]:
    """16 codes."""
    from hmmlearn.hmm import CategoricalHMM

    chain, z, _ = world()
    rng = np.random.default_rng(1)
    p = rng.dirichlet(np.ones(V), K)
    x = np.minimum((p.cumsum(1)[z] <= rng.random((N, T, 1))).sum(2), V - 1)
    hidden = Hidden(chain, {"x": Categorical(p, np.zeros(V))})
    parts = {"emissionprob_": p, "n_features": V}
    return cpu(em_works(x, hidden, {n: peer(CategoricalHMM, chain, n, **parts) for n in ("log", "scaling")}), rounds)


def paths(rounds: int) -> dict[str, float]:
    """Best paths of 100,000 frames, emissions included; and how far their scores and log likelihoods differ."""
    from hmmlearn.hmm import GaussianHMM

    chain, z, mean = world()
    x = mean[z] + np.random.default_rng(1).normal(size=(N, T, D))
    hidden = Hidden(chain, {"x": Gaussian(mean, np.ones((K, D)), "diag")})
    theirs = peer(GaussianHMM, chain, "log", covariance_type="diag", means_=mean, covars_=np.ones((K, D)))
    (many, one), flat = both(x), x.reshape(-1, D)
    found = cpu(
        {
            "ours": lambda: hidden.best_paths(many),
            "hmmlearn": lambda: theirs.decode(flat, LENGTHS),
            "ours, one long": lambda: hidden.best_paths(one),
            "hmmlearn, one long": lambda: theirs.decode(flat),
        },
        rounds,
    )
    score, log_p = hidden.best_paths(many)[1].sum(), hidden.filter(many).log_prob.sum()
    found["score"] = abs(score - theirs.decode(flat, LENGTHS)[0]) / abs(score)
    found["log_prob"] = abs(log_p - theirs.score(flat, LENGTHS)) / abs(log_p)
    long = hidden.filter(one).log_prob.sum()
    found["long"] = abs(long - theirs.score(flat)) / abs(long)
    return found


def sticky(rounds: int) -> float:
    """How many times longer an iteration on one long sequence takes where the chain forgets slowly."""
    stay = 1 - 1e-4
    move = np.full((K, K), (1 - stay) / (K - 1)) + np.eye(K) * (stay - (1 - stay) / (K - 1))
    mean = 0.1 * world()[2]
    x = np.random.default_rng(1).normal(size=(N, T, D))
    hidden = Hidden(Chain(np.full(K, 1 / K), move), {"x": Gaussian(mean, np.ones((K, D)), "diag")})
    found = cpu(em_works(x, hidden, {}), rounds)
    return found["one long"] / found["ours"]


class DictionaryTagger:
    """A bigram tagger of plain dictionaries, written on its own: counts, the smoothing of `hmm`'s docs, Viterbi."""

    def __init__(self, sentences: list[list[tuple[int, int]]], n_tags: int, pseudo_moves: float, pseudo_items: float):
        words: Counter[int] = Counter(w for s in sentences for w, _ in s)
        self.total, self.s, self.m, self.n_tags = sum(words.values()), pseudo_items, pseudo_moves, n_tags
        self.words, self.tags = words, Counter(t for s in sentences for _, t in s)
        self.pairs = Counter((t, w) for s in sentences for w, t in s)
        self.types = Counter(t for t, _ in self.pairs)
        self.first = Counter(s[0][1] for s in sentences if s)
        self.moves: dict[int, Counter[int]] = defaultdict(Counter)
        for s in sentences:
            for (_, a), (_, b) in itertools.pairwise(s):
                self.moves[a][b] += 1

    def emission(self, tag: int, word: int) -> float:
        q, s = self.words[word] / self.total, self.s * max(self.types[tag], 1)
        p = (self.pairs[tag, word] + s * q) / (self.tags[tag] + s)
        return math.log(p) if p else -1e9

    def move(self, a: int | None, b: int) -> float:
        row = self.first if a is None else self.moves[a]
        return math.log((row[b] + self.m) / (row.total() + self.m * self.n_tags))

    def best(self, words: list[int]) -> list[int]:
        score = {t: (self.move(None, t) + self.emission(t, words[0]), [t]) for t in range(self.n_tags)}
        for word in words[1:]:
            score = {
                t: max((s + self.move(b, t) + self.emission(t, word), [*path, t]) for b, (s, path) in score.items())
                for t in range(self.n_tags)
            }
        return max(score.values())[1]


def pairs_of(run: Run, path: Path) -> list[list[tuple[int, int]]]:
    """Sentences of (word, tag), both by place in the run's vocabularies."""
    found = []
    for batch in run.encode(path):
        for words, tags in zip(batch["words"].tolist(), batch["tags"].tolist(), strict=True):
            n = words.index(1) if 1 in words else len(words)
            found.append([(w, t - 2) for w, t in zip(words[:n], tags[:n], strict=True)])
    return found


def atis() -> dict[str, Any]:
    """Tags of ATIS: learnt from `train`, guessed for `test`."""
    train, test = (ATIS / f"en_atis-ud-{part}.conllu.gz" for part in ("train", "test"))
    started = time.process_time()
    run = fit(train, "hmm", held_out=0.0, judge=False)
    cost = time.process_time() - started
    (score,) = [s for s in run.judge(test, train, judges="tagging") if s.name == "tagging.accuracy"]
    config = run.model.config
    tagger = DictionaryTagger(pairs_of(run, train), run.model.n_states, config.pseudo_moves, config.pseudo_items)  # type: ignore[attr-defined]
    sentences = [s for s in pairs_of(run, test) if s]
    guesses = [tagger.best([w for w, _ in s]) for s in sentences]
    right = sum(g == t for s, z in zip(sentences, guesses, strict=True) for g, (_, t) in zip(z, s, strict=True))
    return {"score": score, "independent": right / sum(map(len, sentences)), "seconds": cost, "n": len(sentences)}


def render(em: dict[str, dict[str, float]], path: dict[str, float], sticky: float, tags: dict[str, Any] | None) -> str:
    """The page."""
    rows = "\n".join(_row(name, found) for name, found in em.items())
    worst = max(path["score"], path["log_prob"], path["long"])
    return f"""# Hidden Markov models beside hmmlearn

{date.today()}, {platform.machine()}, Python {platform.python_version()}, {_versions()}.
Written by `python -m benchmarks.hmm`; CPU seconds on one thread, the least of several rounds in turns.

## An iteration of EM: {N} sequences of {T} steps, {K} states

*One long*: ours on the same {N * T:,} steps as a single sequence.

{_head("emissions", "ours", "one long", "hmmlearn", "`scaling`", "hmmlearn / ours", "`scaling` / ours", "long / ours")}
|---|---:|---:|---:|---:|---:|---:|---:|
{rows}

## Best paths of {N * T:,} frames

| | 200 sequences | one sequence |
|---|---:|---:|
| ours | {path["ours"]:.4f} | {path["ours, one long"]:.4f} |
| hmmlearn | {path["hmmlearn"]:.4f} | {path["hmmlearn, one long"]:.4f} |

Scores of paths and log likelihoods of both sides differ by at most {worst:.0e} of their size.

The steps above are of a chain that mixes quickly: pieces of the long sequence soon forget what was before them. Where
states last for 10,000 steps and a step says little, an iteration of EM on the long sequence takes {sticky:.1f} times as
long as on the {N} short ones.
{_tags(tags)}"""


def _head(*names: str) -> str:
    return f"| {' | '.join(names)} |"


def _versions() -> str:
    return f"NumPy {np.__version__}, hmmlearn {version('hmmlearn')}"


def _row(name: str, s: dict[str, float]) -> str:
    ratios = (s["log"] / s["ours"], s["scaling"] / s["ours"], s["one long"] / s["ours"])
    cells = [*(f"{s[k]:.4f}" for k in ("ours", "one long", "log", "scaling")), *(f"{r:.1f}" for r in ratios)]
    return f"| {name} | {' | '.join(cells)} |"


def _tags(tags: dict[str, Any] | None) -> str:
    if tags is None:
        return ""
    score: Score = tags["score"]
    return f"""
## Tags of ATIS (Universal Dependencies)

Learnt from the training part in {tags["seconds"]:.1f} s, guessed for the {tags["n"]:,} sentences of the test part,
{score.n:,} words.

| tagger | accuracy |
|---|---:|
| `hmm`, supervised | **{score.value:.4f}** (95 % interval over sentences: {score.low:.4f} to {score.high:.4f}) |
| plain dictionaries, written on their own with the same counts | {tags["independent"]:.4f} |
| each word's most frequent tag | {score.ceiling:.4f} |
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    em = {
        "Gaussian, 4-D, diagonal": gaussian("diag", rounds),
        "Gaussian, 4-D, full": gaussian("full", rounds),
        "categorical, 16 codes": categorical(rounds),
    }
    print(em, flush=True)
    path = paths(rounds)
    print(path, flush=True)
    PAGE.write_text(render(em, path, sticky(rounds), atis() if ATIS.is_dir() else None), encoding="utf-8")


if __name__ == "__main__":
    main()
