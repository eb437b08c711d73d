"""pythae's VAE on grey pictures, with its samplers, inside its own environment.

    python benchmarks/peers/pythae_draws.py pictures.npz drawn.npz --net dense --seconds 600 --draws 2000

Its stock nets (`dense`: what its VAE builds unasked, 784-512-K; `conv`: the pair that it ships for MNIST), squared
error, Adam at 1e-3, batches of 128. Draws come from its samplers: N(0, I), and a mixture of Gaussians fitted to the
training pictures' latents (10 components), which is its best for this model without training a second network. The
drawn file holds one array for each.
"""

import argparse
import json
import time

import numpy as np
import torch
from pythae.models import VAE, VAEConfig
from pythae.models.nn.benchmarks.mnist import Decoder_Conv_AE_MNIST, Encoder_Conv_VAE_MNIST
from pythae.samplers import GaussianMixtureSampler, GaussianMixtureSamplerConfig, NormalSampler

BATCH = 128


def built(net: str, latent_dim: int) -> VAE:
    """Its VAE with a stock net, for grey pictures."""
    config = VAEConfig(input_dim=(1, 28, 28), latent_dim=latent_dim)
    if net == "dense":
        return VAE(config)
    return VAE(config, encoder=Encoder_Conv_VAE_MNIST(config), decoder=Decoder_Conv_AE_MNIST(config))


def learn(model: VAE, x: torch.Tensor, seconds: float) -> int:
    """Steps until the CPU time is used up; how many they were."""
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    started, k = time.process_time(), 0
    while time.process_time() - started < seconds:
        optimiser.zero_grad(set_to_none=True)
        model({"data": x[torch.randint(len(x), (BATCH,))]}).loss.backward()
        optimiser.step()
        k += 1
    return k


def main() -> None:
    """Reads the command line, writes draws, prints one line of JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("pictures")
    parser.add_argument("drawn")
    parser.add_argument("--net", choices=["dense", "conv"], default="dense")
    parser.add_argument("--latents", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--draws", type=int, default=2000)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    x = torch.from_numpy(np.load(asked.pictures)["train"]).float().unsqueeze(1) / 255
    model = built(asked.net, asked.latents).train()
    started = time.process_time()
    n_steps = learn(model, x, asked.seconds)
    trained = time.process_time() - started
    model.eval()
    mixture = GaussianMixtureSampler(model=model, sampler_config=GaussianMixtureSamplerConfig(n_components=10))
    mixture.fit(x[:10_000])
    found, seconds = {}, {}
    for name, sampler in (("normal", NormalSampler(model=model)), ("mixture", mixture)):
        started = time.process_time()
        drawn = sampler.sample(num_samples=asked.draws, batch_size=500, return_gen=True)
        seconds[name] = round(1000 * (time.process_time() - started) / asked.draws, 2)
        found[name] = (drawn.clamp(0, 1) * 255).round().to(torch.uint8).reshape(-1, 1, 28, 28).numpy()
    np.savez(asked.drawn, **found)
    print(json.dumps({"steps": n_steps, "cpu_seconds": round(trained, 1), "seconds_1000_draws": seconds}), flush=True)


if __name__ == "__main__":
    main()
