// Break the contracts in one place at a time: the tests must notice every time.
//   node mutate.mjs [text that the file or the mutated code must contain]
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { forge } from './forge.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const files = ['NftganCollection', 'NftganFactory', 'NftganCollectionCode', 'NftganSale'].map(name => `src/${name}.sol`)
const read = path => readFileSync(join(here, path), 'utf8')

// Every guard, found by its shape, is left out once.
const guards = files.flatMap(file =>
  [...read(file).matchAll(/^ +(?:if \(.*\) revert .*;|_onlyOwner\(\);|_requireOwned\(id\);|_check\(args\);)$/gm)].map(
    found => ({ file, at: found.index, from: found[0], to: '' }),
  ),
)
// These change what is computed. Each text stands once in its file.
const [collection, factory, code, sale] = files
const changes = [
  [collection, 'count = seeds.length / 4;', 'count = seeds.length / 2;'],
  [collection, 'end > limit', 'end >= limit'],
  [collection, 'if (count == 1) {', 'if (count == 0) {'],
  [collection, 'ledger.batches == 0', 'ledger.batches < 2'],
  [collection, 'Batch(to, uint32(firstId))', 'Batch(to, uint32(end))'],
  [collection, '++ledger.batches;', ''],
  [collection, '_increaseBalance(to, uint128(count));', ''],
  [collection, 'id = firstId; id < end', 'id = firstId + 1; id < end'],
  [collection, '_keep(firstId, seeds);', ''],
  [collection, 'emit Transfer(address(0), to, id);', ''],
  [collection, 'ledger.minted = uint32(end);', ''],
  [collection, '_update(address(0), id, msg.sender);', '_update(address(0), id, address(0));'],
  [collection, '_burnt.set(id);', ''],
  [collection, '++_ledger.burned;', ''],
  [collection, 'id >= ledger.minted', 'id > ledger.minted'],
  [collection, 'ledger.burned != 0 &&', 'ledger.burned == 0 &&'],
  [collection, '_batches[middle].firstId > id', '_batches[middle].firstId >= id'],
  [collection, 'else low = middle;', 'else low = high;'],
  [collection, 'index == 0 ?', 'index != 0 ?'],
  [collection, 'if (holder != address(0)) return holder;', ''],
  [collection, 'abi.encode(id, seed, pixelHash)', 'abi.encode(id, pixelHash)'],
  [collection, 'bytes(text).length == 0', 'bytes(text).length != 0'],
  [collection, '_frozen = true;', ''],
  [collection, 'emit BatchMetadataUpdate(0, type(uint256).max);', ''],
  [collection, 'emit ContractURIUpdated();', ''],
  [collection, 'emit MetadataFrozen();', ''],
  [collection, 'id == 0x49064906', 'id == 0x49064907'],
  [collection, 'id == 0x2a55205a', 'id == 0x2a55205b'],
  [collection, 'id == 0xe8a3d485', 'id == 0xe8a3d486'],
  [collection, '|| super.supportsInterface(id)', ''],
  [collection, '_pendingOwner = to;', '_movedOwner = to;'],
  [collection, 'delete _pendingOwner;', ''],
  [collection, '(_ledger.ownerMoved, _movedOwner) = (true, msg.sender);', ''],
  [collection, '(_ledger.ownerMoved, _movedOwner) = (true, address(1));', ''],
  [collection, 'emit OwnershipTransferStarted(owner(), to);', ''],
  [collection, 'emit OwnershipTransferred(owner(), msg.sender);', ''],
  [collection, '/ 10_000', '/ 1_000'],
  [collection, 'bytes32(_word(20, 32))', 'bytes32(_word(52, 32))'],
  [collection, 'bytes32(_word(84, 32))', 'bytes32(_word(52, 32))'],
  [collection, 'count == 0 || seeds.length % 4 != 0', 'seeds.length % 4 != 0'],
  [collection, 'count == 0 || seeds.length % 4 != 0', 'count == 0'],
  [collection, '_update(address(0), id, msg.sender);\n        _burnt.set(id);', '_burnt.set(id);'],
  [collection, 'uint256(_ledger.minted) - _ledger.burned', 'uint256(_ledger.minted)'],
  [collection, 'high = middle - 1', 'high = low'],
  [collection, '_burnt.get(id)', '!_burnt.get(id)'],
  [collection, '_replacedBaseURI = text;', ''],
  [collection, 'LibString.toString(id), ', ''],
  [collection, '"contract.json"', '".json"'],
  [collection, 'price * _word(120, 2)', '_word(120, 2)'],
  [collection, '_ledger.ownerMoved ? _movedOwner', '!_ledger.ownerMoved ? _movedOwner'],
  [collection, 'ledger.batches == 0) ledger.firstHolder = to;', 'ledger.minted == 0) ledger.firstHolder = to;'],
  [factory, 'implementation = implementation_;', 'implementation = address(this);'],
  [factory, 'abi.encodePacked(msg.sender, args), salt', 'abi.encodePacked(msg.sender, args), bytes32(0)'],
  [factory, 'abi.encodePacked(owner, args), salt', 'abi.encodePacked(owner, args), bytes32(0)'],
  [factory, 'bytes4(args[96:100])', 'bytes4(args[92:96])'],
  [code, 'firstId >= minted', 'firstId > minted'],
  [code, 'count > minted - firstId', 'count >= minted - firstId'],
  [code, 'uint32(single - 1)', 'uint32(single)'],
  [code, 'index == 0 ? _firstStart', 'index == 1 ? _firstStart'],
  [code, 'index + 1', 'index + 2'],
  [code, 'super._keep(firstId, seeds);', ''],
  [code, 'uint40(uint32(bytes4(seeds))) + 1', 'uint40(uint32(bytes4(seeds)))'],
  [code, 'firstId != 0 && _batchCount() == 0', 'firstId != 0 && _batchCount() != 0'],
  [factory, 'abi.encodePacked(msg.sender, args)', 'abi.encodePacked(tx.origin, args)'],
  [factory, 'abi.encodePacked(owner, args)', 'abi.encodePacked(msg.sender, args)'],
  [factory, '> 10_000', '>= 10_000'],
  [factory, 'args.length <= symbolAt', 'args.length < symbolAt'],
  [factory, 'symbolAt + 1 +', 'symbolAt +'],
  [factory, 'emit Created(collection, msg.sender);', ''],
  [sale, 'all.length != _TERMS || ', ''],
  [sale, 't.supply == 0 || ', ''],
  [sale, 't.opens >= t.closes', 't.opens > t.closes'],
  [sale, 't.refundsFrom < t.closes', 't.refundsFrom < t.opens'],
  [sale, '|| (t.collection == address(0)) != (t.commitment != 0)', ''],
  [sale, 'emit Created(sale, msg.sender);', ''],
  [sale, 't.allowlist != 0 || t.signer', 't.signer'],
  [sale, 't.allowlist != 0 || t.signer != address(0)', 't.allowlist != 0'],
  [sale, 'abi.encode(msg.sender, allowance)', 'abi.encode(msg.sender, count)'],
  [sale, '_sell(t, count, t.price * count, allowance);', '_sell(t, count, t.price * count, type(uint256).max);'],
  [sale, 'v.buyer != msg.sender || ', ''],
  [sale, 'block.timestamp > v.deadline', 'block.timestamp >= v.deadline'],
  [sale, '_sell(t, v.count, v.price, type(uint256).max);', '_sell(t, v.count, t.price * v.count, type(uint256).max);'],
  [sale, 'block.timestamp < t.opens || ', ''],
  [sale, 'block.timestamp < t.opens', 'block.timestamp <= t.opens'],
  [sale, 'block.timestamp >= t.closes', 'block.timestamp > t.closes'],
  [sale, '|| _revealed != address(0)', ''],
  [sale, 't.perWallet != 0 &&', ''],
  [sale, '&& t.perWallet < allowance', ''],
  [sale, 'allowance > had ? allowance - had : 0', 'allowance'],
  [sale, 'if (left > t.supply - sold) left = t.supply - sold;', ''],
  [sale, 'count == 0 || count > left', 'count > left'],
  [sale, 'count == 0 || count > left', 'count == 0'],
  [sale, 'bought[msg.sender] = had + count;', ''],
  [sale, 'sold += count;', ''],
  [sale, 'emit Sold(msg.sender, count, due);', ''],
  [sale, 'SafeCastLib.toUint16(count)', 'uint16(count)'],
  [sale, 'earned += due;', ''],
  [sale, 'firstId != _stockFirst + have || ', ''],
  [sale, 'have % CHUNK != 0 || ', ''],
  [sale, '|| count == 0 || count > CHUNK', '|| count > CHUNK'],
  [sale, 'count == 0 || count > CHUNK', 'count == 0'],
  [sale, '|| seeds.length % 4 != 0', ''],
  [sale, 'stocked = have + count;', 'stocked = count;'],
  [sale, 'id < first || ', ''],
  [sale, '|| id + count > first + stocked', ''],
  [sale, 'count < CHUNK - place ? count : CHUNK - place', 'count'],
  [sale, 'abi.encode(collection_, root, salt)', 'abi.encode(collection_, root, bytes32("salt of a blind sale"))'],
  [sale, 'abi.encode(collection_, root, salt)', 'abi.encode(terms().collection, root, salt)'],
  [sale, '_revealed = collection_;', ''],
  [sale, 'emit Revealed(collection_, salt);', ''],
  [sale, 'if (claim.count == 0) continue; // refunded', ''],
  [sale, 'delete claims[index];\n            earned', 'earned'],
  [sale, 'earned += claim.paid;', ''],
  [sale, 'delivered = index;', ''],
  [sale, 'delete claims[index];\n        emit', 'emit'],
  [sale, 'emit Refunded(index, claim.buyer, claim.paid);', ''],
  [sale, 'SafeTransferLib.safeTransferETH(claim.buyer, claim.paid);', ''],
  [sale, 'earned = 0;', ''],
  [sale, 'emit Withdrawn(amount);', ''],
  [sale, 'SafeTransferLib.safeTransferETH(msg.sender, amount);', ''],
].map(([file, from, to]) => {
  const text = read(file)
  const at = text.indexOf(from)
  if (at < 0 || text.indexOf(from, at + 1) >= 0) throw new Error(`must stand once in ${file}: ${from}`)
  return { file, at, from, to }
})

