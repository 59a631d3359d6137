"""The complete state of a run: saved whole, found again after any death, restored bit by bit."""

from __future__ import annotations

import copy
import logging
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from nftgan import files
from nftgan.errors import UsageError
from nftgan.networks.builders import build_discriminator, build_generator
from nftgan.networks.protocols import Discriminator, Generator, Network
from nftgan.training import schedule
from nftgan.training.ada import AdaController
from nftgan.training.autoencoder import Autoencoder, autoencoder, build_encoder
from nftgan.training.config import TrainConfig
from nftgan.training.randomness import RngStream, rng_for

log = logging.getLogger(__name__)

T = TypeVar("T")
Rate = tuple[T, float, int | None]

STATE_VERSION = 1
_STATE = re.compile(r"state-\d{9,}\.safetensors")  # a person's copies beside them are not ours
GENERATOR, DISCRIMINATOR, AUTOENCODER = "generator", "discriminator", "autoencoder"
"""What an optimiser moves."""
SIGNS = "Signs/real"
"""Mean sign of D's logits on the art: what ADA steers by."""
FUSED_ON = ("cuda",)
"""Devices whose Adam takes all parameters in a few launches."""
KEEP = 2
"""State files kept: the newest, and one more in case the newest turns out damaged."""


@dataclass
class MetricSums:
    """Sums of what was measured since the last tick, by name; part of the state, so that a resumed
    run reports the same statistics."""

    sums: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, total: float, count: int) -> None:
        self.sums[name] = self.sums.get(name, 0.0) + total
        self.counts[name] = self.counts.get(name, 0) + count

    def means(self) -> dict[str, float]:
        return {name: self.sums[name] / self.counts[name] for name in sorted(self.sums)}

    def clear(self) -> None:
        self.sums.clear()
        self.counts.clear()


