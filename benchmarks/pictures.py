"""Every family on pictures of 28 × 28 for equal CPU seconds, beside pythae's VAE and a plain DCGAN, judged in one run.

    python -m benchmarks.pictures --seconds 600 --jobs 2 --out /tmp/pictures     # writes docs/pictures_benchmark.md
    python -m benchmarks.pictures --data mnist --only gan flow_matching

Each contender learns from the official 60,000 training pictures in a process of its own, on one thread. Families are
conditioned on the class; some steps are timed first, and as many steps are asked for as 97 % of the seconds pay for, so
that a family rather gets less than a peer, whose clock is watched at every step; one that used less than 92 % or more
than 105 % of them learns anew with as many steps as would have been right. Draws have the classes of the first official
test pictures, which are also what they are judged against. Peers draw without classes. Judges are those of `genwright
judge`, with features learnt once from the training pictures. What is in `--out` already is not trained again.
"""

import argparse
import json
import math
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.flow_pictures import FASHION
from genwright.core.config import parse_settings
from genwright.core.dataset import Dataset
from genwright.core.judge import Evidence, Score
from genwright.core.model import HasBound, HasLogProb
from genwright.core.registry import JUDGES, MODELS
from genwright.core.rng import torch_generator
from genwright.core.space import Batch, Category, Field, Pixels, Space
from genwright.data.contact_sheet import contact_sheet, png
from genwright.data.read import read
from genwright.nn.picture_features import PictureFeatures
from genwright.training.budget import Budget
from genwright.training.learn import learn
from genwright.training.plan import Plan
from genwright.training.settings import divided

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "pictures_benchmark.md"
PEERS = Path(os.environ.get("GENWRIGHT_PEERS", Path.home() / ".cache" / "genwright" / "peers"))
SPACE = Space({"label": Field(Category(10), is_given=True), "image": Field(Pixels(256), (1, 28, 28))})
FAMILIES = ("marginals", "vae", "vqvae", "gan", "flow_matching", "gpt")
OUTSIDERS = ("pythae_dense", "pythae_conv", "dcgan")
JUDGED = ("frechet", "kid", "precision_recall", "picture_detectability", "class_fidelity", "picture_copies")
SHARE_TIMED, SHARE_ASKED, LEAST_USED, MOST_USED, BOUND_ROWS = 0.03, 0.97, 0.92, 1.05, 200
COLUMNS = {
    "frechet_net": "frechet_net",
    "frechet_pixels": "frechet_pixels",
    "kid_net": "kid_net",
    "precision": "precision_recall.precision_net",
    "recall": "precision_recall.recall_net",
    "density": "precision_recall.density_net",
    "coverage": "precision_recall.coverage_net",
    "svm": "picture_detectability.svm_net",
    "convnet": "picture_detectability.convnet",
    "class": "class_fidelity",
    "copies": "picture_copies.closer_tail",
}


def data(name: str) -> tuple[Dataset, Dataset]:
    """Official training and test pictures with their classes."""
    found = []
    for part in ("train", "test"):
        tables = list(read(_source(name), part=part).open())
        images = np.concatenate([_pixels(t.column("image")) for t in tables])
        labels = np.concatenate([_codes(t.column("label")) for t in tables])
        found.append(Dataset(SPACE, {"label": labels, "image": images}))
    return found[0], found[1]


def _source(name: str) -> str:
    if name == "mnist":
        os.environ.setdefault("GENWRIGHT_DATA", str(HERE.parents[1] / "shared" / "data"))
    return "fashion-mnist" if name == "fashion" else name


def _pixels(column: Any) -> np.ndarray:
    return column.to_numpy_ndarray().reshape(-1, 1, 28, 28)


def _codes(column: Any) -> np.ndarray:
    """Classes 0 … 9 in the order of their names."""
    words = np.array([str(word) for word in column.to_pylist()])
    return np.unique(words, return_inverse=True)[1].astype(np.int64)


def fitted(
    name: str, train: Dataset, seconds: float, settings: dict[str, Any], seed: int, n_steps: int | None = None
) -> tuple[Any, dict[str, Any]]:
    """A family that has learnt for so many CPU seconds, and what it took."""
    family = MODELS.get(name)
    config, of_training = divided(family, settings)
    if hasattr(family, "suited"):
        config, more = family.suited(config, train, seconds / 60)
        of_training = divided(family, settings, more)[1]
    quiet: Callable[[float, str], None] = lambda done, line: None  # noqa: E731
    is_asked = n_steps is not None
    if hasattr(family, "loss") and not is_asked:
        n_steps = max(1, round(SHARE_ASKED * seconds / seconds_a_step(family, config, of_training, train, seconds)))
    while True:
        model, start = family(train.space, config), time.process_time()
        outcome = learn(model, train, Plan(of_training, Budget(steps=n_steps), seed), quiet)
        took = time.process_time() - start
        if n_steps is None or is_asked or LEAST_USED <= took / seconds <= MOST_USED:
            break
        n_steps = math.ceil(n_steps * SHARE_ASKED * seconds / took)
    return model, {"steps": outcome.n_steps, "cpu_seconds": round(took, 1), "notes": outcome.notes}


