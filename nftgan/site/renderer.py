"""The renderer's script: JavaScript sources and compiled kernels joined into one file.

python -m nftgan.site.renderer          compile the kernels again (needs the package ziglang)
python -m nftgan.site.renderer FILE     write the script
"""

from __future__ import annotations

import base64
import importlib.metadata
import importlib.util
import json
import re
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from nftgan.errors import MissingStepError, NftganError
from nftgan.files import sha256_file, sha256_hex, write_bytes, write_json

HERE = Path(__file__).parent
SOURCE = HERE / "kernels.cpp"
KERNELS = HERE / "kernels.wasm"
NOTE = HERE / "kernels.json"
COMPILE = (  # no fused multiply-add, no reordering: what is written is what is added
    *("-target", "wasm32-freestanding", "-mcpu=generic+simd128+bulk_memory", "-std=c++20", "-O3"),
    *("-ffp-contract=off", "-fno-exceptions", "-fno-rtti", "-nostdlib", "-g0"),
    *("-Wall", "-Wextra", "-Werror"),
    *("-Wl,--no-entry", "-Wl,--export=__heap_base", "-Wl,--strip-all"),
)
_IMPORT = re.compile(r'^import \{ ([^}]*) \} from "\./(\w+)\.mjs";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const) ([\w$]+))", re.MULTILINE)


@cache
def script() -> str:
    """The classic script of README.md, whole in itself; the same for the same package."""
    parts = [
        f"// nftgan: renderer f64-1, kernels sha256:{sha256_file(SOURCE)}\n",
        '(() => {\n"use strict";\n',
        f"const KERNELS = {json.dumps(base64.b64encode(KERNELS.read_bytes()).decode())};\n",
        f"const WORKER = {json.dumps('(() => {' + joined('host') + '})();')};\n",
        joined("index"),
        "})();\n",
    ]
    return "".join(parts)


def joined(entry: str, folder: Path = HERE / "js", **elsewhere: Path) -> str:
    """The module and all that it imports, each in a function of its own, in order of need.

    elsewhere: modules that do not lie in `folder`, by name.
    """
    done: list[str] = []
    texts: list[str] = []

    def add(name: str) -> None:
        if name in done:
            return
        done.append(name)
        text = elsewhere.get(name, folder / f"{name}.mjs").read_text(encoding="utf-8")
        for needed in _IMPORT.finditer(text):
            add(needed[2])
        names = _EXPORT.findall(text)
        text = _IMPORT.sub(r"const { \1 } = $\2;\n", text)
        text = _EXPORT.sub("", text)
        texts.append(f"const ${name} = (() => {{\n{text}return {{ {', '.join(names)} }};\n}})();\n")

    add(entry)
    return "".join(texts)


def compiler() -> str | None:
    """ "ziglang VERSION", or None where it is not installed."""
    if importlib.util.find_spec("ziglang") is None:
        return None
    return f"ziglang {importlib.metadata.version('ziglang')}"


def compile_kernels() -> bytes:
    """kernels.cpp as WebAssembly. Raises MissingStepError without the compiler."""
    if compiler() is None:
        raise MissingStepError("the compiler is missing", hint="pip install ziglang")
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "ziglang", "c++", *COMPILE, SOURCE.name, "-o"]
        to = Path(folder) / "kernels.wasm"
        done = subprocess.run(
            [*command, str(to)], cwd=HERE, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise NftganError(f"the kernels do not compile: {done.stderr.strip()}")
        return to.read_bytes()


def note(kernels: bytes) -> dict[str, str]:
    """What kernels.json holds: from what and by what the kernels were compiled."""
    return {
        "compiler": compiler() or "",
        "kernels": "sha256:" + sha256_hex(kernels),
        "source": "sha256:" + sha256_file(SOURCE),
    }


def main(arguments: list[str]) -> None:
    """Compile, or write the script to the named file."""
    if arguments:
        write_bytes(Path(arguments[0]), script().encode())
        return
    kernels = compile_kernels()
    write_bytes(KERNELS, kernels)
    write_json(NOTE, note(kernels))


if __name__ == "__main__":
    main(sys.argv[1:])
