// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {NftganCollection} from "./NftganCollection.sol";
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
/// collection that need not exist yet, its pieces root and a salt. Buyers get claims. The seller
/// reveals, which ends the sale, then delivers in the order of the claims. Money can be withdrawn
/// for what was delivered only, and from `refundsFrom` on whoever got nothing gets it back.
///
/// Assumptions:
/// - The collection is an `NftganCollection`, so minting calls nobody back. A sale with another one
///   is the seller's doing; no other sale is touched by it.
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
    /// @dev This is not what the sale was committed to.
    error BadReveal();
    /// @dev The sale is blind and was not revealed.
    error NotRevealed();
    /// @dev Refunds begin later.
    error TooEarly(uint256 from);
    /// @dev The claim was delivered or refunded.
    error NothingToRefund();

    // ------------------------------------------------------------------------------- events

    event Created(address indexed sale, address indexed owner);
    event Sold(address indexed buyer, uint256 count, uint256 paid);
    event Revealed(address indexed collection, bytes32 salt);
    event Refunded(uint256 indexed claim, address indexed buyer, uint256 paid);
    event Withdrawn(uint256 amount);

    // -------------------------------------------------------------------------------- terms
    //
    //    0 owner 20      20 collection 20    40 commitment 32    72 allowlist 32   104 signer 20
    //  124 price 16     140 supply 4        144 perWallet 4     148 opens 5        153 closes 5
    //  158 refundsFrom 5

    uint256 private constant _TERMS = 163;

    struct Terms {
        address owner;
        address collection; // zero: blind
        bytes32 commitment; // of a blind sale: keccak256(abi.encode(collection, piecesRoot, salt))
        bytes32 allowlist; // root over (address, uint256 allowance), OpenZeppelin's standard tree
        address signer; // of vouchers; neither list nor signer: anyone may buy
        uint256 price; // wei for a token
        uint256 supply;
        uint256 perWallet; // 0: no limit
        uint256 opens; // the first second
        uint256 closes; // the first second after
        uint256 refundsFrom;
    }

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

    /// @dev One purchase of a blind sale; all zero once delivered or refunded.
    struct Claim {
        address buyer;
        uint16 count;
        uint80 paid;
    }

    /// @dev Seeds in one contract, all but those of the last one full (EIP-170: 24,576 bytes).
    uint256 public constant CHUNK = 6000;

    address private immutable _SELF = address(this);

    uint256 public sold;
    /// @notice What can be withdrawn: paid for tokens that were minted.
    uint256 public earned;
    /// @notice How many claims, from the first on, are dealt with.
    uint256 public delivered;
    uint256 private _stockFirst;
    /// @notice How many seeds were loaded.
    uint256 public stocked;
    address private _revealed;
    address[] private _stock;
    Claim[] public claims;
    mapping(address buyer => uint256) public bought;
    LibBitmap.Bitmap private _used;

    // ------------------------------------------------------------------------------ creation

    /// @notice Make a sale owned by the caller.
    /// @param packed the terms after the owner, packed in the order above
    function create(bytes calldata packed, bytes32 salt) external returns (address sale) {
        bytes memory all = abi.encodePacked(msg.sender, packed);
        Terms memory t = _unpack(all);
        if (
            all.length != _TERMS || t.supply == 0 || t.opens >= t.closes || t.refundsFrom < t.closes
                || (t.collection == address(0)) != (t.commitment != 0)
        ) revert BadTerms();
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
        if (block.timestamp < t.opens || block.timestamp >= t.closes || _revealed != address(0)) {
            revert NotOpen();
        }
        if (msg.value != due) revert WrongPayment(due);
        if (t.perWallet != 0 && t.perWallet < allowance) allowance = t.perWallet;
        uint256 had = bought[msg.sender];
        uint256 left = allowance > had ? allowance - had : 0;
        if (left > t.supply - sold) left = t.supply - sold;
        if (count == 0 || count > left) revert WrongCount(left);

        bought[msg.sender] = had + count;
        sold += count;
        emit Sold(msg.sender, count, due);
        if (t.collection == address(0)) {
            claims.push(Claim(msg.sender, SafeCastLib.toUint16(count), SafeCastLib.toUint80(due)));
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
        if (have == 0) _stockFirst = firstId;
        if (
            firstId != _stockFirst + have || have % CHUNK != 0 || count == 0 || count > CHUNK
                || seeds.length % 4 != 0
        ) revert BadSeeds(_stockFirst + have);
        stocked = have + count;
        _stock.push(SSTORE2.write(seeds));
    }

    function _seeds(uint256 id, uint256 count) private view returns (bytes memory seeds) {
        uint256 first = _stockFirst;
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

    /// @notice Say which collection was sold. This ends the sale.
    function reveal(address collection_, bytes32 salt) external {
        _onlyOwner();
        bytes32 root = NftganCollection(collection_).piecesRoot();
        if (keccak256(abi.encode(collection_, root, salt)) != terms().commitment) {
            revert BadReveal();
        }
        _revealed = collection_;
        emit Revealed(collection_, salt);
    }

    /// @notice Mint to the next claims in their order: the seeds of as many tokens as those hold.
    function deliver(bytes calldata seeds) external {
        _onlyOwner();
        NftganCollection to = NftganCollection(_revealed);
        if (address(to) == address(0)) revert NotRevealed();
        uint256 id = to.nextTokenId();
        uint256 index = delivered;
        for (uint256 start = 0; start < seeds.length; ++index) {
            Claim memory claim = claims[index];
            if (claim.count == 0) continue; // refunded
            delete claims[index];
            earned += claim.paid;
            uint256 end = start + 4 * uint256(claim.count);
            to.mintBatch(id, claim.buyer, seeds[start:end]);
            (id, start) = (id + claim.count, end);
        }
        delivered = index;
    }

    /// @notice Pay a buyer back who got nothing. Anyone may call it; the buyer is paid.
    function refund(uint256 index) external {
        uint256 from = terms().refundsFrom;
        if (block.timestamp < from) revert TooEarly(from);
        Claim memory claim = claims[index];
        if (claim.count == 0) revert NothingToRefund();
        delete claims[index];
        emit Refunded(index, claim.buyer, claim.paid);
        SafeTransferLib.safeTransferETH(claim.buyer, claim.paid);
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

    /// @notice Offer the collection back to the seller, who takes it with `acceptOwnership`.
    function release() external {
        _onlyOwner();
        NftganCollection(collection()).transferOwnership(msg.sender);
    }

    /// @notice Pay out what was earned, to the seller.
    function withdraw() external {
        _onlyOwner();
        uint256 amount = earned;
        earned = 0;
        emit Withdrawn(amount);
        SafeTransferLib.safeTransferETH(msg.sender, amount);
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
