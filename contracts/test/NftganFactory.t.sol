// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {NftganCollection} from "../src/NftganCollection.sol";
import {NftganFactory} from "../src/NftganFactory.sol";
import {Rig} from "./Rig.sol";
import {LibClone} from "solady/src/utils/LibClone.sol";

contract NftganFactoryTest is Rig {
    function test_what_is_created_stands_where_it_was_foretold() public {
        bytes memory arguments = args("root", 10, 500);
        address foretold = factory.predict(arguments, "salt", ARTIST);
        vm.expectEmit(address(factory));
        emit NftganFactory.Created(foretold, ARTIST);
        vm.prank(ARTIST);
        same(factory.create(arguments, "salt"), foretold);
        same(NftganCollection(foretold).owner(), ARTIST);
        same(factory.implementation(), address(implementation));
    }

    function test_every_argument_comes_back() public {
        NftganCollection c = create(args("root", 4_000_000_000, 750));
        check(c.modelIdentity() == "model", "model");
        check(c.recipeHash() == "recipe", "recipe");
        check(c.piecesRoot() == "root", "root");
        same(c.maxSupply(), 4_000_000_000);
        (address receiver, uint256 amount) = c.royaltyInfo(0, 20_000);
        same(receiver, ROYALTY);
        same(amount, 1500);
        same(c.name(), "Tides");
        same(c.symbol(), "TIDE");
        same(c.baseURI(), BASE);
        same(c.contractURI(), string.concat(BASE, "contract.json"));
    }

    function testFuzz_texts_come_back_whole(bytes memory a, bytes memory b, string memory base)
        public
    {
        uint256 long = a.length > 255 ? 255 : a.length;
        uint256 short = b.length > 255 ? 255 : b.length;
        assembly {
            mstore(a, long)
            mstore(b, short)
        }
        NftganCollection c = create(args(0, 1, 0, string(a), string(b), base));
        same(c.name(), string(a));
        same(c.symbol(), string(b));
        same(c.baseURI(), base);
    }

    function testFuzz_addresses_differ_by_owner_arguments_and_salt(
        address owner,
        uint32 supply,
        bytes32 salt
    ) public view {
        bytes memory arguments = args(0, supply, 0);
        address at = factory.predict(arguments, salt, owner);
        address other = address(uint160(owner) ^ 1);
        check(at != factory.predict(arguments, salt, other), "owner");
        check(at != factory.predict(arguments, salt ^ bytes32(uint256(1)), owner), "salt");
        check(at != factory.predict(args(0, supply ^ 1, 0), salt, owner), "arguments");
    }

    function test_the_same_collection_is_refused_the_second_time() public {
        create(args(0, 1, 0));
        vm.expectRevert(LibClone.DeploymentFailed.selector);
        vm.prank(ARTIST);
        factory.create(args(0, 1, 0), 0);
    }

    function refuses(bytes memory arguments) private {
        vm.expectRevert(NftganFactory.BadArguments.selector);
        factory.create(arguments, 0);
    }

    function cut(bytes memory whole, uint256 length) private pure returns (bytes memory) {
        assembly {
            mstore(whole, length)
        }
        return whole;
    }

    function test_broken_arguments_are_refused() public {
        refuses("");
        bytes memory least = args(0, 1, 0, "", "", "");
        same(least.length, 124);
        refuses(cut(least, 122));
        refuses(cut(args(0, 1, 0, "", "", ""), 123));
        refuses(cut(args(0, 1, 0, "abcd", "", ""), 127));
        refuses(cut(args(0, 1, 0, "", "abcd", ""), 127));
        refuses(args(0, 0, 0));
        refuses(args(0, 1, 10_001));
    }

    function test_the_least_and_the_most_are_allowed() public {
        create(args(0, 1, 10_000, "", "", ""));
        create(args(0, type(uint32).max, 0, "", "", ""));
    }

    function test_a_clone_made_elsewhere_with_no_arguments_belongs_to_nobody() public {
        NftganCollection c = NftganCollection(LibClone.clone(address(implementation), ""));
        same(c.owner(), address(0));
        same(c.maxSupply(), 0);
        vm.expectRevert(NftganCollection.NotOwner.selector);
        c.mintBatch(0, STRANGER, seeds(1));
    }
}
