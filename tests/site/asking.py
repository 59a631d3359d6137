"""The page's modules in Node, asked one question after the other."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

from nftgan.site import pages
from nftgan.site.renderer import joined, script
from tests.site.drawing import NODE

MODULES = "birth reverts terms keccak merkle png cid dag murmur bytes"
OFFERED = ", ".join(f"...${name}" for name in MODULES.split())


def base(data: bytes) -> str:
    return base64.b64encode(data).decode()


class Page:
    """One process of Node with all of them."""

    def __init__(self, folder: Path) -> None:
        (folder / "renderer.js").write_text(script(), encoding="utf-8")
        entry = "".join(
            f'import {{ {name} }} from "./{module}.mjs";\n'
            for name, module in (
                ("birth", "birth"),
                ("keccak", "keccak"),
                ("inWords", "reverts"),
                ("listed", "terms"),
                ("MerkleTree", "merkle"),
                ("decodePng", "png"),
                ("isNamed", "cid"),
                ("murmur", "murmur"),
                ("readDag", "dag"),
                ("toHex", "bytes"),
            )
        )
        (folder / "asked.mjs").write_text(entry, encoding="utf-8")
        text = joined("asked", pages.PAGE, asked=folder / "asked.mjs")
        (folder / "page.js").write_text(f"{text}module.exports = {{ {OFFERED} }};\n")
        self._process = subprocess.Popen(
            [
                NODE or "node",
                str(Path(__file__).parent / "page.cjs"),
                str(folder / "renderer.js"),
                str(folder / "page.js"),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, what: str, **job: Any) -> Any:
        """The answer, or the error's sentence."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None
        stdin.write(json.dumps({"what": what, **job}) + "\n")
        stdin.flush()
        said = json.loads(stdout.readline() or '{"error": "node has ended"}')
        return said.get("answer", said.get("error"))

    def close(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(20)
        self._process.stdout.close()
