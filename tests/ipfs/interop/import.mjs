// The CIDs that ipfs-unixfs-importer gives to trees: JSON on stdin, one CID a line on stdout.
// [{profile, entries: [{path, hex}]}], where an entry without hex is an empty folder.
import { importer } from 'ipfs-unixfs-importer'

const options = {
  'unixfs-v1-2025': { profile: 'unixfs-v1-2025' },
  'unixfs-v0-2015': { profile: 'unixfs-v0-2015' },
  'kubo-cidv1': { profile: 'unixfs-v0-2015', cidVersion: 1, rawLeaves: true }
}
const chunks = []
for await (const chunk of process.stdin) chunks.push(chunk)
const nowhere = { put (cid) { return cid } }

for (const { profile, entries } of JSON.parse(Buffer.concat(chunks))) {
  const source = entries.map(({ path, hex }) => hex == null ? { path } : { path, content: Buffer.from(hex, 'hex') })
  let root
  for await (const entry of importer(source, nowhere, { ...options[profile], wrapWithDirectory: true })) root = entry.cid
  console.log(root.toString())
}
