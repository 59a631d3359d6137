// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {LibClone} from "solady/src/utils/LibClone.sol";

/// @title Makes collections as minimal clones of one implementation, at addresses known beforehand.
/// @dev The owner stands in the clone's code and so in the hash that makes its address: nobody can
///      take the address of another's collection first, and no salt needs to be kept secret.
contract NftganFactory {
    /// @dev The layout of the arguments is broken, or a number in them is out of range.
    error BadArguments();

    /// @notice A new collection and the account that owns it.
    event Created(address indexed collection, address indexed owner);

    /// @notice The code that every collection of this factory runs.
    address public immutable implementation;

    constructor(address implementation_) {
        implementation = implementation_;
    }

    /// @notice Make a collection owned by the caller. The same caller, arguments and salt cannot
    ///         make two: the address is taken, so the second call reverts.
    /// @param args model 32 | recipe 32 | root 32 | maxSupply 4 | royaltyBps 2 | royaltyReceiver 20
    ///        | nameLength 1 | name | symbolLength 1 | symbol | baseURI
    function create(bytes calldata args, bytes32 salt) external returns (address collection) {
        _check(args);
        collection =
            LibClone.cloneDeterministic(implementation, abi.encodePacked(msg.sender, args), salt);
        emit Created(collection, msg.sender);
    }

    /// @notice Where `create(args, salt)` called by `owner` puts its collection.
    function predict(bytes calldata args, bytes32 salt, address owner)
        external
        view
        returns (address)
    {
        return LibClone.predictDeterministicAddress(
            implementation, abi.encodePacked(owner, args), salt, address(this)
        );
    }

    /// @dev What stands in a clone's code can never be mended: refuse what cannot be meant.
    function _check(bytes calldata args) private pure {
        if (args.length < 124) revert BadArguments();
        uint256 symbolAt = 123 + uint256(uint8(args[122]));
        if (args.length <= symbolAt) revert BadArguments();
        if (args.length < symbolAt + 1 + uint8(args[symbolAt])) revert BadArguments();
        if (bytes4(args[96:100]) == 0) revert BadArguments();
        if (uint16(bytes2(args[100:102])) > 10_000) revert BadArguments();
    }
}
