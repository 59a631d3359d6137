"""An installed package adds one of everything; what is broken is left out."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nftgan import plugins
from nftgan.chain.networks import CHAINS, chain_named, known_chains
from nftgan.cli.main import app
from nftgan.collection.added_traits import NamedTrait, named_traits
from nftgan.collection.manifest import load_manifest
from nftgan.config import RecipeSection
from nftgan.dataset.archive import Dataset
from nftgan.dataset.holdout import split_dataset
from nftgan.dataset.pack import write_dataset
from nftgan.errors import PartlyDone, UsageError
from nftgan.ipfs.backends import UploadJournal, open_backend
from nftgan.ipfs.car import CarFile, write_car
from nftgan.ipfs.cid import Cid
from nftgan.ipfs.importer import Importer
from nftgan.plugins import MissingPlugin, PluginError, parts
from nftgan.png import read_png
from nftgan.progress import SILENT
from nftgan.project import Project
from nftgan.provenance.whole import collection_checks
from nftgan.synthesis.effects import NamedEffect, named_effect
from nftgan.synthesis.model import load_model
from nftgan.synthesis.recipe import Finish, Recipe, recipe_from_section
from nftgan.workflows.evaluate import evaluate
from nftgan.workflows.stale_settings import settings_changed
from tests.provenance.stage import Stage

ART_COLOURS = ("brightness", "contrast", "saturation")


def nftgan(
    *words: str, plugins: Path | None, cwd: Path, module: bool = False
) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own."""
    code = ["-m", "nftgan"] if module else ["-c", "from nftgan.cli.main import run; run()"]
    root = Path(__file__).parents[2]
    path = [str(root)] if plugins is None else [str(plugins), str(root)]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path),
        "NFTGAN_HOME": str(cwd / "home"),
    }
    return subprocess.run(
        [sys.executable, *code, *words],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def run(*words: str, code: int = 0) -> str:
    """The command line in this process; the sentence of the error."""
    with pytest.raises(SystemExit) as stopped, redirect_stdout(io.StringIO()) as out:
        app([*words, "--json"], standalone_mode=False)
    document = json.loads(out.getvalue())
    assert stopped.value.code == code, document
    return "" if document["ok"] else str(document["error"]["message"])


def test_a_pin_target_keeps_blocks_and_gives_them_back(sample: Path, tmp_path: Path) -> None:
    added = Importer().add_bytes(b"a piece")
    cid = Cid.parse(str(added.cid))
    write_car(tmp_path / "one.car", cid, [(cid, b"a piece")])
    target = open_backend(f"drawer={tmp_path / 'drawer'}", store=tmp_path)
    journal = UploadJournal(None, target.name, cid)
    car = CarFile(tmp_path / "one.car")
    assert not target.is_pinned(cid)
    assert target.put(car, [cid], label="x", journal=journal, progress=SILENT) == 7
    assert target.is_pinned(cid) and target.get(cid) == b"a piece"
    with pytest.raises(UsageError, match="drawer needs a folder"):
        open_backend("drawer", store=tmp_path)


def test_a_broken_target_is_an_error_only_when_it_is_asked_for(
    sample: Path, tmp_path: Path
) -> None:
    with pytest.raises(PluginError, match=r"stuck .*of nftgan-sample 1\.0\) is broken") as caught:
        open_backend("stuck", store=tmp_path)
    assert caught.value.hint == "pip install -U nftgan-sample, or uninstall it"
    assert open_backend("embedded", store=tmp_path).name
    with pytest.raises(UsageError) as unknown:
        open_backend("cupboard", store=tmp_path)
    assert "psa, drawer, stuck" in str(unknown.value.hint)


def test_a_chain_is_known_and_one_that_hides_a_mainnet_is_not(
    sample: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert chain_named("marble").chain_id == 424_242
        assert "ethereum-test" not in known_chains()
    (line,) = caplog.messages  # once, however often the table is read
    assert "the chain id 1 is that of ethereum" in line
    assert {name: known_chains()[name] for name in CHAINS} == CHAINS


def test_a_metric_is_measured_beside_the_cores_own(
    sample: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = load_model("base")
    art = model.generate(range(1000, 1030), truncation_psi=0.5)
    write_dataset(tmp_path / "art.zip", list(art), labels=None)
    args: dict[str, Any] = {"images": 10, "holdout": 0.4}
    alone = evaluate("base", tmp_path / "art.zip", metrics="brightness", **args)
    assert list(alone.figures) == ["brightness"] and alone.fakes == 10
    both = evaluate("base", tmp_path / "art.zip", metrics="kid,brightness", **args)
    assert both.figures["brightness"] == alone.figures["brightness"]
    assert "brighter" not in both.figures["kid"].description  # the core's own stays the core's
    assert any("another metric kid" in line for line in caplog.messages)
    held = split_dataset(Dataset.open(tmp_path / "art.zip"), 0.4).held
    bright = art[list(held)][:10].mean()
    value = alone.figures["brightness"].value
    assert value == pytest.approx(model.generate(range(10)).mean() - bright, abs=0.01)
    with pytest.raises(PluginError, match=r"moody .* is broken: its value is no finite number"):
        evaluate("base", tmp_path / "art.zip", metrics="moody", **args)


def test_a_verb_has_what_every_verb_has(sample: Path, tmp_path: Path) -> None:
    done = nftgan("hello", "Ada", "--json", plugins=sample, cwd=tmp_path)
    assert json.loads(done.stdout) == {"ok": True, "result": {"greeted": "Ada"}}
    wrong = nftgan("hello", "nobody", plugins=sample, cwd=tmp_path)
    assert wrong.returncode == 2 and "there is nobody to greet" in wrong.stderr
    listed = nftgan("--help", plugins=sample, cwd=tmp_path)
    assert listed.returncode == 0 and "Greet somebody" in listed.stdout
    assert "hello" not in nftgan("--help", plugins=None, cwd=tmp_path).stdout


def test_what_is_broken_is_one_warning_and_no_other_verb_notices(
    sample: Path, tmp_path: Path
) -> None:
    listed = nftgan("--help", plugins=sample, cwd=tmp_path)
    assert listed.returncode == 0
    (crooked,) = [line for line in listed.stderr.splitlines() if "crooked" in line]
    assert "nftgan-sample 1.0" in crooked and "No module named" in crooked
    (taken,) = [line for line in listed.stderr.splitlines() if " mint" in line]
    assert "left out" in taken and "Traceback" not in listed.stderr
    own = nftgan("mint", "--help", plugins=sample, cwd=tmp_path)
    assert own.returncode == 0 and own.stderr == "" and "exactly once" in own.stdout


def test_nothing_is_loaded_from_the_working_directory(sample: Path, tmp_path: Path) -> None:
    """Also `python -m nftgan`, which has the working directory first on its path."""
    trap = tmp_path / "trap"
    info = trap / "evil-1.0.dist-info"
    info.mkdir(parents=True)
    (trap / "evil.py").write_text("open('sprung', 'w').close()\n")
    (trap / "nftgan_sample.py").write_text("open('sprung', 'w').close()\n")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[nftgan.commands]\nevil = evil:verb\n")
    for module in (False, True):
        done = nftgan("hello", "Ada", plugins=sample, cwd=trap, module=module)
        assert "hello Ada" in done.stdout, done.stderr
        unknown = nftgan("evil", plugins=sample, cwd=trap, module=module)
        assert unknown.returncode == 2 and "evil 1.0" not in unknown.stderr  # not even seen
    assert not (trap / "sprung").exists()
    # The same files on a path that a person chose do run: the trap is a working one.
    assert nftgan("evil", plugins=trap, cwd=tmp_path).returncode == 2
    assert (tmp_path / "sprung").exists()


def test_the_core_comes_by_the_same_door() -> None:
    own = [part.name for part in parts("nftgan.pin_targets").values() if part.is_core]
    assert own == ["embedded", "kubo", "pinata", "filebase", "4everland", "psa"]
    for group in ("nftgan.pin_targets", "nftgan.chains"):
        for part in parts(group).values():
            assert callable(part.load())


def test_a_loss_trains_as_the_cores_do_and_a_name_of_theirs_stays_theirs(sample: Path) -> None:
    import torch

    from nftgan.training.config import DatasetFacts
    from nftgan.training.losses import LOGISTIC, discriminator_loss, loss_named
    from nftgan.training.resolving import resolve

    art = DatasetFacts("a.zip", "a", "sha256:0", 100, 32, 3, label_count=0)
    assert resolve(art, loss="hinge").loss == "hinge"
    fakes, reals = torch.tensor([[-2.0], [0.5]]), torch.tensor([[3.0], [0.0]])
    hinge = loss_named("hinge")
    assert hinge.discriminator(fakes, reals).tolist() == [0.0, 2.5]
    assert hinge.generator(fakes, None).tolist() == [2.0, -0.5] and not hinge.pairs
    assert loss_named("logistic") is LOGISTIC
    assert torch.equal(LOGISTIC.discriminator(fakes, reals), discriminator_loss(fakes, reals))
    with pytest.raises(PluginError, match="a loss is a Loss"):
        loss_named("shapeless")
    with pytest.raises(UsageError, match="no loss is called 'hing'") as caught:
        resolve(art, loss="hing")
    assert "did you mean hinge" in str(caught.value.hint)


def test_an_effect_is_named_in_the_recipe_and_proven_by_who_has_it(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = "sha256:" + "0" * 64
    section = RecipeSection(upscale=2, effect="posterize=64")
    asked = recipe_from_section(section, model=model, resolution=16)
    assert asked.finish and asked.finish.effect == NamedEffect("nftgan-sample", "posterize", 1, 64)
    assert asked.to_json()["finish"]["effect"] == {
        "package": "nftgan-sample",
        "name": "posterize",
        "version": 1,
        "value": 64,
    }
    assert Recipe.from_json(asked.to_json()) == asked
    stage = Stage(tmp_path, (3, 8), finish=Finish(upscale=2, effect=asked.finish.effect))
    assert (stage.images[0] % 64 == 0).all() and stage.images[0].max() > 64
    assert stage.verifier().verify(1).passed

    monkeypatch.setattr(plugins, "_installed", lambda *_: ())  # a machine without the package
    report = stage.verifier().verify(1)
    (left,) = report.skipped
    assert left.name == "pixels" and not report.failed
    assert "the effect posterize, version 1, of nftgan-sample, which is not here" in left.found
    with pytest.raises(PartlyDone, match="version 1, of nftgan-sample, which is not here"):
        stage.verifier().regenerate(1)
    with pytest.raises(MissingPlugin) as missing:
        stage.model.render(3, stage.recipe)
    assert missing.value.exit_code == 2 and "pip install" not in str(missing.value.hint)


def test_an_effect_that_is_no_longer_what_it_was_draws_nothing(sample: Path) -> None:
    with pytest.raises(PluginError, match=r"unsteady .*does not give the pixels that it promises"):
        named_effect("unsteady=4")
    with pytest.raises(MissingPlugin, match=r"needs the effect posterize, version 2, .*version 1"):
        NamedEffect("nftgan-sample", "posterize", 2).apply(np.zeros((4, 4, 3), np.uint8))
    other = r"of nftgan-other, and here posterize is another one, of nftgan-sample \d"
    with pytest.raises(MissingPlugin, match=other):
        NamedEffect("nftgan-other", "posterize", 1).apply(np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(MissingPlugin, match="no effect is called 'blur'") as unknown:
        named_effect("blur")
    assert "posterize" in str(unknown.value.hint)
    with pytest.raises(UsageError, match="cubic has a setting of its own"):
        named_effect("cubic=4")  # the core's, also where a plugin offers another


def test_a_trait_is_in_the_metadata_with_who_measured_it(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("init", "birds", "--in", str(tmp_path))
    settings = tmp_path / "birds" / "nftgan.toml"
    text = settings.read_text().replace("[collection]", '[collection]\ntraits = ["Redness"]', 1)
    settings.write_text(text.replace("[recipe]", '[recipe]\neffect = "posterize=64"', 1))
    where = ("-C", str(tmp_path / "birds"))
    run("curate", *where, "-m", "base", "--pick", "3,8,15")
    run("render", *where)
    run("metadata", *where)
    run("metadata", "--check", *where)
    project = Project(tmp_path / "birds")
    manifest = load_manifest(project)
    assert manifest.added_traits == (NamedTrait("Redness", "nftgan-sample", 2),)
    assert manifest.recipe.finish and str(manifest.recipe.finish.effect) == "posterize=64"
    reds = [read_png(project.images / f"{i}.png")[..., 0].astype(int).sum() for i in range(3)]
    document = json.loads((project.metadata / f"{int(np.argmax(reds))}.json").read_bytes())
    assert document["nftgan"]["added_traits"] == [
        {"name": "Redness", "package": "nftgan-sample", "version": 2}
    ]
    assert {"trait_type": "Redness", "value": "Red"} in document["attributes"]
    assert settings_changed(project, manifest) == ()

    monkeypatch.setattr(plugins, "_installed", lambda *_: ())  # a machine without the package
    assert "no package here measures the trait" in run("metadata", *where, code=2)
    assert "no effect is called" in run("curate", "--same", *where, code=2)
    run("status", *where)


def test_a_trait_is_measured_again_by_who_has_it(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(tmp_path, added=named_traits(["Redness"]))

    def verdicts(base_uri: str | None = None) -> dict[str, str]:
        verifier = stage.verifier(base_uri, measuring=True)
        return {one.name: one.verdict for one in collection_checks(verifier, measured=True)}

    def crimson(document: dict[str, Any]) -> None:
        (own,) = [one for one in document["attributes"] if one["trait_type"] == "Redness"]
        own["value"] = "Pale" if own["value"] != "Pale" else "Crimson"

    def unnamed(document: dict[str, Any]) -> None:
        del document["nftgan"]["added_traits"]

    assert verdicts()["traits"] == "holds"
    assert verdicts(stage.changed(crimson))["traits"] == "broken"
    assert verdicts(stage.changed(unnamed))["traits"] == "broken"
    monkeypatch.setattr(plugins, "_installed", lambda *_: ())  # a machine without the package
    left = verdicts()
    assert left["traits"] == "holds" and left["added traits"] == "unproven"
    assert stage.verifier().verify(1).passed


def test_a_trait_that_is_none_or_the_cores_own_is_refused(sample: Path) -> None:
    with pytest.raises(PluginError, match="with five names"):
        named_traits(["Shapeless"])
    for name in ("Warmth", "Glitter"):
        with pytest.raises(MissingPlugin, match="no package here measures") as unknown:
            named_traits([name])
        assert "Redness" in str(unknown.value.hint)


def test_a_pipe_augments_as_the_cores_do_and_is_drawn_by_the_same_chance(sample: Path) -> None:
    import torch

    from nftgan.training.augment import Augment
    from nftgan.training.augmentation import operations_of
    from nftgan.training.config import DatasetFacts
    from nftgan.training.resolving import resolve

    art = DatasetFacts("a.zip", "a", "sha256:0", 100, 32, 3, label_count=0)
    assert resolve(art, augpipe="fog").augpipe == "fog"
    images = torch.rand(200, 3, 8, 8, dtype=torch.float64, requires_grad=True)
    drawn = Augment("fog").sample(images.shape, 0.4, np.random.default_rng(1))
    assert drawn is not None and set(drawn.values) == {"xint", "fog"}
    shifted = Augment(("xint",)).sample(images.shape, 0.4, np.random.default_rng(1))
    assert shifted is not None
    assert (shifted.values["xint"] == drawn.values["xint"]).all()
    fogged = np.flatnonzero(drawn.values["fog"] == 0.5)
    assert 50 < len(fogged) < 110
    rows = np.arange(60, 120)
    whole, part = drawn(images), drawn(images[60:120], rows)
    torch.testing.assert_close(part, whole[60:120])
    clear = torch.from_numpy(drawn.values["fog"])[:, None, None, None]
    torch.testing.assert_close(whole, shifted(images) * clear)
    (slope,) = torch.autograd.grad(whole.sum(), images)
    assert slope.isfinite().all()
    assert operations_of("art") == ("xint", "scale", "aniso", "xfrac", *ART_COLOURS)
    with pytest.raises(PluginError, match="no augmentation is called 'scael'"):
        operations_of("misspelt")
    with pytest.raises(UsageError, match="no augpipe is called 'fgo'"):
        resolve(art, augpipe="fgo")


def test_a_family_of_networks_trains_is_saved_opened_rendered_and_proven(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    from nftgan.networks.architecture import from_json, to_json
    from nftgan.networks.cost import render_cost
    from nftgan.networks.families import family_named
    from nftgan.networks.shapes import expected_shapes
    from nftgan.training.batches import Batch, LatentBatch
    from nftgan.training.config import DatasetFacts
    from nftgan.training.resolving import resolve
    from nftgan.training.schedule import auto_gamma
    from nftgan.training.state import fresh_state
    from nftgan.training.step import train_step

    art = DatasetFacts("a.zip", "a", "sha256:0", 100, 16, 3, label_count=0)
    config = resolve(art, cfg="mosaic", batch=8, z_dim=8, w_dim=8, device="cpu")
    assert config.cfg == config.generator.kind == "mosaic" and config.style_mixing == 0
    assert auto_gamma("mosaic", 16, 8) == pytest.approx(0.0005 * 16**2 / 8)
    assert config.generator.mapping_layers == 2
    assert from_json(to_json(config.generator)) == config.generator
    state = fresh_state(config)
    found = {name: tuple(one.shape) for name, one in state.generator.state_dict().items()}
    assert found == expected_shapes(config.generator)
    assert render_cost(config.generator).seconds < 1e-3
    before = state.generator.state_dict()["synthesis.squares.weight"].clone()
    reals, z = torch.zeros(8, 3, 16, 16), torch.randn(8, 8)
    train_step(state, Batch(reals, None), lambda phase: LatentBatch(z, None), None)
    assert (state.generator.state_dict()["synthesis.squares.weight"] != before).any()

    stage = Stage(tmp_path, (3, 8), config=config.generator)
    image = stage.images[0]
    assert (image[:4, :4] == image[0, 0]).all() and len(np.unique(image)) > 4
    assert stage.verifier().verify(1).passed

    monkeypatch.setattr(plugins, "_installed", lambda *_: ())  # a machine without the package
    family_named.cache_clear()
    left = {one.name: one.found for one in stage.verifier().verify(1).skipped}
    assert "unknown network kind 'mosaic'" in left["model"] and "pixels" in left
    assert not stage.verifier().verify(1).failed
    with pytest.raises(MissingPlugin, match="unknown network kind 'mosaic'"):
        load_model(stage.model_path)


def test_a_family_of_the_core_stays_its_own_and_a_broken_one_says_so(sample: Path) -> None:
    from nftgan.networks.architecture import StyleGAN2Config
    from nftgan.networks.families import family_named

    assert family_named("stylegan2").config is StyleGAN2Config
    with pytest.raises(PluginError, match=r"vague .* a family is a Family"):
        family_named("vague")
