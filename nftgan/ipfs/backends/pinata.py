"""Pinata: the CAR goes up in one form, or by TUS when it is large, and must keep its root."""

from __future__ import annotations

import base64
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from nftgan.errors import CheckFailed, ServiceError
from nftgan.http import Answer
from nftgan.ipfs.backends.base import Limits, ServiceRefused, UploadJournal, same_cid
from nftgan.ipfs.backends.body import Body, form
from nftgan.ipfs.backends.http import AGAIN, Service
from nftgan.ipfs.backends.reading import GatewayReader, GatewayReads
from nftgan.ipfs.car import CarFile, write_car
from nftgan.ipfs.cid import Cid
from nftgan.ipfs.reader import walk
from nftgan.progress import Progress, Task

FORM_BYTES = 90 << 20
"""Larger CARs go by TUS; Pinata wants that from 100 MB on."""

CHUNK_BYTES = (50 << 20) + 1
"""Of one PATCH, as in Pinata's own client; what is sent again after a failure at most."""

FAILURES = 5
"""How often in a row a chunk may bring nothing on."""

CONFLICT = 409
"""Status of what it was asked for already."""

_UPLOAD = "upload "
"""In the journal before the root and the path of an upload that has begun."""


class PinataBackend(GatewayReads):
    """`uploads.pinata.cloud/v3` for the CAR, `api.pinata.cloud/v3` for the list of files."""

    limits = Limits(
        most_bytes=25_000_000_000,
        most_folder_files=30_000,
        free_bytes=1_000_000_000,
        per_minute=60,
        reads_per_minute=180,
    )

    def __init__(
        self,
        uploads: Service,
        api: Service,
        gateway: GatewayReader,
        *,
        form_bytes: int = FORM_BYTES,
        chunk_bytes: int = CHUNK_BYTES,
        wait: Callable[[float], None] = time.sleep,
        limits: Limits | None = None,
    ) -> None:
        self._uploads, self._api, self._gateway = uploads, api, gateway
        self._form_bytes, self._chunk_bytes, self._wait = form_bytes, chunk_bytes, wait
        self.name = uploads.name
        self.limits = limits or self.limits

    def put(
        self,
        car: CarFile,
        roots: Sequence[Cid],
        *,
        label: str,
        journal: UploadJournal,
        progress: Progress,
    ) -> int:
        """Send the CAR, or the rest of it, and pin the other roots. Returns the bytes sent.

        A CAR pins one root; tokens link to the folders in it, which are pinned by their CIDs, or,
        where the plan has no such pins, by a CAR each. Raises ServiceError, CredentialError, or
        CheckFailed when Pinata names another root.
        """
        sent = 0
        if journal.voided or not self.is_pinned(car.root):
            sent += self._send_car(car, label, journal, progress)
        for root in roots:
            if root != car.root and not self.is_pinned(root) and not self._pin_by_cid(root, label):
                progress.note(f"{self.name} pins by CID with a paid plan only: {root} goes up too")
                with tempfile.TemporaryDirectory() as folder:
                    path = Path(folder) / "part.car"
                    write_car(path, root, walk(car.get, root))
                    sent += self._send_car(CarFile(path), label, journal, progress)
        return sent

    def _send_car(
        self, car: CarFile, label: str, journal: UploadJournal, progress: Progress
    ) -> int:
        with progress.task(f"send to {self.name}", car.size_bytes, "B") as task:
            if car.size_bytes <= self._form_bytes:
                return self._send_form(car, label, task)
            return self._send_parts(car, label, journal, task)

    def _pin_by_cid(self, root: Cid, label: str) -> bool:
        """Have it pin what it holds already; False when the plan does not allow that."""
        answer = self._api.request(
            "POST",
            "v3/files/public/pin_by_cid",
            what=f"the pin of {root}",
            document={"cid": str(root), "name": _plain(label)},
            allow={400, 402, 403, 404, CONFLICT},
        )
        if answer.status >= 300 and answer.status != CONFLICT:
            return False
        self._settled(root)  # it may take longer; reading back shows what is there
        return True

    def _send_form(self, car: CarFile, label: str, task: Task) -> int:
        fields = {"network": "public", "name": _plain(label), "car": "true"}
        make, kind = form(
            car.path, car.size_bytes, fields, lambda at: task.update(completed=float(at))
        )
        sent = 0

        def body() -> Body:
            nonlocal sent
            sent += car.size_bytes
            return make()

        answer = self._uploads.request(
            "POST",
            "v3/files",
            what="the CAR",
            body=body,
            headers={"Content-Type": kind},
            expect="json",
        )
        self._compare(answer.field("data", "cid"), car.root)
        return sent

    # ---- TUS

    def _send_parts(self, car: CarFile, label: str, journal: UploadJournal, task: Task) -> int:
        path, at = self._resume(car, journal)  # by the root: a folder goes up on its own
        if path is None:
            path, at = self._begin(car, label, journal), 0
        sent = failures = 0
        answer: Answer | None = None
        while at < car.size_bytes:
            task.update(completed=at)
            end = min(at + self._chunk_bytes, car.size_bytes)
            try:
                answer = self._patch(car, path, at, end, task)
                after = _offset(answer, end)
            except ServiceError as exc:
                # How much arrived is known to Pinata alone.
                failures += 1
                if failures > FAILURES or (isinstance(exc, ServiceRefused) and exc.status != 409):
                    raise
                self._wait(min(0.5 * 2**failures, 10.0))
                there = self._offset_of(path)
                if there is None:
                    raise
                after, answer = there
            failures = 0 if after > at else failures
            if not at <= after <= car.size_bytes:
                raise ServiceError(f"{self.name} loses what it is sent", hint=AGAIN)
            sent, at = sent + after - at, after
        task.update(completed=at)
        cid = answer.headers.get("upload-cid") if answer else None
        if cid is not None:
            self._compare(cid, car.root)
        elif not self._settled(car.root):
            raise ServiceError(f"{self.name} has the CAR and does not list {car.root}", hint=AGAIN)
        return sent

    def _begin(self, car: CarFile, label: str, journal: UploadJournal) -> str:
        words = {
            "filename": f"{_plain(label)}.car",
            "filetype": "application/vnd.ipld.car",
            "network": "public",
            "name": _plain(label),
            "car": "true",
        }
        metadata = ",".join(
            f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in words.items()
        )
        answer = self._uploads.request(
            "POST",
            "v3/files",
            what="the start of an upload",
            headers={
                "Tus-Resumable": "1.0.0",
                "Upload-Length": str(car.size_bytes),
                "Upload-Metadata": metadata,
            },
        )
        location = answer.headers.get("location")
        if not location:
            raise ServiceError(f"{self.name} does not say where to send the CAR")
        path = self._uploads.own(location)
        journal.note(f"{_UPLOAD}{car.root} {path}")
        return path

    def _resume(self, car: CarFile, journal: UploadJournal) -> tuple[str | None, int]:
        """The path and the offset of an upload that has begun and is still known."""
        begun = f"{_UPLOAD}{car.root} "
        for part in sorted(journal.parts):
            if not part.startswith(begun):
                continue
            path = self._uploads.own(part[len(begun) :])
            there = self._offset_of(path)
            if there is not None and there[0] <= car.size_bytes:
                if there[0] == car.size_bytes and not self._settled(car.root):
                    continue  # all arrived and nothing came of it
                return path, there[0]
        return None, 0

    def _offset_of(self, path: str) -> tuple[int, Answer] | None:
        answer = self._uploads.request(
            "HEAD",
            path,
            what="the state of the upload",
            headers={"Tus-Resumable": "1.0.0"},
            allow={404, 410},
        )
        if answer.status >= 300 or not answer.headers.get("upload-offset", "").isdecimal():
            return None
        return int(answer.headers["upload-offset"]), answer

    def _patch(self, car: CarFile, path: str, at: int, end: int, task: Task) -> Answer:
        return self._uploads.request(
            "PATCH",
            path,
            what=f"bytes {at:,} to {end:,}",
            body=lambda: Body(
                car.path, at, end, sent=lambda now: task.update(completed=float(now))
            ),
            headers={
                "Tus-Resumable": "1.0.0",
                "Content-Type": "application/offset+octet-stream",
                "Upload-Offset": str(at),
            },
            attempts=1,
        )

    def _settled(self, root: Cid) -> bool:
        """Whether the file is listed, after a few looks: it is not at once."""
        for pause in (1.0, 2.0, 4.0, 0.0):
            if self.is_pinned(root):
                return True
            if pause:
                self._wait(pause)
        return False

    # ---- what is there

    def _compare(self, cid: Any, root: Cid) -> None:
        if not same_cid(cid, root):
            raise CheckFailed(
                f"{self.name} changed the CID: it has {str(cid)[:100]} and not {root}",
                hint="delete that file at Pinata, and pin to a place that imports a CAR as it is",
            )

    def _files(self, root: Cid) -> list[str]:
        """The ids of the files of this CID."""
        answer = self._api.request(
            "GET",
            "v3/files/public",
            params={"cid": str(root)},
            what="the list of files",
            expect="json",
        )
        files = answer.field("data", "files")
        return [
            str(file["id"])
            for file in files or []
            if isinstance(file, dict) and "id" in file and same_cid(file.get("cid"), root)
        ]

    def is_pinned(self, root: Cid) -> bool:
        """Whether Pinata lists a file of this CID. Raises ServiceError or CredentialError."""
        return bool(self._files(root))

    def unpin(self, root: Cid) -> None:
        """Delete every file of this CID. Raises ServiceError or CredentialError."""
        for name in self._files(root):
            path = f"v3/files/public/{quote(name, safe='')}"
            self._api.request("DELETE", path, what="the removal of a file", allow={404})

    def close(self) -> None:
        """Let go of the connections."""
        for part in (self._uploads, self._api, self._gateway):
            part.close()


def _offset(answer: Answer, end: int) -> int:
    """How far the upload is after a PATCH; a service that does not say took all."""
    text = answer.headers.get("upload-offset", "")
    return int(text) if text.isdecimal() else end


def _plain(label: str) -> str:
    """A name that may stand in a header of a form."""
    return "".join(letter for letter in label if letter.isprintable() and letter not in '"\\')
