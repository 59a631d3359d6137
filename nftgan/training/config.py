"""Every choice of a training run as one frozen dataclass; the presets as one table."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nftgan.dataset.holdout import default_fraction
from nftgan.errors import UsageError
from nftgan.networks import architecture
from nftgan.networks.architecture import (
    DiscriminatorConfig,
    GeneratorConfig,
    StyleGAN2Config,
    StyleGAN3Config,
)
from nftgan.training import schedule

FIRST_STOPBAND_REL = 2**1.1  # StyleGAN3 paper: stopband over cutoff of the first layer
OPTIONS_FILE = "training_options.json"
CFGS = ("stylegan3-t", "stylegan3-r", "stylegan2")
AUGMENTS = ("ada", "fixed", "none")
LOSSES = ("logistic", "relativistic")
METRICS = ("kid",)
WATCHDOGS = ("warn", "stop")
PIPES: dict[str, tuple[str, ...]] = {
    "art": ("xint", "scale", "aniso", "xfrac", "brightness", "contrast", "saturation"),
    "blit": ("xflip", "rotate90", "xint"),
    "geom": ("scale", "rotate", "aniso", "xfrac"),
    "color": ("brightness", "contrast", "lumaflip", "hue", "saturation"),
    "filter": ("imgfilter",),
    "noise": ("noise",),
    "cutout": ("cutout",),
}
"""`art` leaves out what must never leak into an image that is sold: turned or mirrored pieces,
inverted and shifted colours. The others are the groups of Karras et al. 2020."""
PIPES["bg"] = PIPES["blit"] + PIPES["geom"]
PIPES["bgc"] = PIPES["bg"] + PIPES["color"]
PIPES["bgcf"] = PIPES["bgc"] + PIPES["filter"]
PIPES["bgcfn"] = PIPES["bgcf"] + PIPES["noise"]
PIPES["bgcfnc"] = PIPES["bgcfn"] + PIPES["cutout"]


@dataclass(frozen=True)
class Preset:
    """The size of the networks and of a batch; everything else has one default for all."""

    resolution: int  # the side it is made for: chosen when a data set has it and no preset is named
    batch: int
    micro_batch: int  # images in memory at once on a 12 GB card, or fewer than `batch` on a CPU
    cbase: int
    cmax: int
    d_cbase: int
    d_cmax: int
    z_dim: int
    w_dim: int
    num_layers: int  # StyleGAN3 only
    margin_size: int  # StyleGAN3 only
    first_cutoff: float  # StyleGAN3 only: cycles per image of the finest input wave
    gamma: float | None  # None: `schedule.auto_gamma`, whose rule is for large networks
    glr: float | None  # None: as the paper has it for the cfg
    dlr: float | None
    ema_kimg: float
    kimg: int
    tick_kimg: float
    hint: str


# fmt: off
PRESETS: dict[str, Preset] = {
    # batch, micro; G cbase, cmax; D cbase, cmax; z, w; layers, margin, cutoff;
    #     gamma, glr, dlr; ema, kimg, tick
    "tiny": Preset(32, 16, 16, 1024, 48, 1024, 64, 128, 128, 5, 2, 3.7,
                   0.5, 0.0035, 0.0025, 2.5, 200, 1, "CPU, 2 hours"),
    "small": Preset(64, 16, 16, 2048, 64, 2048, 96, 128, 128, 7, 3, 3.7,
                    3.0, 0.0035, 0.0025, 2.5, 400, 1, "CPU, a night"),
    "128": Preset(128, 32, 16, 16384, 512, 16384, 512, 512, 512, 14, 10, 2,
                  None, None, None, 10, 5000, 4, "GPU"),
    "256": Preset(256, 32, 16, 16384, 512, 16384, 512, 512, 512, 14, 10, 2,
                  None, None, None, 10, 5000, 4, "GPU"),
    "512": Preset(512, 32, 8, 32768, 512, 32768, 512, 512, 512, 14, 10, 2,
                  None, None, None, 10, 5000, 4, "GPU"),
    "1024": Preset(1024, 32, 4, 32768, 512, 32768, 512, 512, 512, 14, 10, 2,
                   None, None, None, 10, 5000, 4, "GPU"),
}
# fmt: on


@dataclass(frozen=True)
class DatasetFacts:
    """What training must know of a data set before it opens it."""

    path: str
    name: str
    fingerprint: str
    images: int
    resolution: int
    channels: int
    label_count: int
    classes: tuple[str, ...] = ()  # names of the classes, where the data set knows them
    pixel_grid: int = 0  # squares along a side of pixel art; 0: the art is none
    pixel_colours: int = 0  # of a typical image of pixel art

    @staticmethod
    def of(path: Path) -> DatasetFacts:
        from nftgan.dataset.archive import Dataset

        dataset = Dataset.open(path)
        art = dataset.notes.get("pixel_art") or {}
        return DatasetFacts(
            path=str(path),
            name=dataset.name,
            fingerprint=dataset.fingerprint,
            images=len(dataset),
            resolution=dataset.resolution,
            channels=dataset.channels,
            label_count=dataset.label_count,
            classes=dataset.classes,
            pixel_grid=art.get("grid", 0),
            pixel_colours=art.get("colours", 0),
        )


@dataclass(frozen=True)
class Parent:
    """The model that a fine-tuning run starts from."""

    source: str
    identity: str
    licence: str


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides a run. Images are counted in integers: no float places a tick."""

    dataset: DatasetFacts
    cfg: str
    generator: GeneratorConfig
    discriminator: DiscriminatorConfig
    total_images: int
    tick_images: int
    snap: int  # ticks between network snapshots
    batch: int
    micro_batch: int
    loss: str  # logistic (StyleGAN), or relativistic with R1 and R2 (R3GAN)
    gamma: float  # R1 weight
    r1_interval: int
    glr: float
    dlr: float
    mirror: bool
    aug: str
    augpipe: str
    aug_p: float  # where p starts (ada), or stays (fixed)
    aug_target: float
    aug_cap: float
    aug_ramp_images: int
    ema_images: int  # half-life of the generator's moving average
    ema_rampup: float
    style_mixing: float  # probability
    pl_weight: float
    pl_interval: int
    blur_sigma: float
    blur_fade_images: int
    seed: int
    preset: str | None
    parent: Parent | None
    state_seconds: float  # between saves of the full state
    hours: float | None  # stop, resumably, after this session time
    device: str
    threads: int | None
    holdout: float  # share of the data set that is never shown, to judge by
    metrics: tuple[str, ...]  # measured at each snapshot
    keep: int  # networks kept of a run
    watchdog: str  # warn, or stop when the run is lost
    tensorboard: bool
    # With a default, so that older runs go on.
    recompute: bool = False  # activations in the backward pass, instead of keeping them
    exact: bool = True  # on a GPU a resumed run computes what an undisturbed one would

    def to_json(self) -> dict[str, Any]:
        document = dataclasses.asdict(self)
        document["generator"] = architecture.to_json(self.generator)
        document["discriminator"] = architecture.to_json(self.discriminator)
        return document

    @staticmethod
    def from_json(document: Mapping[str, Any]) -> TrainConfig:
        """The config that `to_json` wrote; UsageError for an unknown or missing key."""
        values = dict(document)
        try:
            dataset = values["dataset"]
            values["dataset"] = DatasetFacts(**dataset | {"classes": tuple(dataset["classes"])})
            values["parent"] = Parent(**values["parent"]) if values["parent"] else None
            values["metrics"] = tuple(values["metrics"])
            values["generator"] = architecture.from_json(values["generator"])
            values["discriminator"] = architecture.from_json(values["discriminator"])
            return TrainConfig(**values)
        except (KeyError, TypeError) as exc:
            raise UsageError(f"the training options are not from this version: {exc}") from exc

    def decisive(self) -> dict[str, Any]:
        """What must be equal for a run to be continued: all that changes the result of a step."""
        document = self.to_json()
        for key in SESSION_FIELDS:
            del document[key]
        del document["dataset"]["path"]
        if document["parent"]:
            del document["parent"]["source"]
        return document


