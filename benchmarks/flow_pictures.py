"""How few evaluations of its network does `flow_matching` need, and what do its draws and its bound come to?

    python -m benchmarks.flow_pictures --data fashion --steps 3000 --out /tmp/flow

One fit, kept in `--out` and used again by a second call; then, with the same noise for all, draws by each method and
number of evaluations: Fréchet distances to held-out pictures (features of `nn/picture_features`), how often a network
trained on real pictures sees the asked class, and CPU seconds for 64 draws on one thread. Last, bits per dimension of
held-out pictures by steps of the bound's solver.
"""

import argparse
import gzip
import math
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from genwright.core.dataset import Dataset
from genwright.core.rng import torch_generator
from genwright.core.space import Batch, Category, Field, Pixels, Space
from genwright.judges.frechet import frechet_distance, moments
from genwright.models.flow_matching import FlowMatching, FlowMatchingConfig
from genwright.nn.picture_features import PictureFeatures
from genwright.training.budget import Budget
from genwright.training.config import TrainingConfig
from genwright.training.learn import learn
from genwright.training.plan import Plan

FASHION = Path("/usr/share/datasets/fashion-mnist")
MNIST = Path(__file__).parents[2] / "shared/data/mnist/mnist.npz"
WAYS = [("heun", 100, 1.0, 1.0), ("heun", 20, 0.7, 1.0), ("heun", 10, 0.7, 1.0), ("heun", 10, 1.0, 1.0)]
WAYS += [("adams", 10, 0.8, 1.0), ("adams", 10, 1.0, 1.3), ("adams", 10, 1.0, 1.5), ("adams", 6, 1.0, 1.3)]
WAYS += [("euler", 10, 1.0, 1.0)]


