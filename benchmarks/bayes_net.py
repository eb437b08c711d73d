"""`bayes_net` beside pgmpy: structure search, predictions, marginals; and the search on a large table.

    python -m benchmarks.bayes_net             # all of it, some minutes; writes docs/bayes_net_benchmark.md
    python -m benchmarks.bayes_net --seeds 1   # one network

pgmpy runs in an environment of its own, `pgmpy` below $GENWRIGHT_PEERS, which needs
`pip install torch==2.13.0 pgmpy==1.1.2`. Both sides see the same rows, one after the other, on one thread; seconds are
CPU seconds, imports left out.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from benchmarks.peer_runs import PLACE, ROOT, THREADS
from genwright.core.dataset import Dataset
from genwright.core.rng import torch_generator
from genwright.core.space import Category, Field, Space
from genwright.models.bayes_net import BayesNet
from genwright.nn.networks.graph import adjacency, cpdag
from genwright.nn.networks.inference import completed
from genwright.nn.networks.network import Network

PAGE = ROOT / "docs" / "bayes_net_benchmark.md"
N_PREDICTED = 300  # rows whose last column both sides predict
N_QUERIES = 30


def network(n_columns: int, cards: tuple[int, int], seed: int) -> Network:
    """A random network: up to two parents a column, at least one of them; tables from a Dirichlet of 1/2."""
    rng = np.random.default_rng(seed)
    card = rng.integers(cards[0], cards[1] + 1, n_columns)
    n_parents = [min(v, int(rng.integers(1, 3))) for v in range(n_columns)]
    parents = [tuple(sorted(rng.choice(v, n, replace=False).tolist())) if v else () for v, n in enumerate(n_parents)]
    tables = [rng.dirichlet(np.full(card[v], 0.5), size=tuple(card[list(p)])) for v, p in enumerate(parents)]
    return Network(tuple(parents), tuple(tables))


def rows_of(truth: Network, n: int, seed: int) -> Dataset:
    """Rows drawn from a network."""
    u = np.random.default_rng(seed).random((len(truth.cards), n))
    codes, _ = completed(truth, np.full(u.shape, -1), u)
    space = Space({f"c{v}": Field(Category(r)) for v, r in enumerate(truth.cards)})
    return Dataset(space, {f"c{v}": x for v, x in enumerate(codes)})


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds of some work, and what it gives."""
    started = time.process_time()
    found = work()
    return time.process_time() - started, found


def fitted(data: Dataset) -> tuple[float, BayesNet]:
    """CPU seconds of a fit with default settings, codes, search and tables together, and the model."""
    model = BayesNet(data.space)
    return seconds(lambda: model.solve(data, torch_generator(0), lambda done, line: None))[0], model


def edges_found(truth: Network, edges: np.ndarray) -> dict[str, int]:
    """True links found, links too many (both without direction), and entries in which the patterns differ."""
    real = adjacency(truth.parents)
    links, found = real | real.T, edges | edges.T
    parents = tuple(tuple(map(int, np.flatnonzero(edges[:, v]))) for v in range(len(edges)))
    return {
        "true": int((links & found).sum()) // 2,
        "false": int((found & ~links).sum()) // 2,
        "of": int(links.sum()) // 2,
        "pattern": int((cpdag(truth.parents) != cpdag(parents)).sum()),
    }


def beside(seed: int, n_columns: int = 12, n_rows: int = 10_000) -> dict[str, Any]:
    """One random network, both sides."""
    truth = network(n_columns, (2, 4), seed)
    data = rows_of(truth, n_rows, seed)
    cost, model = fitted(data)
    last = f"c{n_columns - 1}"
    unknown = {k: x[:N_PREDICTED] for k, x in rows_of(truth, n_rows, seed + 1_000).take(slice(None)).items()}
    many = {k: x.repeat(20) for k, x in unknown.items()}
    predict = seconds(lambda: model.predict(many, last))[0] / len(many[last])
    queries = _queries(model, seed)
    theirs = _peer(data, model, {k: x for k, x in unknown.items() if k != last}, queries)
    edges = np.zeros((n_columns, n_columns), bool)
    for a, b in theirs["edges"]:
        edges[int(a[1:]), int(b[1:])] = True
    return {
        "ours": {**edges_found(truth, adjacency(model.network.parents)), "search": cost, "predict": predict},
        "pgmpy": {**edges_found(truth, edges), "search": theirs["search"], "predict": theirs["predict_a_row"]},
        "ours_draw": seconds(lambda: model.sample(n_rows, {}, torch_generator(1)))[0],
        "pgmpy_draw": theirs["draw"],
        "difference": _difference(model, unknown, last, queries, theirs),
    }


def _queries(model: BayesNet, seed: int) -> list[dict[str, Any]]:
    """Random questions: a column under the evidence of three others."""
    rng, found = np.random.default_rng(seed), []
    for _ in range(N_QUERIES):
        of, *given = rng.choice(model.names, 4, replace=False)
        cards = [model.network.cards[model.names.index(c)] for c in given]
        found.append(
            {"of": str(of), "given": {str(c): int(rng.integers(r)) for c, r in zip(given, cards, strict=True)}}
        )
    return found