SESSION_FIELDS = (
    "total_images",
    "tick_images",
    "snap",
    "micro_batch",
    "recompute",
    "exact",
    "preset",
    "state_seconds",
    "hours",
    "device",
    "threads",
    "metrics",
    "keep",
    "watchdog",
    "tensorboard",
)
"""Fields that may differ when the same run goes on: how long, how often, on what."""

OPTIONS: dict[str, Any] = {
    "cfg": None,  # StyleGAN2 for pixel art, else StyleGAN3-T
    "kimg": None,
    "tick": None,
    "snap": 5,
    "batch": None,
    "micro_batch": None,
    "recompute": False,
    "exact": True,
    "loss": "logistic",
    "gamma": None,
    "r1_interval": 16,
    "glr": None,
    "dlr": None,
    "mirror": False,
    "aug": "ada",
    "augpipe": "art",
    "aug_p": None,
    "aug_target": 0.6,
    "aug_cap": 0.8,
    "freezed": 0,
    "seed": 0,
    "cbase": None,
    "cmax": None,
    "d_cbase": None,
    "d_cmax": None,
    "z_dim": None,
    "w_dim": None,
    "num_layers": None,
    "margin_size": None,
    "first_cutoff": None,
    "map_depth": None,
    "mbstd_group": 4,
    "ema_kimg": None,
    "conditional": None,
    "state_seconds": 300.0,
    "hours": None,
    "device": None,
    "threads": None,
    "holdout": None,
    "metrics": ("kid",),
    "keep": 20,
    "watchdog": "warn",
    "tensorboard": False,
}
"""What `resolve` takes, with its defaults; None: the preset, the cfg or the data set decides."""


