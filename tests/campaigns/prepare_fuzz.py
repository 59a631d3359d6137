"""Mutated pictures, archives and label files through `prepare`: each is used or refused by name.

    python -m tests.campaigns.prepare_fuzz --mutants 5000 --seed 0

A case is one `prepare` in this process, of a folder with eight mutants among honest pictures, of
one mutated zip or tar, or with one mutated label file. No mutant may end the verb or cost an honest
picture: what is in the folder is in the data set or in the report with a reason of one line, the
zip is whole and opens, and nothing else is left on the disk. An archive that cannot be opened and a
label file that cannot be read are refused in one sentence that names them. Time and memory are
bounded.
"""

from __future__ import annotations

import argparse
import faulthandler
import os
import random
import resource
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

from nftgan.dataset.archive import Dataset
from nftgan.dataset.prepare import PrepareReport, prepare
from nftgan.dataset.prepare_options import PrepareOptions
from nftgan.errors import NftganError, UsageError
from nftgan.progress import NullProgress
from nftgan.terminal import one_line
from tests.campaigns import art_mutants as mutants

MOST_SECONDS = 30.0
MOST_BYTES = 2 << 30
MUTANTS_OF_A_FOLDER = 8
SHARES = {"pictures": 8, "zips": 24, "tars": 6, "labels": 12, "own labels": 6}
"""Of the cases; a case of pictures has eight mutants, the others have one."""


class Wrong(AssertionError):
    """A file vanished, an honest picture was lost, or something was left behind."""


class _Words(NullProgress):
    def __init__(self) -> None:
        self.said: list[str] = []

    def warn(self, message: str) -> None:
        self.said.append(message)


