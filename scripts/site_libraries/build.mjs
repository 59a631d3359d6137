// Bundles entry.mjs into nftgan/site/libraries/viem.js, the same bytes for the same lock file; --check compares only.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, version } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "..", "..", "nftgan", "site", "libraries");
const viem = JSON.parse(readFileSync(join(here, "node_modules", "viem", "package.json"), "utf8"));

const { outputFiles } = await build({
  absWorkingDir: here,
  entryPoints: ["entry.mjs"],
  bundle: true,
  minify: true,
  write: false,
  format: "iife",
  globalName: "nftganViem",
  target: "es2022",
  legalComments: "none",
  charset: "ascii",
  banner: { js: `// viem ${viem.version} (MIT), see NOTICE` },
  // viem adds what each chain needs from a dynamic import: a page without requests has none.
  splitting: false,
});
const bytes = Buffer.from(outputFiles[0].contents);
const sha256 = (data) => "sha256:" + createHash("sha256").update(data).digest("hex");
const note = { bundle: sha256(bytes), bundler: `esbuild ${version}`, licence: viem.license, lock: sha256(readFileSync(join(here, "package-lock.json"))), version: viem.version };
const text = JSON.stringify(note, null, 2) + "\n";
if (process.argv.includes("--check")) {
  const same = readFileSync(join(out, "viem.js")).equals(bytes) && readFileSync(join(out, "viem.json"), "utf8") === text;
  if (!same) throw new Error("nftgan/site/libraries is not what this lock file gives: npm run build");
} else {
  writeFileSync(join(out, "viem.js"), bytes);
  writeFileSync(join(out, "viem.json"), text);
}