@dataclass
class TrainState:
    """Networks, optimisers and counters after `images` real images in `step` steps."""

    config: TrainConfig
    generator: Generator
    discriminator: Discriminator
    g_ema: Generator  # moving average of the generator: what is published
    generator_adam: torch.optim.Adam
    discriminator_adam: torch.optim.Adam
    path_mean: Tensor
    ada: AdaController
    metric_sums: MetricSums
    micro_batch: int  # of this session; it shrinks when memory runs out
    autoencoder: Autoencoder | None = None
    """Of a run that starts as a decoder, until that stage has ended: see `training/start.py`."""
    pending: list[tuple[list[str], Tensor]] = field(default_factory=list)
    """Measurements of the last steps that a GPU may still be working on: see `settle`."""
    images: int = 0
    step: int = 0
    seconds: float = 0.0  # spent training, over all sessions

    @property
    def device(self) -> torch.device:
        return self.path_mean.device

    def tensors(self) -> dict[str, Tensor]:
        """Every tensor of the state under one name each."""
        found: dict[str, Tensor] = {"path_mean": self.path_mean}
        for prefix, network in self._networks():
            for name, tensor in network.state_dict().items():
                found[f"{prefix}.{name}"] = tensor
        for prefix, network, adam in self._optimisers():
            for name, parameter in network.named_parameters():
                for key, value in adam.state.get(parameter, {}).items():
                    found[f"{prefix}.{key}.{name}"] = value
        return found

    def optimiser(self, of: str) -> torch.optim.Adam:
        """The optimiser of `GENERATOR`, `DISCRIMINATOR` or `AUTOENCODER`."""
        if of == AUTOENCODER:
            assert self.autoencoder is not None
            return self.autoencoder.adam
        return self.generator_adam if of == GENERATOR else self.discriminator_adam

    def reconfigure(self, config: TrainConfig) -> None:
        """Go on by another configuration of the same networks; all that was learnt stays."""
        self.config, self.micro_batch = config, config.micro_batch
        for adam, rate, interval in _rates(config, self.generator_adam, self.discriminator_adam):
            for group in adam.param_groups:
                group["lr"], group["betas"] = schedule.lazy_adam(rate, interval)
        self.ada.target, self.ada.cap = config.aug_target, config.aug_cap

    def settle(self) -> None:
        """Add the pending measurements to the totals, and show ADA the signs; waits for a GPU."""
        for names, numbers in self.pending:
            sums, counts = numbers.view(2, -1).tolist()
            for name, total, count in zip(names, sums, counts, strict=True):
                self.metric_sums.add(name, total, int(count))
                if name == SIGNS:
                    self.ada.observe(total, int(count))
        self.pending.clear()

    def counters(self) -> dict[str, Any]:
        self.settle()
        return {
            "images": self.images,
            "step": self.step,
            "seconds": self.seconds,
            "ada": self.ada.state(),
            "sums": self.metric_sums.sums,
            "counts": self.metric_sums.counts,
        }

    def load(self, tensors: dict[str, Tensor], counters: dict[str, Any]) -> None:
        """Become the state that `tensors` and `counters` describe."""
        if int(counters["images"]) >= self.config.start_images:
            self.autoencoder = None
        with torch.no_grad():
            self.path_mean.copy_(tensors["path_mean"])
        for prefix, network in self._networks():
            network.load_state_dict(_under(tensors, f"{prefix}."), strict=True)
        for prefix, network, adam in self._optimisers():
            for name, parameter in network.named_parameters():
                moments = {
                    key: tensors[f"{prefix}.{key}.{name}"]
                    for key in ("step", "exp_avg", "exp_avg_sq")
                    if f"{prefix}.{key}.{name}" in tensors
                }
                if moments:
                    adam.state[parameter] = {
                        key: value.to(parameter.device, copy=True)
                        if key != "step" or adam.defaults["fused"]
                        else value.clone()
                        for key, value in moments.items()
                    }
        self.images, self.step = int(counters["images"]), int(counters["step"])
        self.seconds = float(counters["seconds"])
        self.ada.restore(counters["ada"])
        self.pending.clear()
        self.metric_sums = MetricSums(dict(counters["sums"]), dict(counters["counts"]))

    def _networks(self) -> list[tuple[str, Network]]:
        found: list[tuple[str, Network]] = [
            ("G", self.generator),
            ("D", self.discriminator),
            ("G_ema", self.g_ema),
        ]
        if self.autoencoder is not None:
            found.append(("E", self.autoencoder.encoder))
        return found

    def _optimisers(self) -> list[tuple[str, Network, torch.optim.Adam]]:
        found: list[tuple[str, Network, torch.optim.Adam]] = [
            ("adam_G", self.generator, self.generator_adam),
            ("adam_D", self.discriminator, self.discriminator_adam),
        ]
        if (pair := self.autoencoder) is not None:
            found += [
                ("adam_decoder", self.generator, pair.adam),
                ("adam_E", pair.encoder, pair.adam),
            ]
        return found


def fresh_state(config: TrainConfig) -> TrainState:
    """The state before the first step: networks drawn from the seed, no moments, p at its start."""
    device = torch.device(config.device)
    seeds = rng_for(config.seed, 0, RngStream.NETWORKS).integers(2**31, size=2)
    generator = build_generator(config.generator, seed=int(seeds[0])).to(device)
    discriminator = build_discriminator(config.discriminator, seed=int(seeds[1])).to(device)
    average = copy.deepcopy(generator).eval().requires_grad_(False)
    generator.synthesis.recompute = discriminator.recompute = config.recompute
    adams = [
        _adam(network, rate, interval)
        for network, rate, interval in _rates(config, generator, discriminator)
    ]
    return TrainState(
        config=config,
        generator=generator.train().requires_grad_(False),
        discriminator=discriminator.train().requires_grad_(False),
        g_ema=average,
        generator_adam=adams[0],
        discriminator_adam=adams[1],
        path_mean=torch.zeros([], device=device),
        ada=AdaController(
            p=0.0 if config.aug == "none" else config.aug_p,
            target=config.aug_target,
            cap=config.aug_cap,
            ramp_images=config.aug_ramp_images,
            adaptive=config.aug == "ada",
        ),
        metric_sums=MetricSums(),
        micro_batch=config.micro_batch,
        autoencoder=_decoding(config, generator),
    )


def _decoding(config: TrainConfig, generator: Generator) -> Autoencoder | None:
    if not config.start_images:
        return None
    seed = int(rng_for(config.seed, 0, RngStream.NETWORKS, 1).integers(2**31))
    art = config.generator
    encoder = build_encoder(
        art.img_resolution, art.z_dim, channels=art.img_channels, c_dim=art.c_dim, seed=seed
    )
    return autoencoder(generator, encoder.to(config.device).requires_grad_(False))


