// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {NftganCollection} from "../src/NftganCollection.sol";
import {NftganCollectionCode} from "../src/NftganCollectionCode.sol";
import {NftganFactory} from "../src/NftganFactory.sol";
import {Rig} from "./Rig.sol";

contract NftganCollectionCodeTest is Rig {
    NftganCollectionCode private c = make(0);

    function make(bytes32 salt) private returns (NftganCollectionCode) {
        NftganFactory own = new NftganFactory(address(new NftganCollectionCode()));
        vm.prank(ARTIST);
        return NftganCollectionCode(own.create(args(0, 100_000, 500), salt));
    }

    function packed(uint256 first, uint256 count) private pure returns (bytes memory out) {
        out = new bytes(4 * count);
        for (uint256 i = 0; i < out.length; ++i) {
            out[i] = keccak256(abi.encode(first + i / 4))[i % 4];
        }
    }

    function put(uint256 count) private {
        uint256 first = c.nextTokenId();
        vm.prank(ARTIST);
        c.mintBatch(first, BUYER, packed(first, count));
    }

    function sameSeeds(uint256 first, uint256 count) private view {
        check(keccak256(c.seedsOf(first, count)) == keccak256(packed(first, count)), "other seeds");
    }

    function testFuzz_every_token_keeps_its_seed_whatever_the_batches(uint8[12] memory sizes)
        public
    {
        for (uint256 i = 0; i < sizes.length; ++i) {
            // Every other batch is small, so that batches of one come first, last and between.
            put(i % 2 == 0 ? 1 + sizes[i] % 2 : 1 + sizes[i] % 40);
        }
        uint256 minted = c.nextTokenId();
        sameSeeds(0, minted);
        for (uint256 id = 0; id < minted; ++id) {
            check(c.seedOf(id) == uint32(bytes4(keccak256(abi.encode(id)))), "another seed");
        }
        uint256 half = minted / 2;
        sameSeeds(half, minted - half);
        sameSeeds(half, 0);
    }

    function test_seeds_of_nothing_and_of_everything_are_kept_as_they_are() public {
        vm.prank(ARTIST);
        c.mintBatch(0, BUYER, hex"00000000");
        vm.prank(ARTIST);
        c.mintBatch(1, BUYER, hex"ffffffff");
        vm.prank(ARTIST);
        c.mintBatch(2, BUYER, hex"00000000ffffffff");
        same(c.seedOf(0), 0);
        same(c.seedOf(1), type(uint32).max);
        same(c.seedOf(2), 0);
        same(c.seedOf(3), type(uint32).max);
    }

    function test_the_first_batch_of_many_need_not_begin_at_zero() public {
        put(1);
        put(1);
        put(5);
        put(4);
        sameSeeds(0, 11);
        check(c.seedOf(3) == uint32(bytes4(keccak256(abi.encode(uint256(3))))), "another seed");
    }

    function test_there_is_no_seed_of_a_token_that_never_was() public {
        refuses(0, 1);
        put(3);
        refuses(3, 1);
        refuses(3, 0);
        refuses(2, 2);
        refuses(type(uint256).max, 1);
        refuses(0, type(uint256).max);
    }

    function refuses(uint256 first, uint256 count) private {
        vm.expectRevert(abi.encodeWithSelector(NftganCollectionCode.NoSeed.selector, first));
        c.seedsOf(first, count);
    }

    function test_a_burnt_token_keeps_its_seed() public {
        put(1);
        put(3);
        vm.prank(BUYER);
        c.burn(0);
        vm.prank(BUYER);
        c.burn(2);
        sameSeeds(0, 4);
    }

    function test_the_log_has_the_seeds_too() public {
        vm.expectEmit(address(c));
        emit NftganCollection.Seeds(0, packed(0, 3));
        put(3);
    }

    function test_a_batch_may_be_as_large_as_a_contract() public {
        put(6143);
        sameSeeds(6140, 3);
        put(2);
        sameSeeds(6142, 3);
    }

    function test_two_collections_of_one_maker_keep_their_own_seeds() public {
        NftganCollectionCode other = make(0);
        put(3);
        vm.prank(ARTIST);
        other.mintBatch(0, BUYER, packed(7, 3));
        sameSeeds(0, 3);
        check(keccak256(other.seedsOf(0, 3)) == keccak256(packed(7, 3)), "other seeds");
    }
}
