from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from nftgan.chain.networks import Chain
from nftgan.collection import settings as module
from nftgan.collection.manifest import Manifest, ModelRef, make_pieces
from nftgan.collection.settings import changed_settings, check_settings, recipe_changed
from nftgan.config import ProjectConfig, from_mapping
from nftgan.errors import UsageError
from nftgan.synthesis.recipe import recipe_from_section

MODEL = "sha256:" + "5" * 64
BASE: dict[str, dict[str, Any]] = {
    "collection": {"name": "Birds", "symbol": "BRD", "description": "line 1\nline 2"},
    "recipe": {"trunc": 0.7, "pixel_grid": 16, "palette": 12, "upscale": 4, "filter": "nearest"},
    "royalty": {"percent": 5.0},
}


def config(**changes: dict[str, Any]) -> ProjectConfig:
    values = {key: {**BASE.get(key, {}), **changes.get(key, {})} for key in {*BASE, *changes}}
    return from_mapping(ProjectConfig, values, "nftgan.toml")


def curated(settings: ProjectConfig) -> Manifest:
    return Manifest(
        settings.collection,
        ModelRef(MODEL),
        recipe_from_section(settings.recipe, model=MODEL, resolution=32),
        make_pieces([3, 4], settings.collection),
        settings.royalty,
    )


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("collection", "name", ""),
        ("collection", "name", "\U0001f426" * 70),
        ("collection", "name", "a\u202eb"),
        ("collection", "symbol", "B I\nRD"),
        ("collection", "symbol", "TWELVELETTER"),
        ("collection", "description", "bell \x07"),
        ("collection", "piece_name", "{nmae}"),
        ("collection", "external_url", "javascript:alert(1)"),
        ("collection", "external_url", "https://a.example/{ID}"),
        ("collection", "description", "token {ID}"),
        ("collection", "animation_url", "ipfs://x/{ID}.mp4"),
        ("collection", "animation_url", "files/../{id}.mp4"),
        ("collection", "animation_url", "film.mp4"),
        ("collection", "banner_image", "files/{id}.png"),
        ("collection", "banner_image", "http://a.example/b.png"),
        ("collection", "featured_image", "files/a b.png"),
        ("collection", "image", "files/\u202egnp.png"),
        ("collection", "background_color", "#112233"),
        ("collection", "collaborators", ["vitalik.eth"]),
        ("collection", "collaborators", ["0x" + "1" * 40] * 51),
        ("collection", "display", {"Level": "numbr"}),
        ("collection", "display", {"Warmth": "number"}),
        ("collection", "display", {"a\nb": "number"}),
        ("royalty", "percent", 500.0),
        ("royalty", "percent", -1.0),
        ("royalty", "percent", float("nan")),
        ("royalty", "percent", 5.005),
        ("royalty", "receiver", "vitalik.eth"),
        ("royalty", "receiver", "0xD8dA6BF26964aF9D7eEd9e03E53415D37aA96045"),
        ("royalty", "shares", {"0x" + "1" * 40: 100}),
        ("royalty", "shares", {"0x" + "1" * 40: 60, "0x" + "2" * 40: 41}),
        ("royalty", "shares", {"0x" + "1" * 40: 60.005, "0x" + "2" * 40: 39.995}),
        ("royalty", "shares", {"0x" + "1" * 40: 100, "0x" + "2" * 40: 0}),
        ("royalty", "shares", {"0x" + "1" * 40: 50, "vitalik.eth": 50}),
        ("royalty", "shares", {"0x" + "a" * 40: 50, "0x" + "A" * 40: 50}),
        ("royalty", "shares", {f"0x{n:040x}": 1 for n in range(1, 102)}),
        ("recipe", "upscale", 0),
        ("recipe", "palette", 1),
        ("recipe", "colours", "red"),
        ("recipe", "trunc", float("inf")),
        ("chain", "name", "seoplia"),
    ],
)
def test_a_value_that_can_never_be_right_is_named(section: str, key: str, value: Any) -> None:
    with pytest.raises(UsageError) as caught:
        check_settings(config(**{section: {key: value}}))
    assert section in caught.value.message or key in caught.value.message