def pictures(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Pictures (N, 1, H, W) and their classes (N,)."""
    if name == "fashion":
        x = gzip.decompress((FASHION / "train-images-idx3-ubyte.gz").read_bytes())[16:]
        y = gzip.decompress((FASHION / "train-labels-idx1-ubyte.gz").read_bytes())[8:]
        return np.frombuffer(x, np.uint8).reshape(-1, 1, 28, 28), np.frombuffer(y, np.uint8).astype(np.int64)
    if name == "mnist":
        found = np.load(MNIST)
        keys = {len(found[k].shape): k for k in found if len(found[k]) >= 50_000}
        return found[keys[3]][:, None], found[keys[1]].astype(np.int64)
    from sklearn.datasets import load_digits

    digits = load_digits()
    return digits.images.astype(np.uint8)[:, None], digits.target.astype(np.int64)


def fitted(data: Dataset, args: argparse.Namespace) -> FlowMatching:
    """Trained now, or what was kept."""
    model = FlowMatching(data.space, FlowMatchingConfig())
    if args.weights.exists():
        model.load_state(load_file(args.weights))
        return model
    c = TrainingConfig(batch_size=args.batch_size, learning_rate=args.learning_rate, n_evaluations=args.n_evaluations)
    start = time.process_time()
    outcome = learn(model, data, Plan(c, Budget(steps=args.steps)), lambda done, line: print(f"{done:.0%} {line}"))
    print(f"{time.process_time() - start:.0f} CPU seconds, best step {outcome.best_step}; {outcome.notes}")
    save_file(model.state(), args.weights)
    return model


def drawn(
    model: FlowMatching, y: torch.Tensor, way: tuple[str, int, float, float], guidance: float
) -> tuple[Batch, float]:
    """Pictures of these classes, and the CPU seconds of 64."""
    sampler, n_calls, power, skew = way
    how = {"sampler": sampler, "n_calls": n_calls, "time_power": power, "time_skew": skew}
    model.config = replace(model.config, **how, guidance_scale=guidance)
    start, parts = time.process_time(), []
    for k, some in enumerate(y.split(64)):
        parts.append(model.sample(len(some), {"label": some}, torch_generator(0, "draw", k))["image"])
    seconds = (time.process_time() - start) * 64 / len(y)
    return {"image": torch.cat(parts), "label": y}, seconds


def sheet(x: torch.Tensor, path: Path, n_columns: int = 20) -> None:
    """A contact sheet, twice as large."""
    from PIL import Image

    n, _, height, width = x.shape
    rows = n // n_columns
    tiles = x[: rows * n_columns, 0].view(rows, n_columns, height, width).permute(0, 2, 1, 3)
    picture = Image.fromarray(tiles.reshape(rows * height, n_columns * width).to(torch.uint8).numpy())
    picture.resize((picture.width * 2, picture.height * 2), Image.Resampling.NEAREST).save(path)


def bits(model: FlowMatching, rows: Batch, n_steps: int) -> tuple[float, float]:
    """Mean bits a pixel, and its standard error; the label's own are left out."""
    model.config = replace(model.config, n_bound_steps=n_steps)
    nats = model.bound(rows, torch_generator(0, "bound")) - model.given.log_prob(rows, len(rows["label"]))
    each = -nats / (math.log(2) * rows["image"][0].numel())
    return float(each.mean()), float(each.std() / len(each) ** 0.5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", choices=["fashion", "mnist", "digits"], default="fashion")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--learning-rate", type=float, default=3e-3)
    parser.add_argument("--n-evaluations", type=int, default=20)
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("--bound-rows", type=int, default=200)
    parser.add_argument("--guidance", type=float, nargs="*", default=[1.0, 1.5, 2.0, 3.0])
    parser.add_argument("--weights", type=Path, help="of a fit that is kept; in --out where it is not given")
    parser.add_argument("--out", type=Path, default=Path("/tmp/flow"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    args.weights = args.weights or args.out / f"{args.data}-{args.steps}.safetensors"
    x, y = pictures(args.data)
    space = Space({"label": Field(Category(10), is_given=True), "image": Field(Pixels(int(x.max()) + 1), x.shape[1:])})
    order = np.random.default_rng(0).permutation(len(x))
    n_held = min(10_000, len(x) // 5)
    data = Dataset(space, {"label": y[order[n_held:]], "image": x[order[n_held:]]})
    held = Dataset(space, {"label": y[order[:n_held]], "image": x[order[:n_held]]})
    model = fitted(data, args)
    features = PictureFeatures.fit(space, data.take(slice(0, 10_000)))
    asked = held.take(slice(0, args.draws))  # the classes of as many held-out pictures
    real = held.take(slice(-args.draws, None))
    moments_of = {kind: moments(features.of(kind, real).double().numpy()) for kind in ("pixels", "net")}

    def told(name: str, rows: Batch, seconds: float = 0.0) -> None:
        apart = [
            frechet_distance(moments(features.of(kind, rows).double().numpy()), of) for kind, of in moments_of.items()
        ]
        agree = float((features.classify(rows) == rows["label"]).double().mean())
        print(f"| {name} | {apart[0]:.4f} | {apart[1]:.4f} | {agree:.3f} | {seconds:.2f} |", flush=True)

    print("| draws | frechet_pixels | frechet_net | class agrees | CPU s for 64 |\n|---|---|---|---|---|")
    told("real, held out", asked)
    for way in WAYS:
        rows, seconds = drawn(model, asked["label"], way, 1.0)
        told(f"{way[0]}, {way[1]} evaluations, ρ {way[2]:g}, σ {way[3]:g}", rows, seconds)
    for guidance in args.guidance:
        rows, seconds = drawn(model, asked["label"], ("adams", 10, 1.0, 1.3), guidance)
        told(f"adams, 10 evaluations, guidance {guidance:g}", rows, seconds)
        each = torch.cat([(rows["label"] == c).nonzero().flatten()[:20] for c in range(10)])
        sheet(rows["image"][each].double() * 255 / x.max(), args.out / f"{args.data}-guidance-{guidance:g}.png")
    some = held.take(slice(0, args.bound_rows))
    for n_steps in (10, 20, 40, 80):
        found, error = bits(model, some, n_steps)
        print(f"bits per dimension, {n_steps} steps: {found:.3f} ± {error:.3f}", flush=True)


if __name__ == "__main__":
    main()