def seconds_a_step(family: Any, config: Any, of_training: Any, train: Dataset, seconds: float) -> float:
    """CPU seconds, from two short trainings: 5 steps, and as many as some of the seconds pay for."""
    of_training = replace(of_training, n_evaluations=1)  # else nearly every step would be watched

    def took(n: int) -> float:
        start = time.process_time()
        learn(family(train.space, config), train, Plan(of_training, Budget(steps=n), 0), lambda done, line: None)
        return time.process_time() - start

    few, more = took(5), took(15)
    n = 15 + min(400, int(SHARE_TIMED * seconds * 10 / max(more - few, 1e-9)))
    return max(took(n) - few, 1e-9) / (n - 5)


def bits(model: Any, held: Dataset) -> float | None:
    """Bits a pixel of some held-out pictures given their class, exact or by a bound."""
    rows = held.take(slice(0, BOUND_ROWS))
    if isinstance(model, HasLogProb):
        total = model.log_prob(rows)
    elif isinstance(model, HasBound):
        total = model.bound(rows, torch_generator(0, "bound"))
    else:
        return None
    of_class = math.log(0.1)  # classes are equally frequent
    return float(-(total.double().mean() - of_class) / (784 * math.log(2)))


def family(name: str, args: argparse.Namespace) -> None:
    """Fits, draws, and keeps both in `--out`."""
    torch.set_num_threads(1)
    train, held = data(args.data)
    model, facts = fitted(name, train, args.seconds, parse_settings(args.set), args.seed, args.steps)
    labels = torch.from_numpy(held.arrays["label"][: args.draws])
    start, parts = time.process_time(), []
    for k, some in enumerate(labels.split(250)):
        parts.append(model.sample(len(some), {"label": some}, torch_generator(args.seed, "draw", k))["image"])
    facts["seconds_1000_draws"] = round(1000 * (time.process_time() - start) / len(labels), 2)
    facts["bits_per_dim"] = bits(model, held)
    np.savez(args.out / f"{name}.npz", image=torch.cat(parts).numpy(), label=labels.numpy())
    (args.out / f"{name}.json").write_text(json.dumps(facts))


def outsider(name: str, args: argparse.Namespace) -> None:
    """Runs a peer's script where its environment is."""
    wanted = ["--seconds", str(args.seconds), "--draws", str(args.draws)]
    files = [str(args.out / "pictures.npz"), str(args.out / f"{name}.npz")]
    if name == "dcgan":
        command = [sys.executable, "-m", "benchmarks.peers.dcgan", *files, *wanted]
    else:
        python, script = PEERS / "pythae" / "bin" / "python", HERE / "peers" / "pythae_draws.py"
        if not python.exists():
            print(f"{name}: not installed; bash benchmarks/environments.sh pythae", flush=True)
            return
        command = [str(python), str(script), *files, "--net", name.partition("_")[2], *wanted]
    said = subprocess.run(command, capture_output=True, text=True, cwd=HERE.parent, check=False)
    if said.returncode:
        print(f"{name} failed: {said.stderr[-800:]}", flush=True)
        return
    (args.out / f"{name}.json").write_text(said.stdout.strip().splitlines()[-1])


def contender(name: str, args: argparse.Namespace) -> None:
    """In a process of its own, unless its results are there."""
    if (args.out / f"{name}.json").exists():
        return
    if name in OUTSIDERS:
        outsider(name, args)
        return
    command = [sys.executable, "-m", "benchmarks.pictures", "--fit", name, "--data", args.data, "--out", str(args.out)]
    command += ["--seconds", str(args.seconds), "--draws", str(args.draws), "--seed", str(args.seed)]
    command += [x for pair in args.set for x in ("--set", pair)]
    done = subprocess.run(command, cwd=HERE.parent, check=False)
    print(f"{name}: {'done' if not done.returncode else 'failed'}", flush=True)


def drawn(args: argparse.Namespace) -> dict[str, tuple[dict[str, np.ndarray], dict[str, Any]]]:
    """Contender → its pictures (and classes), and what they took; a peer's samplers are contenders of their own."""
    found = {}
    for name in (*FAMILIES, *OUTSIDERS):
        if not (args.out / f"{name}.json").exists():
            continue
        facts = json.loads((args.out / f"{name}.json").read_text())
        arrays = dict(np.load(args.out / f"{name}.npz"))
        if "image" in arrays:
            found[name] = (arrays, facts)
            continue
        for sampler, image in arrays.items():
            own = {**facts, "seconds_1000_draws": facts["seconds_1000_draws"][sampler]}
            found[f"{name}, {sampler}"] = ({"image": image}, own)
    return found