class Campaign:
    """Cases in a folder of its own; all that decides a case is its number and the seed."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.seed = folder, seed
        self.place, self.temporary = folder / "case", folder / "tmp"
        self.pictures = mutants.pictures()
        self.bytes = list(self.pictures.values())
        self.honest = {
            f"good{n}.png": mutants.saved(mutants.drawing(n + 20), "PNG") for n in range(3)
        }
        self.verdicts: dict[str, Counter[str]] = {kind: Counter() for kind in SHARES}
        self.reasons: Counter[str] = Counter()
        self.slowest: tuple[float, int] = (0.0, -1)
        self.mutants = self.faults = 0

    def run(self, number: int) -> str:
        """The kind of the case and its verdict; raises Wrong, or what prepare should not have."""
        r = random.Random(f"{self.seed} {number}")
        kind = r.choices(list(SHARES), list(SHARES.values()))[0]
        for path in (self.place, self.temporary):
            shutil.rmtree(path, ignore_errors=True)
            path.mkdir()
        started = time.process_time()
        with mock.patch.object(tempfile, "tempdir", str(self.temporary)):
            verdict: str = getattr(self, f"_{kind.replace(' ', '_')}")(r)
        if left := sorted(path.name for path in self.temporary.iterdir()):
            raise Wrong(f"left in the temporary folder: {left}")
        self.slowest = max(self.slowest, (time.process_time() - started, number))
        self.verdicts[kind][verdict] += 1
        return f"{kind}: {verdict}"

    # ---- kinds

    def _pictures(self, r: random.Random) -> str:
        art = self._art()
        for number in range(MUTANTS_OF_A_FOLDER):
            name = r.choice(list(self.pictures))
            data = mutants.mutated_picture(self.pictures[name], self.bytes, r)
            (art / f"{number}-{name}").write_bytes(data)
        self.mutants += MUTANTS_OF_A_FOLDER
        report = self._prepare(art, r, None)
        if report is None:
            raise Wrong("an honest picture was among them, and nothing was made")
        self._all_named({path.name for path in art.iterdir()}, report)
        if lost := set(self.honest) & {name for name, _ in report.rejected}:
            raise Wrong(f"honest pictures were lost: {lost}")
        return f"{report.kept - len(self.honest)} of {MUTANTS_OF_A_FOLDER} used"

    def _zips(self, r: random.Random) -> str:
        return self._archive(r, "art.zip", mutants.mutated_zip)

    def _tars(self, r: random.Random) -> str:
        return self._archive(r, r.choice(("art.tar", "art.tar.gz", "art")), mutants.mutated_tar)

    def _archive(
        self, r: random.Random, name: str, build: Callable[[dict[str, bytes], random.Random], bytes]
    ) -> str:
        members = dict(self.honest)
        if r.random() < 0.4:
            members["dataset.json"] = mutants.mutated_json(list(self.honest), r)
        path = self.place / name
        path.write_bytes(build(members, r))
        self.mutants += 1
        report = self._prepare(path, r, None)
        return "refused" if report is None else "used" if report.kept else "empty"

    def _labels(self, r: random.Random) -> str:
        art = self._art()
        lines = r.random() < 0.5
        labels = self.place / ("labels.csv" if lines else "labels.json")
        names = [f"{n}" for n in self.honest]
        labels.write_bytes((mutants.mutated_csv if lines else mutants.mutated_json)(names, r))
        self.mutants += 1
        report = self._prepare(art, r, labels)
        if report is None:
            return "refused"
        self._all_named(set(self.honest), report)
        return "used"

    def _own_labels(self, r: random.Random) -> str:
        """A dataset.json among the art: it may be useless, but the pictures are used."""
        art = self._art()
        (art / "dataset.json").write_bytes(mutants.mutated_json(list(self.honest), r))
        self.mutants += 1
        report = self._prepare(art, r, None)
        if report is None:
            return "no picture has a label"
        self._all_named(set(self.honest), report)
        return "classes" if report.classes else "used"

    # ---- what must hold

    def _art(self) -> Path:
        art = self.place / "art"
        art.mkdir()
        for name, data in self.honest.items():
            (art / name).write_bytes(data)
        return art

    def _prepare(self, source: Path, r: random.Random, labels: Path | None) -> PrepareReport | None:
        """The report; None where it was refused in one sentence and nothing was written."""
        out = self.place / "out"
        out.mkdir()
        options = PrepareOptions(
            resolution=r.choice((16, 32, 32, None)),
            crop=r.choice(("center", "fit", "smart")),
            background=r.choice(("white", "#102030")),
            min_side=1,
            dedupe=-1,
            labels=labels,
            resample=r.choice(("auto", "auto", "lanczos")),
        )
        words = _Words()
        try:
            report = prepare(source, out / "o.zip", options, progress=words, workers=1)
        except NftganError as exc:
            if exc.exit_code == 1 or not isinstance(exc, UsageError):
                raise
            self._one_line(one_line(exc.message))  # names are written out where they are shown
            if left := sorted(path.name for path in out.iterdir()):
                raise Wrong(f"refused, and left {left}") from exc
            return None
        for text in words.said:
            self._one_line(one_line(text))
        if (left := sorted(path.name for path in out.iterdir())) != [
            "o.report.html",
            "o.report.json",
            "o.zip",
        ]:
            raise Wrong(f"left {left}")
        dataset = Dataset.open(out / "o.zip")
        images = dataset.images(range(len(dataset)))
        if images.shape != (report.kept, 3, report.resolution, report.resolution):
            raise Wrong(f"{report.kept} kept, {images.shape} in the zip")
        if dataset.fingerprint != report.fingerprint:
            raise Wrong("another fingerprint than was said")
        for name, reason in report.rejected:
            self._one_line(reason)
            self.reasons[_kind_of_reason(reason)] += 1
            if any(0xD800 <= ord(letter) < 0xE000 for letter in name):
                raise Wrong(f"a name that JSON cannot hold: {name!r}")
        return report

    def _all_named(self, names: set[str], report: PrepareReport) -> None:
        notes: dict[str, Any] = dict(Dataset.open(report.output).notes)
        used = {entry["source"] for entry in notes["sources"]}
        refused = {name for name, _ in report.rejected}
        if used & refused or (used | refused) != names:
            raise Wrong(f"used {used}, refused {refused}, there were {names}")

    def _one_line(self, text: str) -> None:
        if not text or len(text) > 500 or not text.isprintable():
            raise Wrong(f"not a sentence for a person: {text[:600]!r}")

    # ---- all

    def all(self, mutants_wanted: int, say: Callable[[str], None]) -> None:
        number = 0
        while self.mutants < mutants_wanted:
            try:
                self.run(number)
            except Exception as exc:
                self.faults += 1
                last = traceback.extract_tb(exc.__traceback__)[-1]
                say(
                    f"case {number} of seed {self.seed}: {type(exc).__name__} {str(exc)[:300]!r}"
                    f" at {last.filename}:{last.lineno}"
                )
            number += 1
            if number % 500 == 0:
                say(f"{number:,} cases, {self.mutants:,} mutants")
        for kind, verdicts in self.verdicts.items():
            shown = ", ".join(f"{name} {count:,}" for name, count in verdicts.most_common())
            say(f"{kind}: {shown}")
        for reason, count in self.reasons.most_common(40):
            say(f"  {count:5,} {reason}")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
        say(
            f"{number:,} cases, {self.mutants:,} mutants; the slowest took {self.slowest[0]:.1f} s"
            f" (case {self.slowest[1]}), the memory reached {peak >> 20:,} MB"
        )
        assert not self.faults, f"{self.faults} cases went wrong"
        assert self.slowest[0] < MOST_SECONDS, self.slowest
        assert peak < MOST_BYTES, peak


def _kind_of_reason(reason: str) -> str:
    return "".join("0" if letter.isdigit() else letter for letter in reason)[:60]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutants", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    faulthandler.enable()
    os.nice(10)
    with tempfile.TemporaryDirectory() as folder:
        Campaign(Path(folder), options.seed).all(
            options.mutants, lambda text: print(text, flush=True)
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
