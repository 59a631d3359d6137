// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {SafeTransferLib} from "solady/src/utils/SafeTransferLib.sol";

/// @title Divides what it receives among fixed accounts by fixed shares: royalties of a team.
/// @notice Each splitter is a minimal clone whose shares stand in its own code, at an address that
///         follows from them. Nobody owns it, nothing in it can be changed, and money leaves it to
///         those accounts alone: anyone may ask for that, each account is paid on its own.
///
/// Assumptions:
/// - A payment without calldata runs none of this code, only a STOP: it costs so little that a
///   market which sends with 2,300 gas reaches it.
/// - Tokens that take a fee, change balances by themselves or lie harm none but themselves: every
///   token has its own ledger, and ether has its own.
/// - Division rounds down: fewer wei than there are accounts stay behind.
contract NftganSplitter {
    /// @dev Shares are not 2 to 100 accounts in rising order whose parts are 10,000 in all.
    error BadShares();
    /// @dev A splitter of these shares is there already: use it.
    error AlreadyCreated();
    /// @dev Nothing is due to this account in this token.
    error NothingDue();

    /// @notice A new splitter.
    event Created(address indexed splitter);
    /// @notice An account was paid, in ether where `token` is zero.
    event Released(address indexed token, address indexed account, uint256 amount);

    /// @notice The most accounts of one splitter.
    uint256 public constant MOST = 100;

    /// @notice What was paid out in a token (ether: zero) in all.
    mapping(address token => uint256) public totalReleased;
    /// @notice What was paid out in a token (ether: zero) to an account.
    mapping(address token => mapping(address account => uint256)) public released;

    // ------------------------------------------------------------------------------ creation

    /// @notice Make the splitter of these shares; anyone may, there can be one.
    /// @param packed accounts in rising order, each 20 bytes and its part of 10,000 in 2
    function create(bytes calldata packed) external returns (address splitter) {
        _check(packed);
        bytes memory code = _creationCode(packed);
        assembly ("memory-safe") {
            splitter := create2(0, add(code, 32), mload(code), 0)
        }
        if (splitter == address(0)) revert AlreadyCreated();
        emit Created(splitter);
    }

    /// @notice Where `create(shares)` puts the splitter.
    function predict(bytes calldata packed) external view returns (address) {
        bytes32 hash = keccak256(_creationCode(packed));
        bytes memory place = abi.encodePacked(hex"ff", address(this), bytes32(0), hash);
        return address(uint160(uint256(keccak256(place))));
    }

    // ------------------------------------------------------------------------------- payment

    /// @notice Pay what is due to `account` in `token`; zero stands for ether.
    function release(address token, address account) external returns (uint256 amount) {
        amount = due(token, account);
        if (amount == 0) revert NothingDue();
        released[token][account] += amount;
        totalReleased[token] += amount;
        emit Released(token, account, amount);
        if (token == address(0)) SafeTransferLib.safeTransferETH(account, amount);
        else SafeTransferLib.safeTransfer(token, account, amount);
    }

    /// @notice What `release(token, account)` would pay now.
    function due(address token, address account) public view returns (uint256) {
        uint256 here = token == address(0)
            ? address(this).balance
            : SafeTransferLib.balanceOf(token, address(this));
        uint256 entitled = (here + totalReleased[token]) * partOf(account) / 10_000;
        uint256 had = released[token][account];
        return entitled > had ? entitled - had : 0;
    }

    // -------------------------------------------------------------------------------- shares

    /// @notice The part of 10,000 that `account` gets; zero for who has none.
    function partOf(address account) public view returns (uint256) {
        bytes memory code = address(this).code;
        for (uint256 start = _CLONE; start < code.length; start += _SHARE) {
            (address one, uint256 part) = _shareAt(code, start);
            if (one == account) return part;
        }
        return 0;
    }

    /// @notice All accounts and their parts of 10,000.
    function shares() external view returns (address[] memory accounts, uint256[] memory parts) {
        bytes memory code = address(this).code;
        uint256 count = (code.length - _CLONE) / _SHARE;
        (accounts, parts) = (new address[](count), new uint256[](count));
        for (uint256 i = 0; i < count; ++i) {
            (accounts[i], parts[i]) = _shareAt(code, _CLONE + i * _SHARE);
        }
    }

    // ---------------------------------------------------------------------------------- code

    /// @dev Bytes of a clone's code before its shares, and of each share.
    uint256 private constant _CLONE = 51;
    uint256 private constant _SHARE = 22;

    /// @dev Creation code that stores nothing and returns a minimal proxy with the shares behind
    ///      it (as Solady's LibClone), which begins with: no calldata, then STOP.
    function _creationCode(bytes calldata shares_) private view returns (bytes memory) {
        return abi.encodePacked(
            hex"61",
            uint16(_CLONE + shares_.length),
            hex"3d81600a3d39f3",
            hex"36600557005b363d3d373d3d3d363d73",
            address(this),
            hex"5af43d82803e903d91603157fd5bf3",
            shares_
        );
    }

    function _shareAt(bytes memory code, uint256 start)
        private
        pure
        returns (address account, uint256 part)
    {
        uint256 word;
        assembly ("memory-safe") {
            word := mload(add(add(code, 32), start))
        }
        return (address(uint160(word >> 96)), uint256(uint16(word >> 80)));
    }

    /// @dev What stands in a clone's code can never be mended: refuse what cannot be meant.
    function _check(bytes calldata shares_) private pure {
        uint256 count = shares_.length / _SHARE;
        if (count < 2 || count > MOST || shares_.length != count * _SHARE) revert BadShares();
        uint256 sum = 0;
        address before = address(0);
        for (uint256 start = 0; start < shares_.length; start += _SHARE) {
            address account = address(bytes20(shares_[start:start + 20]));
            uint256 part = uint16(bytes2(shares_[start + 20:start + 22]));
            if (account <= before || part == 0) revert BadShares();
            (before, sum) = (account, sum + part);
        }
        if (sum != 10_000) revert BadShares();
    }
}
