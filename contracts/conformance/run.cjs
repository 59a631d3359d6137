// Runs the ERC-721 behaviour tests that OpenZeppelin published on npm (openzeppelin-solidity 2.0.0)
// against a collection on anvil: its tokens minted one by one, and in one batch.
//   node run.cjs
// Those tests were written for truffle 4; what they use of it stands here, over ethers.
const { execFileSync, spawn } = require('node:child_process')
const { mkdtempSync, readFileSync, rmSync } = require('node:fs')
const Module = require('node:module')
const { createServer } = require('node:net')
const { tmpdir } = require('node:os')
const { dirname, join } = require('node:path')
const BigNumber = require('bignumber.js')
const { AbiCoder, Interface, id: hashOf } = require('ethers')
const Mocha = require('mocha')

// What version 2 refused and the ERC does not ask to refuse; OpenZeppelin's own contracts have allowed
// both since 5.0.
const BEYOND_THE_ERC = [
  'approve when the address that receives the approval is the owner reverts',
  'setApprovalForAll when the operator is the owner reverts',
]
// A collection has one base URI, not one URI for each token.
const NOT_OURS = ['mintWithTokenURI can mint with a tokenUri']

const suites = dirname(require.resolve('openzeppelin-solidity/package.json'))
const artifact = name => JSON.parse(readFileSync(join(__dirname, '../../nftgan/chain/artifacts', `${name}.json`), 'utf8'))
let url = ''
async function rpc(method, ...params) {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
  const answer = await (await fetch(url, { method: 'POST', body, headers: { 'content-type': 'application/json' } })).json()
  if (answer.error) throw new Error(answer.error.message)
  return answer.result
}

const decoded = value => {
  if (typeof value === 'bigint') return new BigNumber(value.toString())
  return typeof value === 'string' && /^0x[0-9a-fA-F]{40}$/.test(value) ? value.toLowerCase() : value
}
const event = (parsed, log) => ({
  event: parsed.name,
  address: log.address,
  args: Object.fromEntries(parsed.fragment.inputs.map((input, i) => [input.name, decoded(parsed.args[i])])),
})
const address = value => (value === 0 ? '0x' + '00'.repeat(20) : value)

async function mined(request) {
  const hash = await rpc('eth_sendTransaction', request)
  let receipt = null
  while (receipt === null) receipt = await rpc('eth_getTransactionReceipt', hash)
  if (receipt.status !== '0x1') throw new Error('revert')
  return receipt
}

// A contract as truffle shows it: each function by its name, calls decoded, logs in the result.
function contractAt(abi, at) {
  const face = new Interface(abi)
  const send = async request => {
    const receipt = await mined({ ...request, to: at })
    const own = receipt.logs.filter(log => log.address.toLowerCase() === at)
    return { receipt, tx: receipt.transactionHash, logs: own.map(log => event(face.parseLog(log), log)) }
  }
  const found = { abi, address: at, sendTransaction: send }
  for (const part of abi.filter(entry => entry.type === 'function')) {
    const many = abi.filter(entry => entry.type === 'function' && entry.name === part.name)
    const shortest = many.sort((a, b) => a.inputs.length - b.inputs.length)[0] // as truffle 4 chooses
    const types = shortest.inputs.map(input => input.type)
    const request = args => {
      const words = args.slice(0, types.length).map((value, i) => (types[i] === 'address' ? address(value) : value))
      return { data: face.encodeFunctionData(`${part.name}(${types})`, words), ...args[types.length] }
    }
    const view = ['view', 'pure'].includes(shortest.stateMutability)
    found[part.name] = async (...args) => {
      if (!view) return send(request(args))
      const output = await rpc('eth_call', { ...request(args), to: at }, 'latest')
      return decoded(face.decodeFunctionResult(`${part.name}(${types})`, output)[0])
    }
    found[part.name].estimateGas = async (...args) => Number(await rpc('eth_estimateGas', { ...request(args), to: at }))
  }
  return found
}

async function deployed(from, { abi, bytecode }, ...args) {
  const words = new Interface(abi).encodeDeploy(args).slice(2)
  const receipt = await mined({ from, data: bytecode + words })
  return contractAt(abi, receipt.contractAddress.toLowerCase())
}

// ------------------------------------------------------------------ what the tests take from truffle

