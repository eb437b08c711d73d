"""`gpt` beside the GPT-2 of transformers on the characters of tinyshakespeare: learning, and drawing.

    python -m benchmarks.gpt                 # all of it, about 15 minutes of one core; writes docs/gpt_benchmark.md
    python -m benchmarks.gpt --parts draw    # speeds of drawing alone

Both sides have 0.80 million weights in four blocks of 128 and look 64 characters back. transformers' side is trained by
the published recipe of nanoGPT for CPUs (https://github.com/karpathy/nanoGPT): 2,000 steps of 12 windows, AdamW from
0.001 down to 0.0001, 100 steps of warm-up. Ours is `genwright.fit` as a user calls it, reading and watching included.
Both are tested on all windows of the last tenth of the text, one behind the other. Seconds are CPU seconds on one
thread. Without ../shared/data/tinyshakespeare it says so and ends.
"""

import argparse
import json
import math
import platform
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from genwright.core.decoding import Decoding
from genwright.core.rng import torch_generator
from genwright.core.space import OPEN, Field, Space, Tokens
from genwright.models.gpt import GPT, GPTConfig
from genwright.pipeline import fit

ROOT = Path(__file__).parent.parent
TEXT = ROOT.parent / "shared" / "data" / "tinyshakespeare" / "input.txt"
PAGE = ROOT / "docs" / "gpt_benchmark.md"
CONTEXT, STEPS, BATCH = 64, 2_000, 12
SETTINGS = {"n_evaluations": 4, "context": CONTEXT, "n_layers": 4, "width": 128, "n_heads": 4, "n_hidden": 328}
FAST, SAME = {"batch_size": 24, "steps": 218}, {"batch_size": 24, "steps": 1_000}  # a fifth of the tokens; as many
DRAWN = 250  # tokens a row when speed is measured


def windows(codes: Tensor) -> tuple[Tensor, Tensor]:
    """Windows one behind the other: what is read and what is to be foretold, each (N, 64)."""
    n = (len(codes) - 1) // CONTEXT
    return codes[: n * CONTEXT].view(n, CONTEXT), codes[1 : n * CONTEXT + 1].view(n, CONTEXT)


def surprise(logits: Callable[[Tensor], Tensor], codes: Tensor) -> float:
    """Mean nats a character."""
    read, target = windows(codes)
    with torch.no_grad():
        parts = [
            F.cross_entropy(logits(x).flatten(0, 1), y.flatten(), reduction="sum").item()
            for x, y in zip(read.split(64), target.split(64), strict=True)
        ]
    return sum(parts) / target.numel()


def their_model(vocabulary: int, n_positions: int) -> Any:
    """A GPT-2 of transformers with random weights."""
    from transformers import GPT2Config, GPT2LMHeadModel

    dropped = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
    shape = {"n_embd": 128, "n_layer": 4, "n_head": 4, "vocab_size": vocabulary, "n_positions": n_positions}
    special = {"bos_token_id": None, "eos_token_id": None}
    return GPT2LMHeadModel(GPT2Config(**shape, **dropped, **special, activation_function="gelu"))


def theirs(text: str) -> dict[str, Any]:
    """transformers' GPT-2, trained by nanoGPT's recipe."""
    index = {c: i for i, c in enumerate(sorted(set(text)))}
    codes = torch.tensor([index[c] for c in text])
    train, held = codes[: int(0.9 * len(codes))], codes[int(0.9 * len(codes)) :]
    torch.manual_seed(1337)
    model = their_model(len(index), CONTEXT)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.99), weight_decay=0.1)
    started = time.process_time()
    for k in range(STEPS):
        down = 1e-4 + 0.5 * (1e-3 - 1e-4) * (1 + math.cos(math.pi * (k - 100) / (STEPS - 100)))
        optimiser.param_groups[0]["lr"] = 1e-3 * (k + 1) / 100 if k < 100 else down
        first = torch.randint(0, len(train) - CONTEXT - 1, (BATCH, 1))
        some = train[first + torch.arange(CONTEXT + 1)]
        logits = model(input_ids=some[:, :-1]).logits
        loss = F.cross_entropy(logits.flatten(0, 1), some[:, 1:].flatten())
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
    seconds = time.process_time() - started
    model.eval()
    held_out = surprise(lambda x: model(input_ids=x).logits, held)
    return {"seconds": seconds, "held_out": held_out, "weights": sum(p.numel() for p in model.parameters())}