def _peer(data: Dataset, model: BayesNet, unknown: dict[str, Any], queries: list[dict[str, Any]]) -> dict[str, Any]:
    """pgmpy's answers."""
    python = PLACE / "pgmpy" / "bin" / "python"
    if not python.exists():
        raise SystemExit(f"{python} is not there; see the head of benchmarks/bayes_net.py")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        _named(data.arrays).to_csv(folder / "rows.csv", index=False)
        _named({k: x.numpy() for k, x in unknown.items()}).to_csv(folder / "unknown.csv", index=False)
        (folder / "network.bif").write_text(model.to_bif(), encoding="utf-8")
        named = [{"of": q["of"], "given": {c: f"code{k}" for c, k in q["given"].items()}} for q in queries]
        (folder / "queries.json").write_text(json.dumps(named), encoding="utf-8")
        script = ROOT / "benchmarks" / "peers" / "pgmpy_network.py"
        env = {**os.environ, **dict.fromkeys(THREADS, "1")}
        done = subprocess.run([python, script, folder], capture_output=True, text=True, env=env, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def _named(arrays: dict[str, np.ndarray]) -> pd.DataFrame:
    return pd.DataFrame({k: [f"code{c}" for c in x] for k, x in arrays.items()})


def _difference(model: BayesNet, unknown: dict, column: str, queries: list[dict], theirs: dict[str, Any]) -> float:
    """The largest difference of a probability that both sides computed from the same network."""
    p = model.predict(unknown, column)
    worst = max(np.abs(p[:, k] - theirs["probabilities"][f"{column}_code{k}"]).max() for k in range(p.shape[1]))
    for query, marginal in zip(queries, theirs["marginals"], strict=True):
        ours = model.marginal(query["of"], query["given"])
        worst = max(worst, *(abs(ours[k] - marginal[f"code{k}"]) for k in range(len(ours))))
    return float(worst)


def large() -> dict[str, Any]:
    """100,000 rows of 50 columns with 4 to 8 codes."""
    truth = network(50, (4, 8), 0)
    data = rows_of(truth, 100_000, 0)
    cost, model = fitted(data)
    drawn, rows = seconds(lambda: model.sample(16_384, {}, torch_generator(1)))
    probable, _ = seconds(lambda: model.log_prob(rows))
    found = edges_found(truth, adjacency(model.network.parents))
    return {**found, "fit": cost, "draw": drawn / 16_384, "log_prob": probable / 16_384}


def render(pairs: list[dict[str, Any]], big: dict[str, Any]) -> str:
    """The page."""
    search, predict = (statistics.median(p["pgmpy"][k] / p["ours"][k] for p in pairs) for k in ("search", "predict"))
    draw = statistics.median(p["pgmpy_draw"] / p["ours_draw"] for p in pairs)
    worst = max(p["difference"] for p in pairs)
    table = "\n".join(_row(k, side, pair[side]) for k, pair in enumerate(pairs) for side in ("ours", "pgmpy"))
    return f"""# Bayesian networks beside pgmpy

{date.today()}, {platform.machine()}, Python {platform.python_version()}, torch {torch.__version__}, pgmpy 1.1.2.
Written by `python -m benchmarks.bayes_net`; CPU seconds on one thread.

## 10,000 rows, 12 columns of 2 to 4 codes, random networks

*True* and *false*: links that are and are not in the network the rows come from, without direction. *Pattern*: entries
of the CPDAG that differ, which counts wrong directions too. *Search*: ours is the whole fit, pgmpy's the hill climbing
alone. *Predict*: seconds a row for the last column given all others.

| network | side | true | false | pattern | search | predict |
|---|---|---:|---:|---:|---:|---:|
{table}

Medians: the whole fit is {search:.0f} times faster than pgmpy's search, predictions {predict:,.0f} times, draws
{draw:.0f} times. Predictions, and {N_QUERIES} marginals a network under random evidence, which both sides computed from
the same tables, differ by at most {worst:.0e}.

## 100,000 rows, 50 columns of 4 to 8 codes

The fit takes {big["fit"]:.1f} s and finds {big["true"]} of {big["of"]} links, with {big["false"]} false ones. A draw
takes {1e6 * big["draw"]:.1f} µs, a log probability {1e6 * big["log_prob"]:.1f} µs.
"""


def _row(k: int, side: str, r: dict[str, Any]) -> str:
    cells = [
        k,
        side,
        f"{r['true']} of {r['of']}",
        r["false"],
        r["pattern"],
        f"{r['search']:.3f}",
        f"{r['predict']:.1e}",
    ]
    return f"| {' | '.join(map(str, cells))} |"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=5)
    torch.set_num_threads(1)
    pairs = []
    for seed in range(parser.parse_args().seeds):
        pairs.append(beside(seed))
        print(pairs[-1], flush=True)
    PAGE.write_text(render(pairs, large()), encoding="utf-8")


if __name__ == "__main__":
    main()
