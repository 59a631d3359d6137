// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {LibClone} from "solady/src/utils/LibClone.sol";
import {NftganCollection} from "./NftganCollection.sol";

/// @title Makes collections as minimal clones of one implementation, at addresses known beforehand.
contract NftganFactory {
    /// @notice A new collection and the account that owns it.
    event Created(address indexed collection, address indexed owner);

    /// @notice The code that every collection of this factory runs.
    address public immutable implementation = address(new NftganCollection());

    /// @notice Make a collection owned by the caller. The same caller, data and salt cannot make
    ///         two: the second call reverts, because the address is taken.
    function create(bytes calldata args, bytes32 salt) external returns (address collection) {
        collection = LibClone.cloneDeterministic(implementation, args, _salt(salt, msg.sender));
        NftganCollection(collection).initialize(msg.sender);
        emit Created(collection, msg.sender);
    }

    /// @notice Where `create(args, salt)` called by `owner` puts its collection.
    function predict(bytes calldata args, bytes32 salt, address owner)
        external
        view
        returns (address)
    {
        return LibClone.predictDeterministicAddress(
            implementation, args, _salt(salt, owner), address(this)
        );
    }

    /// @dev Bound to the caller, so that nobody can take another's address first.
    function _salt(bytes32 salt, address owner) private pure returns (bytes32) {
        return keccak256(abi.encode(owner, salt));
    }
}
