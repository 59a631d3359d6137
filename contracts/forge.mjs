// Runs forge and ends as forge ended: the launcher in its npm package ends with 0 whatever failed.
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { argv, arch, exit, platform } from 'node:process'
import { fileURLToPath } from 'node:url'

const processor = { x64: 'amd64', arm64: 'arm64' }[arch]
const here = createRequire(import.meta.url).resolve(`@foundry-rs/forge-${platform}-${processor}/package.json`)
export const forge = join(dirname(here), 'bin', 'forge')

if (argv[1] === fileURLToPath(import.meta.url)) {
  const { status, error } = spawnSync(forge, argv.slice(2), { stdio: 'inherit' })
  if (error) throw error
  exit(status ?? 1)
}