def default_cfg(dataset: DatasetFacts) -> str:
    """The generator that suits the art.

    StyleGAN3 is free of aliases because it draws nothing sharper than its pixels can carry, so that
    it rings at the hard edges of pixel art; StyleGAN2 draws them (docs/training.md has figures).
    """
    return "stylegan2" if dataset.pixel_grid else "stylegan3-t"


def resolve(
    dataset: DatasetFacts, *, preset: str | None = None, resume: str | None = None, **options: Any
) -> TrainConfig:
    """One complete config: option > preset > default, checked against the data set.

    `resume` names a model to start from; its architecture is kept when its resolution and channels
    are those of the data set. UsageError names the first choice that cannot be, with what can.
    """
    _check_names(options)
    chosen = OPTIONS | {key: value for key, value in options.items() if value is not None}
    chosen["device"] = _device(chosen["device"])
    chosen["cfg"] = chosen["cfg"] or default_cfg(dataset)
    _check_choice("cfg", chosen["cfg"], CFGS)
    _check_choice("aug", chosen["aug"], AUGMENTS)
    _check_choice("loss", chosen["loss"], LOSSES)
    for metric in chosen["metrics"]:
        _check_choice("metric", metric, METRICS)
    _check_choice("watchdog", chosen["watchdog"], WATCHDOGS)
    _check_choice("augpipe", chosen["augpipe"], tuple(PIPES))
    name, size = _preset(preset, dataset.resolution, chosen["device"])
    for key, value in dataclasses.asdict(size).items():
        if chosen.get(key) is None:
            chosen[key] = value
    _check_ranges(chosen, dataset)
    parent = architectures = None
    if resume is not None:
        parent, architectures = _parent(resume, dataset)
        if architectures and options.get("cfg") not in (None, architectures[0].kind):
            raise UsageError(
                f"the model to start from is a {architectures[0].kind}, not a {options['cfg']}",
                hint="leave --cfg out, or leave --resume out and train from noise",
            )
    c_dim = _c_dim(chosen["conditional"], dataset)
    generator, discriminator = architectures or (
        _generator(chosen, dataset, c_dim),
        _discriminator(chosen, dataset, c_dim),
    )
    discriminator = dataclasses.replace(
        discriminator,
        freeze_layers=chosen["freezed"],
        mbstd_group_size=min(chosen["mbstd_group"], chosen["batch"]),
    )
    return _config(chosen, dataset, name, parent, generator, discriminator)


