"""pythae's VAE on binary pictures, inside its own environment: nats of the importance-weighted bound.

    python benchmarks/peers/pythae_vae.py pictures.npz --net dense --minutes 30 --importance 64

`pictures.npz` holds `train` uint8 (N, 28, 28), grey, which is binarised anew each time it is seen, and `test` of 0 and
255. Its stock nets are meant: `dense` is what its VAE builds unasked (784-512-K), `conv` the convolutional pair that it
ships for MNIST. Its own trainer counts epochs, so the steps are taken here: Adam, batches of 128, a rate that falls as
a cosine.
"""

import argparse
import json
import math
import time

import numpy as np
import torch
from pythae.models import VAE, VAEConfig
from pythae.models.nn.benchmarks.mnist import Decoder_Conv_AE_MNIST, Encoder_Conv_VAE_MNIST

BATCH, AT_ONCE = 128, 500


def built(net: str, latent_dim: int) -> VAE:
    """Its VAE with a stock net, for binary pictures."""
    config = VAEConfig(input_dim=(1, 28, 28), latent_dim=latent_dim, reconstruction_loss="bce")
    if net == "dense":
        return VAE(config)
    return VAE(config, encoder=Encoder_Conv_VAE_MNIST(config), decoder=Decoder_Conv_AE_MNIST(config))


def learn(model: VAE, x: torch.Tensor, seconds: float, rate: float) -> int:
    """Steps until the CPU time is used up; how many they were."""
    optimiser = torch.optim.Adam(model.parameters(), lr=rate)
    started, k = time.process_time(), 0
    while (done := (time.process_time() - started) / seconds) < 1:
        for group in optimiser.param_groups:
            group["lr"] = rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))
        grey = x[torch.randint(len(x), (BATCH,))].unsqueeze(1) / 255
        optimiser.zero_grad(set_to_none=True)
        model({"data": torch.bernoulli(grey)}).loss.backward()
        optimiser.step()
        k += 1
    return k


@torch.no_grad()
def bound(model: VAE, x: torch.Tensor, n: int) -> torch.Tensor:
    """log 1/n Σ_s p(x, z_s) / q(z_s | x) of binary pictures (B, 1, 28, 28): (B,)."""
    found = model.encoder(x)
    mu, s = found.embedding, (0.5 * found.log_covariance).exp()
    weights = []
    for _ in range(n):
        noise = torch.randn_like(mu)
        z = mu + s * noise
        p = model.decoder(z)["reconstruction"].reshape(len(x), -1).clamp(1e-7, 1 - 1e-7)
        log_p = -torch.nn.functional.binary_cross_entropy(p, x.flatten(1), reduction="none").sum(1)
        weights.append(log_p + (noise.square() / 2 - z.square() / 2 + s.log()).sum(1))
    return torch.stack(weights).double().logsumexp(0) - math.log(n)


def main() -> None:
    """Reads the command line, prints one line of JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("pictures")
    parser.add_argument("--net", choices=["dense", "conv"], default="dense")
    parser.add_argument("--latents", type=int, default=40)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--importance", type=int, default=64)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    with np.load(asked.pictures) as found:
        x, test = (torch.from_numpy(found[key]) for key in ("train", "test"))
    model = built(asked.net, asked.latents).train()
    n_steps = learn(model, x.float(), 60 * asked.minutes, asked.rate)
    model.eval()
    parts = (test[i : i + AT_ONCE].unsqueeze(1).float() / 255 for i in range(0, len(test), AT_ONCE))
    each = torch.cat([bound(model, part, asked.importance) for part in parts])
    facts = {"net": asked.net, "steps": n_steps, "epochs": round(n_steps * BATCH / len(x), 2), "n_test": len(test)}
    error = float(each.std()) / len(each) ** 0.5
    print(json.dumps({**facts, "nats": round(-float(each.mean()), 3), "nats_error": round(error, 3)}), flush=True)


if __name__ == "__main__":
    main()
