// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {LibBitmap} from "solady/src/utils/LibBitmap.sol";
import {LibClone} from "solady/src/utils/LibClone.sol";
import {LibString} from "solady/src/utils/LibString.sol";
import {MerkleProofLib} from "solady/src/utils/MerkleProofLib.sol";

/// @title One collection of generated art whose every piece can be traced to a model and a seed.
/// @notice Each collection is a minimal clone; what never changes stands in the clone's own code.
///
/// Assumptions:
/// - Only the factory that this implementation was born from initialises clones. A clone made by
///   anyone else has no owner, so nothing can ever be minted in it.
/// - A batch is owned through its first token (its "head") until a token is first moved; the bitmap
///   finds the head in one read per 256 ids, so no transfer scans token by token.
/// - Batch minting does not call `onERC721Received`: mint to accounts that can hold tokens.
contract NftganCollection is ERC721 {
    using LibBitmap for LibBitmap.Bitmap;

    // ------------------------------------------------------------------------------- errors

    /// @dev Only the owner may do this.
    error NotOwner();
    /// @dev Only the account that ownership was offered to may accept it.
    error NotPendingOwner();
    /// @dev Only the factory initialises, once.
    error NotFactory();
    /// @dev The batch does not begin at the next token id; it may have been minted already.
    error WrongStart(uint256 expected, uint256 got);
    /// @dev The batch would exceed the fixed number of pieces.
    error SupplyExceeded(uint256 maxSupply);
    /// @dev Seeds are four bytes each, at least one of them.
    error BadSeeds();
    /// @dev The base URI was frozen for ever.
    error Frozen();

    // ------------------------------------------------------------------------------- events

    /// @notice The seeds of a batch, four bytes big-endian each, from token `firstId` on.
    event Seeds(uint256 indexed firstId, bytes seeds);
    /// @notice ERC-4906: metadata of these tokens changed.
    event BatchMetadataUpdate(uint256 fromTokenId, uint256 toTokenId);
    /// @notice ERC-7572: collection metadata changed.
    event ContractURIUpdated();
    event MetadataFrozen();
    event OwnershipTransferStarted(address indexed previousOwner, address indexed newOwner);
    event OwnershipTransferred(address indexed previousOwner, address indexed newOwner);

    // -------------------------------------------------------------------------------- state

    address private immutable _FACTORY = msg.sender;

    // One slot, so that a mint reads and writes it once.
    address private _owner;
    uint32 private _minted;
    uint32 private _burned;
    bool private _frozen;

    address private _pendingOwner;
    mapping(uint256 firstId => address) private _headOwner;
    LibBitmap.Bitmap private _heads;
    string private _replacedBaseURI;

    constructor() ERC721("", "") {}

    /// @notice Called by the factory in the transaction that makes the clone.
    function initialize(address owner_) external {
        if (msg.sender != _FACTORY || _owner != address(0)) revert NotFactory();
        _owner = owner_;
        emit OwnershipTransferred(address(0), owner_);
    }

    // ------------------------------------------------------- fixed data, in the clone's code
    // model 32 | recipe 32 | root 32 | maxSupply 4 | royaltyBps 2 | royaltyReceiver 20
    // | nameLength 1 | name | symbolLength 1 | symbol | baseURI

    function _word(uint256 start, uint256 length) private view returns (uint256) {
        bytes memory raw = LibClone.argsOnClone(address(this), start, start + length);
        return uint256(bytes32(raw)) >> (256 - 8 * length);
    }

    function _text(uint256 start) private view returns (string memory text, uint256 next) {
        next = start + 1 + _word(start, 1);
        text = string(LibClone.argsOnClone(address(this), start + 1, next));
    }

    /// @notice SHA-256 identity of the generator's weights and architecture.
    function modelIdentity() external view returns (bytes32) {
        return bytes32(_word(0, 32));
    }

    /// @notice SHA-256 of the canonical recipe: all that turns a seed into pixels.
    function recipeHash() external view returns (bytes32) {
        return bytes32(_word(32, 32));
    }

    /// @notice Merkle root over every piece's id, seed and pixel hash.
    function piecesRoot() public view returns (bytes32) {
        return bytes32(_word(64, 32));
    }

    function maxSupply() public view returns (uint256) {
        return _word(96, 4);
    }

    function name() public view override returns (string memory text) {
        (text,) = _text(122);
    }

    function symbol() public view override returns (string memory text) {
        (, uint256 offset) = _text(122);
        (text,) = _text(offset);
    }

    /// @notice ERC-2981.
    function royaltyInfo(uint256, uint256 price) external view returns (address, uint256) {
        return (address(uint160(_word(102, 20))), price * _word(100, 2) / 10_000);
    }

    // ------------------------------------------------------------------------------ minting

    /// @notice Mint the next `seeds.length / 4` tokens to `to`. Sending the same batch twice can
    ///         never mint twice, because the second one does not begin at the next id.
    function mintBatch(uint256 firstId, address to, bytes calldata seeds) external {
        _onlyOwner();
        uint256 id = _minted;
        if (firstId != id) revert WrongStart(id, firstId);
        uint256 count = seeds.length / 4;
        if (count == 0 || seeds.length % 4 != 0) revert BadSeeds();
        uint256 end = id + count;
        if (end > maxSupply()) revert SupplyExceeded(maxSupply());
        if (to == address(0)) revert ERC721InvalidReceiver(to);
        _minted = uint32(end);
        _headOwner[id] = to;
        if (id != 0) _heads.set(id); // token 0 is a head without saying so
        _increaseBalance(to, uint128(count));
        emit Seeds(id, seeds);
        // Transfer(address(0), to, id), without the cost of Solidity's event encoding.
        bytes32 topic = Transfer.selector;
        assembly ("memory-safe") {
            for {} lt(id, end) { id := add(id, 1) } { log4(0, 0, topic, 0, to, id) }
        }
    }

    /// @notice Destroy a token for ever; its holder or an approved account may.
    function burn(uint256 id) external {
        _update(address(0), id, msg.sender);
        ++_burned;
        // The token becomes a batch of its own that nobody heads, and what follows a new batch.
        uint256 next = id + 1;
        if (next < _minted && !_heads.get(next)) {
            _headOwner[next] = _headOwner[_headOf(id)];
            _heads.set(next);
        }
        delete _headOwner[id];
        _heads.set(id);
    }

    /// @notice Tokens that exist: minted and not burned.
    function totalSupply() external view returns (uint256) {
        return uint256(_minted) - _burned;
    }

    /// @notice The id that the next batch must begin with; also how many were ever minted.
    function nextTokenId() external view returns (uint256) {
        return _minted;
    }

    // ------------------------------------------------------------------------------- proof

    /// @notice Whether the piece with this id has this seed and these pixels, by the fixed root.
    function verifyPiece(uint256 id, uint32 seed, bytes32 pixelHash, bytes32[] calldata proof)
        external
        view
        returns (bool)
    {
        bytes32 leaf = keccak256(bytes.concat(keccak256(abi.encode(id, seed, pixelHash))));
        return MerkleProofLib.verifyCalldata(proof, piecesRoot(), leaf);
    }

    // ---------------------------------------------------------------------------- metadata

    function baseURI() public view returns (string memory text) {
        text = _replacedBaseURI;
        if (bytes(text).length == 0) {
            (, uint256 offset) = _text(122);
            (, offset) = _text(offset);
            text = string(LibClone.argsOnClone(address(this), offset));
        }
    }

    function tokenURI(uint256 id) public view override returns (string memory) {
        _requireOwned(id);
        return string.concat(baseURI(), LibString.toString(id), ".json");
    }

    /// @notice ERC-7572.
    function contractURI() external view returns (string memory) {
        return string.concat(baseURI(), "contract.json");
    }

    function frozen() external view returns (bool) {
        return _frozen;
    }

    function setBaseURI(string calldata text) external {
        _onlyOwner();
        if (_frozen) revert Frozen();
        _replacedBaseURI = text;
        emit BatchMetadataUpdate(0, type(uint256).max);
        emit ContractURIUpdated();
    }

    /// @notice The base URI can never change again.
    function freezeMetadata() external {
        _onlyOwner();
        _frozen = true;
        emit MetadataFrozen();
    }

    function supportsInterface(bytes4 id) public view override returns (bool) {
        // ERC-4906, ERC-2981, ERC-7572
        return id == 0x49064906 || id == 0x2a55205a || id == 0xe8a3d485 || super.supportsInterface(id);
    }

    // --------------------------------------------------------------------------- ownership

    function owner() external view returns (address) {
        return _owner;
    }

    function pendingOwner() external view returns (address) {
        return _pendingOwner;
    }

    /// @notice Offer ownership; nothing changes until the other side accepts. Zero withdraws it.
    function transferOwnership(address to) external {
        _onlyOwner();
        _pendingOwner = to;
        emit OwnershipTransferStarted(_owner, to);
    }

    function acceptOwnership() external {
        if (msg.sender != _pendingOwner) revert NotPendingOwner();
        emit OwnershipTransferred(_owner, msg.sender);
        _owner = msg.sender;
        delete _pendingOwner;
    }

    function _onlyOwner() private view {
        if (msg.sender != _owner) revert NotOwner();
    }

    // --------------------------------------------------------------------- virtual ownership

    /// @dev A token that was never moved belongs to the owner of its batch.
    function _ownerOf(uint256 id) internal view override returns (address holder) {
        holder = super._ownerOf(id);
        if (holder == address(0) && id < _minted) holder = _headOwner[_headOf(id)];
    }

    /// @dev The first token of the batch that `id` was minted in.
    function _headOf(uint256 id) private view returns (uint256 head) {
        head = _heads.findLastSet(id);
        if (head == LibBitmap.NOT_FOUND) head = 0;
    }
}
