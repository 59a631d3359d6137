// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {NftganCollection} from "./NftganCollection.sol";
import {NftganFactory} from "./NftganFactory.sol";
import {BlockHashLib} from "solady/src/utils/BlockHashLib.sol";
import {EIP712} from "solady/src/utils/EIP712.sol";
import {LibBitmap} from "solady/src/utils/LibBitmap.sol";
import {LibClone} from "solady/src/utils/LibClone.sol";
import {MerkleProofLib} from "solady/src/utils/MerkleProofLib.sol";
import {SSTORE2} from "solady/src/utils/SSTORE2.sol";
import {SafeCastLib} from "solady/src/utils/SafeCastLib.sol";
import {SafeTransferLib} from "solady/src/utils/SafeTransferLib.sol";
import {SignatureCheckerLib} from "solady/src/utils/SignatureCheckerLib.sol";

/// @title One sale of tokens of one collection: to everybody, to a list, or to holders of vouchers.
/// @notice Each sale is a clone whose terms stand in its code: nobody can change them, the seller
///         least of all. Other terms are another sale. The sale must own the collection to mint.
///
/// An open sale mints at once, with seeds that the seller loaded beforehand: two who buy at the same
/// time do not get in each other's way, and buyers send no seeds.
///
/// A blind sale sells before anyone can know which piece is whose. Its terms hold a commitment to a
/// collection, its pieces root, its next token and a secret. Buyers get claims. Then, in order:
///   end     no more purchases; the block is named, some minutes ahead, whose hash sets the order
///   draw    that hash is written down; anyone may, as soon as the block is there
///   reveal  the seller hands over the collection and tells the secret; hash and secret together say
///           which of the tokens sold is the first one, and the others follow it in a circle: a
///           token may be any piece with equal chance, however purchases are split and placed
///   deliver tokens are minted in that order; until all are, the collection stays with the sale
/// The seller is paid for what was delivered only. Whoever got nothing takes the money back: from
/// `refundsFrom` on when nothing was revealed by then, else some days after the reveal.
///
/// Assumptions:
/// - A collection is one that our factories made, or the sale refuses it: it mints what it says and
///   calls nobody back. Sales are clones at addresses that prove their birth, like collections.
/// - The order is beyond everybody who cannot both make the hash of that one block and know the
///   secret. A seller who dislikes it can only let the sale die, which pays all buyers back.
/// - If nobody at all calls `draw` for 8,191 blocks (256 where EIP-2935 is missing), the hash is out
///   of reach and `end` names another block. One buyer who calls it rules that out.
/// - A refund gives the place in the circle to the seller, so it moves no other claim's pieces.
/// - What the pieces root does not prove, buyers take the seller's word for: that the seeds
///   delivered are those of the root can be checked by anyone with `verifyPiece`, and is not here.
contract NftganSale is EIP712 {
    using LibBitmap for LibBitmap.Bitmap;

    // ------------------------------------------------------------------------------- errors

    /// @dev Only the seller may do this.
    error NotOwner();
    /// @dev The terms have another length, or contradict each other.
    error BadTerms();
    /// @dev Not yet, no more, or already revealed.
    error NotOpen();
    /// @dev Not on the list, or the voucher is not for this.
    error NotAllowed();
    /// @dev A voucher buys once.
    error VoucherUsed(uint256 nonce);
    /// @dev Neither more nor less than the price.
    error WrongPayment(uint256 expected);
    /// @dev More than what is left, or nothing at all.
    error WrongCount(uint256 left);
    /// @dev Loaded seeds must go on where the last ones ended, in chunks.
    error BadSeeds(uint256 nextId);
    /// @dev The seller has not loaded the seed of this token.
    error NoSeed(uint256 id);
    /// @dev This is not what the sale was committed to, or not now.
    error BadReveal();
    /// @dev The sale is not blind, goes on, or ended already.
    error NotOver();
    /// @dev The block that sets the order is not there yet, or was not chosen.
    error NotDrawn(uint256 drawBlock);
    /// @dev Nobody told the hash in time: `end` chooses another block.
    error Lapsed(uint256 drawBlock);
    /// @dev So many tokens are paid for and not minted.
    error Waiting(uint256 tokens);
    /// @dev The sale is blind and was not revealed.
    error NotRevealed();
    /// @dev Refunds begin later.
    error TooEarly(uint256 from);
    /// @dev The caller has no such claim, or names nobody to pay.
    error NothingToRefund();

    // ------------------------------------------------------------------------------- events

    event Created(address indexed sale, address indexed owner);
    event Sold(address indexed buyer, uint256 count, uint256 paid);
    event Ended(uint256 drawBlock);
    event Drawn(bytes32 blockHash);
    event Revealed(address indexed collection, bytes32 secret, uint256 firstToken);
    event Refunded(uint256 indexed claim, address indexed buyer, address to, uint256 paid);
    event Withdrawn(address indexed to, uint256 amount);

    // -------------------------------------------------------------------------------- terms
    //
    //    0 owner 20      20 collection 20    40 commitment 32    72 allowlist 32   104 signer 20
    //  124 price 16     140 supply 4        144 perWallet 4     148 opens 5        153 closes 5
    //  158 refundsFrom 5

    uint256 private constant _TERMS = 163;

    struct Terms {
        address owner;
        address collection; // zero: blind
        bytes32 commitment; // of a blind sale: `commitmentTo`
        bytes32 allowlist; // root over (address, uint256 allowance), OpenZeppelin's standard tree
        address signer; // of vouchers; neither list nor signer: anyone may buy
        uint256 price; // wei for a token
        uint256 supply;
        uint256 perWallet; // 0: no limit
        uint256 opens; // the first second
        uint256 closes; // the first second after
        uint256 refundsFrom; // of a blind sale; else `closes`
    }

    /// @notice The most that a blind sale lasts, and that refunds begin after it: money of buyers is
    ///         never bound for longer, whatever becomes of the seller.
    uint256 public constant LONGEST = 90 days;
    /// @notice The least time for the seller of a blind sale: from the end to refunds, and from the
    ///         reveal to refunds.
    uint256 public constant RESPITE = 3 days;
    /// @notice So many blocks after the end of a blind sale comes the one that sets the order: more
    ///         than anybody knows in advance who makes them.
    uint256 public constant DRAW_DELAY = 64;
    /// @notice The most tokens in one purchase, so that any claim can be delivered in any block.
    uint256 public constant PURCHASE = 200;
    /// @notice Salts of sales are numbers below this, so that each can be told from its address.
    uint256 public constant SALTS = 1024;

    /// @dev A right to buy, signed by the terms' signer (EIP-712).
    struct Voucher {
        address buyer;
        uint256 count;
        uint256 price; // wei for all of them
        uint256 nonce; // any number; each buys once
        uint256 deadline; // the last second
    }

    bytes32 private constant _VOUCHER = keccak256(
        "Voucher(address buyer,uint256 count,uint256 price,uint256 nonce,uint256 deadline)"
    );

    // -------------------------------------------------------------------------------- state

    /// @dev What is due for one purchase of a blind sale: tokens from number `start` on of those
    ///      sold. All zero once delivered; a refund leaves it to the seller, with nothing paid.
    struct Claim {
        address buyer;
        uint16 start;
        uint8 count;
        uint72 paid;
    }

    /// @dev Seeds in one contract, all but those of the last one full (EIP-170: 24,576 bytes).
    uint256 public constant CHUNK = 6000;

    address private immutable _SELF = address(this);
    NftganFactory private immutable _FACTORY;
    NftganFactory private immutable _FACTORY_CODE;

    uint256 public sold;
    /// @notice What can be withdrawn: paid for tokens that were minted.
    uint256 public earned;
    /// @notice How many tokens of a blind sale were minted.
    uint256 public delivered;
    /// @notice The block whose hash sets the order of a blind sale; zero before `end`.
    uint256 public drawBlock;
    /// @notice That hash, once it was told.
    bytes32 public drawn;
    /// @notice Of the tokens sold the one that is minted first, once the collection is revealed.
    uint256 public firstToken;
    /// @notice The claim to be delivered next.
    uint256 public nextClaim;
    /// @notice Of which token the first seed was loaded.
    uint256 public stockFirst;
    /// @notice How many seeds were loaded.
    uint256 public stocked;
    address private _revealed;
    uint40 private _revealedAt;
    address[] private _stock;
    Claim[] public claims;
    mapping(address buyer => uint256) public bought;
    LibBitmap.Bitmap private _used;

    // ------------------------------------------------------------------------------ creation

    /// @dev The factories whose collections may be sold: of the plain kind, and with seeds in code.
    constructor(NftganFactory factory, NftganFactory factoryCode) {
        (_FACTORY, _FACTORY_CODE) = (factory, factoryCode);
    }

    /// @notice Make a sale owned by the caller.
    /// @param packed the terms after the owner, packed in the order above
    /// @param salt a number below `SALTS`
    function create(bytes calldata packed, bytes32 salt) external returns (address sale) {
        bytes memory all = abi.encodePacked(msg.sender, packed);
        Terms memory t = _unpack(all);
        if (all.length != _TERMS || uint256(salt) >= SALTS || t.supply == 0 || t.opens >= t.closes) revert BadTerms();
        if (t.collection == address(0)) {
            if (
                t.commitment == 0 || t.supply > type(uint16).max || t.closes > t.opens + LONGEST
                    || t.refundsFrom < t.closes + RESPITE || t.refundsFrom > t.closes + LONGEST
            ) revert BadTerms();
        } else if (t.commitment != 0 || t.refundsFrom != t.closes || !_genuine(t.collection)) {
            revert BadTerms();
        }
        sale = LibClone.cloneDeterministic(_SELF, all, salt);
        emit Created(sale, msg.sender);
    }

    /// @notice Where `create(packed, salt)` called by `owner` puts its sale.
    function predict(bytes calldata packed, bytes32 salt, address owner)
        external
        view
        returns (address)
    {
        return LibClone.predictDeterministicAddress(
            _SELF, abi.encodePacked(owner, packed), salt, address(this)
        );
    }

    /// @dev Only of such a collection it is known what it does, now and later.
    function _genuine(address collection_) private view returns (bool) {
        return _made(_FACTORY, collection_) || _made(_FACTORY_CODE, collection_);
    }

    /// @dev A chain may hold one of the factories only.
    function _made(NftganFactory factory, address collection_) private view returns (bool) {
        return address(factory).code.length != 0 && factory.made(collection_);
    }

    function terms() public view returns (Terms memory) {
        return _unpack(LibClone.argsOnClone(address(this)));
    }

    function _unpack(bytes memory raw) private pure returns (Terms memory t) {
        t.owner = address(uint160(_number(raw, 0, 20)));
        t.collection = address(uint160(_number(raw, 20, 20)));
        t.commitment = bytes32(_number(raw, 40, 32));
        t.allowlist = bytes32(_number(raw, 72, 32));
        t.signer = address(uint160(_number(raw, 104, 20)));
        t.price = _number(raw, 124, 16);
        t.supply = _number(raw, 140, 4);
        t.perWallet = _number(raw, 144, 4);
        t.opens = _number(raw, 148, 5);
        t.closes = _number(raw, 153, 5);
        t.refundsFrom = _number(raw, 158, 5);
    }

    function _number(bytes memory raw, uint256 start, uint256 length)
        private
        pure
        returns (uint256 value)
    {
        assembly ("memory-safe") {
            value := shr(sub(256, mul(8, length)), mload(add(add(raw, 32), start)))
        }
    }

    // ------------------------------------------------------------------------------- buying

    /// @notice Buy in a sale to everybody.
    function buy(uint256 count) external payable {
        Terms memory t = terms();
        if (t.allowlist != 0 || t.signer != address(0)) revert NotAllowed();
        _sell(t, count, t.price * count, type(uint256).max);
    }

    /// @notice Buy as one of the list, which says how many the buyer may have in all.
    function buyListed(uint256 count, uint256 allowance, bytes32[] calldata proof)
        external
        payable
    {
        Terms memory t = terms();
        bytes32 leaf = keccak256(bytes.concat(keccak256(abi.encode(msg.sender, allowance))));
        if (!MerkleProofLib.verifyCalldata(proof, t.allowlist, leaf)) revert NotAllowed();
        _sell(t, count, t.price * count, allowance);
    }

    /// @notice Buy with a voucher made out to the caller, at the voucher's price.
    function redeem(Voucher calldata v, bytes calldata signature) external payable {
        Terms memory t = terms();
        if (
            v.buyer != msg.sender || block.timestamp > v.deadline
                || !SignatureCheckerLib.isValidSignatureNowCalldata(
                    t.signer, voucherHash(v), signature
                )
        ) revert NotAllowed();
        if (!_used.toggle(v.nonce)) revert VoucherUsed(v.nonce);
        _sell(t, v.count, v.price, type(uint256).max);
    }

    /// @notice What the signer of a voucher signs.
    function voucherHash(Voucher calldata v) public view returns (bytes32) {
        return _hashTypedData(
            keccak256(abi.encode(_VOUCHER, v.buyer, v.count, v.price, v.nonce, v.deadline))
        );
    }

    function voucherUsed(uint256 nonce) external view returns (bool) {
        return _used.get(nonce);
    }

    function _sell(Terms memory t, uint256 count, uint256 due, uint256 allowance) private {
        if (block.timestamp < t.opens || block.timestamp >= t.closes || drawBlock != 0) {
            revert NotOpen();
        }
        if (msg.value != due) revert WrongPayment(due);
        if (t.perWallet != 0 && t.perWallet < allowance) allowance = t.perWallet;
        uint256 had = bought[msg.sender];
        uint256 left = allowance > had ? allowance - had : 0;
        if (left > t.supply - sold) left = t.supply - sold;
        if (left > PURCHASE) left = PURCHASE;
        if (count == 0 || count > left) revert WrongCount(left);

        bought[msg.sender] = had + count;
        uint256 start = sold;
        sold = start + count;
        emit Sold(msg.sender, count, due);
        if (t.collection == address(0)) {
            claims.push(Claim(msg.sender, uint16(start), uint8(count), SafeCastLib.toUint72(due)));
        } else {
            earned += due;
            uint256 id = NftganCollection(t.collection).nextTokenId();
            NftganCollection(t.collection).mintBatch(id, msg.sender, _seeds(id, count));
        }
    }

    // --------------------------------------------------------------------- seeds of open sales

    /// @notice Load seeds of an open sale, from token `firstId` on: at most `CHUNK` at a time, and
    ///         nothing after fewer than that.
    function load(uint256 firstId, bytes calldata seeds) external {
        _onlyOwner();
        uint256 have = stocked;
        uint256 count = seeds.length / 4;
        if (have == 0) stockFirst = firstId;
        if (
            firstId != stockFirst + have || have % CHUNK != 0 || count == 0 || count > CHUNK
                || seeds.length % 4 != 0
        ) revert BadSeeds(stockFirst + have);
        stocked = have + count;
        _stock.push(SSTORE2.write(seeds));
    }

    function _seeds(uint256 id, uint256 count) private view returns (bytes memory seeds) {
        uint256 first = stockFirst;
        if (id < first || id + count > first + stocked) revert NoSeed(id);
        uint256 from = id - first;
        while (count > 0) {
            uint256 place = from % CHUNK;
            uint256 some = count < CHUNK - place ? count : CHUNK - place;
            seeds = bytes.concat(
                seeds, SSTORE2.read(_stock[from / CHUNK], 4 * place, 4 * (place + some))
            );
            from += some;
            count -= some;
        }
    }

    // ------------------------------------------------------------------------- blind sales

    /// @notice What the terms of a blind sale hold of all that the seller tells in the end.
    /// @param firstId the collection's next token: what was minted before is not for sale
    function commitmentTo(address collection_, bytes32 root, uint256 firstId, bytes32 secret)
        public
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(collection_, root, firstId, secret));
    }

    /// @notice End a blind sale and name the block that will set the order. Anyone may, once it is
    ///         sold out or closed; the seller may before. Again only if that block lapsed.
    function end() external {
        Terms memory t = terms();
        uint256 chosen = drawBlock;
        bool over = block.timestamp >= t.closes || sold == t.supply || msg.sender == t.owner;
        if (chosen != 0) {
            over = drawn == 0 && block.number > chosen && BlockHashLib.blockHash(chosen) == 0;
        }
        if (t.collection != address(0) || !over) revert NotOver();
        drawBlock = block.number + DRAW_DELAY;
        emit Ended(block.number + DRAW_DELAY);
    }

    /// @notice Write down the hash of the block that sets the order. Anyone may.
    function draw() external {
        uint256 chosen = drawBlock;
        if (chosen == 0 || block.number <= chosen || drawn != 0) revert NotDrawn(chosen);
        bytes32 hash = BlockHashLib.blockHash(chosen);
        if (hash == 0) revert Lapsed(chosen);
        drawn = hash;
        emit Drawn(hash);
    }

    /// @notice Tell which collection was sold, and take it: it must be offered to the sale with
    ///         `transferOwnership`. Nobody but the sale can mint from here on.
    function reveal(address collection_, bytes32 secret) external {
        _onlyOwner();
        Terms memory t = terms();
        if (drawn == 0) revert NotDrawn(drawBlock);
        if (_revealed != address(0) || block.timestamp >= t.refundsFrom || !_genuine(collection_)) {
            revert BadReveal();
        }
        NftganCollection c = NftganCollection(collection_);
        uint256 firstId = c.nextTokenId();
        if (
            commitmentTo(collection_, c.piecesRoot(), firstId, secret) != t.commitment
                || firstId + sold > c.maxSupply()
        ) revert BadReveal();
        (_revealed, _revealedAt) = (collection_, uint40(block.timestamp));
        if (sold != 0) {
            firstToken = uint256(keccak256(abi.encode(drawn, secret))) % sold;
            nextClaim = _claimOf(firstToken);
        }
        emit Revealed(collection_, secret, firstToken);
        c.acceptOwnership();
    }

    /// @dev The claim that a token sold belongs to.
    function _claimOf(uint256 token) private view returns (uint256 low) {
        uint256 high = claims.length - 1;
        while (low < high) {
            uint256 middle = (low + high + 1) / 2;
            if (claims[middle].start > token) high = middle - 1;
            else low = middle;
        }
    }

    /// @notice Mint to the next claims in the circle: the seeds of as many tokens as those hold. Of
    ///         the claim where it begins what lies before the first token comes last.
    function deliver(uint256 firstId, bytes calldata seeds) external {
        _onlyOwner();
        if (_revealed == address(0)) revert NotRevealed();
        (uint256 done, uint256 next) = (delivered, nextClaim);
        for (uint256 read = 0; read < seeds.length; next = (next + 1) % claims.length) {
            if (done == sold) revert WrongCount(0);
            Claim memory claim = claims[next];
            uint256 before = done == 0 ? firstToken - claim.start : 0;
            uint256 some = claim.count - before;
            uint256 due = claim.paid * some / claim.count;
            if (before == 0) {
                delete claims[next];
            } else {
                (claims[next].count, claims[next].paid) = (uint8(before), uint72(claim.paid - due));
            }
            earned += due;
            NftganCollection(_revealed)
                .mintBatch(firstId + done - delivered, claim.buyer, seeds[read:read + 4 * some]);
            (done, read) = (done + some, read + 4 * some);
        }
        (delivered, nextClaim) = (done, next);
    }

    /// @notice From when on buyers who got nothing may take their money back.
    function refundable() public view returns (uint256 from) {
        from = terms().refundsFrom;
        if (_revealed != address(0) && from < _revealedAt + RESPITE) from = _revealedAt + RESPITE;
    }

    /// @notice Take the money of an own claim back, to any address: the buyer may be a contract
    ///         that takes none. The seller gets the claim's place, so nobody else's pieces change.
    function refund(uint256 index, address to) external {
        uint256 from = refundable();
        if (block.timestamp < from) revert TooEarly(from);
        Claim memory claim = claims[index];
        if (msg.sender != claim.buyer || to == address(0)) revert NothingToRefund();
        (claims[index].buyer, claims[index].paid) = (terms().owner, 0);
        emit Refunded(index, msg.sender, to, claim.paid);
        SafeTransferLib.safeTransferETH(to, claim.paid);
    }

    /// @notice How many purchases a blind sale made.
    function claimCount() external view returns (uint256) {
        return claims.length;
    }

    // --------------------------------------------------------------------------- the seller

    /// @notice The collection, or zero as long as nobody may know it.
    function collection() public view returns (address) {
        address open = terms().collection;
        return open == address(0) ? _revealed : open;
    }

    /// @notice Take the collection that its owner offered with `transferOwnership`.
    function accept() external {
        NftganCollection(collection()).acceptOwnership();
    }

    /// @notice Offer the collection back to the seller, who takes it with `acceptOwnership`. Not
    ///         while claims wait.
    function release() external {
        _onlyOwner();
        if (claims.length != 0 && delivered != sold) revert Waiting(sold - delivered);
        NftganCollection(collection()).transferOwnership(msg.sender);
    }

    /// @notice Pay out what was earned, to an address that the seller names.
    function withdraw(address to) external {
        _onlyOwner();
        if (to == address(0)) revert NotAllowed();
        uint256 amount = earned;
        earned = 0;
        emit Withdrawn(to, amount);
        SafeTransferLib.safeTransferETH(to, amount);
    }

    function _onlyOwner() private view {
        if (msg.sender != terms().owner) revert NotOwner();
    }

    function _domainNameAndVersion()
        internal
        pure
        override
        returns (string memory name, string memory version)
    {
        (name, version) = ("nftgan sale", "1");
    }
}
