"""Do generated pictures help a convolutional network that has few real ones? Fashion-MNIST, 10, 50, 200 a class.

    python -m benchmarks.augment_pictures --sizes 10 --seeds 1      # one cell, about three CPU minutes
    python -m benchmarks.augment_pictures                           # goes on where it ended; docs/augment_benchmark.md

A cell is a number of pictures a class and a seed. `convnet` learns from them for `--steps` steps, every time as many:
as they are, with pictures moved and mirrored by chance while training (the rival that costs nothing), with as many
drawn pictures as real ones, and with both. The generator learns from the same few pictures for `--generator-steps`,
given the class. Accuracy is that on the first `--test` official test pictures. Scores are kept in
$GENWRIGHT_PEERS/augment_pictures.jsonl.
"""

import argparse
import json
import platform
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import t as student

from benchmarks import sections
from benchmarks.augment import HEAD, PAGE
from benchmarks.peer_runs import PLACE
from benchmarks.pictures import SPACE, data
from genwright.core.classifier import Classifier
from genwright.core.dataset import Dataset
from genwright.core.registry import CLASSIFIERS
from genwright.core.rng import derive, numpy_generator, torch_generator
from genwright.core.space import Batch
from genwright.data.contact_sheet import contact_sheet, png
from genwright.runs.lessons import joined
from genwright.training.budget import Budget
from genwright.training.learn_classifier import learn_classifier
from genwright.training.plan import Plan
from genwright.training.settings import divided
from genwright.training.taught import Teacher

SIZES = (10, 50, 200)
CHANGES = ("shift", "flip")
WAYS = {  # whether pictures are changed while training, and whether drawn ones are added
    "real": (False, False),
    "moved, mirrored": (True, False),
    "drawn added": (False, True),
    "both": (True, True),
}
STORE = PLACE / "augment_pictures.jsonl"


def few(train: Dataset, n: int, seed: int) -> Dataset:
    """n pictures of each class."""
    rng, y = numpy_generator(seed, "few", n), train.arrays["label"]
    return train.subset(np.sort(np.concatenate([rng.permutation(np.flatnonzero(y == k))[:n] for k in range(10)])))


def drawn(rows: Dataset, model: str, steps: int, n: int, seed: int) -> Batch:
    """n pictures of each class from a generator that has learnt the rows."""
    fitted = Teacher(Budget(steps=steps)).model(model, rows, derive(seed, "generator"))
    labels, parts = torch.arange(10).repeat_interleave(n), []
    for k, some in enumerate(labels.split(250)):
        parts.append(fitted.sample(len(some), {"label": some}, torch_generator(seed, "draw", k))["image"])
    return {"label": labels, "image": torch.cat(parts)}


def accuracy(rows: Dataset, test: Batch, steps: int, is_changed: bool, seed: int) -> float:
    """Of a network that has learnt the rows."""
    settings = {"augment": CHANGES if is_changed else (), "n_validation": 0}
    config, training = divided(CLASSIFIERS.get("convnet"), settings)
    net: Classifier = CLASSIFIERS.get("convnet")(config).bind(SPACE, "label")
    learn_classifier(net, rows, Plan(training, Budget(steps=steps), seed), lambda done, line: None)
    return float((net.predict_rows(test).argmax(1) == test["label"].numpy()).mean())


def cell(n: int, seed: int, args: argparse.Namespace) -> dict[str, Any]:
    """Accuracies of all ways."""
    train, held = data("fashion")
    rows, test = few(train, n, seed), held.take(slice(0, args.test))
    started = time.process_time()
    extra = drawn(rows, args.model, args.generator_steps, max(1, round(n * args.amount)), seed)
    seconds = time.process_time() - started
    if args.sheet:
        some = [extra["image"][extra["label"] == k][:10] for k in range(10)]
        args.sheet.write_bytes(png(contact_sheet(torch.cat(some).numpy())))
    found = {
        way: accuracy(joined(rows, extra) if is_added else rows, test, args.steps, is_changed, seed)
        for way, (is_changed, is_added) in WAYS.items()
    }
    return {"scores": found, "generator_seconds": seconds, "cpu_seconds": time.process_time() - started}


def told(cells: dict[tuple[Any, ...], dict[str, Any]]) -> str:
    """Mean accuracies, and what drawn pictures gain, with 95 % intervals over the seeds."""
    lines = []
    for n in dict.fromkeys(key[0] for key in cells):
        x = np.array([[c["scores"][way] for way in WAYS] for key, c in cells.items() if key[0] == n])  # (seeds, 4)
        alone, beside = (_interval(x[:, 2 + i] - x[:, i]) for i in (0, 1))
        lines.append([f"{n} a class", str(len(x)), *(f"{m:.3f}" for m in x.mean(0)), alone, beside])
    return sections.table(["real pictures", "seeds", *WAYS, "gain on real", "gain on moved, mirrored"], lines)


def _interval(x: np.ndarray) -> str:
    """Mean and half of its interval."""
    if len(x) < 2:
        return f"{x.mean():+.3f}"
    return f"{x.mean():+.3f} ± {student.ppf(0.975, len(x) - 1) * x.std(ddof=1) / len(x) ** 0.5:.3f}"


def page(cells: dict[tuple[Any, ...], dict[str, Any]], args: argparse.Namespace) -> str:
    """The section on pictures."""
    seconds = np.mean([c["cpu_seconds"] for c in cells.values()])
    return f"""{date.today()}, Python {platform.python_version()}; Fashion-MNIST, accuracy of `convnet` on the first
{args.test:,} test pictures after {args.steps:,} steps of 128, the same for all. *drawn*: for each real picture
{args.amount:g} from `{args.model}`, which learnt the same few for {args.generator_steps:,} steps, given the class.
*moved, mirrored*: real pictures changed by chance at every step. Intervals are of 95 %, over the seeds. {seconds:.0f}
CPU seconds a cell on average. Written by `python -m benchmarks.augment_pictures`.

{told(cells)}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--model", default="flow_matching")
    parser.add_argument("--steps", type=int, default=300, help="of the classifier")
    parser.add_argument("--generator-steps", type=int, default=600)
    parser.add_argument("--amount", type=float, default=1.0, help="drawn pictures for each real one")
    parser.add_argument("--test", type=int, default=5_000, help="test pictures")
    parser.add_argument("--sheet", type=Path, help="PNG file for some of the last cell's draws")
    parser.add_argument("--store", type=Path, default=STORE)
    parser.add_argument("--page", type=Path, default=PAGE)
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.store.parent.mkdir(parents=True, exist_ok=True)
    how = [args.model, args.steps, args.generator_steps, args.amount, args.test]
    lines = [json.loads(text) for text in args.store.read_text().splitlines()] if args.store.exists() else []
    known = {tuple(line["key"]): line for line in lines}
    wanted = [(n, seed, *how) for n in args.sizes for seed in range(args.seeds)]
    for key in sorted(wanted, key=lambda k: k[1]):
        if key not in known:
            known[key] = {"key": key, **cell(key[0], key[1], args)}
            print(json.dumps(known[key]), file=sys.stderr, flush=True)
            with args.store.open("a") as file:
                file.write(json.dumps(known[key]) + "\n")
    found = {key: known[key] for key in wanted}
    sections.put_section(args.page, HEAD, "Pictures", page(found, args))
    print(told(found))


if __name__ == "__main__":
    main()
