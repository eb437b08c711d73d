"""pgmpy 1.1.2 on one job of `benchmarks/bayes_net.py`, inside pgmpy's own environment.

    python benchmarks/peers/pgmpy_network.py folder

The folder holds `rows.csv` (all columns text), `network.bif`, `unknown.csv` (rows that lack one column) and
`queries.json`. Structure is searched by hill climbing with a tabu list and BIC, both pgmpy's own defaults for discrete
rows; predictions and marginals are those of `network.bif`, so that both sides answer the same questions. Prints one
line of JSON.
"""

import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import pandas as pd
from pgmpy.estimators import HillClimbSearch
from pgmpy.inference import VariableElimination
from pgmpy.models import DiscreteBayesianNetwork
from pgmpy.readwrite import BIFReader


def main(folder: Path) -> dict[str, Any]:
    rows = pd.read_csv(folder / "rows.csv", dtype="category")
    started = time.process_time()
    graph = HillClimbSearch(rows).estimate(scoring_method="bic-d", show_progress=False)
    searched = time.process_time()
    model = DiscreteBayesianNetwork(graph.edges())
    model.add_nodes_from(rows.columns)
    model.fit(rows)
    fitted = time.process_time()
    model.simulate(len(rows), seed=0, show_progress=False)
    drawn = time.process_time()
    facts = {"edges": list(map(list, graph.edges())), "search": searched - started, "tables": fitted - searched}
    return {**facts, "draw": drawn - fitted, **_answers(folder)}


def _answers(folder: Path) -> dict[str, Any]:
    """Predictions and marginals of the network in the folder."""
    model = BIFReader(str(folder / "network.bif")).get_model()
    unknown = pd.read_csv(folder / "unknown.csv", dtype=str)
    started = time.process_time()
    predicted = model.predict(unknown, n_jobs=1)
    seconds = time.process_time() - started
    probabilities = model.predict_probability(unknown)
    engine, marginals = VariableElimination(model), []
    for query in json.loads((folder / "queries.json").read_text()):
        found = engine.query([query["of"]], query["given"], show_progress=False)
        states = found.state_names[query["of"]]
        marginals.append({s: float(found.values[k]) for k, s in enumerate(states)})
    return {
        "predict_a_row": seconds / len(unknown),
        "predicted": predicted.iloc[:, 0].tolist(),
        "probabilities": {c: probabilities[c].tolist() for c in probabilities},
        "marginals": marginals,
    }


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    print(json.dumps(main(Path(sys.argv[1]))))
