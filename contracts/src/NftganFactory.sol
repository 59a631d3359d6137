// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Makes collections as minimal clones of one implementation, at addresses that prove it.
/// @notice A collection is made by CREATE2, so its address is a hash of this factory, of a small
///         salt and of the whole creation code: that of a clone whose storage is empty and whose
///         fixed data are those in its code. Who has the address alone can check this against the
///         code that stands there, with `made` or by the same arithmetic elsewhere.
/// @dev The owner stands in the clone's code and so in the hash that makes its address: nobody can
///      take the address of another's collection first, and no salt needs to be kept secret.
contract NftganFactory {
    /// @dev The layout of the arguments is broken, or a number in them is out of range.
    error BadArguments();
    /// @dev The same owner made a collection of the same arguments and salt before.
    error AlreadyCreated();

    /// @notice A new collection and the account that owns it.
    event Created(address indexed collection, address indexed owner);

    /// @notice The most that a collection may ask for as royalty, in hundredths of a percent.
    uint256 public constant MAX_ROYALTY_BPS = 1000;
    /// @notice Salts are numbers below this, so that `made` can try them all.
    uint256 public constant SALTS = 256;

    /// @notice The code that every collection of this factory runs.
    address public immutable implementation;

    constructor(address implementation_) {
        implementation = implementation_;
    }

    /// @notice Make a collection owned by the caller. The same caller, arguments and salt cannot
    ///         make two: the address is taken, so the second call reverts.
    /// @param args model 32 | recipe 32 | root 32 | maxSupply 4 | royaltyBps 2 | royaltyReceiver 20
    ///        | nameLength 1 | name | symbolLength 1 | symbol | baseURI
    /// @param salt a number below `SALTS`
    function create(bytes calldata args, bytes32 salt) external returns (address collection) {
        _check(args, salt);
        bytes memory code = _creationCode(msg.sender, _clone(msg.sender, args));
        assembly ("memory-safe") {
            collection := create2(0, add(code, 32), mload(code), salt)
        }
        if (collection == address(0)) revert AlreadyCreated();
        emit Created(collection, msg.sender);
    }

    /// @notice Where `create(args, salt)` called by `owner` puts its collection.
    function predict(bytes calldata args, bytes32 salt, address owner)
        external
        view
        returns (address)
    {
        return _place(salt, keccak256(_creationCode(owner, _clone(owner, args))));
    }

    /// @notice Whether this factory made the contract at `collection`; nothing is remembered, the
    ///         address itself says so.
    function made(address collection) external view returns (bool) {
        bytes memory code = collection.code;
        if (code.length < _CLONE || _addressAt(code, 10) != implementation) return false;
        bytes32 hash = keccak256(_creationCode(_addressAt(code, _CLONE - 20), code));
        for (uint256 salt = 0; salt < SALTS; ++salt) {
            if (_place(bytes32(salt), hash) == collection) return true;
        }
        return false;
    }

    // ------------------------------------------------------------------------------- code

    /// @dev Bytes of a clone's code, the owner included.
    uint256 private constant _CLONE = 65;

    /// @dev The code of a collection: a minimal proxy with immutable arguments (Solady's LibClone).
    function _clone(address owner, bytes calldata args) private view returns (bytes memory) {
        return abi.encodePacked(
            hex"363d3d373d3d3d363d73",
            implementation,
            hex"5af43d82803e903d91602b57fd5bf3",
            owner,
            args
        );
    }

    /// @dev Creation code that announces the owner and the metadata, stores nothing and returns
    ///      `code`, which begins at byte 104 of it.
    function _creationCode(address owner, bytes memory code) private pure returns (bytes memory) {
        return abi.encodePacked(
            hex"73", // LOG3: OwnershipTransferred(0, owner)
            owner,
            hex"5f7f8be0079c531659141344cd1fd0a4f28419497f9722a3daafe3b4186f6b6457e05f5fa3",
            // LOG1: ContractURIUpdated()
            hex"7fa5d4097edda6d87cb9329af83fb3712ef77eeb13738ffe43cc35a4ce305ad9625f5fa1",
            hex"61", // CODECOPY, RETURN
            uint16(code.length),
            hex"8060685f395ff3",
            code
        );
    }

    function _place(bytes32 salt, bytes32 hash) private view returns (address) {
        return
            address(
                uint160(uint256(keccak256(abi.encodePacked(hex"ff", address(this), salt, hash))))
            );
    }

    function _addressAt(bytes memory code, uint256 start) private pure returns (address found) {
        assembly ("memory-safe") {
            found := shr(96, mload(add(add(code, 32), start)))
        }
    }

    /// @dev What stands in a clone's code can never be mended: refuse what cannot be meant.
    function _check(bytes calldata args, bytes32 salt) private pure {
        if (uint256(salt) >= SALTS) revert BadArguments();
        if (args.length < 124 || args.length > 24_000) revert BadArguments();
        uint256 symbolAt = 123 + uint256(uint8(args[122]));
        if (args.length <= symbolAt) revert BadArguments();
        if (args.length < symbolAt + 1 + uint8(args[symbolAt])) revert BadArguments();
        if (bytes4(args[96:100]) == 0) revert BadArguments();
        if (uint16(bytes2(args[100:102])) > MAX_ROYALTY_BPS) revert BadArguments();
    }
}
