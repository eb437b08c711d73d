"""A family on emoji: 1,870 pictures of 64 × 64 in colour, nine groups as labels; a fit of so many CPU seconds, judged.

    python -m benchmarks.emoji --model flow_matching --seconds 900 --out /tmp/emoji

Emoji are hard for a generative model: few pictures, and hardly two of a kind. `--out` gets, for each model, a sheet
of 64 draws, one of draws each beside the training picture that is nearest to it (in components of pixels), and a JSON
file of scores. Sheets come first: look at them before the numbers. A fifth of the pictures is held out; draws have
the groups of those. Features are learnt once and kept in `--out`.
"""

import argparse
import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from benchmarks.pictures import JUDGED, fitted
from genwright.core.config import parse_settings
from genwright.core.dataset import Dataset
from genwright.core.errors import RunError
from genwright.core.judge import Evidence, Score
from genwright.core.registry import JUDGES, MODELS
from genwright.core.rng import torch_generator
from genwright.core.space import Batch, Category, Field, Pixels, Space
from genwright.data.contact_sheet import contact_sheet, png
from genwright.judges.picture_copies import nearest
from genwright.nn.picture_features import PictureFeatures

DATA = Path(__file__).parents[2] / "shared/data/emoji64/emoji64.npz"
SETTINGS: dict[str, dict[str, Any]] = {  # where the family's own are for other data
    "gan": {"width": 16, "augment": "flip,shift"},
    "flow_matching": {"augment": "flip,shift"},
    "vae": {"augment": "flip,shift", "latent_dim": 64, "batch_size": 64},
    "vqvae": {"augment": "flip,shift"},
}
N_SHOWN, N_PAIRS, AT_ONCE = 64, 32, 64


def data() -> tuple[Dataset, Dataset, list[str]]:
    """Pictures to learn from, held-out ones, and the names of the groups."""
    found = np.load(DATA)
    names, group = np.unique(found["groups"], return_inverse=True)
    space = Space({"group": Field(Category(len(names)), is_given=True), "image": Field(Pixels(256), (3, 64, 64))})
    every = Dataset(space, {"group": group.astype(np.int64), "image": np.moveaxis(found["images"], -1, 1).copy()})
    order = np.random.default_rng(0).permutation(len(group))
    n_held = len(group) // 5
    return every.subset(order[n_held:]), every.subset(order[:n_held]), [str(name) for name in names]


def drawn(model: Any, group: torch.Tensor, seed: int) -> tuple[Batch, float]:
    """Pictures of these groups, and CPU seconds."""
    start, parts = time.process_time(), []
    for k, some in enumerate(group.split(AT_ONCE)):
        parts.append(model.sample(len(some), {"group": some}, torch_generator(seed, "draw", k))["image"])
    return {"group": group, "image": torch.cat(parts)}, time.process_time() - start


def features_of(train: Dataset, path: Path) -> PictureFeatures:
    """Learnt now, or what was kept, unless that is of another version's network."""
    with suppress(RunError, FileNotFoundError):
        return PictureFeatures.from_state(train.space, load_file(path))
    found = PictureFeatures.fit(train.space, train.take(slice(None)))
    save_file(found.state(), path)
    return found


def pairs(fake: Batch, train: Dataset, features: PictureFeatures) -> np.ndarray:
    """Draws and the training pictures nearest to them in `pixels`, one behind the other (2 M, C, H, W)."""
    some = {name: x[:N_PAIRS] for name, x in fake.items()}
    rows = train.take(slice(None))
    _, at = nearest(features.of("pixels", some).numpy(), features.of("pixels", rows).numpy())
    both = torch.stack([some["image"], rows["image"][torch.from_numpy(at)]], 1)
    return both.flatten(0, 1).numpy()


def judged(fake: Batch, train: Dataset, held: Dataset, features: PictureFeatures, seed: int) -> list[Score]:
    """All scores of pictures."""
    trivial = MODELS.get("marginals")(train.space)
    trivial.solve(train, torch_generator(seed), lambda done, line: None)
    rows = train.take(slice(None))
    independent = trivial.sample(len(held), {}, torch_generator(seed, "trivial"))
    evidence = Evidence(
        train.space, rows, held.take(slice(None)), fake, independent, features=features.state(), all_train=train
    )
    return [score for name in JUDGED for score in JUDGES.get(name)().scores(evidence)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=sorted(SETTINGS), required=True)
    parser.add_argument("--seconds", type=float, default=900, help="CPU seconds of training")
    parser.add_argument("--set", action="append", default=[], help="NAME=VALUE, a setting of the family or the loop")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("/tmp/emoji"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    train, held, names = data()
    settings = {**SETTINGS[args.model], **parse_settings(args.set)}
    model, facts = fitted(args.model, train, args.seconds, settings, args.seed)
    save_file(model.state(), args.out / f"{args.model}.safetensors")
    fake, seconds = drawn(model, torch.from_numpy(held.arrays["group"]), args.seed)
    first = fake["image"][:N_SHOWN]
    (args.out / f"{args.model}.png").write_bytes(png(contact_sheet(first.numpy(), 8)))
    features = features_of(train, args.out / "features.safetensors")
    (args.out / f"{args.model}-nearest.png").write_bytes(png(contact_sheet(pairs(fake, train, features), 8)))
    print(f"{args.model}: {facts}; {seconds / len(held):.3f} CPU s a draw", flush=True)
    print("groups of the sheet:", ", ".join(names[g] for g in fake["group"][:8].tolist()), "…", flush=True)
    scores = judged(fake, train, held, features, args.seed)
    print("| score | value | interval | real | independent pixels |\n|---|---|---|---|---|")
    for s in scores:
        print(
            f"| {s.name} | {s.value:.3f} | {s.low:.3f} … {s.high:.3f} | {s.floor:.3f} | {s.ceiling:.3f} |", flush=True
        )
    found = {"settings": settings, "facts": facts, "scores": {s.name: s.value for s in scores}}
    (args.out / f"{args.model}.json").write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
