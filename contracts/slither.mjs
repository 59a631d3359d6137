// Runs Slither over src/ and fails for a high or medium finding that is not explained here.
//   node slither.mjs [path of the program slither]
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { forge } from './forge.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const EXPLAINED = {
  'reentrancy-no-eth NftganSale.deliver':
    'mintBatch of a collection calls nobody; each claim is deleted before it is minted, and only the seller may call',
  'incorrect-equality NftganSale.draw':
    'a hash is either there or exactly zero: not drawn yet, or forgotten by the chain; nobody can move it by a little',
  'incorrect-equality NftganSplitter.release':
    'where exactly nothing is due nothing is sent; whoever sends a little more only makes it due',
  'divide-before-multiply NftganSplitter._check':
    'the product is compared with the length: it asks whether that is a whole number of shares',
  'unused-return NftganCollectionCode._keep':
    'the address of the seeds follows from the number of the batch, so it is not kept',
}

const box = mkdtempSync(join(tmpdir(), 'slither-'))
try {
  symlinkSync(forge, join(box, 'forge')) // Slither looks for it in PATH
  const program = process.argv[2] ?? 'slither'
  const out = join(box, 'out')
  const env = {
    ...process.env,
    PATH: [box, dirname(program), process.env.PATH].join(delimiter),
    FOUNDRY_VIA_IR: 'false',
    FOUNDRY_OUT: out,
    FOUNDRY_CACHE_PATH: join(box, 'cache'),
  }
  const limits = ['--filter-paths', 'node_modules|test/|peers/', '--exclude-low', '--exclude-informational', '--exclude-optimization']
  const args = ['.', '--foundry-out-directory', out, '--json', '-', ...limits]
  const { stdout, stderr, error } = spawnSync(program, args, { cwd: here, env, encoding: 'utf8', maxBuffer: 2 ** 28 })
  if (error) throw error
  const start = stdout.indexOf('{')
  const report = start < 0 ? { success: false, error: stderr } : JSON.parse(stdout.slice(start))
  if (!report.success) throw new Error(report.error)
  const found = (report.results.detectors ?? []).map(({ check, impact, elements, description }) => {
    const part = elements.find(element => element.type === 'function')
    const name = `${check} ${part?.type_specific_fields.parent.name}.${part?.name}`
    return { name, impact, description, reason: EXPLAINED[name] }
  })
  for (const { name, impact, description, reason } of found) console.log(`${impact}: ${name}: ${reason ?? `NOT EXPLAINED\n${description}`}`)
  const stale = Object.keys(EXPLAINED).filter(name => !found.some(one => one.name === name))
  for (const name of stale) console.log(`explained, but not found any more: ${name}`)
  const open = found.filter(({ reason }) => !reason).length
  console.log(`${found.length} findings, ${open} not explained`)
  process.exitCode = open || stale.length ? 1 : 0
} finally {
  rmSync(box, { recursive: true })
}