def test_good_settings_pass() -> None:
    check_settings(config())
    check_settings(ProjectConfig())
    check_settings(
        config(
            collection={
                "animation_url": "ipfs://x/{id}-{seed}.mp4",
                "external_url": "https://a.example",
                "piece_name": "{name} {Main colour} {seed}",
            },
            royalty={"percent": 7.25, "receiver": "0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045"},
        )
    )


def test_nothing_has_changed_right_after_curate() -> None:
    one = {"pixel_grid": 0, "palette": 0, "upscale": 1, "filter": "cubic"}
    for settings in (config(), ProjectConfig(), config(recipe=one)):
        manifest = curated(settings)
        assert changed_settings(manifest, settings) == ()
        assert not recipe_changed(manifest, settings)


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("collection", "name", "Cats"),
        ("collection", "symbol", "CAT"),
        ("collection", "description", ""),
        ("collection", "piece_name", "{name} {seed}"),
        ("collection", "external_url", "https://a.example"),
        ("collection", "animation_url", "ipfs://a"),
        ("recipe", "trunc", 0.8),
        ("recipe", "cutoff", 3),
        ("recipe", "label", 1),
        ("recipe", "translate", (0.5, 0.0)),
        ("recipe", "rotate", 5.0),
        ("recipe", "pixel_grid", 0),
        ("recipe", "palette", 0),
        ("recipe", "upscale", 2),
        ("recipe", "filter", "cubic"),
        ("recipe", "colours", "art"),
        ("royalty", "percent", 7.5),
        ("royalty", "receiver", "0x" + "1" * 40),
    ],
)
def test_every_setting_that_was_changed_since_is_named(section: str, key: str, value: Any) -> None:
    changed = config(**{section: {key: value}})
    manifest = curated(config())
    assert changed_settings(manifest, changed) == (key,)
    assert recipe_changed(manifest, changed) == (section == "recipe")


def test_no_setting_escapes_the_comparison() -> None:
    fields = {
        field.name
        for section in ("collection", "recipe", "royalty")
        for field in dataclasses.fields(getattr(ProjectConfig(), section))
    }
    other = from_mapping(
        ProjectConfig,
        {
            "collection": {
                **{
                    field.name: "other"
                    for field in dataclasses.fields(config().collection)
                    if isinstance(getattr(config().collection, field.name), str)
                },
                "collaborators": ["other"],
                "traits": ["other"],
                "display": {"other": "number"},
            },
            "recipe": {
                "trunc": 0.1,
                "cutoff": 1,
                "label": 1,
                "condition": [1],
                "translate": [1, 1],
                "rotate": 1,
                "pixel_grid": 2,
                "palette": 2,
                "upscale": 2,
                "filter": "cubic",
                "colours": "art",
                "effect": "other",
            },
            "royalty": {"percent": 1, "receiver": "other", "shares": {"other": 1}},
        },
        "nftgan.toml",
    )
    assert set(changed_settings(curated(config()), other)) == fields


def test_links_may_hold_id_and_seed_and_name_files_of_the_folder() -> None:
    words = {
        "external_url": "https://a.example/{id}?seed={seed}",
        "animation_url": "files/films/{id}.mp4",
        "banner_image": "files/banner.png",
        "description": "piece {id}, {anything else}",
        "collaborators": ["0x" + "1" * 40],
        "display": {"Level": "number", "Born": "date"},
        "background_color": "1A2b3C",
    }
    check_settings(config(collection=words))
    assert set(changed_settings(curated(config()), config(collection=words))) == set(words)


def test_a_name_is_no_address_and_the_hint_says_what_it_stands_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[str, str]] = []

    def now(chain: Chain, name: str) -> str:
        asked.append((chain.name, name))
        return "0x52908400098527886E0F7030069857D2E4169EE7"

    monkeypatch.setattr(module, "address_now", now)
    for changes in (
        {"royalty": {"receiver": "vitalik.eth"}},
        {"royalty": {"shares": {"vitalik.eth": 50.0, "0x" + "1" * 40: 50.0}}},
        {"collection": {"collaborators": ["vitalik.eth"]}},
    ):
        with pytest.raises(UsageError, match=r"'vitalik\.eth' is a name") as caught:
            check_settings(config(**changes, chain={"name": "sepolia"}))
        assert caught.value.hint is not None
        assert "on sepolia it is 0x52908400098527886E0F7030069857D2E4169EE7" in caught.value.hint
    assert asked == [("sepolia", "vitalik.eth")] * 3
