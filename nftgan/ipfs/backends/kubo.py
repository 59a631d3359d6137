"""A Kubo node, or one that speaks its RPC, as a target: the CAR goes up in resumable shards."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence

from nftgan.errors import CheckFailed, ServiceError
from nftgan.ipfs.backends.access import NODE_TOKEN
from nftgan.ipfs.backends.base import Limits, ServiceRefused, ServiceTimeout, UploadJournal
from nftgan.ipfs.backends.rpc import Rpc
from nftgan.ipfs.car import CarFile, header, section
from nftgan.ipfs.cid import Cid
from nftgan.ipfs.reader import MAX_BLOCK_BYTES, MissingBlock
from nftgan.progress import Progress, Task

SHARD_BYTES = 32 << 20
"""A shard is what is sent again after a failure, and is held nowhere whole."""

GET_SECONDS = 20.0
"""How long a node may take for one of its own blocks."""


class KuboBackend:
    """`/api/v0` of Kubo, js-ipfs or a service that speaks it.

    The node never computes a CID: it is sent blocks, and afterwards asked for them.
    """

    by_path = None

    def __init__(
        self,
        url: str = "http://127.0.0.1:5001",
        *,
        token: str | None = None,
        name: str | None = None,
        variable: str = NODE_TOKEN,
        limits: Limits | None = None,
        one_root_a_pin: bool = False,
        shard_bytes: int = SHARD_BYTES,
        get_seconds: float = GET_SECONDS,
        timeout_seconds: float = 300.0,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        """`one_root_a_pin` is for services that pin one root a request.

        Nothing is sent yet. Raises UsageError for an address that cannot be used.
        """
        self._rpc = Rpc(
            url,
            token=token,
            name=name,
            variable=variable,
            timeout_seconds=timeout_seconds,
            wait=wait,
        )
        self.limits = limits or Limits(local=self._rpc.loopback)
        self._one_root_a_pin = one_root_a_pin
        self._shard_bytes = shard_bytes
        self._get_seconds = get_seconds

    @property
    def name(self) -> str:
        """What it was given, else the node's address, without path or token."""
        return self._rpc.name

    def version(self) -> str:
        """The version that the node reports, at once. Raises ServiceError."""
        answer = self._rpc.call("version", patient=False)
        return str(answer[0].get("Version", "unknown")) if answer else "unknown"

    def put(
        self,
        car: CarFile,
        roots: Sequence[Cid],
        *,
        label: str,
        journal: UploadJournal,
        progress: Progress,
    ) -> int:
        """Import the shards that the journal does not have, then pin `roots`.

        Returns the bytes sent. Raises ServiceError, CredentialError, or CheckFailed when the node
        confirms another CID.
        """
        self.version()
        sent = self._send(car, journal, progress)
        if reason := self._pin(car, roots):
            # A garbage collection between two shards may drop the first: send all once more.
            progress.warn(f"{self.name} cannot pin yet ({reason}): sending every block again")
            journal.void("the node could not pin")
            sent += self._send(car, journal, progress)
            if reason := self._pin(car, roots):
                raise ServiceError(
                    f"{self.name} does not pin {car.root}: {reason}",
                    hint="look at the node's log, then run the same command again",
                )
        return sent

    def _send(self, car: CarFile, journal: UploadJournal, progress: Progress) -> int:
        sent = done = 0
        shards = list(self._shards(car))
        with progress.task(f"send to {self.name}", car.size_bytes, "B") as task:
            for number, shard in enumerate(shards, 1):
                size = sum(car.block_bytes(cid) for cid in shard)
                part = hashlib.sha256(b"".join(cid.to_bytes() for cid in shard)).hexdigest()
                if part not in journal.parts:
                    what = f"part {number} of {len(shards)}"
                    answers = self._import(
                        car, (car.root,), shard, pin=False, what=what, task=task, before=done
                    )
                    self._all_counted(answers, len(shard), what)
                    journal.note(part)
                    sent += size
                done += size
                task.update(completed=done)
        return sent

    def _shards(self, car: CarFile) -> Iterator[list[Cid]]:
        shard: list[Cid] = []
        size = 0
        for cid in car.cids:
            if shard and size + car.block_bytes(cid) > self._shard_bytes:
                yield shard
                shard, size = [], 0
            shard.append(cid)
            size += car.block_bytes(cid)
        yield shard

    def _import(
        self,
        car: CarFile,
        roots: Sequence[Cid],
        cids: Sequence[Cid],
        *,
        pin: bool,
        what: str,
        task: Task | None = None,
        before: int = 0,
    ) -> list[dict[str, object]]:
        def body() -> Iterator[bytes]:
            yield header(*roots)
            at = before
            for cid in cids:
                yield section(cid, car.get(cid))
                at += car.block_bytes(cid)
                if task is not None:
                    task.update(completed=at)

        options = {"pin-roots": "true" if pin else "false", "stats": "true"}
        return self._rpc.call("dag/import", options=options, body=body, what=what)

    def _all_counted(self, answers: list[dict[str, object]], blocks: int, what: str) -> None:
        """A node that counts has counted all. An error after the status line is not seen else."""
        for answer in answers:
            stats = answer.get("Stats")
            if isinstance(stats, dict) and stats.get("BlockCount") not in {None, blocks}:
                raise ServiceError(
                    f"{self.name} took {stats['BlockCount']} of {blocks} blocks of {what}",
                    hint="run the same command again: it goes on where it stopped",
                )

    def _pin(self, car: CarFile, roots: Sequence[Cid]) -> str | None:
        """Pin by an import of the roots alone; why not, or None. Raises CheckFailed."""
        groups = [[root] for root in roots] if self._one_root_a_pin else [list(roots)]
        for group in groups:
            if reason := self._pin_group(car, group):
                return reason
        return None

    def _pin_group(self, car: CarFile, roots: Sequence[Cid]) -> str | None:
        try:
            answers = self._import(car, roots, roots, pin=True, what="the pin")
        except ServiceTimeout:
            return "it does not answer, as some do that miss a block"
        pinned = set()
        for answer in answers:
            root = answer.get("Root")
            if not isinstance(root, dict):
                continue
            if error := root.get("PinErrorMsg"):
                return str(error)[:200]
            link = root.get("Cid")
            if isinstance(link, dict) and isinstance(text := link.get("/"), str):
                pinned.add(Cid.parse(text))  # as bytes: js-ipfs writes another base
        missing = [root for root in roots if root not in pinned]
        if missing and (others := pinned - set(roots)):
            raise CheckFailed(
                f"{self.name} changed the CID: it pinned {others.pop()} and not {missing[0]}",
                hint="pin to a place that imports a CAR as it is",
            )
        return f"it does not confirm {missing[0]}" if missing else None

    def is_pinned(self, root: Cid) -> bool:
        """Whether the node has a recursive pin of `root`. Raises ServiceError."""
        try:
            answers = self._rpc.call("pin/ls", str(root), options={"type": "recursive"})
        except ServiceRefused as exc:
            if "not pinned" in exc.message:
                return False
            raise
        keys = [key for answer in answers for key in (answer.get("Keys") or {})]
        return root in {Cid.parse(key) for key in keys}

    def get(self, cid: Cid) -> bytes:
        """A block that the node has itself. Raises MissingBlock or ServiceError."""
        try:
            return self._rpc.read(
                "block/get", str(cid), most_bytes=MAX_BLOCK_BYTES, seconds=self._get_seconds
            )
        except ServiceRefused as exc:
            raise MissingBlock(f"{self.name} does not have the block {cid}") from exc
        except ServiceTimeout as exc:
            raise MissingBlock(
                f"{self.name} does not give the block {cid} in {self._get_seconds:g} s"
            ) from exc

    def unpin(self, root: Cid) -> None:
        """Remove the recursive pin. Raises ServiceError."""
        try:
            self._rpc.call("pin/rm", str(root))
        except ServiceRefused as exc:
            if "not pinned" not in exc.message:
                raise

    def close(self) -> None:
        """Let go of the connection."""
        self._rpc.close()
