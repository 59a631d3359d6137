"""Any endpoint of the Pinning Service API: it is told a CID and fetches the blocks by itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from urllib.parse import quote

from nftgan.errors import CheckFailed, PartlyDone, ServiceError
from nftgan.ipfs.backends.base import Limits, ServiceRefused, UploadJournal, same_cid
from nftgan.ipfs.backends.http import Service
from nftgan.ipfs.backends.reading import GatewayReader, GatewayReads
from nftgan.ipfs.car import CarFile
from nftgan.ipfs.cid import Cid
from nftgan.progress import Progress

PAGE = 1000
"""The most records that the specification lets one answer hold."""

CONFLICT = 409
"""Status of what is pinned already (DUPLICATE_OBJECT)."""

RANK = {"pinned": 0, "pinning": 1, "queued": 2, "failed": 3}


class PsaBackend(GatewayReads):
    """Requests to pin, and their states; the same CID is never asked for twice."""

    limits = Limits(uploads=False)

    def __init__(
        self,
        service: Service,
        gateway: GatewayReader,
        *,
        origins: Sequence[str] = (),
        patience_seconds: float = 600.0,
        poll_seconds: float = 2.0,
        wait: Callable[[float], None] = time.sleep,
        limits: Limits | None = None,
    ) -> None:
        """`origins`: multiaddresses of nodes that have the blocks, at most 20."""
        self._service, self._gateway = service, gateway
        self._origins = list(origins)[:20]
        self._patience, self._poll, self._wait = patience_seconds, poll_seconds, wait
        self.name = service.name
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
        """Ask for each root that is not asked for, then wait. Always returns 0: nothing is sent.

        Raises PartlyDone while the service still looks for the blocks, CheckFailed when it took
        another CID, ServiceError when it gave up or refuses, CredentialError.
        """
        found = self._records(roots)
        requests: dict[Cid, dict[str, Any]] = {}
        with progress.task(f"pin at {self.name}", len(roots), "CIDs") as task:
            for root in roots:
                record = found.get(root)
                if record is None or record["status"] == "failed" or journal.voided:
                    record = self._request(root, label, record)  # voided: it has to fetch again
                requests[root] = record
            left, waited, pause = list(roots), 0.0, self._poll
            while True:
                left = [root for root in left if not self._done(root, requests[root])]
                task.update(completed=len(roots) - len(left), note=_details(requests, left))
                if not left:
                    return 0
                if waited >= self._patience:
                    raise PartlyDone(
                        f"{self.name} is still {requests[left[0]]['status']} {left[0]}",
                        hint="keep a node with the blocks reachable and run the same command again",
                    )
                self._wait(pause)
                waited, pause = waited + pause, min(pause * 1.5, 30.0)
                for root in left:
                    path = f"pins/{quote(requests[root]['requestid'], safe='')}"
                    answer = self._service.request(
                        "GET", path, what=f"asking for {root}", expect="json"
                    )
                    requests[root] = self._record(answer.field(), root)

    def _done(self, root: Cid, record: dict[str, Any]) -> bool:
        if record["status"] == "failed":
            raise ServiceError(
                f"{self.name} gave up {root}" + (f": {why}" if (why := _why(record)) else ""),
                hint="it must reach a node that has the blocks (NFTGAN_PSA_ORIGINS); run again",
            )
        return bool(record["status"] == "pinned")

    def _request(self, root: Cid, label: str, old: dict[str, Any] | None) -> dict[str, Any]:
        """A new request, in place of an old one. A cut answer is looked up, not asked for again."""
        pin = {"cid": str(root), "name": label[:255], "origins": self._origins, "meta": {}}
        path = f"pins/{quote(old['requestid'], safe='')}" if old else "pins"
        what = f"the pin of {root}"
        try:
            answer = self._service.request(
                "POST", path, what=what, document=pin, expect="json", attempts=1
            )
        except ServiceRefused as exc:
            if exc.status != CONFLICT:
                raise
            return self._there_already(root)
        except ServiceError:
            # It may have been taken all the same; a second request would be a second pin.
            record = self._records([root]).get(root)
            if record is not None and record["status"] != "failed":
                return record
            answer = self._service.request("POST", path, what=what, document=pin, expect="json")
        return self._record(answer.field(), root)

    def _there_already(self, root: Cid) -> dict[str, Any]:
        """The record of what was pinned before, by whatever program; a list may lag behind."""
        for pause in (1.0, 2.0, 4.0, 0.0):
            if (record := self._records([root]).get(root)) is not None:
                return record
            if pause:
                self._wait(pause)
        # It says itself that it has it; reading back shows whether that is so.
        return {"requestid": "", "status": "pinned", "pin": {"cid": str(root)}}

    def _record(self, record: Any, root: Cid | None = None) -> dict[str, Any]:
        """The record when it has what is needed, and is of `root`. Raises CheckFailed."""
        fields: dict[str, Any] = record if isinstance(record, dict) else {}
        pin = fields.get("pin")
        text = pin.get("cid") if isinstance(pin, dict) else None
        known = isinstance(fields.get("requestid"), str) and fields.get("status") in RANK
        if not isinstance(text, str) or not known:
            raise ServiceError(f"{self.name} answers with a record that says nothing")
        if root is not None and not same_cid(text, root):
            raise CheckFailed(f"{self.name} changed the CID {root} to {text[:100]}")
        return fields

    def _records(self, roots: Iterable[Cid]) -> dict[Cid, dict[str, Any]]:
        """For each root the record that is furthest."""
        best: dict[Cid, dict[str, Any]] = {}
        for root in roots:
            for record in self._all(root):
                if root not in best or RANK[record["status"]] < RANK[best[root]["status"]]:
                    best[root] = record
        return best

    def _all(self, root: Cid) -> list[dict[str, Any]]:
        """Every record of one CID, page by page from the newest."""
        records: dict[str, dict[str, Any]] = {}
        params = {"cid": str(root), "status": ",".join(RANK), "limit": str(PAGE)}
        while True:
            answer = self._service.request(
                "GET", "pins", params=params, what="the list of pins", expect="json"
            )
            page = answer.field("results")
            count = answer.field("count")
            if not isinstance(page, list) or not isinstance(count, int):
                raise ServiceError(f"{self.name} answers with a list that says nothing")
            known = len(records)
            for entry in map(self._record, page):
                if same_cid(entry["pin"]["cid"], root):  # some services ignore the filter
                    records[entry["requestid"]] = entry
            before = str(page[-1].get("created", "")) if page else ""
            if count <= len(page) or not before or len(records) == known:
                return list(records.values())
            params["before"] = before

    def is_pinned(self, root: Cid) -> bool:
        """Whether the service says so. Raises ServiceError or CredentialError."""
        return any(record["status"] == "pinned" for record in self._all(root))

    def unpin(self, root: Cid) -> None:
        """Take back every request for `root`. Raises ServiceError or CredentialError."""
        for record in self._all(root):
            path = f"pins/{quote(record['requestid'], safe='')}"
            self._service.request("DELETE", path, what="the removal of a pin", allow={404})

    def close(self) -> None:
        """Let go of the connections."""
        self._service.close()
        self._gateway.close()


def _why(record: dict[str, Any]) -> str:
    info = record.get("info")
    text = info.get("status_details") if isinstance(info, dict) else None
    return " ".join(text.split())[:200] if isinstance(text, str) else ""


def _details(requests: dict[Cid, dict[str, Any]], left: list[Cid]) -> str:
    return (_why(requests[left[0]]) or str(requests[left[0]]["status"])) if left else ""