def ours(text: str, steps: int, batch_size: int) -> dict[str, Any]:
    """genwright's own path, from the file to the run."""
    started = time.process_time()
    settings = {**SETTINGS, "batch_size": batch_size}
    run = fit(TEXT, "gpt", settings=settings, steps=steps, held_out=0.1, judge=False)
    seconds = time.process_time() - started
    model, codec = run.model, run.artefact.codec.codecs["text"]
    assert isinstance(model, GPT)
    codes = torch.tensor(codec.encode_prefix(text[int(0.9 * len(text)) :]))  # type: ignore[attr-defined]
    net = model.net

    def logits(x: Tensor) -> Tensor:
        return F.linear(net(net.embed(x)), net.head_weight)

    return {"seconds": seconds, "held_out": surprise(logits, codes), "weights": model.describe()["parameters"]}


def draw_theirs() -> float:
    """Tokens a second of transformers with its cache, one text at a time."""
    model = their_model(65, 2 * DRAWN).eval()
    start = torch.zeros(1, 1, dtype=torch.long)
    return DRAWN / _best(
        lambda: model.generate(start, max_new_tokens=DRAWN, min_new_tokens=DRAWN, do_sample=True, pad_token_id=0)
    )


def draw_ours(n: int) -> float:
    """Tokens a second of n texts at once."""
    space = Space({"text": Field(Tokens(DRAWN, 67, runs_on=True))})
    model = GPT(space, GPTConfig(n_layers=4, width=128, n_heads=4, context=CONTEXT))
    model.start(torch_generator(0))
    model.net.eval()
    given = {"text": torch.full((n, DRAWN), OPEN)}
    return n * DRAWN / _best(lambda: model.decode_rows(n, given, torch_generator(1), Decoding()))


def _best(work: Callable[[], Any], n_times: int = 5) -> float:
    """CPU seconds of the fastest of some calls, after one to warm up."""
    work()
    found = []
    for _ in range(n_times):
        started = time.process_time()
        work()
        found.append(time.process_time() - started)
    return min(found)


def page(found: dict[str, Any]) -> str:
    """docs/gpt_benchmark.md."""
    import transformers

    lines = [
        "# gpt beside the GPT-2 of transformers\n",
        f"{date.today()}, {platform.machine()}, Python {platform.python_version()}, torch {torch.__version__},",
        f"transformers {transformers.__version__}. Written by `python -m benchmarks.gpt`; CPU seconds on one thread.\n",
    ]
    if "theirs" in found:
        them = found["theirs"]
        lines += [
            "## Learning: tinyshakespeare, characters, 64 back\n",
            "Nats a character on the last tenth of the text, in windows of 64. A step of nanoGPT's recipe sees 768",
            "characters.\n",
            "| side | weights | characters seen | nats a character | CPU s | share of theirs |",
            "|---|---:|---:|---:|---:|---:|",
        ]
        for name, side, seen in (
            ("transformers, 2,000 steps of 12 windows", them, STEPS * BATCH * CONTEXT),
            (f"gpt, {FAST['steps']} steps of 24", found["fast"], FAST["steps"] * FAST["batch_size"] * CONTEXT),
            (f"gpt, {SAME['steps']:,} steps of 24", found["same"], SAME["steps"] * SAME["batch_size"] * CONTEXT),
        ):
            share = side["seconds"] / them["seconds"]
            lines.append(
                f"| {name} | {side['weights']:,} | {seen:,} | {side['held_out']:.3f} | {side['seconds']:.0f} | "
                f"{share:.2f} |"
            )
        lines.append("")
    if "draw" in found:
        draw = found["draw"]
        lines += [
            "## Drawing: tokens a CPU second, the same shape\n",
            "| side | texts at once | tokens a second | beside transformers |",
            "|---|---:|---:|---:|",
            f"| transformers, with its cache | 1 | {draw['theirs']:,.0f} | 1.0 |",
            *(f"| gpt | {n} | {rate:,.0f} | {rate / draw['theirs']:.1f} |" for n, rate in draw["ours"].items()),
            "",
        ]
    return "\n".join(lines)


def main() -> None:
    """Measures, prints and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=("learn", "draw"), default=["learn", "draw"])
    parts = parser.parse_args().parts
    if not TEXT.exists():
        raise SystemExit(f"skipped: there is no {TEXT}")
    torch.set_num_threads(1)
    text, found = TEXT.read_text(), {}
    if "draw" in parts:
        found["draw"] = {"theirs": draw_theirs(), "ours": {n: draw_ours(n) for n in (1, 8, 32, 64)}}
    if "learn" in parts:
        found |= {"theirs": theirs(text), "fast": ours(text, **FAST), "same": ours(text, **SAME)}
    print(json.dumps(found, indent=1))
    if len(parts) == 2:
        PAGE.write_text(page(found))


if __name__ == "__main__":
    main()
