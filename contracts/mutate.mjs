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
  [...read(file).matchAll(/^ +(?:if \(.*\) revert .*;|_onlyOwner\(\);|_requireOwned\(id\);|_check\(args, salt\);)$/gm)].map(
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
  [collection, 'bps < 1000 ? bps : 1000', 'bps'],
  [collection, 'emit BatchMetadataUpdate(fromId, toId);', ''],
  [collection, 'emit BatchMetadataUpdate(fromId, toId);', 'emit BatchMetadataUpdate(fromId, fromId);'],
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
  [collection, 'price * (bps', '(bps'],
  [collection, '_ledger.ownerMoved ? _movedOwner', '!_ledger.ownerMoved ? _movedOwner'],
  [collection, 'ledger.batches == 0) ledger.firstHolder = to;', 'ledger.minted == 0) ledger.firstHolder = to;'],
  [factory, 'implementation = implementation_;', 'implementation = address(this);'],
  [factory, 'mload(code), salt)', 'mload(code), 0)'],
  [factory, 'return _place(salt, keccak256', 'return _place(0, keccak256'],
  [factory, 'code.length < _CLONE || ', ''],
  [factory, '|| _addressAt(code, 10) != implementation', ''],
  [factory, '_addressAt(code, _CLONE - 20), code', 'msg.sender, code'],
  [factory, 'salt < SALTS', 'salt < 1'],
  [factory, 'salt < SALTS', 'salt < SALTS - 1'],
  [factory, '== collection) return true', '!= address(0)) return true'],
  [factory, 'uint256(salt) >= SALTS', 'uint256(salt) > SALTS'],
  [factory, 'address(this), salt, hash', 'implementation, salt, hash'],
  [factory, 'hex"5f7f8be0', 'hex"5f7f8be1'],
  [factory, 'hex"7fa5d4', 'hex"7fa5d5'],
  [factory, '"73", // LOG3: OwnershipTransferred(0, owner)\n            owner', '"73", // LOG3: OwnershipTransferred(0, owner)\n            address(0)'],
  [factory, '|| args.length > 24_000', ''],
  [factory, 'args.length > 24_000', 'args.length >= 24_000'],
  [factory, 'bytes4(args[96:100])', 'bytes4(args[92:96])'],
  [code, 'firstId >= minted', 'firstId > minted'],
  [code, 'count > minted - firstId', 'count >= minted - firstId'],
  [code, 'uint32(single - 1)', 'uint32(single)'],
  [code, 'index == 0 ? _firstStart', 'index == 1 ? _firstStart'],
  [code, 'index + 1', 'index + 2'],
  [code, 'super._keep(firstId, seeds);', ''],
  [code, 'uint40(uint32(bytes4(seeds))) + 1', 'uint40(uint32(bytes4(seeds)))'],
  [code, 'firstId != 0 && _batchCount() == 0', 'firstId != 0 && _batchCount() != 0'],
  [factory, '_creationCode(msg.sender, _clone(msg.sender, args))', '_creationCode(tx.origin, _clone(tx.origin, args))'],
  [factory, '_creationCode(owner, _clone(owner, args))', '_creationCode(msg.sender, _clone(msg.sender, args))'],
  [factory, '> MAX_ROYALTY_BPS', '>= MAX_ROYALTY_BPS'],
  [factory, 'args.length <= symbolAt', 'args.length < symbolAt'],
  [factory, 'symbolAt + 1 +', 'symbolAt +'],
  [factory, 'emit Created(collection, msg.sender);', ''],
  [sale, 'all.length != _TERMS || ', ''],
  [sale, 'uint256(salt) >= SALTS || ', ''],
  [sale, 'uint256(salt) >= SALTS', 'uint256(salt) > SALTS'],
  [sale, '|| t.supply == 0', ''],
  [sale, 't.opens >= t.closes', 't.opens > t.closes'],
  [sale, 't.commitment == 0 || t.supply', 't.supply'],
  [sale, '|| t.supply > type(uint16).max', ''],
  [sale, 't.supply > type(uint16).max', 't.supply >= type(uint16).max'],
  [sale, 't.closes > t.opens + LONGEST', 't.closes > t.opens + LONGEST + 1'],
  [sale, 't.closes > t.opens + LONGEST', 't.closes >= t.opens + LONGEST'],
  [sale, 't.refundsFrom < t.closes + RESPITE', 't.refundsFrom <= t.closes + RESPITE'],
  [sale, 't.refundsFrom < t.closes + RESPITE', 't.refundsFrom < t.closes'],
  [sale, '|| t.refundsFrom > t.closes + LONGEST', ''],
  [sale, 't.refundsFrom > t.closes + LONGEST', 't.refundsFrom >= t.closes + LONGEST'],
  [sale, 't.commitment != 0 || t.refundsFrom', 't.refundsFrom'],
  [sale, '|| t.refundsFrom != t.closes', ''],
  [sale, 't.refundsFrom != t.closes', 't.refundsFrom < t.closes'],
  [sale, '|| !_genuine(t.collection)', ''],
  [sale, '_made(_FACTORY, collection_) || ', ''],
  [sale, '|| _made(_FACTORY_CODE, collection_)', ''],
  [sale, 'address(factory).code.length != 0 && ', ''],
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
  [sale, 'block.timestamp >= t.closes || drawBlock', 'block.timestamp > t.closes || drawBlock'],
  [sale, 'over = block.timestamp >= t.closes', 'over = block.timestamp > t.closes'],
  [sale, '|| drawBlock != 0', ''],
  [sale, 'if (left > PURCHASE) left = PURCHASE;', ''],
  [sale, 't.perWallet != 0 &&', ''],
  [sale, '&& t.perWallet < allowance', ''],
  [sale, 'allowance > had ? allowance - had : 0', 'allowance'],
  [sale, 'if (left > t.supply - sold) left = t.supply - sold;', ''],
  [sale, 'count == 0 || count > left', 'count > left'],
  [sale, 'count == 0 || count > left', 'count == 0'],
  [sale, 'bought[msg.sender] = had + count;', ''],
  [sale, 'sold = start + count;', ''],
  [sale, 'emit Sold(msg.sender, count, due);', ''],
  [sale, 'SafeCastLib.toUint72(due)', 'uint72(due)'],
  [sale, 'uint16(start), uint8', 'uint16(count), uint8'],
  [sale, 'earned += due;\n            uint256 id', 'uint256 id'],
  [sale, 'firstId != stockFirst + have || ', ''],
  [sale, 'have % CHUNK != 0 || ', ''],
  [sale, '|| count == 0 || count > CHUNK', '|| count > CHUNK'],
  [sale, 'count == 0 || count > CHUNK', 'count == 0'],
  [sale, '|| seeds.length % 4 != 0', ''],
  [sale, 'stocked = have + count;', 'stocked = count;'],
  [sale, 'id < first || ', ''],
  [sale, '|| id + count > first + stocked', ''],
  [sale, 'count < CHUNK - place ? count : CHUNK - place', 'count'],
  [sale, 'collection_, root, firstId, secret', 'collection_, root, firstId'],
  [sale, 'collection_, root, firstId, secret', 'collection_, root, secret'],
  [sale, 'collection_, root, firstId, secret', 'collection_, firstId, secret'],
  [sale, 'collection_, root, firstId, secret', 'root, firstId, secret'],
  [sale, 'block.timestamp >= t.closes || sold == t.supply', 'sold == t.supply'],
  [sale, '|| sold == t.supply', ''],
  [sale, '|| msg.sender == t.owner', ''],
  [sale, 'if (chosen != 0) {', 'if (chosen == type(uint256).max) {'],
  [sale, 'drawn == 0 && block', 'block'],
  [sale, '&& block.number > chosen', ''],
  [sale, '&& BlockHashLib.blockHash(chosen) == 0', ''],
  [sale, 't.collection != address(0) || !over', '!over'],
  [sale, '|| !over', ''],
  [sale, 'drawBlock = block.number + DRAW_DELAY;', 'drawBlock = block.number;'],
  [sale, 'emit Ended(block.number + DRAW_DELAY);', ''],
  [sale, 'chosen == 0 || block', 'block'],
  [sale, '|| block.number <= chosen', ''],
  [sale, 'block.number <= chosen', 'block.number < chosen'],
  [sale, '|| drawn != 0', ''],
  [sale, 'drawn = hash;', ''],
  [sale, 'emit Drawn(hash);', ''],
  [sale, '_revealed != address(0) || block', 'block'],
  [sale, '|| block.timestamp >= t.refundsFrom', ''],
  [sale, 'block.timestamp >= t.refundsFrom', 'block.timestamp > t.refundsFrom'],
  [sale, '|| !_genuine(collection_)', ''],
  [sale, '|| firstId + sold > c.maxSupply()', ''],
  [sale, 'firstId + sold > c.maxSupply()', 'firstId + sold >= c.maxSupply()'],
  [sale, 'firstId + sold > c.maxSupply()', 'sold > c.maxSupply()'],
  [sale, '(collection_, uint40(block.timestamp))', '(collection_, 0)'],
  [sale, 'if (sold != 0) {', 'if (true) {'],
  [sale, 'abi.encode(drawn, secret)', 'abi.encode(drawn)'],
  [sale, 'abi.encode(drawn, secret)', 'abi.encode(secret)'],
  [sale, 'nextClaim = _claimOf(firstToken);', ''],
  [sale, 'emit Revealed(collection_, secret, firstToken);', ''],
  [sale, 'c.acceptOwnership();', ''],
  [sale, 'claims[middle].start > token', 'claims[middle].start >= token'],
  [sale, 'next = (next + 1) % claims.length', '++next'],
  [sale, 'done == 0 ? firstToken - claim.start : 0', '0'],
  [sale, 'claim.paid * some / claim.count', 'claim.paid'],
  [sale, 'delete claims[next];', ''],
  [sale, 'uint8(before), uint72(claim.paid - due)', 'uint8(before), claim.paid'],
  [sale, 'uint8(before), uint72(claim.paid - due)', 'claim.count, uint72(claim.paid - due)'],
  [sale, 'earned += due;\n            Nftgan', 'Nftgan'],
  [sale, 'firstId + done - delivered', 'NftganCollection(_revealed).nextTokenId()'],
  [sale, '(delivered, nextClaim) = (done, next);', 'delivered = done;'],
  [sale, '(delivered, nextClaim) = (done, next);', 'nextClaim = next;'],
  [sale, '_revealed != address(0) && from', 'from'],
  [sale, 'from < _revealedAt + RESPITE', 'false'],
  [sale, 'from < _revealedAt + RESPITE', 'true'],
  [sale, 'msg.sender != claim.buyer || to', 'to'],
  [sale, '|| to == address(0)) revert Nothing', ') revert Nothing'],
  [sale, '(claims[index].buyer, claims[index].paid) = (terms().owner, 0);', ''],
  [sale, '(claims[index].buyer, claims[index].paid) = (terms().owner, 0);', 'claims[index].buyer = terms().owner;'],
  [sale, '(claims[index].buyer, claims[index].paid) = (terms().owner, 0);', 'claims[index].paid = 0;'],
  [sale, 'emit Refunded(index, msg.sender, to, claim.paid);', ''],
  [sale, 'SafeTransferLib.safeTransferETH(to, claim.paid);', ''],
  [sale, 'claims.length != 0 && delivered', 'delivered'],
  [sale, 'earned = 0;', ''],
  [sale, 'emit Withdrawn(to, amount);', ''],
  [sale, 'SafeTransferLib.safeTransferETH(to, amount);', ''],
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
// Of which tests each file is the subject: fewer to compile and to run.
const subjects = {
  [collection]: 'test/{NftganCollection,Differential,NftganFactory,Attacks}.t.sol',
  [factory]: 'test/{NftganFactory,Attacks}.t.sol',
  [code]: 'test/NftganCollectionCode.t.sol',
  [sale]: 'test/{NftganSale,Attacks}.t.sol',
}
const test = (path = 'test/*.sol') =>
  spawnSync(forge, ['test', '--match-path', path, '--no-match-contract', 'Invariants|GasTest'], { cwd: box, env, encoding: 'utf8' })

let survived = 0
try {
  const sound = test()
  if (sound.status !== 0) throw new Error(`the tests fail on unchanged contracts:\n${sound.stdout}${sound.stderr}`)
  const chosen = [...guards, ...changes].filter(({ file, from }) => (file + from).includes(process.argv[2] ?? ''))
  for (const { file, at, from, to } of chosen) {
    const text = read(file)
    writeFileSync(join(box, file), text.slice(0, at) + to + text.slice(at + from.length))
    const { status, stdout, stderr } = test(subjects[file])
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