def _rates(config: TrainConfig, of_generator: T, of_discriminator: T) -> list[Rate[T]]:
    """Beside each of the two: its learning rate, and the interval of its regulariser."""
    return [
        (of_generator, config.glr, config.pl_interval if config.pl_weight else None),
        (of_discriminator, config.dlr, config.r1_interval if config.gamma else None),
    ]


def _adam(network: Network, rate: float, interval: int | None) -> torch.optim.Adam:
    rate, betas = schedule.lazy_adam(rate, interval)
    parameters = list(network.parameters())
    fused = parameters[0].device.type in FUSED_ON or None  # None: as PyTorch likes
    return torch.optim.Adam(parameters, lr=rate, betas=betas, eps=1e-8, fused=fused)


# ---- on disk ----------------------------------------------------------------------------------


def save_state(state: TrainState, run_dir: Path) -> Path:
    """Write the state beside the older ones, then drop all but the newest `KEEP`.

    The tensors are written first and the JSON with their SHA-256 last: a death in between leaves
    a file that `newest_state` ignores.
    """
    path = run_dir / f"state-{state.images:09d}.safetensors"
    tensors = {
        name: tensor.detach().to("cpu", copy=True).contiguous()
        for name, tensor in state.tensors().items()
    }
    with files.atomic_path(path) as temporary:
        try:
            safetensors.torch.save_file(tensors, temporary)
        except safetensors.SafetensorError as exc:
            raise UsageError(
                f"{path} cannot be written: {exc}",
                hint="free some space and run the same command again",
            ) from exc
    files.write_json(
        path.with_suffix(".json"),
        {
            "nftgan": STATE_VERSION,
            "sha256": files.sha256_file(path),
            "config": files.sha256_hex(files.canonical_json(state.config.decisive())),
            "counters": state.counters(),
        },
    )
    for old in _state_files(run_dir)[KEEP:]:
        old.with_suffix(".json").unlink(missing_ok=True)
        old.unlink(missing_ok=True)
    return path


def newest_state(run_dir: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Tensors and counters of the newest whole state in `run_dir`; None when there is none."""
    for path in _state_files(run_dir):
        try:
            document = files.parse_json(path.with_suffix(".json").read_bytes())
            if document["nftgan"] != STATE_VERSION:
                raise UsageError(
                    f"{path} was written by another version of nftgan",
                    hint="train into another folder, or --resume its newest network",
                )
            if document["sha256"] != files.sha256_file(path):
                log.warning("%s is damaged: going back to the state before it", path.name)
                continue
            return safetensors.torch.load_file(path), document["counters"]
        except (OSError, ValueError, KeyError, TypeError, safetensors.SafetensorError) as exc:
            log.warning("%s cannot be used (%s): going back further", path.name, exc)
    return None


def saved_images(run_dir: Path) -> int:
    """Where the run would go on, by its newest state as it says itself; 0 without one."""
    for path in _state_files(run_dir):
        try:
            document = files.parse_json(path.with_suffix(".json").read_bytes())
            return int(document["counters"]["images"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return 0


def restore(state: TrainState, run_dir: Path) -> bool:
    """Continue where `run_dir` was left; False when it holds no state."""
    found = newest_state(run_dir)
    if found is None:
        return False
    try:
        state.load(*found)
    except (KeyError, RuntimeError) as exc:
        raise UsageError(f"the saved state in {run_dir} does not fit this run: {exc}") from exc
    return True


def _state_files(run_dir: Path) -> list[Path]:
    """Newest first."""
    found = run_dir.glob("state-*.safetensors")
    return sorted((path for path in found if _STATE.fullmatch(path.name)), reverse=True)


def _under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def update_ema(state: TrainState, beta: float) -> None:
    """One step of the moving average: parameters are blended, buffers copied."""
    means, values = state.g_ema, state.generator
    with torch.no_grad():  # each a few launches, however many tensors
        torch._foreach_lerp_(list(means.parameters()), list(values.parameters()), 1 - beta)
        torch._foreach_copy_(list(means.buffers()), list(values.buffers()))
