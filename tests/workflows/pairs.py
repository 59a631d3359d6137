"""Two processes that share the work of one command: this one is the main one, a second is started.

All commands of a pair run in the same two processes: starting one takes seconds.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch

ROOT = Path(__file__).parents[2]
SECOND = """
import json, os, sys
from pathlib import Path
sys.path.insert(0, {root!r})
import torch
torch.set_num_threads(1)
from nftgan.cli.main import app
from nftgan.workflows import render
folder = Path({folder!r})
made = render._render_one
def dying(*arguments):
    if (folder / "first").exists():
        (folder / "second").touch()
        os.kill(os.getpid(), 9)
    (folder / "first").touch()
    return made(*arguments)
for number, command in enumerate(json.loads({commands!r})):
    os.environ["NFTGAN_RENDEZVOUS"] = str(folder / f"group-{{number}}")
    if command[0] == "die":
        render._render_one = dying
        command = command[1:]
    try:
        app([*command, "--json"], standalone_mode=False)
    except SystemExit as exc:
        (folder / f"code-{{number}}").write_text(str(exc.code))
"""


def pair(
    folder: Path, commands: Sequence[Sequence[str]], capsys: Any
) -> list[tuple[int, dict[str, Any]]]:
    """The exit code and the document of each command, as the main process gives them.

    A command that begins with `die` ends the second process, in its second image of `render`.
    """
    folder.mkdir()
    program = SECOND.format(root=str(ROOT), folder=str(folder), commands=json.dumps(commands))
    group = {"WORLD_SIZE": "2", "OMP_NUM_THREADS": "1"}
    second = subprocess.Popen(
        [sys.executable, "-c", program],
        env=os.environ | group | {"RANK": "1", "LOCAL_RANK": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    from nftgan.cli.main import app

    found = []
    try:
        with pytest.MonkeyPatch.context() as patched:
            for name, value in (group | {"RANK": "0", "LOCAL_RANK": "0"}).items():
                patched.setenv(name, value)
            for number, command in enumerate(commands):
                patched.setenv("NFTGAN_RENDEZVOUS", str(folder / f"group-{number}"))
                words = [word for word in command if word != "die"]
                with pytest.raises(SystemExit) as stopped:
                    app([*words, "--json"], standalone_mode=False)
                document = json.loads(capsys.readouterr().out)
                found.append((int(stopped.value.code or 0), document))
        said, _ = second.communicate(timeout=120)
    finally:
        torch.set_num_threads(threads)
        with suppress(ProcessLookupError):
            second.kill()
    del said
    return found
