// Compiles the contracts with solc-js and writes their artifacts where the Python package ships them.
//   node build.mjs [folder of the artifacts] [folder of the sources]
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { fileURLToPath } from 'node:url'
import solc from 'solc'

const here = dirname(fileURLToPath(import.meta.url))
const target = process.argv[2] ?? join(here, '..', 'nftgan', 'chain', 'artifacts')
const folder = process.argv[3] ?? 'src'
const settings = {
  evmVersion: 'prague',
  viaIR: true,
  optimizer: { enabled: true, runs: 500 },
  metadata: { bytecodeHash: 'none', appendCBOR: false },
  outputSelection: {
    '*': { '*': ['abi', 'evm.bytecode.object', 'evm.deployedBytecode.object', 'evm.deployedBytecode.immutableReferences'] },
  },
}
const read = path => readFileSync(path, 'utf8')
const paths = readdirSync(join(here, folder)).filter(name => name.endsWith('.sol')).sort().map(name => `${folder}/${name}`)
const sources = Object.fromEntries(paths.map(path => [path, { content: read(join(here, path)) }]))
const used = { ...Object.fromEntries(Object.entries(sources).map(([path, { content }]) => [path, content])) }
const find = path => {
  try {
    const local = path.startsWith(`${folder}/`) ? join(here, path) : join(here, 'node_modules', path)
    used[path] = read(local)
    return { contents: used[path] }
  } catch {
    return { error: `not found: ${path}` }
  }
}
const input = { language: 'Solidity', sources, settings }
const output = JSON.parse(solc.compile(JSON.stringify(input), { import: find }))
// What libraries are warned of is theirs to mend.
for (const problem of output.errors ?? [])
  if (problem.severity === 'error' || problem.sourceLocation?.file.startsWith(`${folder}/`)) console.error(problem.formattedMessage)
if ((output.errors ?? []).some(problem => problem.severity === 'error')) process.exit(1)

const version = solc.version().replace(/\.Emscripten\.clang$/, '')
const hashes = Object.fromEntries(
  Object.keys(used).sort().map(path => [path, createHash('sha256').update(used[path]).digest('hex')]),
)
mkdirSync(target, { recursive: true })
// All that was read, once for all contracts of the folder: explorers compile it again.
const texts = Object.fromEntries(Object.keys(used).sort().map(path => [path, used[path]]))
writeFileSync(join(target, `sources-${folder.replaceAll('/', '-')}.json.gz`), gzipSync(JSON.stringify(texts), { level: 9 }))
for (const [name, { abi, evm }] of paths.flatMap(path => Object.entries(output.contracts[path]))) {
  const artifact = {
    contractName: name,
    abi,
    bytecode: '0x' + evm.bytecode.object,
    deployedBytecode: '0x' + evm.deployedBytecode.object,
    immutableReferences: evm.deployedBytecode.immutableReferences,
    compiler: { version, settings: { ...settings, outputSelection: undefined } },
    sources: hashes,
  }
  writeFileSync(join(target, `${name}.json`), JSON.stringify(artifact, null, 1) + '\n')
  console.log(`${name}: ${evm.deployedBytecode.object.length / 2} bytes`)
}
