"""A plain DCGAN (Radford et al., 2016) for pictures of 28 × 28, by the textbook's recipe, on torch alone.

https://arxiv.org/abs/1511.06434

    python -m benchmarks.peers.dcgan pictures.npz drawn.npz --seconds 600 --draws 2000

100 numbers → 7 × 7 × 128 → 14 × 14 × 64 → 28 × 28; batch normalisation, Adam at 2e-4 with β₁ = 0.5, batches of 128,
weights that begin at N(0, 0.02). No average of weights, no penalty, no classes: what the paper says.
"""

import argparse
import json
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

BATCH, N_NOISE = 128, 100


def built() -> tuple[nn.Module, nn.Module]:
    """Generator and discriminator."""
    generator = nn.Sequential(
        nn.Linear(N_NOISE, 128 * 49),
        nn.Unflatten(1, (128, 7, 7)),
        nn.BatchNorm2d(128),
        nn.ReLU(),
        nn.ConvTranspose2d(128, 64, 4, 2, 1),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.ConvTranspose2d(64, 1, 4, 2, 1),
        nn.Tanh(),
    )
    discriminator = nn.Sequential(
        nn.Conv2d(1, 64, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(64, 128, 4, 2, 1),
        nn.BatchNorm2d(128),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(128 * 49, 1),
    )
    for net in (generator, discriminator):
        for module in net.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
                nn.init.normal_(module.weight, 0, 0.02)
    return generator, discriminator


def learn(generator: nn.Module, discriminator: nn.Module, x: torch.Tensor, seconds: float) -> int:
    """Steps until the CPU time is used up; how many they were."""
    g, d = (torch.optim.Adam(net.parameters(), lr=2e-4, betas=(0.5, 0.999)) for net in (generator, discriminator))
    started, k = time.process_time(), 0
    while time.process_time() - started < seconds:
        real = x[torch.randint(len(x), (BATCH,))].float().unsqueeze(1) / 127.5 - 1
        fake = generator(torch.randn(BATCH, N_NOISE))
        d.zero_grad(set_to_none=True)
        (F.softplus(-discriminator(real)) + F.softplus(discriminator(fake.detach()))).mean().backward()
        d.step()
        g.zero_grad(set_to_none=True)
        F.softplus(-discriminator(fake)).mean().backward()
        g.step()
        k += 1
    return k


def main() -> None:
    """Reads the command line, writes draws, prints one line of JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("pictures")
    parser.add_argument("drawn")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(asked.seed)
    x = torch.from_numpy(np.load(asked.pictures)["train"])
    nets = built()
    started = time.process_time()
    n_steps = learn(*nets, x, asked.seconds)
    trained = time.process_time() - started
    nets[0].eval()
    started = time.process_time()
    with torch.no_grad():
        drawn = torch.cat([nets[0](torch.randn(500, N_NOISE)) for _ in range(-(-asked.draws // 500))])[: asked.draws]
    seconds = 1000 * (time.process_time() - started) / asked.draws
    np.savez(asked.drawn, image=((drawn + 1) * 127.5).round().to(torch.uint8).numpy())
    print(json.dumps({"steps": n_steps, "cpu_seconds": round(trained, 1), "seconds_1000_draws": round(seconds, 2)}))


if __name__ == "__main__":
    main()
