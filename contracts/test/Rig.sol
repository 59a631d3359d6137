// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {NftganCollection} from "../src/NftganCollection.sol";
import {NftganFactory} from "../src/NftganFactory.sol";

/// @dev The few of forge's cheat codes that these tests use.
interface Vm {
    struct Log {
        bytes32[] topics;
        bytes data;
        address emitter;
    }

    function prank(address sender) external;
    function expectRevert() external;
    function expectRevert(bytes4 selector) external;
    function expectRevert(bytes calldata data) external;
    function expectEmit(address emitter) external;
    function assume(bool condition) external pure;
    function recordLogs() external;
    function getRecordedLogs() external returns (Log[] memory);
    function sign(uint256 key, bytes32 digest) external pure returns (uint8, bytes32, bytes32);
    function addr(uint256 key) external pure returns (address);
    function warp(uint256 timestamp) external;
    function deal(address account, uint256 amount) external;
    function roll(uint256 number) external;
    function setBlockhash(uint256 number, bytes32 hash) external;
    function mockCall(address callee, bytes calldata data, bytes calldata answer) external;
    function store(address account, bytes32 slot, bytes32 value) external;
}

/// @dev A factory, a way to make collections, and checks that revert.
abstract contract Rig {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    address internal constant ARTIST = address(0xA27157);
    address internal constant BUYER = address(0xB07E2);
    address internal constant OTHER = address(0x07E2);
    address internal constant STRANGER = address(0x572A);
    address internal constant ROYALTY = address(0x207A17);
    string internal constant BASE =
        "ipfs://bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi/";

    NftganCollection internal implementation = new NftganCollection();
    NftganFactory internal factory = new NftganFactory(address(implementation));

    function args(bytes32 root, uint32 supply, uint16 bps) internal pure returns (bytes memory) {
        return args(root, supply, bps, "Tides", "TIDE", BASE);
    }

    function args(
        bytes32 root,
        uint32 supply,
        uint16 bps,
        string memory name,
        string memory symbol,
        string memory base
    ) internal pure returns (bytes memory) {
        bytes memory numbers = abi.encodePacked(
            bytes32("model"), bytes32("recipe"), root, supply, bps
        );
        return abi.encodePacked(
            numbers,
            ROYALTY,
            uint8(bytes(name).length),
            name,
            uint8(bytes(symbol).length),
            symbol,
            base
        );
    }

    function create(bytes memory arguments) internal returns (NftganCollection) {
        vm.prank(ARTIST);
        return NftganCollection(factory.create(arguments, 0));
    }

    function create(uint32 supply) internal returns (NftganCollection) {
        return create(args(0, supply, 500));
    }

    function seeds(uint256 count) internal pure returns (bytes memory packed) {
        packed = new bytes(4 * count);
        for (uint256 i = 0; i < packed.length; ++i) {
            packed[i] = bytes1(uint8(uint256(keccak256(abi.encode(i)))));
        }
    }

    function mint(NftganCollection c, uint256 count, address to) internal {
        uint256 first = c.nextTokenId();
        vm.prank(ARTIST);
        c.mintBatch(first, to, seeds(count));
    }

    function check(bool condition, string memory what) internal pure {
        require(condition, what);
    }

    function same(string memory a, string memory b) internal pure {
        require(keccak256(bytes(a)) == keccak256(bytes(b)), string.concat(a, " is not ", b));
    }

    function same(address a, address b) internal pure {
        require(a == b, "addresses differ");
    }

    function same(uint256 a, uint256 b) internal pure {
        require(a == b, "numbers differ");
    }

    function clamp(uint256 x, uint256 low, uint256 high) internal pure returns (uint256) {
        return low + x % (high - low + 1);
    }
}