def _config(
    chosen: dict[str, Any],
    dataset: DatasetFacts,
    preset: str | None,
    parent: Parent | None,
    generator: GeneratorConfig,
    discriminator: DiscriminatorConfig,
) -> TrainConfig:
    cfg = generator.kind
    stylegan2 = cfg == "stylegan2"
    batch = chosen["batch"]
    gamma = chosen["gamma"]
    starts_blurred = cfg == "stylegan3-r" and parent is None
    fixed_p = 0.2 if chosen["aug"] == "fixed" else 0.0
    return TrainConfig(
        dataset=dataset,
        cfg=cfg,
        generator=generator,
        discriminator=discriminator,
        total_images=round(chosen["kimg"] * 1000),
        tick_images=max(round((chosen["tick"] or chosen["tick_kimg"]) * 1000), 1),
        snap=chosen["snap"],
        batch=batch,
        micro_batch=min(chosen["micro_batch"], batch),
        loss=chosen["loss"],
        gamma=schedule.auto_gamma(cfg, dataset.resolution, batch) if gamma is None else gamma,
        r1_interval=chosen["r1_interval"],
        glr=chosen["glr"] or (0.002 if stylegan2 else 0.0025),
        dlr=chosen["dlr"] or 0.002,
        mirror=chosen["mirror"],
        aug=chosen["aug"],
        augpipe=chosen["augpipe"],
        aug_p=fixed_p if chosen["aug_p"] is None else chosen["aug_p"],
        aug_target=chosen["aug_target"],
        aug_cap=chosen["aug_cap"],
        aug_ramp_images=100_000 if parent else 500_000,
        ema_images=round(chosen["ema_kimg"] * 1000),
        # Published programs switch the ramp off for a parent; then the average of a short
        # fine-tuning is mostly the parent: KID 1410 instead of 1178 after 4 kimg (docs).
        ema_rampup=0.25 if parent else 0.05,
        style_mixing=0.9 if stylegan2 else 0.0,
        pl_weight=2.0 if stylegan2 else 0.0,
        pl_interval=4,
        blur_sigma=10.0 if starts_blurred else 0.0,
        blur_fade_images=batch * 200_000 // 32 if starts_blurred else 0,
        seed=chosen["seed"],
        preset=preset,
        parent=parent,
        state_seconds=chosen["state_seconds"],
        hours=chosen["hours"],
        device=chosen["device"],
        threads=chosen["threads"],
        holdout=(
            default_fraction(dataset.images) if chosen["holdout"] is None else chosen["holdout"]
        ),
        metrics=tuple(chosen["metrics"]),
        keep=chosen["keep"],
        watchdog=chosen["watchdog"],
        tensorboard=chosen["tensorboard"],
        recompute=chosen["recompute"],
        exact=chosen["exact"],
    )


def _generator(chosen: dict[str, Any], dataset: DatasetFacts, c_dim: int) -> GeneratorConfig:
    shared: dict[str, Any] = {
        "kind": chosen["cfg"],
        "img_resolution": dataset.resolution,
        "img_channels": dataset.channels,
        "z_dim": chosen["z_dim"],
        "w_dim": chosen["w_dim"],
        "c_dim": c_dim,
        "num_fp16_res": 0 if chosen["device"] == "cpu" else 4,
    }
    if chosen["cfg"] == "stylegan2":
        return StyleGAN2Config(
            **shared,
            mapping_layers=chosen["map_depth"] or 8,
            channel_base=chosen["cbase"],
            channel_max=chosen["cmax"],
        )
    radial = chosen["cfg"] == "stylegan3-r"
    return StyleGAN3Config(
        **shared,
        mapping_layers=chosen["map_depth"] or 2,
        channel_base=chosen["cbase"] * (2 if radial else 1),
        channel_max=chosen["cmax"] * (2 if radial else 1),
        num_layers=chosen["num_layers"],
        margin_size=chosen["margin_size"],
        first_cutoff=chosen["first_cutoff"],
        first_stopband=chosen["first_cutoff"] * FIRST_STOPBAND_REL,
        conv_kernel=1 if radial else 3,
        use_radial_filters=radial,
        magnitude_ema_beta=0.5 ** (chosen["batch"] / 20_000),
    )


def _discriminator(
    chosen: dict[str, Any], dataset: DatasetFacts, c_dim: int
) -> DiscriminatorConfig:
    return DiscriminatorConfig(
        img_resolution=dataset.resolution,
        img_channels=dataset.channels,
        c_dim=c_dim,
        channel_base=chosen["d_cbase"],
        channel_max=chosen["d_cmax"],
        num_fp16_res=0 if chosen["device"] == "cpu" else 4,
    )


def _device(name: str | None) -> str:
    from nftgan.ops.device import device_named

    return device_named(name)


