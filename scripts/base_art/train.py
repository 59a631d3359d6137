"""Train the base model: first as the decoder of an autoencoder, then against a discriminator.

    python scripts/base_art/train.py base_art.zip OUT [--side 32] [--first 28] [--kimg 200]

A generator trained from noise on a CPU needs hours before its images differ from each other. The
decoder of a variational autoencoder (Kingma and Welling 2014) gives blurred but diverse images
after minutes, and its latent is the standard normal that a generator expects. From there the same
generator meets a discriminator, with half of each batch still reconstructing (VAE-GAN, Larsen et
al. 2016), which keeps every kind of image alive while the discriminator sharpens them.

OUT.safetensors is the EMA generator with its discriminator, OUT.jsonl the log, OUT.png a grid of
fixed latents, OUT.pt the state: the same command goes on from it, as if it had never stopped.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from nftgan.dataset.archive import Dataset
from nftgan.networks import build_discriminator, build_generator
from nftgan.networks.architecture import (
    DiscriminatorConfig,
    StyleGAN2Config,
    StyleGAN3Config,
)
from nftgan.networks.model_file import save_model
from nftgan.training.autoencoder import (
    BETAS,
    ENCODER_RATE,
    LAST_RATE,
    autoencoder,
    build_encoder,
    distance,
    divergence_weight,
    encode,
    warm_up,
)


@dataclass(frozen=True)
class Size:
    """The networks for one side of picture."""

    z_dim: int
    generator: StyleGAN2Config | StyleGAN3Config
    discriminator: DiscriminatorConfig


def size_of(side: int, z_dim: int, channel_max: int, layers: int, d_max: int) -> Size:
    """Five or six layers and a margin of two pixels: speed before equivariance."""
    generator = StyleGAN3Config(
        img_resolution=side,
        z_dim=z_dim,
        w_dim=128,
        channel_base=1024,
        channel_max=channel_max,
        num_layers=layers,
        margin_size=2,
        first_cutoff=3.7,
        first_stopband=7.9311236227685695,
        num_fp16_res=0,
    )
    discriminator = DiscriminatorConfig(side, channel_base=1024, channel_max=d_max, num_fp16_res=0)
    return Size(z_dim, generator, discriminator)


PIXEL_ART = StyleGAN2Config(  # noise would be speckles between flat squares
    img_resolution=16,
    z_dim=64,
    w_dim=128,
    mapping_layers=2,
    channel_base=1024,
    channel_max=64,
    num_fp16_res=0,
    use_noise=False,
)
SIZES = {
    16: Size(
        64, PIXEL_ART, DiscriminatorConfig(16, channel_base=1024, channel_max=96, num_fp16_res=0)
    ),
    32: size_of(32, 32, 48, 5, 96),
    64: size_of(64, 64, 96, 6, 96),
}
BATCH = 16
R1_EVERY = 16


class Trainer:
    """Generator, EMA, encoder and discriminator, with what both stages share."""

    def __init__(self, images: Tensor, out: Path, options: argparse.Namespace) -> None:
        self.images, self.out, self.options = images, out, options
        size = SIZES[options.side]
        self.z_dim = size.z_dim
        self.beta = divergence_weight(options.side)
        self.generator = build_generator(size.generator, seed=0)
        self.ema = copy.deepcopy(self.generator).requires_grad_(False)
        self.encoder = build_encoder(options.side, self.z_dim, seed=5)
        self.autoencoder = autoencoder(self.generator, self.encoder)
        self.discriminator = build_discriminator(size.discriminator, seed=3)
        ratio = R1_EVERY / (R1_EVERY + 1)
        rate = options.rate
        self.adam = {
            "autoencoder": self.autoencoder.adam,
            "encoder": torch.optim.Adam(
                self.encoder.parameters(), ENCODER_RATE * LAST_RATE, betas=BETAS
            ),
            "generator": torch.optim.Adam(self.generator.parameters(), rate, betas=(0.0, 0.99)),
            "discriminator": torch.optim.Adam(
                self.discriminator.parameters(), rate * ratio, betas=(0.0, 0.99**ratio)
            ),
        }
        self.count = 0
        self.steps = 0
        self.seconds = 0.0
        self.fixed = torch.from_numpy(np.random.RandomState(1).randn(96, self.z_dim)).float()
        self.last: dict[str, float] = {}

    def modules(self) -> dict[str, Any]:
        named = {
            "g": self.generator,
            "ema": self.ema,
            "e": self.encoder,
            "d": self.discriminator,
        }
        return {**named, **{f"adam-{name}": one for name, one in self.adam.items()}}

    def batch(self, size: int = BATCH) -> Tensor:
        """`size` images drawn with replacement, float32 in [-1, 1]."""
        chosen = torch.randint(len(self.images), (size,))
        return self.images[chosen].float() / 127.5 - 1

    def autoencode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Latents drawn for x, and the KL divergence in nats an image."""
        z, divergence = encode(self.encoder, x, None, torch.randn(len(x), self.z_dim))
        return z, divergence.mean()

    def decode_step(self, progress: float) -> None:
        """One step of the autoencoder alone; learning rates fall to a tenth."""
        x = self.batch()
        z, divergence = self.autoencode(x)
        loss = distance(self.generator(z, update_emas=True), x).mean()
        self.autoencoder.set_rates(progress)
        self.autoencoder.adam.zero_grad()
        (loss + self.beta * warm_up(progress) * divergence).backward()
        self.autoencoder.adam.step()
        self.last = {"rec": loss.item(), "kl": divergence.item()}
        self.advance(min(1000, 0.05 * self.count + 1))

    def adversarial_step(self, progress: float, alone: bool) -> None:
        """Generator and encoder, then discriminator; `alone` trains the discriminator only."""
        o = self.options
        x = self.batch()
        if not alone:
            rate = o.rate * min(1.0, max(0.1, 4 * (1 - progress)))
            self.adam["generator"].param_groups[0]["lr"] = rate
            self.discriminator.requires_grad_(False)
            half = BATCH // 2
            z, divergence = self.autoencode(x[:half])
            made = self.generator(torch.cat([z, torch.randn(BATCH - half, self.z_dim)]))
            fooled = F.softplus(-self.discriminator(made)).mean()
            apart = distance(made[:half], x[:half]).mean()
            weight = o.reconstruction * (1 - 0.5 * progress) / 100
            self.adam["generator"].zero_grad()
            self.adam["encoder"].zero_grad()
            ((apart + self.beta * divergence) * weight + fooled).backward()
            self.adam["generator"].step()
            self.adam["encoder"].step()
            self.discriminator.requires_grad_(True)
            self.last |= {"rec": apart.item(), "kl": divergence.item(), "g": fooled.item()}
        with torch.no_grad():
            fake = self.generator(torch.randn(BATCH, self.z_dim), update_emas=not alone)
        real, score = self.discriminator(x), self.discriminator(fake)
        loss = F.softplus(score).mean() + F.softplus(-real).mean()
        self.adam["discriminator"].zero_grad()
        loss.backward()
        self.adam["discriminator"].step()
        self.last |= {"d": loss.item(), "sign": real.detach().sign().mean().item()}
        if self.steps % R1_EVERY == 0:
            x = x.detach().requires_grad_(True)
            (slope,) = torch.autograd.grad(self.discriminator(x).sum(), x, create_graph=True)
            penalty = slope.square().sum([1, 2, 3]).mean()
            self.adam["discriminator"].zero_grad()
            (penalty * o.gamma / 2 * R1_EVERY).backward()
            self.adam["discriminator"].step()
            self.last["r1"] = penalty.item()
        if alone:
            self.steps += 1
        else:
            self.advance(max(1.0, min(o.ema_kimg * 1000, 0.1 * self.count)))

    @torch.no_grad()
    def advance(self, half_life: float) -> None:
        """Count the batch and move the EMA towards the generator."""
        self.count += BATCH
        self.steps += 1
        keep = 0.5 ** (BATCH / half_life)
        for kept, new in zip(self.ema.parameters(), self.generator.parameters(), strict=True):
            kept.lerp_(new, 1 - keep)
        for kept, new in zip(self.ema.buffers(), self.generator.buffers(), strict=True):
            kept.copy_(new)

    def write(self, started: float) -> None:
        """Log a line, draw the grid, save the model and the state."""
        line = {"seconds": round(self.seconds + time.time() - started), "kimg": self.count / 1000}
        line |= {name: round(value, 3) for name, value in self.last.items()}
        print(json.dumps(line), flush=True)
        with self.out.with_suffix(".jsonl").open("a") as log:
            log.write(json.dumps(line) + "\n")
        with torch.no_grad():
            made = torch.cat([self.ema(z) for z in self.fixed.split(16)])
        side = self.options.side
        grid = made.view(6, 16, 3, side, side).permute(0, 3, 1, 4, 2)
        grid = grid.reshape(6 * side, 16 * side, 3)
        pixels = (grid * 127.5 + 128).clamp(0, 255).byte().numpy()
        sheet = Image.fromarray(pixels).resize((1024, 384), 0)
        sheet.save(self.out.with_suffix(".png"))
        if self.options.sheets:
            sheet.save(self.out.with_name(f"{self.out.name}-{self.count // 1000:06d}.png"))
        training = {"method": "variational autoencoder, then VAE-GAN", "images": self.count}
        save_model(
            self.out.with_suffix(".safetensors"),
            generator=self.ema,
            discriminator=self.discriminator,
            meta={"training": training},
        )
        state = {name: one.state_dict() for name, one in self.modules().items()}
        state |= {"count": self.count, "steps": self.steps, "seconds": line["seconds"]}
        state["random"] = torch.get_rng_state()
        part = self.out.with_suffix(".pt.part")
        torch.save(state, part)
        part.replace(self.out.with_suffix(".pt"))

    def resume(self) -> None:
        """Take up OUT.pt if there is one."""
        path = self.out.with_suffix(".pt")
        if path.exists():
            state = torch.load(path, weights_only=True)  # noqa: TID251  (our own, written above)
            for name, one in self.modules().items():
                one.load_state_dict(state[name])
            self.count, self.steps = state["count"], state["steps"]
            self.seconds = state["seconds"]
            torch.set_rng_state(state["random"])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("dataset", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--side", type=int, default=32, choices=sorted(SIZES))
    parser.add_argument("--sheets", action="store_true", help="keep the grid of each snapshot")
    parser.add_argument("--first", type=float, default=28, help="kimg as an autoencoder")
    parser.add_argument("--kimg", type=float, default=200, help="kimg in all")
    parser.add_argument("--gamma", type=float, default=0.5, help="R1 weight")
    parser.add_argument("--rate", type=float, default=2e-3, help="learning rate of G and D")
    parser.add_argument("--reconstruction", type=float, default=0.3, help="its weight, %")
    parser.add_argument("--ema-kimg", type=float, default=3, help="half-life of the EMA")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--every", type=float, default=60, help="seconds between snapshots")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    dataset = Dataset.open(options.dataset)
    images = torch.from_numpy(dataset.images(range(len(dataset))))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(images, options.out, options)
    trainer.resume()
    first, last = options.first * 1000, options.kimg * 1000
    started = written = time.time()
    while trainer.count < last:
        if trainer.count < first:
            trainer.decode_step(trainer.count / first)
            if trainer.count >= first:
                for _ in range(300):
                    trainer.adversarial_step(0.0, alone=True)
        else:
            trainer.adversarial_step((trainer.count - first) / (last - first), alone=False)
        if time.time() - written > options.every:
            trainer.write(started)
            written = time.time()
    trainer.write(started)


if __name__ == "__main__":
    main()
