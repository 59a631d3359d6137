"""A folder of art, as it is, to a clean dataset zip: every file is used or named with a reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median_low
from typing import Any

from nftgan.dataset import kernels
from nftgan.dataset.archive import Dataset
from nftgan.dataset.art_colours import art_colours
from nftgan.dataset.background import found_background
from nftgan.dataset.duplicates import TwinFinder
from nftgan.dataset.flat_art import is_flat_set
from nftgan.dataset.holdout import remember
from nftgan.dataset.image_worker import (
    ImageHeader,
    Job,
    PreparedImage,
    grid_of,
    prepare_image,
    read_image_header,
)
from nftgan.dataset.labels import Labels, Vector, class_order, read_labels
from nftgan.dataset.output import check_output, only_writer, own_files
from nftgan.dataset.own_labels import labels_among
from nftgan.dataset.pack import DatasetWriter, dataset_writer
from nftgan.dataset.parallel import Crashed, ordered_map, worker_count
from nftgan.dataset.pixel_art import grid_of_set, may_agree, side_for
from nftgan.dataset.prepare_options import AUTO, DEFAULTS, Plan, PrepareOptions, checked
from nftgan.dataset.readers import INSTALL
from nftgan.dataset.report import report_paths, write_report
from nftgan.dataset.resize import Resample
from nftgan.dataset.scan import Candidate, Scan
from nftgan.dataset.survey import Seen
from nftgan.dataset.unpack import UNPACK, art_files
from nftgan.errors import UsageError
from nftgan.files import canonical_json, sha256_hex
from nftgan.progress import SILENT, Progress, track
from nftgan.words import counted

METHOD = 6  # raised when the same files and options would give other pixels or notes
_DEFAULT_FLOOR, _DEFAULT_MOST = 32, 1024  # of art that is no pixel art
_PROBES = 24  # images that settle whether a folder is pixel art
_HEADERS = 16  # files that a process reads the headers of at once
_IMAGE_BYTES = 2 << 20  # of finished images that a process hands over at once, and no more than:
_IMAGES = 4


@dataclass(frozen=True)
class PrepareReport:
    """What became of the folder."""

    kept: int
    rejected: tuple[tuple[str, str], ...]  # (name in the folder, reason), sorted
    fingerprint: str  # "sha256:…"
    resolution: int
    output: Path
    notes: tuple[str, ...]  # what was done to how many images
    classes: tuple[str, ...] = ()
    pixel_grid: int = 0  # squares along a side, where the folder is pixel art
    art_colours: int = 0  # of all that pixel art, where they are few enough to be written down
    flat_art: bool = False  # few plain colours with sharp borders
    unchanged: bool = False  # the same files and options as last time: nothing was written


def prepare(
    source: str | Path,
    output: str | Path,
    options: PrepareOptions = DEFAULTS,
    *,
    progress: Progress = SILENT,
    workers: int | None = None,
) -> PrepareReport:
    """Pack every usable image of `source` into `output`; one bad file never stops the rest.

    source: a folder, searched to any depth, a zip or tar of one, or StyleGAN's TFRecords. Labels
    that a data set brings along, in dataset.json, are kept.

    The zip appears whole or not at all, with `NAME.report.json` and `NAME.report.html` beside it.
    The same files and options give the same bytes; when the zip is there already, nothing is
    decoded. Without a resolution the largest power of two that half of the images reach is taken,
    from 32 to 1024; a folder of pixel art gets the side of its own grid. workers: processes; None
    for one per processor. Raises UsageError for wrong options and for a folder without a usable
    image.
    """
    source, output = Path(source), Path(output)
    plan = checked(options)
    labels = read_labels(options.labels)
    check_output(output)
    with art_files(source, ignore=own_files(output, options.labels)) as found:
        found, labels = labels_among(found, labels, options.labels, progress)
        with only_writer(output):
            return _prepare(found, output, options, plan, labels, progress, workers)


def _prepare(
    found: Scan,
    output: Path,
    options: PrepareOptions,
    plan: Plan,
    labels: Labels | None,
    progress: Progress,
    workers: int | None,
) -> PrepareReport:
    rejected = list(found.rejected)
    headers = _look_at(found.candidates, options.dedupe >= 0, rejected, progress, workers)
    if not headers:
        raise _nothing_left(rejected)
    inputs = _inputs_digest(options, labels, headers, rejected)
    if (same := _unchanged(output, inputs)) is not None:
        progress.note(f"{output} is unchanged")
        return same
    kernels.compile_for(len(headers))
    plan, said = _on_a_background(plan, options, headers, workers)
    job = _job(plan, options, int(median_low(seen.short_side for _, seen in headers)))
    job = _on_the_arts_grid(job, options, headers, workers)
    head: dict[str, Any] = {
        "inputs": inputs,
        "method": METHOD,
        "options": options.to_json(),
        "resolution": job.resolution,
    }
    prepared = _squares(headers, labels, job, rejected, progress, workers)
    with dataset_writer(output) as writer:
        seen: list[Seen] = []
        notes = head | _pack(
            writer, prepared, options.dedupe, labels, rejected, job.pixel_grid, seen
        )
        if not notes["sources"]:
            raise _nothing_left(rejected)
        notes["notes"] += said
        writer.finish(notes.pop("labels"), notes)
    notes["fingerprint"] = writer.fingerprint
    write_report(output, notes, workers)
    report = _report(output, notes, unchanged=False)
    del headers, notes  # of each image a kilobyte, before the file is read again
    remember(output, seen)
    return report


def _pack(
    writer: DatasetWriter,
    prepared: Iterable[tuple[Candidate, str, PreparedImage]],
    dedupe: int,
    labels: Labels | None,
    rejected: list[tuple[str, str]],
    pixel_grid: int,
    seen: list[Seen],
) -> dict[str, Any]:
    """Write each image that copies no earlier one; what the dataset's notes say of them.

    seen: gets what a look at the data set would find.
    """
    twins = TwinFinder(dedupe)
    sources: list[dict[str, Any]] = []
    names: list[str] = []  # of each image's class
    vectors: list[Vector] = []  # of each image's conditions
    colours: list[int] = []  # of each image on the grid of pixel art
    of_all: Counter[bytes] = Counter()  # pixels of each colour, of all these images
    flat: list[bool] = []  # of each image
    for candidate, sha256, square in prepared:
        if (twin := twins.twin(square.digest, square.fingerprint)) is not None:
            rejected.append((candidate.name, f"{twin[1]} {twin[0]}"))
            continue
        look = twins.kept(square.fingerprint)
        twins.add(candidate.name, square.digest, look)
        seen.append(Seen(square.digest, square.key, look))
        sources.append(
            {
                "name": writer.add_png(square.png, square.digest),
                "source": candidate.name,
                "sha256": sha256,
                "size": list(square.size),
                "crop": list(square.box),
                "notes": list(square.notes),
            }
        )
        if labels is not None and (vector := labels.vector(candidate.name)) is not None:
            vectors.append(vector)
        elif labels is not None:
            names.append(labels.of(candidate.name) or "")
        flat.append(square.flat)
        if square.colours:
            colours.append(len(square.colours))
            of_all.update(square.colours)
    classes = class_order(set(names))
    index = {name: number for number, name in enumerate(classes)}
    numbers = [index[name] for name in names] if labels is not None else None
    return {
        "classes": classes,
        "conditions": list(labels.conditions) if labels is not None and vectors else [],
        "labels": vectors or numbers,
        "notes": _summary(sources, classes),
        "pixel_art": {
            "grid": pixel_grid,
            "colours": median_low(colours),
            "art_colours": art_colours(of_all),
        }
        if colours
        else None,
        **({"flat_art": True} if is_flat_set(flat) else {}),
        "rejected": sorted([name, reason] for name, reason in rejected),
        "sources": sources,
    }


def _look_at(
    candidates: tuple[Candidate, ...],
    refuse_copies: bool,
    rejected: list[tuple[str, str]],
    progress: Progress,
    workers: int | None,
) -> list[tuple[Candidate, ImageHeader]]:
    """Hash every file and read its header; of equal files the one of the shortest name stays."""
    count = worker_count(len(candidates)) if workers is None else workers
    paths = (item.path for item in candidates)
    results = ordered_map(read_image_header, paths, count, together=_HEADERS)
    headers: list[tuple[Candidate, ImageHeader]] = []
    copies: dict[str, list[Candidate]] = {}
    tracked = track(results, progress, "reading", "files", len(candidates))
    for candidate, seen in zip(candidates, tracked, strict=True):
        if isinstance(seen, Crashed):
            rejected.append((candidate.name, "its decoder crashed"))
        elif isinstance(seen, str):
            rejected.append((candidate.name, seen))
        elif refuse_copies and seen.sha256 in copies:
            copies[seen.sha256].append(candidate)
        else:
            copies[seen.sha256] = [candidate]
            headers.append((candidate, seen))
    # "dog copy.png" comes before "dog.png", and is the one to leave out.
    best = {of: min(same, key=lambda one: len(one.name)) for of, same in copies.items()}
    for of, same in copies.items():
        others = (one.name for one in same if one is not best[of])
        rejected.extend((name, f"the same file as {best[of].name}") for name in others)
    return [(best[seen.sha256] if refuse_copies else one, seen) for one, seen in headers]


def _on_a_background(
    plan: Plan,
    options: PrepareOptions,
    headers: list[tuple[Candidate, ImageHeader]],
    workers: int | None,
) -> tuple[Plan, list[str]]:
    """`plan` with the background that suits, where it was left open, and what there is to say."""
    clear = [item.path for item, seen in headers if seen.may_be_transparent]
    if options.alpha:
        if clear:
            return plan, []
        return plan, ["no image is transparent: without --alpha the networks would be smaller"]
    asked = None if options.background == AUTO else plan.background
    found, said = found_background(clear, asked, workers)
    return replace(plan, background=found), said


def _job(plan: Plan, options: PrepareOptions, typical: int) -> Job:
    resolution = options.resolution
    if resolution is None:
        reached = 1 << (typical.bit_length() - 1)
        resolution = min(max(reached, _DEFAULT_FLOOR), _DEFAULT_MOST)
    min_side = options.min_side
    if min_side is None:
        min_side = max(1, min(resolution, typical) // 2)
    return Job(resolution, plan.crop, plan.background, min_side, plan.resample)


def _on_the_arts_grid(
    job: Job,
    options: PrepareOptions,
    headers: list[tuple[Candidate, ImageHeader]],
    workers: int | None,
) -> Job:
    """`job` with the grid of a folder of pixel art, and the side for it unless one was asked for.

    A few images spread over the folder settle it.
    """
    if job.resample is not Resample.AUTO:
        return job
    probes = [item.path for item, _ in headers[:: -(-len(headers) // _PROBES)]]
    count = worker_count(len(probes)) if workers is None else workers
    found = ordered_map(partial(grid_of, job=job), probes, count)
    grids: list[int] = []
    for one in found:
        grids.append(0 if isinstance(one, Crashed) else one)
        if not may_agree(grids, len(probes)):  # most folders are no pixel art: a few tell
            break
    grid = grid_of_set(grids) if len(grids) == len(probes) else 0
    side = side_for(grid) if grid and options.resolution is None else job.resolution
    if grid > side:
        return job  # smaller was asked for than the art is
    least = job.min_side
    if grid and options.min_side is None:
        least = min(least, grid)
    return replace(job, resolution=side, pixel_grid=grid, min_side=least)


def _squares(
    headers: list[tuple[Candidate, ImageHeader]],
    labels: Labels | None,
    job: Job,
    rejected: list[tuple[str, str]],
    progress: Progress,
    workers: int | None,
) -> Iterator[tuple[Candidate, str, PreparedImage]]:
    """Each good image's square, in order; the others go to `rejected`."""
    if labels is not None:
        unlabelled = [item.name for item, _ in headers if not labels.knows(item.name)]
        rejected.extend((name, labels.missing) for name in unlabelled)
        headers = [pair for pair in headers if labels.knows(pair[0].name)]
    count = worker_count(len(headers)) if workers is None else workers
    together = min(max(_IMAGE_BYTES // (3 * job.resolution**2), 1), _IMAGES)
    paths = (item.path for item, _ in headers)
    results = ordered_map(partial(prepare_image, job=job), paths, count, together=together)
    tracked = track(results, progress, "preparing", "images", len(headers))
    for (candidate, seen), square in zip(headers, tracked, strict=True):
        if isinstance(square, PreparedImage):
            yield candidate, seen.sha256, square
        else:
            reason = "its decoder crashed" if isinstance(square, Crashed) else square
            rejected.append((candidate.name, reason))


def _inputs_digest(
    options: PrepareOptions,
    labels: Labels | None,
    headers: list[tuple[Candidate, ImageHeader]],
    rejected: list[tuple[str, str]],
) -> str:
    """Names all that decides the zip: files, options, labels and the method."""
    value = {
        "method": METHOD,
        "options": options.to_json(),
        "labels": labels.to_json() if labels else None,
        "files": [[item.name, seen.sha256] for item, seen in headers],
        "rejected": sorted([name, reason] for name, reason in rejected),
    }
    return "sha256:" + sha256_hex(canonical_json(value))


def _unchanged(output: Path, inputs: str) -> PrepareReport | None:
    """The report of an earlier run on the same inputs, if its zip is there."""
    if not output.exists():
        return None
    notes = Dataset.open(output).notes
    if notes.get("inputs") != inputs:
        return None
    if not all(path.exists() for path in report_paths(output)):
        write_report(output, notes)
    return _report(output, notes, unchanged=True)


def _report(output: Path, notes: dict[str, Any], *, unchanged: bool) -> PrepareReport:
    return PrepareReport(
        kept=len(notes["sources"]),
        rejected=tuple((name, reason) for name, reason in notes["rejected"]),
        fingerprint=notes["fingerprint"],
        resolution=notes["resolution"],
        output=output,
        notes=tuple(notes["notes"]),
        classes=tuple(notes["classes"]),
        pixel_grid=(notes["pixel_art"] or {}).get("grid", 0),
        art_colours=len((notes["pixel_art"] or {}).get("art_colours", "")) // 6,
        flat_art=notes.get("flat_art", False),
        unchanged=unchanged,
    )


def _summary(sources: list[dict[str, Any]], classes: list[str]) -> list[str]:
    """What was done to how many images, the most frequent first."""
    counts = Counter(note for entry in sources for note in entry["notes"])
    cut = sum(1 for entry in sources if entry["size"][0] != entry["size"][1])
    lines = [
        f"{number} {'image' if number == 1 else 'images'}: {note}"
        for note, number in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]
    if cut:
        lines.append(f"{cut} {'image was' if cut == 1 else 'images were'} not square")
    if len(classes) == 1:
        lines.append(f"only one class, {classes[0]}: the labels say nothing")
    return lines


def _nothing_left(rejected: list[tuple[str, str]]) -> UsageError:
    if not rejected:
        return UsageError(
            "there are no images to prepare", hint="name the folder that holds the images"
        )
    reason, count = Counter(reason for _, reason in sorted(rejected)).most_common(1)[0]
    name = next(name for name, one in sorted(rejected) if one == reason)
    hint = "PNG, JPEG, WebP, GIF, BMP and TIFF images are read"
    if "link" in reason:
        hint = "name the folder that the links point to, or copy the files"
    elif "label" in reason or "class" in reason:
        hint = "check the names in the label file, or leave --labels out (--labels none)"
    elif "pip install" in reason:
        hint = INSTALL
    elif "encrypted" in reason or "packed by" in reason:
        hint = UNPACK
    elif "short side" in reason:
        hint = "a smaller --resolution or --min-side takes them"
    return UsageError(
        f"of {counted(len(rejected), 'file')} none can be used; {name}: {reason}"
        + (f" ({count} like it)" if count > 1 else ""),
        hint=hint,
    )
