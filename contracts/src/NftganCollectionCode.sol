// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {NftganCollection} from "./NftganCollection.sol";
import {LibMap} from "solady/src/utils/LibMap.sol";
import {LibRLP} from "solady/src/utils/LibRLP.sol";
import {SSTORE2} from "solady/src/utils/SSTORE2.sol";

/// @title A collection that keeps its seeds in contract code too, so that contracts can read them.
/// @notice Logs are history, which a node may forget; code is state, which none may.
///
/// Assumptions:
/// - The seeds of a batch are one contract that nobody can call. It is the only thing that a
///   collection ever creates, so its address follows from its number and needs no slot.
/// - A contract has at most 24,576 bytes (EIP-170), so a batch has at most 6,143 tokens.
/// - The seed of a batch of one is cheaper in storage: six of them share a slot.
contract NftganCollectionCode is NftganCollection {
    using LibMap for LibMap.Uint40Map;

    /// @dev There is no such token, nor ever was.
    error NoSeed(uint256 id);

    /// @dev Of batches of one: the seed plus one, so that zero says that there is none.
    LibMap.Uint40Map private _single;
    /// @dev Where batch 0 begins; other batches say so themselves.
    uint256 private _firstStart;

    /// @notice The seed of a token; also of one that was burnt since.
    function seedOf(uint256 id) public view returns (uint32) {
        return uint32(bytes4(seedsOf(id, 1)));
    }

    /// @notice The seeds of consecutive tokens, four bytes big-endian each, as they were minted.
    function seedsOf(uint256 firstId, uint256 count) public view returns (bytes memory seeds) {
        uint256 minted = nextTokenId();
        if (firstId >= minted || count > minted - firstId) revert NoSeed(firstId);
        seeds = new bytes(4 * count);
        uint256 batches = _batchCount();
        for (uint256 i = 0; i < count; ++i) {
            uint256 single = _single.get(firstId + i);
            bytes4 seed = single == 0 ? _inCode(firstId + i, batches) : bytes4(uint32(single - 1));
            for (uint256 k = 0; k < 4; ++k) {
                seeds[4 * i + k] = seed[k];
            }
        }
    }

    function _inCode(uint256 id, uint256 batches) private view returns (bytes4) {
        uint256 index = _batchOf(id, batches);
        uint256 place = 4 * (id - (index == 0 ? _firstStart : _batchStart(index)));
        // An account's first contract has nonce 1 (EIP-161).
        address store = LibRLP.computeAddress(address(this), index + 1);
        return bytes4(SSTORE2.read(store, place, place + 4));
    }

    function _keep(uint256 firstId, bytes calldata seeds) internal override {
        super._keep(firstId, seeds);
        if (seeds.length == 4) {
            _single.set(firstId, uint40(uint32(bytes4(seeds))) + 1);
        } else {
            if (firstId != 0 && _batchCount() == 0) _firstStart = firstId;
            SSTORE2.write(seeds);
        }
    }
}
