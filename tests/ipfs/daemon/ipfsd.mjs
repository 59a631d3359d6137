// A js-ipfs node on loopback, without swarm: node ipfsd.mjs REPO prints {"api", "gateway"}.
Promise.withResolvers ??= function () { // newer than Node 20, and one dependency wants it
  const made = {}
  made.promise = new this((resolve, reject) => Object.assign(made, { resolve, reject }))
  return made
}
const { create } = await import('ipfs-core')
const { HttpApi } = await import('ipfs-http-server')
const { HttpGateway } = await import('ipfs-http-gateway')

const node = await create({
  repo: process.argv[2],
  offline: true,
  silent: true,
  preload: { enabled: false },
  init: { emptyRepo: true, algorithm: 'Ed25519' },
  config: {
    Addresses: { Swarm: [], API: '/ip4/127.0.0.1/tcp/0', Gateway: '/ip4/127.0.0.1/tcp/0', Delegates: [] },
    Bootstrap: [],
    Discovery: { MDNS: { Enabled: false }, webRTCStar: { Enabled: false } },
    Routing: { Type: 'none' },
    Pubsub: { Enabled: false }
  }
})
const api = new HttpApi(node)
const gateway = new HttpGateway(node)
await api.start()
await gateway.start()
console.log(JSON.stringify({ api: api._apiServers[0].info.uri, gateway: gateway._gatewayServers[0].info.uri }))
process.on('SIGTERM', () => process.exit(0))