const box = mkdtempSync(join(tmpdir(), 'conformance-'))
execFileSync(process.execPath, ['build.mjs', box, 'conformance'], { cwd: join(__dirname, '..'), stdio: ['ignore', 'ignore', 'inherit'] })
const receiver = JSON.parse(readFileSync(join(box, 'Receiver.json'), 'utf8'))
let accounts = []
global.web3 = { BigNumber }
global.artifacts = {
  require: () => ({ events: receiver.abi, new: (answer, refuses) => deployed(accounts[0], receiver, answer.padEnd(10, '0'), refuses) }),
}
const stand_ins = {
  'web3/lib/web3/event.js': class {
    decode(log) {
      return event(new Interface(receiver.abi).parseLog(log), log)
    }
  },
  'web3-utils': { soliditySha3: hashOf },
  'ethjs-abi': {
    encodeMethod: (entry, values) => {
      const types = entry.inputs.map(input => input.type)
      return hashOf(`${entry.name}(${types})`).slice(0, 10) + AbiCoder.defaultAbiCoder().encode(types, values).slice(2)
    },
  },
}
const load = Module._load
Module._load = (name, ...rest) => stand_ins[name] ?? load(name, ...rest)

// ------------------------------------------------------------------------------- our collection

let factory = null
let made = 0
async function collection() {
  const [creator, minter] = accounts
  const collections = artifact('NftganCollection')
  if (factory === null) {
    const implementation = await deployed(creator, collections)
    factory = await deployed(creator, artifact('NftganFactory'), implementation.address)
  }
  const text = word => Buffer.concat([Buffer.from([word.length]), Buffer.from(word)])
  const supply = Buffer.from([0, 0, 0, 100, 0, 0])
  const model = Buffer.from((++made).toString(16).padStart(64, '0'), 'hex') // another collection each time
  const fixed = Buffer.concat([model, Buffer.alloc(64), supply, Buffer.alloc(20), text('Tides'), text('TIDE'), Buffer.from('ipfs://x/')])
  const { logs } = await factory.create(fixed, '0x' + '0'.repeat(64), { from: minter })
  return contractAt(collections.abi, logs[0].args.collection)
}

// The tests name the ids that they mint, 1 and 2 first; ours begin at 0 and are minted in order.
async function token(batched) {
  const one = await collection()
  const [, minter] = accounts
  await one.mintBatch(0, accounts[9], '0x00000000', { from: minter })
  let prepared = batched
  one.mint = async (to, id, options) => {
    if (prepared && id === 2) {
      prepared = false
      return null // came with the batch
    }
    return one.mintBatch(id, to, prepared ? '0x0000000100000002' : '0x00000001', options)
  }
  return one
}

// ------------------------------------------------------------------------------------------ run

const freePort = () => new Promise(done => {
  const server = createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address()
    server.close(() => done(port))
  })
})

async function main() {
  const port = await freePort()
  url = `http://127.0.0.1:${port}`
  const program = join(dirname(require.resolve(`@foundry-rs/anvil-linux-${process.arch === 'x64' ? 'amd64' : 'arm64'}/package.json`)), 'bin', 'anvil')
  const node = spawn(program, ['--port', String(port), '--silent', '--hardfork', 'prague'], { stdio: 'ignore' })
  try {
    for (let i = 0; accounts.length === 0; ++i) {
      accounts = await rpc('eth_accounts').catch(error => {
        if (i > 300) throw error
        return new Promise(done => setTimeout(done, 100, []))
      })
    }
    accounts = accounts.map(one => one.toLowerCase())
    const mocha = new Mocha({ timeout: 60_000, reporter: 'dot' })
    mocha.suite.emit('pre-require', global, null, mocha)
    const { shouldBehaveLikeERC721 } = require(join(suites, 'test/token/ERC721/ERC721.behavior.js'))
    const { shouldBehaveLikeMintAndBurnERC721 } = require(join(suites, 'test/token/ERC721/ERC721MintBurn.behavior.js'))
    const [creator, minter, ...others] = accounts
    for (const batched of [false, true]) {
      describe(batched ? 'a batch' : 'one by one', function () {
        beforeEach(async function () {
          this.token = await token(batched)
        })
        shouldBehaveLikeERC721(creator, minter, others)
        shouldBehaveLikeMintAndBurnERC721(creator, minter, others)
      })
    }
    const unexpected = []
    const beyond = []
    const runner = mocha.run()
    runner.on('fail', (test, error) => {
      const title = test.fullTitle()
      const known = [...BEYOND_THE_ERC, ...NOT_OURS].some(end => title.endsWith(end))
      ;(known ? beyond : unexpected).push(`${title}: ${error.message}`)
    })
    await new Promise(done => runner.on('end', done))
    const { passes, tests } = runner.stats
    console.log(`${passes} of ${tests} pass; ${beyond.length} ask for more than the ERC; ${unexpected.length} fail`)
    for (const line of unexpected) console.log(`FAILED ${line}`)
    // The exceptions must be what they are said to be: each, in both ways of minting.
    return unexpected.length === 0 && beyond.length === 2 * (BEYOND_THE_ERC.length + NOT_OURS.length)
  } finally {
    node.kill('SIGKILL')
    rmSync(box, { recursive: true })
  }
}

main().then(
  sound => process.exit(sound ? 0 : 1),
  error => {
    console.error(error)
    process.exit(1)
  },
)