def _parent(
    source: str, dataset: DatasetFacts
) -> tuple[Parent, tuple[GeneratorConfig, DiscriminatorConfig] | None]:
    """Who the parent is, and its architecture where the data set has its shape."""
    from nftgan.networks import model_file

    loaded = model_file.load_networks(source)
    meta = loaded.info.get("meta", loaded.info)
    parent = Parent(source, loaded.identity, str(meta.get("licence") or "unknown"))
    generator = loaded.generator.config
    fits = (generator.img_resolution, generator.img_channels) == (
        dataset.resolution,
        dataset.channels,
    )
    if not fits or loaded.discriminator is None:
        return parent, None
    return parent, (generator, loaded.discriminator.config)


def _c_dim(conditional: bool | None, dataset: DatasetFacts) -> int:
    """Classes that the networks know. Labels in a data set are used unless declined."""
    if conditional and dataset.label_count == 0:
        raise UsageError(
            f"{dataset.name} has no labels",
            hint="prepare it with --labels folders, or train without --conditional",
        )
    return 0 if conditional is False else dataset.label_count


def default_preset(resolution: int, device: str) -> str:
    """The preset for this side; without a GPU only those that a processor can train.

    The networks of `128` and up take 12 to 15 GB and minutes a step on a processor. `tiny` trains
    at any side there: at 256 pixels in 1.7 GB (measured on two cores).
    """
    if device == "cpu" and resolution > PRESETS["small"].resolution:
        return "tiny"
    by_side = {preset.resolution: key for key, preset in PRESETS.items()}
    return by_side[min((side for side in by_side if side >= resolution), default=max(by_side))]


def _preset(name: str | None, resolution: int, device: str) -> tuple[str | None, Preset]:
    if name is not None:
        _check_choice("preset", name, tuple(PRESETS))
        return name, PRESETS[name]
    key = default_preset(resolution, device)
    return key, PRESETS[key]


def _check_names(options: Mapping[str, Any]) -> None:
    for key in options:
        if key not in OPTIONS:
            near = difflib.get_close_matches(key, OPTIONS, 1)
            raise UsageError(
                f"there is no training option {key!r}",
                hint=f"did you mean {near[0]}?" if near else None,
            )


def _check_choice(what: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        near = difflib.get_close_matches(str(value), choices, 1)
        lead = f"did you mean {near[0]}? " if near else ""
        raise UsageError(
            f"no {what} is called {value!r}", hint=f"{lead}choose one of {', '.join(choices)}"
        )


def _check_ranges(chosen: dict[str, Any], dataset: DatasetFacts) -> None:
    side = dataset.resolution
    if side < 8 or side & (side - 1):
        raise UsageError(
            f"{dataset.name} is {side} pixels wide; the networks need a power of two from 8 up",
            hint="prepare it again with --resolution 64, 128, 256 …",
        )
    positive = (
        "batch",
        "micro_batch",
        "kimg",
        "snap",
        "r1_interval",
        "mbstd_group",
        "cbase",
        "cmax",
        "keep",
    )
    optional = ("glr", "dlr", "tick", "hours", "map_depth", "threads", "gamma")
    for key in positive + tuple(key for key in optional if chosen[key] is not None):
        if not 0 < chosen[key] < float("inf") and not (key == "gamma" and chosen[key] == 0):
            raise UsageError(f"{key} must be above zero, not {chosen[key]}")
    for key in ("aug_p", "aug_target", "aug_cap"):
        if chosen[key] is not None and not 0 <= chosen[key] <= 1:
            raise UsageError(f"{key} must be between 0 and 1, not {chosen[key]}")
    if chosen["holdout"] is not None and not 0 <= chosen["holdout"] <= 0.5:
        raise UsageError(f"holdout must be between 0 and 0.5, not {chosen['holdout']}")
    batch, micro, group = (
        chosen["batch"],
        min(chosen["micro_batch"], chosen["batch"]),
        chosen["mbstd_group"],
    )
    if batch > 1 and batch % min(group, batch):
        raise UsageError(
            f"batch {batch} is not a multiple of mbstd_group {group}",
            hint=f"try --batch {max(batch // group, 1) * group}",
        )
    if micro % min(group, batch) or batch % micro:
        raise UsageError(
            f"micro_batch {micro} must divide batch {batch} and be a multiple of"
            f" mbstd_group {group}"
        )
