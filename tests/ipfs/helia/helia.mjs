// A Helia node whose only source is one gateway: node helia.mjs GATEWAY CID PATH... prints
// {path: sha256 of the file}, one line of JSON, or the name of the error. It checks every block.
import { createHash } from 'node:crypto'
import { trustlessGateway } from '@helia/block-brokers'
import { unixfs } from '@helia/unixfs'
import { Helia } from '@helia/utils'
import { defaultLogger } from '@libp2p/logger'
import { peerIdFromCID } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { MemoryBlockstore } from 'blockstore-core'
import { MemoryDatastore } from 'datastore-core'
import { CID } from 'multiformats/cid'

Promise.withResolvers ??= function () { // newer than Node 20, and one dependency wants it
  let resolve, reject
  return { promise: new this((yes, no) => { resolve = yes; reject = no }), resolve, reject }
}
const [gateway, root, ...paths] = process.argv.slice(2)
const anyone = { // the routing: whatever is sought, the gateway has it
  async * findProviders () {
    yield {
      id: peerIdFromCID(CID.parse('bafzaajaiaejca4syrpdu6gdx4wsdnokxkprgzxf4wrstuc34gxw5k5jrag2so5gk')),
      multiaddrs: [multiaddr(`/ip4/127.0.0.1/tcp/${new URL(gateway).port}/http`)],
      protocols: ['transport-ipfs-gateway-http'],
      routing: 'fixed'
    }
  }
}
const helia = new Helia({
  logger: defaultLogger(),
  blockstore: new MemoryBlockstore(),
  datastore: new MemoryDatastore(),
  blockBrokers: [trustlessGateway({ allowInsecure: true, allowLocal: true })],
  routers: [anyone]
})
await helia.start()
const files = unixfs(helia)
const seen = {}
try {
  for (const path of paths) {
    const hash = createHash('sha256')
    for await (const piece of files.cat(CID.parse(root), { path, signal: AbortSignal.timeout(60_000) })) hash.update(piece)
    seen[path] = hash.digest('hex')
  }
  console.log(JSON.stringify(seen))
} catch (error) {
  console.log(JSON.stringify({ error: error.name, message: error.message }))
  process.exitCode = 1
}
await helia.stop()
process.exit()
