"""Published networks with their training numbers, and our state around the same weights."""

import dataclasses
import json

import numpy as np
import torch

from nftgan.networks.model_file import load_networks
from nftgan.training import phases
from nftgan.training.batches import Batch, LatentBatch
from nftgan.training.config import DatasetFacts
from nftgan.training.phases import StepContext
from nftgan.training.resolving import resolve
from nftgan.training.state import fresh_state
from nftgan.training.step import run_phase
from tests import reference

CASES = ("t32", "sg2_32")
SLOTS = {"Gmain": 0, "Greg": 1, "Dmain": 1, "Dreg": 2}


class Golden:
    """A published network, its training numbers, and our state around the same weights."""

    def __init__(self, name):
        self.data = reference.numbers(f"train_{name}")
        self.meta = json.loads(str(self.data["meta_json"]))
        self.scalars = self.meta["scalars_f64"]
        model = load_networks(reference.checkpoint(name))
        facts = DatasetFacts("", "golden", "", 8, 32, 3, 0)
        loss = self.meta["loss"]
        config = resolve(
            facts,
            preset="tiny",
            batch=4,
            cfg=model.generator.config.kind,
            glr=self.meta["glr"],
            dlr=self.meta["dlr"],
            gamma=loss["r1_gamma"],
            aug="none",
            ema_kimg=self.meta["ema_kimg"],
        )
        self.config = dataclasses.replace(
            config,
            generator=model.generator.config,
            discriminator=model.discriminator.config,
            ema_rampup=0.0,
            style_mixing=0.0,
        )
        assert config.pl_weight == loss["pl_weight"]
        self.state = fresh_state(self.config)
        self.state.generator.load_state_dict(model.generator.state_dict())
        self.state.g_ema.load_state_dict(model.generator.state_dict())
        self.state.discriminator.load_state_dict(model.discriminator.state_dict())
        for network in (self.state.generator, self.state.g_ema, self.state.discriminator):
            network.double()
        self.state.path_mean = self.state.path_mean.double()
        self.start = {
            name: {key: value.clone() for key, value in network.named_parameters()}
            for name, network in self.networks().items()
        }

    def networks(self):
        return {
            "G": self.state.generator,
            "D": self.state.discriminator,
            "G_ema": self.state.g_ema,
        }

    def batch(self, step):
        reals = torch.from_numpy(self.data["reals_u8"][step]).double() / 127.5 - 1
        return Batch(reals, None)

    def draw(self, phase, step):
        z = torch.from_numpy(self.data["z"][step, SLOTS[phase.name]])
        noise = torch.from_numpy(self.data["pl_noise"])
        if len(noise) < len(z):
            noise = torch.cat([noise, torch.zeros_like(noise)])
        return LatentBatch(z, None, path_noise=noise)

    def run(self, name):
        phase = next(phase for phase in phases.phases(self.config) if phase.name == name)
        once = dataclasses.replace(phase, interval=1)
        run = StepContext(self.state, None, 0.0, np.random.default_rng(0), "const")
        run_phase(once, run, self.draw(phase, 0), self.batch(0))
        run.hand_over()
        self.state.settle()

    def mean(self, key):
        return self.data[f"f64/{key}"].mean()
