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
/// - There is nothing to initialise, hence nothing to front-run: the first owner stands in the
///   clone's code with the rest, and `NftganFactory` puts its caller there, announcing it.
/// - A clone that someone makes otherwise may have anything in its storage from the start:
///   approvals, a next owner, tokens. Equal code proves nothing; `NftganFactory.made` does.
/// - The implementation itself belongs to address 1, which can sign nothing: it stays empty.
/// - A token of a batch belongs to whom the batch was minted to until it is first moved. Its batch
///   is found by binary search, so the cost of a transfer hardly depends on the size of a batch.
///   A batch of one is written as an ordinary token, so that a sale one by one needs no search.
/// - A burnt id is remembered, or the batch would bring it back.
/// - Minting does not call `onERC721Received`: mint to accounts that can hold tokens.
contract NftganCollection is ERC721 {
    using LibBitmap for LibBitmap.Bitmap;

    // ------------------------------------------------------------------------------- errors

    /// @dev Only the owner may do this.
    error NotOwner();
    /// @dev Only the account that ownership was offered to may accept it.
    error NotPendingOwner();
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

    /// @dev All that a mint reads and writes, in one slot.
    struct Ledger {
        address firstHolder; // of batch 0
        uint32 minted;
        uint32 burned;
        uint24 batches;
        bool ownerMoved; // whether `_movedOwner` holds, instead of the clone's code
    }

    struct Batch {
        address holder;
        uint32 firstId;
    }

    Ledger private _ledger;
    address private _movedOwner;
    bool private _frozen;
    address private _pendingOwner;
    /// @dev Of the batches of two and more tokens, the second and later.
    mapping(uint256 index => Batch) private _batches;
    LibBitmap.Bitmap private _burnt;
    string private _replacedBaseURI;

    constructor() ERC721("", "") {
        (_ledger.ownerMoved, _movedOwner) = (true, address(1));
    }

    // ------------------------------------------------------- fixed data, in the clone's code
    //
    //    0 first owner 20    20 model identity 32    52 recipe hash 32    84 pieces root 32
    //  116 maxSupply 4      120 royaltyBps 2        122 royaltyReceiver 20
    //  142 nameLength 1 | name | symbolLength 1 | symbol | baseURI

    uint256 private constant _TEXTS = 142;

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
        return bytes32(_word(20, 32));
    }

    /// @notice SHA-256 of the canonical recipe: all that turns a seed into pixels.
    function recipeHash() external view returns (bytes32) {
        return bytes32(_word(52, 32));
    }

    /// @notice Merkle root over every piece's id, seed and pixel hash.
    function piecesRoot() public view returns (bytes32) {
        return bytes32(_word(84, 32));
    }

    function maxSupply() public view returns (uint256) {
        return _word(116, 4);
    }

    function name() public view override returns (string memory text) {
        (text,) = _text(_TEXTS);
    }

    function symbol() public view override returns (string memory text) {
        (, uint256 offset) = _text(_TEXTS);
        (text,) = _text(offset);
    }

    /// @notice ERC-2981; never more than a tenth of the price, whoever made the clone.
    function royaltyInfo(uint256, uint256 price) external view returns (address, uint256) {
        uint256 bps = _word(120, 2);
        return (address(uint160(_word(122, 20))), price * (bps < 1000 ? bps : 1000) / 10_000);
    }

    // ------------------------------------------------------------------------------ minting

    /// @notice Mint the next `seeds.length / 4` tokens to `to`. Sending the same batch twice can
    ///         never mint twice, because the second one does not begin at the next id.
    function mintBatch(uint256 firstId, address to, bytes calldata seeds) external {
        _onlyOwner();
        Ledger memory ledger = _ledger;
        if (firstId != ledger.minted) revert WrongStart(ledger.minted, firstId);
        uint256 count = seeds.length / 4;
        if (count == 0 || seeds.length % 4 != 0) revert BadSeeds();
        uint256 end = firstId + count;
        uint256 limit = maxSupply();
        if (end > limit) revert SupplyExceeded(limit);
        if (to == address(0)) revert ERC721InvalidReceiver(to);

        _keep(firstId, seeds);
        if (count == 1) {
            _mint(to, firstId);
        } else {
            if (ledger.batches == 0) ledger.firstHolder = to;
            else _batches[ledger.batches] = Batch(to, uint32(firstId));
            ++ledger.batches;
            _increaseBalance(to, uint128(count));
            for (uint256 id = firstId; id < end; ++id) {
                emit Transfer(address(0), to, id);
            }
        }
        ledger.minted = uint32(end);
        _ledger = ledger;
    }

    /// @dev Where the seeds of a batch go; a variant may keep them elsewhere as well.
    function _keep(uint256 firstId, bytes calldata seeds) internal virtual {
        emit Seeds(firstId, seeds);
    }

    /// @notice Destroy a token for ever; its holder or an account approved by them may.
    function burn(uint256 id) external {
        _update(address(0), id, msg.sender);
        _burnt.set(id);
        ++_ledger.burned;
    }

    /// @notice Tokens that exist: minted and not burned.
    function totalSupply() external view returns (uint256) {
        return uint256(_ledger.minted) - _ledger.burned;
    }

    /// @notice The id that the next batch must begin with; also how many were ever minted.
    function nextTokenId() public view returns (uint256) {
        return _ledger.minted;
    }

    // ------------------------------------------------------------------------------- proof

    /// @notice Whether the piece with this id has this seed and these pixels, by the fixed root.
    /// @dev Whoever made the root may have put two pieces of one id under it, and both would pass:
    ///      only the whole tree, which metadata has, proves that there is one of each.
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
            (, uint256 offset) = _text(_TEXTS);
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

    /// @notice Have markets read the metadata of these tokens again (ERC-4906); nothing changes.
    function refreshMetadata(uint256 fromId, uint256 toId) external {
        _onlyOwner();
        emit BatchMetadataUpdate(fromId, toId);
    }

    /// @notice The base URI can never change again.
    function freezeMetadata() external {
        _onlyOwner();
        _frozen = true;
        emit MetadataFrozen();
    }

    function supportsInterface(bytes4 id) public view override returns (bool) {
        // ERC-4906, ERC-2981, ERC-7572
        return
            id == 0x49064906 || id == 0x2a55205a || id == 0xe8a3d485 || super.supportsInterface(id);
    }

    // --------------------------------------------------------------------------- ownership

    function owner() public view returns (address) {
        return _ledger.ownerMoved ? _movedOwner : address(uint160(_word(0, 20)));
    }

    function pendingOwner() external view returns (address) {
        return _pendingOwner;
    }

    /// @notice Offer ownership; nothing changes until the other side accepts. Zero withdraws it.
    function transferOwnership(address to) external {
        _onlyOwner();
        _pendingOwner = to;
        emit OwnershipTransferStarted(owner(), to);
    }

    function acceptOwnership() external {
        if (msg.sender != _pendingOwner) revert NotPendingOwner();
        emit OwnershipTransferred(owner(), msg.sender);
        (_ledger.ownerMoved, _movedOwner) = (true, msg.sender);
        delete _pendingOwner;
    }

    function _onlyOwner() private view {
        if (msg.sender != owner()) revert NotOwner();
    }

    // --------------------------------------------------------------------- virtual ownership

    /// @dev A token of a batch that was never moved is its batch's holder's.
    function _ownerOf(uint256 id) internal view override returns (address holder) {
        holder = super._ownerOf(id);
        if (holder != address(0)) return holder;
        Ledger memory ledger = _ledger;
        if (id >= ledger.minted) return address(0);
        if (ledger.burned != 0 && _burnt.get(id)) return address(0);
        uint256 index = _batchOf(id, ledger.batches);
        return index == 0 ? ledger.firstHolder : _batches[index].holder;
    }

    /// @dev Of `count` batches the last one that begins at or before the id. Never asked for a batch
    ///      of one: its token has an owner and a seed of its own, or is burnt.
    function _batchOf(uint256 id, uint256 count) internal view returns (uint256 low) {
        uint256 high = count - 1;
        while (low < high) {
            uint256 middle = (low + high + 1) / 2;
            if (_batches[middle].firstId > id) high = middle - 1;
            else low = middle;
        }
    }

    /// @dev How many batches of two and more tokens there are, and where one beyond 0 begins.
    function _batchCount() internal view returns (uint256) {
        return _ledger.batches;
    }

    function _batchStart(uint256 index) internal view returns (uint256) {
        return _batches[index].firstId;
    }
}
