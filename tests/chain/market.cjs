// Reads a collection as a market does, by ethers and fetch alone, and prints all of it as JSON.
//   node market.cjs PACKAGES RPC CONTRACT GATEWAY [SPLITTER]
const { createHash } = require('node:crypto')
const { createRequire } = require('node:module')
const [, , packages, rpc, address, gateway, splitter] = process.argv
const { Contract, JsonRpcProvider, formatEther, parseEther } = createRequire(packages + '/')('ethers')

const abi = [
  'function name() view returns (string)',
  'function symbol() view returns (string)',
  'function totalSupply() view returns (uint256)',
  'function owner() view returns (address)',
  'function ownerOf(uint256) view returns (address)',
  'function tokenURI(uint256) view returns (string)',
  'function contractURI() view returns (string)',
  'function royaltyInfo(uint256,uint256) view returns (address,uint256)',
  'function supportsInterface(bytes4) view returns (bool)',
  'function balanceOf(address) view returns (uint256)',
  'function getApproved(uint256) view returns (address)',
  'function isApprovedForAll(address,address) view returns (bool)',
  'function baseURI() view returns (string)',
  'function frozen() view returns (bool)',
  'function maxSupply() view returns (uint256)',
  'function nextTokenId() view returns (uint256)',
  'function pendingOwner() view returns (address)',
  'function modelIdentity() view returns (bytes32)',
  'function recipeHash() view returns (bytes32)',
  'function piecesRoot() view returns (bytes32)',
  'event Transfer(address indexed from, address indexed to, uint256 indexed tokenId)',
  'event Seeds(uint256 indexed firstId, bytes seeds)',
]
const facts = ['baseURI', 'frozen', 'maxSupply', 'nextTokenId', 'pendingOwner', 'modelIdentity', 'recipeHash', 'piecesRoot']
const shares = ['function shares() view returns (address[], uint256[])', 'function due(address,address) view returns (uint256)']
const fetched = async uri => {
  if (!uri.startsWith('ipfs://')) throw new Error(`not on IPFS: ${uri}`)
  const answer = await fetch(uri.replace('ipfs://', `${gateway}/ipfs/`))
  if (!answer.ok) throw new Error(`${answer.status} for ${uri}`)
  return { type: answer.headers.get('content-type'), data: Buffer.from(await answer.arrayBuffer()) }
}
const seen = async uri => {
  const { type, data } = await fetched(uri)
  return { type, sha256: createHash('sha256').update(data).digest('hex') }
}
const json = async uri => JSON.parse((await fetched(uri)).data.toString('utf8'))

async function main() {
  const provider = new JsonRpcProvider(rpc, undefined, { staticNetwork: true })
  const c = new Contract(address, abi, provider)
  const supply = Number(await c.totalSupply())
  const logs = await c.queryFilter(c.filters.Transfer(), 0)
  const page = await json(await c.contractURI())
  const pictures = {}
  for (const key of ['image', 'banner_image', 'featured_image']) if (page[key]) pictures[key] = await seen(page[key])
  const tokens = []
  for (let id = 0; id < supply; ++id) {
    const document = await json(await c.tokenURI(id))
    tokens.push({
      owner: await c.ownerOf(id),
      document,
      image: await seen(document.image),
      animation: document.animation_url ? await seen(document.animation_url) : null,
    })
  }
  const own = {}
  for (const name of facts) own[name] = await c[name]()
  for (const name in own) if (typeof own[name] === 'bigint') own[name] = Number(own[name])
  const owner = await c.owner()
  own.balance = Number(await c.balanceOf(owner))
  own.approved = await c.getApproved(0)
  own.operator = await c.isApprovedForAll(owner, address)
  own.seeds = []
  for (const { args } of await c.queryFilter(c.filters.Seeds(), 0)) {
    const data = args.seeds.slice(2) // four bytes each, of tokens that follow one another
    for (let i = 0; i < data.length; i += 8) own.seeds[Number(args.firstId) + i / 8] = parseInt(data.slice(i, i + 8), 16)
  }
  const [receiver, royalty] = await c.royaltyInfo(0, parseEther('1'))
  const interfaces = {}
  for (const id of ['0x01ffc9a7', '0x80ac58cd', '0x5b5e139f', '0x2a55205a', '0x49064906', '0xe8a3d485', '0xffffffff', '0xd9b67a26', '0xad0d7f6c'])
    interfaces[id] = await c.supportsInterface(id)
  let divided = null
  if (splitter) {
    const [accounts, parts] = await new Contract(splitter, shares, provider).shares()
    divided = Object.fromEntries(accounts.map((account, i) => [account.toLowerCase(), Number(parts[i])]))
  }
  console.log(JSON.stringify({
    name: await c.name(), symbol: await c.symbol(), owner, supply, own,
    transfers: logs.map(one => [one.args.from, one.args.to, Number(one.args.tokenId)]),
    page, pictures, tokens, receiver, royalty: formatEther(royalty), interfaces, divided,
  }))
  provider.destroy()
}
main().catch(error => { console.error(error); process.exit(1) })