def judged(args: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Contender → its row: scores by name, and facts."""
    train, held = data(args.data)
    features = PictureFeatures.fit(SPACE, train.take(slice(None)))
    n = args.draws
    real, held_rows = train.sample_rows(10_000, np.random.default_rng(0)), held.take(slice(0, n))
    trivial = MODELS.get("marginals")(SPACE)
    trivial.solve(train, torch_generator(0), lambda done, line: None)
    shared: dict[Any, Any] = {}
    rows = {}
    independent = trivial.sample(n, {}, torch_generator(1))
    for name, (arrays, facts) in drawn(args).items():
        image = torch.from_numpy(arrays["image"][:n])
        fake: Batch = {"image": image}
        has_classes = "label" in arrays
        fake["label"] = torch.from_numpy(arrays["label"][:n]) if has_classes else features.classify(fake)
        evidence = Evidence(
            SPACE, real, held_rows, fake, independent, features=features.state(), shared=shared, seed=args.seed
        )
        scores: list[Score] = []
        for judge in JUDGED:
            if has_classes or judge != "class_fidelity":
                scores += JUDGES.get(judge)().scores(evidence)
        rows[name] = {"scores": {s.name: s.to_json() for s in scores}, "facts": facts}
        for s in rows[name]["scores"].values():
            s["details"] = {}
        sheet = image[: 10 * 16] if not has_classes else image[fake["label"].argsort(stable=True)][:: max(1, n // 160)]
        (args.out / f"{name.replace(', ', '-')}.png").write_bytes(png(contact_sheet(sheet[:160].numpy(), 16)))
        print(name, {k: round(s["value"], 4) for k, s in rows[name]["scores"].items()}, flush=True)
    return rows


def written(rows: dict[str, dict[str, Any]], args: argparse.Namespace) -> str:
    """The page."""
    head = ["contender", *COLUMNS, "bits/dim", "s for 1,000 draws", "CPU s", "steps"]
    lines = [
        "# Pictures, every family",
        "",
        f"{date.today()}, {platform.machine()}, Python {platform.python_version()}, torch {torch.__version__}.",
        f"Written by `python -m benchmarks.pictures`: {args.data}, {args.seconds:g} CPU seconds of training asked for;",
        "how many it came to stands in the table, and differs where steps were timed on a busy machine. One thread,",
        f"{args.draws:,} draws against as many official test pictures; interval of 95 % in brackets. How each is",
        "measured: [judging pictures](judging-pictures.md). Peers draw without classes. Families that are not listed",
        "were not measured.",
        "",
        "| " + " | ".join(head) + " |",
        "|---" * len(head) + "|",
    ]
    anchors: dict[str, dict[str, float]] = {"floor": {}, "ceiling": {}}
    for name, row in rows.items():
        cells = []
        for column, score in COLUMNS.items():
            s = row["scores"].get(score)
            cells.append("–" if s is None else f"{s['value']:.3f} ({s['low']:.3f} … {s['high']:.3f})")
            for anchor in anchors if s else ():
                anchors[anchor][column] = s[anchor]
        f = row["facts"]
        bpd = "–" if f.get("bits_per_dim") is None else f"{f['bits_per_dim']:.2f}"
        cells += [bpd, f"{f['seconds_1000_draws']:.2f}", f"{f['cpu_seconds']:.0f}", f"{f['steps'] or '–'}"]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    for anchor, found in anchors.items():
        cells = [f"{found[c]:.3f}" if c in found else "–" for c in COLUMNS]
        lines.append(f"| *{anchor}* | " + " | ".join([*cells, "–", "–", "–", "–"]) + " |")
    return "\n".join([*lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=["fashion", "mnist"], default="fashion")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--steps", type=int, help="of a family that is fitted alone, with --fit; not timed then")
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", nargs="*", help="some contenders")
    parser.add_argument("--set", action="append", default=[], help="NAME=VALUE of a family, with --only")
    parser.add_argument("--fit", help="one family, in this process")
    parser.add_argument("--no-page", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("/tmp/pictures"))
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    if args.fit:
        family(args.fit, args)
        return
    if args.data == "fashion" and not FASHION.exists():
        raise SystemExit("Fashion-MNIST is not there: apt-get install dataset-fashion-mnist")
    np.savez(args.out / "pictures.npz", train=data(args.data)[0].arrays["image"][:, 0])
    with ThreadPoolExecutor(args.jobs) as pool:
        list(pool.map(lambda name: contender(name, args), args.only or (*FAMILIES, *OUTSIDERS)))
    page = written(judged(args), args)
    (args.out / "page.md").write_text(page)
    if not args.no_page:
        PAGE.write_text(page)


if __name__ == "__main__":
    main()
