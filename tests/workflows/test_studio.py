"""`nftgan curate` without --auto: a session in the studio, from its address to the collection."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import signal
import stat
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from nftgan.collection.manifest import Manifest
from nftgan.collection.ratings import read_ratings
from nftgan.errors import UsageError
from nftgan.networks.model_file import save_model
from nftgan.project import Project
from nftgan.studio.session import Studio as StudioSession
from nftgan.workflows.curate import curate
from nftgan.workflows.init import init
from nftgan.workflows.render import render
from nftgan.workflows.studio import StudioResult, doorstep, studio
from tests.studio.browser import until
from tests.studio.test_run import make_run
from tests.synthesis import tiny
from tests.workflows.typed import LOOK, PROGRAM, Desk

ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)/\?token=([\w-]+)")


class Session:
    """A studio, spoken to as its page does."""

    def __init__(self, address: str) -> None:
        found = ADDRESS.search(address)
        assert found is not None
        self.port, self.token = int(found[1]), found[2]

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        headers = {"Cookie": f"nftgan-studio-{self.port}={self.token}"}
        if body is not None:
            headers |= {"Origin": f"http://127.0.0.1:{self.port}"}
            headers |= {"Content-Type": "application/json"}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        method = "GET" if body is None else "POST"
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        assert answer.status == 200, data
        return json.loads(data)

    def finish(self) -> dict[str, Any]:
        self.ask("/api/finish", {"kept": []})
        while (state := self.ask("/api/news?after=0&known=0")["finish"])["state"] == "working":
            pass
        return dict(state)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    desk = Desk(tmp_path_factory.mktemp("studio"))
    desk.type("init", "birds", "--in", str(desk.folder / "collections"), *LOOK)
    return desk


@pytest.fixture
def project(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("NFTGAN_HOME", str(desk.folder / "home"))
    return Project(desk.collection)


@contextmanager
def typed(desk: Desk) -> Iterator[tuple[subprocess.Popen[str], Session]]:
    """The command as a person types it."""
    where = ["-C", str(desk.collection), "-m", "base", "--seeds", "0-15", "--json"]
    process = subprocess.Popen(
        [*PROGRAM, "curate", *where],
        cwd=desk.folder,
        env=desk.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        yield process, Session(next(line for line in process.stderr if ADDRESS.search(line)))
    finally:
        process.kill()
        process.communicate()


@contextmanager
def called(project: Project) -> Iterator[tuple[Session, list[StudioResult]]]:
    """The workflow in a thread; its result is in the list after `/api/close`."""
    results: list[StudioResult] = []
    opened = threading.Event()
    addresses: list[str] = []

    def ready(address: str) -> None:
        addresses.append(address)
        opened.set()

    thread = threading.Thread(
        target=lambda: results.append(
            studio(project, model="base", candidates=range(16), ready=ready)
        )
    )
    thread.start()
    assert opened.wait(60)
    session = Session(addresses[0])
    try:
        yield session, results
    finally:
        session.ask("/api/close", {})
        thread.join(60)
        assert not thread.is_alive()


def test_a_session_survives_a_kill_and_ends_in_a_collection(desk: Desk, project: Project) -> None:
    with typed(desk) as (process, session):
        for seed in (3, 11, 7):
            session.ask("/api/opinion", {"seed": seed, "picked": True, "stars": 5})
        session.ask("/api/opinion", {"seed": 7, "name": "Ada", "description": "The first."})
        process.send_signal(signal.SIGKILL)  # right after the answer
        process.wait()
    with called(project) as (session, results):
        said = session.ask("/api/pool")["opinions"]
        words = {"name": "Ada", "description": "The first."}
        assert said["7"] == {"picked": True, "stars": 5, **words}
        session.ask("/api/opinion", {"seed": 11, "picked": None})
        assert session.finish()["state"] == "done"
    assert results[0].picked == (3, 7) and results[0].manifest == project.manifest_path
    pieces = Manifest.load(project.manifest_path).pieces
    assert [(piece.seed, piece.name) for piece in pieces] == [(3, "birds #0"), (7, "Ada")]
    assert pieces[1].description == "The first."
    assert (project.root / "model.safetensors").exists()


def test_ctrl_c_closes_it_and_the_key_is_in_no_argument(desk: Desk) -> None:
    with typed(desk) as (process, session):
        line = Path(f"/proc/{process.pid}/cmdline")
        if line.exists():
            assert session.token.encode() not in line.read_bytes()
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 130
        assert "ratings.jsonl" in json.loads(out)["error"]["message"]


def test_a_new_name_keeps_what_was_rendered(project: Project) -> None:
    curate(project, model="base", pick=[3, 7])
    render(project)
    before = Manifest.load(project.manifest_path)
    assert before.pieces[1].name == "Ada"  # given in the studio, kept by the command line
    with called(project) as (session, _):
        session.ask("/api/opinion", {"seed": 7, "name": "Grace"})
        session.ask("/api/opinion", {"seed": 11, "picked": None})
        assert session.finish()["state"] == "done"
    after = Manifest.load(project.manifest_path)
    assert after.pieces[1].name == "Grace" and after.rendered
    assert [p.pixels for p in after.pieces] == [p.pixels for p in before.pieces]
    assert render(project).rendered == 0


def test_rating_goes_on_while_the_collection_is_locked(project: Project) -> None:
    with called(project) as (session, results):
        with project.lock():  # as a long render holds it
            session.ask("/api/opinion", {"seed": 14, "stars": 2})
            state = session.finish()
        assert state["state"] == "failed" and "another nftgan process" in state["error"]
    assert results[0].manifest is None
    model = Manifest.load(project.manifest_path).model.identity
    assert read_ratings(project.ratings_path, model=model)[14].stars == 2


def test_the_page_that_leads_to_the_studio_is_private(project: Project) -> None:
    page = doorstep("http://127.0.0.1:1/?token=x")
    assert stat.S_IMODE(page.stat().st_mode) == 0o600 and "token=x" in page.read_text()


def test_a_deployed_collection_cannot_be_curated(project: Project, tmp_path: Path) -> None:
    other = Project(tmp_path / "birds")
    shutil.copytree(project.root, other.root)
    other.deployments.mkdir()
    (other.deployments / "1.json").write_text("{}")
    with pytest.raises(UsageError, match="fixed on chain"):
        studio(other)


def test_another_network_of_the_run_is_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(tmp_path / "run")
    for kimg, scale in ((0, 1.0), (2, 4.0)):
        model = tiny.stylegan3(output_scale=scale)
        path = run / f"network-{kimg:06d}.safetensors"
        save_model(path, generator=model.generator, discriminator=model.discriminator, meta={})
    project = Project(init("birds", tmp_path).folder)
    opened: list[StudioSession] = []

    class Stopped:
        def __init__(self, session: StudioSession, *, port: int = 0) -> None:
            opened.append(session)

        def serve(self, ready: Any) -> None:
            pass

    monkeypatch.setattr("nftgan.workflows.studio.StudioServer", Stopped)
    studio(project, model=str(run))
    (session,) = opened
    assert session.network == 2 and session.open_network is not None
    session.gallery.start()
    session.opinions.say(3, {"picked": True})
    first, boot = session.gallery, session.boot
    session.use_network(0)
    assert session.network == 0 and session.boot != boot and first.stopped
    assert session.gallery.model.identity != first.model.identity
    assert session.opinions.picked() == () and session.opinions.picked_elsewhere() == 1
    until(lambda: session.gallery.image(3))
    session.gallery.close()
