"""Break, one line at a time, what decides about money, files and strangers: a test must notice.

    python -m tests.campaigns.mutate [--only WORD] [--jobs N]

Each mutant is a line of a table: the module, the text that is there, what takes its place, and the
test files that must fail. The tree is copied once; the copy is broken, tested and mended. Ends with
exit code 1 when a mutant survives, or when the text of one is not there any more.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

ROOT = Path(__file__).parents[2]
COPIED = ("nftgan", "tests", "collections", "contracts", "pyproject.toml", "docs", "README.md")
SECONDS = 900


@dataclass(frozen=True)
class Mutant:
    """One break: `old` in `module` becomes `new`, and one of `tests` must fail."""

    module: str
    old: str
    new: str
    tests: str  # pytest's arguments, split at spaces

    @property
    def title(self) -> str:
        return f"{self.module}: {self.old.strip()} -> {self.new.strip() or '(nothing)'}"


MUTANTS = (
    # ---- the ground: files, JSON, secrets, terminal, addresses
    Mutant("files", "                os.fsync(file.fileno())\n            temporary", "                pass\n            temporary", "tests/test_files.py"),
    Mutant("files", "depth > MAX_JSON_DEPTH", "depth > MAX_JSON_DEPTH + 1", "tests/test_files.py"),
    Mutant("files", "                inside = not inside\n", "                pass\n", "tests/test_files.py"),
    Mutant("files", "            object_pairs_hook=_unique_keys,\n", "", "tests/test_files.py"),
    Mutant("files", "            parse_constant=_refuse_constant,\n", "", "tests/test_files.py"),
    Mutant("files", "if not math.isfinite(number)", "if False", "tests/test_files.py"),
    Mutant("files", 'data.decode("utf-8")', "data", "tests/test_files.py"),
    Mutant("redaction", "quote(data, safe=\"\"), quote_plus(data)", "secret", "tests/test_redaction.py"),
    Mutant("redaction", "for lead in range(3)", "for lead in range(1)", "tests/test_redaction.py"),
    Mutant("redaction", "WINDOW = 8", "WINDOW = 24", "tests/test_redaction.py"),
    Mutant("redaction", "form = form.lower()", "form = str(form)", "tests/test_redaction.py"),
    Mutant("terminal", "\\x7f-\\x9f", "\\x7f", "tests/test_terminal.py"),
    Mutant("terminal", "\\u202a-\\u202e", "\\u202a", "tests/test_terminal.py"),
    Mutant("cli/ui", "segment.text if segment.control else visible(segment.text)", "segment.text", "tests/cli/test_ui.py"),
    Mutant("cli/ui", "{_escape(one_line(redact(error.message)))}", "{_escape(one_line(error.message))}", "tests/cli/test_ui.py"),
    Mutant("cli/verbs", "visible(redact(text))", "visible(text)", "tests/cli/test_ui.py"),
    Mutant("cli/verbs", "visible(redact(super().format(record)))", "super().format(record)", "tests/cli/test_ui.py"),
    Mutant("addresses", 'or name.endswith(".localhost")', "", "tests/test_addresses.py"),
    Mutant("addresses", "return not all(map(is_public, found))", "return not any(map(is_public, found))", "tests/test_addresses.py"),
    Mutant("addresses", "return mapped if isinstance(mapped, ipaddress.IPv4Address) else address", "return address", "tests/test_addresses.py"),
    Mutant("http", "self._session.trust_env = not is_loopback(self._host)", "pass", "tests/test_http.py"),
    Mutant("http", "if until is not None and self._clock.now() > until", "if False", "tests/test_http.py"),
    Mutant("http", "self._session = _Session()", "self._session = requests.Session()", "tests/test_http.py"),
    Mutant("addresses", "if inside(there.hostname)", "if False", "tests/test_http.py"),
    Mutant("http", "        self._due(seconds)\n", "", "tests/test_connections.py"),
    Mutant("http", "urlsplit(there), self._resolver.inside)", "urlsplit(there))", "tests/test_connections.py"),
    Mutant("connections", "wrong = name in self._public", "wrong = False", "tests/test_connections.py"),
    Mutant("connections", "wrong = not all(map(is_loopback, found))", "wrong = False", "tests/test_connections.py"),
    Mutant("connections", "            self._public.add(name)\n", "", "tests/test_connections.py"),
    Mutant("connections", "        if name not in self._known:", "        if True:", "tests/test_connections.py"),
    Mutant("connections", "            self._dns_host = address  #", "            pass  #", "tests/test_connections.py"),
    Mutant("connections", "None if timeout is None else HEAD_TIMEOUTS * timeout", "None", "tests/test_connections.py"),
    Mutant("addresses", "and not found.is_multicast", "", "tests/test_connections.py"),
    Mutant("patience", "return self.waited_seconds > self.seconds", "return False", "tests/test_patience.py"),
    Mutant("links", "    if entry.is_symlink():", "    if False:", "tests/test_links.py"),
    Mutant("links", "if not large and entry.is_file()", "if False", "tests/test_links.py"),
    Mutant("links", 'name == ".lock" or ', "", "tests/test_links.py"),
    Mutant("links", "                _refuse_below(Path(entry.path), 1)\n", "                pass\n", "tests/test_links.py"),
    Mutant("terminal", "if hides or ", "if ", "tests/test_terminal.py"),
    Mutant("terminal", "or marks > _MOST_MARKS", "", "tests/test_terminal.py"),
    Mutant("page", "html.escape(visible(", "html.escape((", "tests/test_page.py"),
    Mutant("page", "quote=True", "quote=False", "tests/test_page.py"),
    # ---- settings
    Mutant("collection/settings", "if not 0 <= percent <= MAX_ROYALTY_PERCENT", "if percent > MAX_ROYALTY_PERCENT", "tests/collection/test_settings.py"),
    Mutant("collection/settings", "        (manifest.royalties, config.royalty),\n", "", "tests/collection/test_settings.py"),
    Mutant("collection/settings", "check_address(config.royalty.receiver)", "pass", "tests/collection/test_settings.py"),
    Mutant("workflows/stale_settings", "if changed := settings_changed(project, manifest)", "if changed := ()", "tests/workflows/test_stale_settings.py"),
    Mutant("workflows/immutable", "if getattr(found, field.name) != getattr(wanted, field.name)", "if False", "tests/workflows/test_immutable.py"),
    Mutant("workflows/pin_recheck", "            _ask_again(project, manifest, target)\n", "", "tests/workflows/test_pin_targets.py -k record_from_another"),
    Mutant("workflows/pin_recheck", "            _sample(get, Cid.parse(manifest.cids.model))\n", "            pass\n", "tests/workflows/test_pin_recheck.py"),
    Mutant("workflows/pin_recheck", "LOT = random.SystemRandom()", "LOT = random.Random(0)", "tests/workflows/test_pin_recheck.py"),
    Mutant("workflows/pin_recheck", "        if file.read(1):", "        if False:", "tests/workflows/test_pin_recheck.py"),
    Mutant("workflows/pins", "if cid not in others_keep", "if True", "tests/workflows/test_pin_notes.py"),
    Mutant("workflows/buying", "or int(digits) >= 2**256", "", "tests/workflows/test_buying.py"),
    Mutant("workflows/frozen", 'if record.get("genesis") != genesis_hash(connection)', "if False", "tests/workflows/test_frozen.py"),
    Mutant("workflows/report", "collection_checks(verifier, measured=True) if verifier is not None else ()", "()", "tests/workflows/test_report_verify.py"),
    # ---- money
    Mutant("chain/fees", "limit = 2 * base + tip", "limit = base + tip", "tests/chain/test_fees.py"),
    Mutant("chain/fees", "rewards[len(rewards) // 2]", "rewards[-1]", "tests/chain/test_fees.py"),
    Mutant("chain/fees", "if max_fee_wei <= base", "if max_fee_wei < base", "tests/chain/test_fees.py"),
    Mutant("chain/fees", "limit = min(limit, max_fee_wei)", "pass", "tests/chain/test_fees.py"),
    Mutant("chain/fees", "if limit < least", "if False", "tests/chain/test_fees.py"),
    Mutant("chain/fees", "plan.balance_wei < plan.worst_case_wei", "plan.balance_wei < 0", "tests/chain/test_fees.py tests/chain/test_minting.py"),
    Mutant("chain/journal", "max(worst.get(nonce, 0), attempt.worst_case_wei)", "attempt.worst_case_wei", "tests/chain/test_journal.py"),
    Mutant("chain/journal", "if self.header and self.header.get(key) != value", "if False", "tests/chain/test_journal.py"),
    Mutant("chain/journal", "if before.get(key) != value", "if False", "tests/chain/test_journal.py tests/chain/test_minting.py"),
    Mutant("chain/journal", "if type(value) is not form or", "if", "tests/chain/test_journal.py"),
    Mutant("chain/journal", "if name in value or name in _NEEDED[kind]", "if name in value", "tests/chain/test_journal.py"),
    Mutant("chain/signed", "sender = Account.recover_transaction(signed)", "sender = bytes(20)", "tests/chain/test_sending.py -k journal_is_not"),
    Mutant("chain/signed", '        "calldata": data,\n', '        "calldata": found.data,\n', "tests/chain/test_sending.py -k journal_is_not"),
    Mutant("chain/signed", '        "sender": sender,\n', '        "sender": found.sender,\n', "tests/chain/test_sending.py -k account_is_not"),
    Mutant("chain/signed", '        "hash": hash.lower(),\n', '        "hash": found.hash,\n', "tests/chain/test_sending.py -k journal_is_not"),
    Mutant("chain/sending", "gas = max(gas, replaced.gas)", "pass", "tests/chain/test_sending.py -k less_gas"),
    Mutant("chain/sending", "if total > self.budget_wei", "if False", "tests/chain/test_sending.py"),
    Mutant("chain/sending", "        self.journal.attempt(attempt)\n", "", "tests/chain/test_sending.py"),
    Mutant("chain/inclusion", "receipt = replace(receipt, contract=made)", "pass", "tests/chain/test_inclusion.py -k lies"),
    Mutant("chain/minting", "if holder != plan.to", "if False", "tests/chain/test_minting.py -k somebody_else"),
    Mutant("chain/minting", "if found != seed", "if False", "tests/chain/test_minting.py"),
    Mutant("chain/merkle", "a + b if a < b else b + a", "a + b", "tests/collection/test_merkle.py"),
    Mutant("collection/merkle", "keccak(keccak(encoded))", "keccak(encoded)", "tests/collection/test_merkle.py"),
    # ---- strangers: contracts, nodes
    Mutant("chain/birth", "if len(values) != 1 or not values <= allowed", "if False", "tests/chain/test_birth.py"),
    Mutant("chain/birth", "return code == bytes(expected)", "return True", "tests/chain/test_birth.py"),
    Mutant("chain/birth", "== _octets(address):\n", "!= b\"\":\n", "tests/chain/test_birth.py"),
    Mutant("chain/contract", "[:most]:", ":", "tests/chain/test_contract.py -k million"),
    Mutant("chain/contract", "if not 0 <= minted <= most", "if False", "tests/chain/test_contract.py"),
    Mutant("chain/contract", "            if first != end:\n", "            if False:\n", "tests/chain/test_contract.py"),
    Mutant("chain/contract", "        if birth.problem:\n            raise CheckFailed", "        if False:\n            raise CheckFailed", "tests/chain/test_contract.py"),
    Mutant("chain/sales", "if count > (sold := self.sold())", "if count > 2**300 + (sold := self.sold())", "tests/chain/test_sales.py -k rule_out"),
    Mutant("chain/sales", "if not 0 <= sold <= supply", "if False", "tests/chain/test_sales.py -k rule_out"),
    Mutant("chain/sales", "if not 0 <= before < sizes[0]", "if False", "tests/chain/test_sales.py -k rule_out"),
    Mutant("chain/node", "re.fullmatch(r\"0x[0-9a-fA-F]{1,64}\", result)", "result", "tests/chain/test_node.py -k chain_id"),
    Mutant("chain/accounts", "is_checksum_address(text)", "True", "tests/chain/test_accounts.py"),
    # ---- strangers: content
    Mutant("ipfs/fetched", "if cid not in wanted and not self._kept.blocks.has(cid)", "if False", "tests/ipfs/test_fetched.py"),
    Mutant("ipfs/cid", "if byte == 0 and shift", "if False", "tests/ipfs/test_cid.py"),
    Mutant("ipfs/cid", "if end != len(raw)", "if False", "tests/ipfs/test_cid.py"),
    Mutant("ipfs/reader", "if hashlib.sha256(data).digest() != cid.digest", "if False", "tests/ipfs/test_reader.py"),
    Mutant("ipfs/reader", "if len(data) > MAX_BLOCK_BYTES", "if False", "tests/ipfs/test_reader.py"),
    Mutant("ipfs/folders", "if name <= before", "if name < before", "tests/ipfs/test_folders.py"),
    Mutant("ipfs/folders", "record.fanout != FANOUT or ", "", "tests/ipfs/test_folders.py"),
    Mutant("ipfs/folders", 'if prefix != f"{slot:02X}" or', "if", "tests/ipfs/test_folders.py"),
    Mutant("ipfs/gateway", "if host not in {LOOPBACK, \"localhost\"}", "if False", "tests/ipfs/test_gateway.py"),
    Mutant("ipfs/gateway", "\\d{0,19})-(\\d{0,19}", "\\d*)-(\\d*", "tests/ipfs/test_gateway.py"),
    Mutant("networks/pickles", "            if action is None:\n", "            if action is False:\n", "tests/networks/test_pickles.py"),
    Mutant("networks/container", "if entry.begin != position", "if entry.begin < position", "tests/networks/test_container.py"),
    Mutant("networks/container", "if position != size - 8 - length", "if False", "tests/networks/test_container.py"),
    # ---- the proof
    Mutant("png", "if data != encode_png(image)", "if False", "tests/test_png.py"),
    Mutant("provenance/content", "[A-Za-z0-9_-][A-Za-z0-9._-]*)*", "[^/]+)*", "tests/provenance/test_content.py"),
    Mutant("provenance/content", "if str(cid) != match[1] or", "if", "tests/provenance/test_content.py"),
    Mutant("provenance/models", "if file.identity != identity", "if False", "tests/provenance tests/workflows/test_tampering.py"),
    Mutant("provenance/models", "if cost.seconds > limits.render_seconds or", "if", "tests/provenance"),
    Mutant("provenance/checks", "all(check.verdict in (PASS, NOTE) for check in self.links)", "True", "tests/provenance tests/workflows/test_tampering.py"),
    Mutant("provenance/verify", "if not made.safe:", "if False:", "tests/provenance"),
    Mutant("provenance/verify", "            if self._asked:\n                raise\n", "", "tests/provenance/test_verify.py -k heavy"),
    Mutant("provenance/verify", "            if check.failed:\n                raise", "            if False:\n                raise", "tests/provenance tests/workflows/test_tampering.py"),
    Mutant("provenance/verify", "                owner == self.holder,\n", "                True,\n", "tests/provenance tests/workflows/test_stranger.py"),
)  # fmt: skip


def copied(folder: Path) -> Path:
    """A tree to break; the packages of npm are no part of it."""
    ignore = shutil.ignore_patterns("node_modules", "__pycache__", ".*cache")
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=ignore, symlinks=True)
        elif source.exists():
            shutil.copy2(source, folder / name)
    return folder


def survives(mutant: Mutant, tree: Path) -> str:
    """Empty when a test noticed; else what happened instead."""
    path = tree / "nftgan" / f"{mutant.module}.py"
    text = path.read_text(encoding="utf-8")
    if mutant.old not in text:
        return "its text is not there"
    path.write_text(text.replace(mutant.old, mutant.new, 1), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    environment = os.environ | {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            [*command, *mutant.tests.split()],
            cwd=tree,
            env=environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        return ""  # an endless loop is noticed too
    finally:
        path.write_text(text, encoding="utf-8")
    if done.returncode == 1:
        return ""
    tail = done.stdout.strip().splitlines()[-1:] or [done.stderr.strip()[-200:]]
    return "survived" if done.returncode == 0 else f"pytest ended with {done.returncode}: {tail[0]}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="mutants whose title holds this word")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    chosen = [mutant for mutant in MUTANTS if options.only in mutant.title]
    left = []
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(options.jobs) as pool:
        trees: Queue[Path] = Queue()
        for job in range(options.jobs):
            place = Path(folder) / str(job)
            place.mkdir()
            trees.put(copied(place))

        def attempt(mutant: Mutant) -> str:
            tree = trees.get()
            try:
                return survives(mutant, tree)
            finally:
                trees.put(tree)

        for mutant, said in zip(chosen, pool.map(attempt, chosen), strict=True):
            print(f"{said or 'noticed'}: {mutant.title}", flush=True)
            if said:
                left.append(mutant)
    print(f"{len(chosen) - len(left)} of {len(chosen)} mutants noticed")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
