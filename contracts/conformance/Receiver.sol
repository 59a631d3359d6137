// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @dev Answers a safe transfer with what it was made to, or refuses it.
contract Receiver {
    event Received(address operator, address from, uint256 tokenId, bytes data, uint256 gas);

    bytes4 private immutable _answer;
    bool private immutable _refuses;

    constructor(bytes4 answer, bool refuses) {
        (_answer, _refuses) = (answer, refuses);
    }

    function onERC721Received(address operator, address from, uint256 id, bytes calldata data)
        external
        returns (bytes4)
    {
        require(!_refuses, "refused");
        emit Received(operator, from, id, data, gasleft());
        return _answer;
    }
}