const box = mkdtempSync(join(tmpdir(), 'mutate-'))
for (const name of ['src', 'test', 'foundry.toml', 'solc.cjs']) cpSync(join(here, name), join(box, name), { recursive: true })
symlinkSync(join(here, 'node_modules'), join(box, 'node_modules'))
const env = { ...process.env, FOUNDRY_VIA_IR: 'false', FOUNDRY_OPTIMIZER: 'false', FOUNDRY_FUZZ_RUNS: '24' }
const test = () => spawnSync(forge, ['test', '--no-match-contract', 'Invariants|Gas'], { cwd: box, env, encoding: 'utf8' })

let survived = 0
try {
  const sound = test()
  if (sound.status !== 0) throw new Error(`the tests fail on unchanged contracts:\n${sound.stdout}${sound.stderr}`)
  const chosen = [...guards, ...changes].filter(({ file, from }) => (file + from).includes(process.argv[2] ?? ''))
  for (const { file, at, from, to } of chosen) {
    const text = read(file)
    writeFileSync(join(box, file), text.slice(0, at) + to + text.slice(at + from.length))
    const { status, stdout, stderr } = test()
    writeFileSync(join(box, file), text)
    const compiled = !(stdout + stderr).includes('Compiler run failed')
    const verdict = !compiled ? 'does not compile' : status === 0 ? 'SURVIVED' : 'noticed'
    if (verdict !== 'noticed') survived += 1
    console.log(`${verdict}: ${from.trim()}  ->  ${to || 'nothing'}`)
  }
  console.log(`${chosen.length - survived} of ${chosen.length} noticed`)
} finally {
  rmSync(box, { recursive: true })
}
process.exit(survived ? 1 : 0)
