"""Does `gan` collapse? Seeds side by side, and the textbook's dense network beside the convolutional one.

    python -m benchmarks.gan_pictures --data fashion --steps 8000 --seeds 10           # the family's own settings
    python -m benchmarks.gan_pictures --data fashion --steps 8000 --net textbook       # 100 → 256 → 784, 784 → 256 → 1
    python -m benchmarks.gan_pictures --steps 2400 --seeds 1 --set gradient_penalty=0.3 --out /tmp/gan

Training is by class where the net is `own`; the textbook's has none. One line a seed: Fréchet distances to held-out
pictures, density and coverage (Naeem et al., 2020, five neighbours, features of `nn/picture_features`), how often a
network trained on real pictures sees the asked class, how many classes it sees at all, and CPU seconds of training on
one thread. A seed has collapsed where its coverage is below four fifths of the best one's. Draws are as many as the
held-out pictures they are compared with. `--out` keeps weights and contact sheets, a row of them a class; look at them.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from benchmarks.flow_pictures import pictures, sheet
from genwright.core.config import parse_settings
from genwright.core.dataset import Dataset
from genwright.core.rng import torch_generator
from genwright.core.space import Batch, Category, Field, Pixels, Space
from genwright.judges.frechet import frechet_distance, moments
from genwright.judges.precision_recall import balls
from genwright.models.gan import GAN
from genwright.nn.picture_features import PictureFeatures
from genwright.training.budget import Budget
from genwright.training.loop import train
from genwright.training.plan import Outcome, Plan
from genwright.training.settings import divided

TEXTBOOK: dict[str, Any] = {
    "trunk": "dense",
    "activation": "relu",
    "n_noise": 100,
    "n_hidden": 256,
    "n_layers": 1,
    "loss": "non_saturating",
    "gradient_penalty": 0.0,
    "fake_penalty": 0.0,
    "learning_rate": 2e-4,
    "batch_size": 100,
    "ema": 0.0,
}
HEAD = "| seed | frechet_pixels | frechet_net | density | coverage | class agrees | classes seen | CPU s |"


def divided_data(name: str, is_labelled: bool) -> tuple[Dataset, Dataset, Dataset]:
    """Rows to learn from, and training and held-out rows with their classes."""
    x, y = pictures(name)
    order = np.random.default_rng(0).permutation(len(x))
    n_held = min(10_000, len(x) // 5)
    fields = {"label": Field(Category(10), is_given=True), "image": Field(Pixels(int(x.max()) + 1), x.shape[1:])}
    parts = [Dataset(Space(fields), {"label": y[rows], "image": x[rows]}) for rows in (order[n_held:], order[:n_held])]
    names = list(fields) if is_labelled else ["image"]
    learnt = Dataset(Space({n: fields[n] for n in names}), {n: parts[0].arrays[n] for n in names})
    return learnt, parts[0], parts[1]


def fitted(data: Dataset, settings: dict[str, Any], steps: int, seed: int) -> tuple[GAN, Outcome, float]:
    """A trained model, its log, and CPU seconds."""
    of_model, _ = divided(GAN, settings)
    of_model, more = GAN.suited(of_model, data, None)
    model = GAN(data.space, of_model)
    start = time.process_time()
    plan = Plan(divided(GAN, settings, more)[1], Budget(steps=steps), seed)
    outcome = train(model, data, plan, lambda done, line: None)
    return model, outcome, time.process_time() - start


def drawn(model: GAN, label: torch.Tensor, seed: int) -> Batch:
    """Pictures of these classes, or of any where the model knows none; 256 at a time."""
    parts = []
    for k, some in enumerate(label.split(256)):
        given = {"label": some} if "label" in model.space else {}
        parts.append(model.sample(len(some), given, torch_generator(seed, "draw", k))["image"])
    return {"image": torch.cat(parts), "label": label}


def scores(rows: Batch, real: Batch, features: PictureFeatures) -> dict[str, float]:
    """What a line tells."""
    found = {}
    for kind in ("pixels", "net"):
        a, b = (features.of(kind, x).double().numpy() for x in (rows, real))
        found[f"frechet_{kind}"] = frechet_distance(moments(a), moments(b))
    around = balls(b, a, 5)
    found |= {name: float(around[name].mean()) for name in ("density", "coverage")}
    seen = features.classify(rows)
    found["class_agrees"] = float((seen == rows["label"]).double().mean())
    found["n_classes"] = float((torch.bincount(seen, minlength=10) >= len(seen) / 100).sum())
    return found


def told(name: str, found: dict[str, float], seconds: float) -> None:
    """A line of the table."""
    numbers = " | ".join(f"{x:.3f}" for k, x in found.items() if k != "n_classes")
    print(f"| {name} | {numbers} | {found['n_classes']:.0f} | {seconds:.0f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=["fashion", "mnist", "digits"], default="fashion")
    parser.add_argument("--net", choices=["own", "textbook"], default="own")
    parser.add_argument("--steps", type=int, default=8000)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--draws", type=int, default=3000)
    parser.add_argument("--set", action="append", default=[], help="NAME=VALUE, a setting of the family or the loop")
    parser.add_argument("--out", type=Path, default=Path("/tmp/gan"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    settings = {**(TEXTBOOK if args.net == "textbook" else {}), **parse_settings(args.set)}
    data, train_rows, held = divided_data(args.data, args.net == "own")
    features = PictureFeatures.fit(train_rows.space, train_rows.take(slice(0, 10_000)))
    n = min(args.draws, len(held))
    real = held.take(slice(0, n))
    print(f"{HEAD}\n|{'---|' * 8}")
    told("real, training", scores(train_rows.take(slice(-n, None)), real, features), 0)
    coverage = []
    for seed in range(args.seeds):
        model, outcome, seconds = fitted(data, settings, args.steps, seed)
        name = f"{args.data}-{args.net}-{seed}"
        save_file(model.state(), args.out / f"{name}.safetensors")
        sheet(drawn(model, torch.arange(200) // 20, 7)["image"], args.out / f"{name}.png")
        found = scores(drawn(model, real["label"], 5), real, features)
        coverage.append(found["coverage"])
        told(str(seed), found, seconds)
        last = {k: round(outcome.log[-1][k], 4) for k in ("variety", "distance", "repeats")}
        print(f"  {last}, step {outcome.best_step} kept; {outcome.notes}", flush=True)
    n_collapsed = sum(x < 0.8 * max(coverage) for x in coverage)
    print(f"{n_collapsed} of {len(coverage)} seeds have collapsed")


if __name__ == "__main__":
    main()
