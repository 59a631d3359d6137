// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {NftganCollection} from "../src/NftganCollection.sol";
import {NftganFactory} from "../src/NftganFactory.sol";
import {Rig} from "./Rig.sol";
import {LibClone} from "solady/src/utils/LibClone.sol";

contract NftganFactoryTest is Rig {
    function test_what_is_created_stands_where_it_was_foretold() public {
        bytes memory arguments = args("root", 10, 500);
        address foretold = factory.predict(arguments, bytes32(uint256(7)), ARTIST);
        vm.expectEmit(foretold);
        emit NftganCollection.OwnershipTransferred(address(0), ARTIST);
        vm.expectEmit(foretold);
        emit NftganCollection.ContractURIUpdated();
        vm.expectEmit(address(factory));
        emit NftganFactory.Created(foretold, ARTIST);
        vm.prank(ARTIST);
        same(factory.create(arguments, bytes32(uint256(7))), foretold);
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
        address place = factory.predict(arguments, salt, owner);
        address other = address(uint160(owner) ^ 1);
        check(place != factory.predict(arguments, salt, other), "owner");
        check(place != factory.predict(arguments, salt ^ bytes32(uint256(1)), owner), "salt");
        check(place != factory.predict(args(0, supply ^ 1, 0), salt, owner), "arguments");
    }

    function test_a_collection_with_the_last_salt_is_one_of_ours() public {
        bytes32 last = bytes32(factory.SALTS() - 1);
        vm.prank(ARTIST);
        check(factory.made(factory.create(args("root", 10, 500), last)), "the last salt");
    }

    function test_the_same_collection_is_refused_the_second_time() public {
        create(args(0, 1, 0));
        vm.expectRevert(NftganFactory.AlreadyCreated.selector);
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
        refuses(args(0, 1, 1001));
        refuses(args(0, 1, 0, "", "", string(new bytes(24_000 - 123))));
        vm.expectRevert(NftganFactory.BadArguments.selector);
        factory.create(args(0, 1, 0), bytes32(uint256(256)));
    }

    function test_the_least_and_the_most_are_allowed() public {
        create(args(0, 1, 1000, "", "", ""));
        create(args(0, 1, 0, "", "", string(new bytes(24_000 - 124))));
        factory.create(args(0, 1, 0), bytes32(uint256(255)));
        create(args(0, type(uint32).max, 0, "", "", ""));
    }

    /// @dev The creation code, written down once more: two logs, then a clone's code.
    function test_an_address_is_the_hash_of_creation_code_that_stores_nothing() public {
        address found = address(create(args("root", 10, 500)));
        bytes memory runtime = abi.encodePacked(
            hex"363d3d373d3d3d363d73", implementation, hex"5af43d82803e903d91602b57fd5bf3"
        );
        runtime = abi.encodePacked(runtime, ARTIST, args("root", 10, 500));
        check(keccak256(found.code) == keccak256(runtime), "code");
        bytes memory creation = abi.encodePacked(
            hex"73", ARTIST, hex"5f7f", NftganCollection.OwnershipTransferred.selector, hex"5f5fa3"
        );
        creation = abi.encodePacked(
            creation, hex"7f", NftganCollection.ContractURIUpdated.selector, hex"5f5fa1"
        );
        creation = abi.encodePacked(
            creation, hex"61", uint16(runtime.length), hex"8060685f395ff3", runtime
        );
        bytes32 hash =
            keccak256(abi.encodePacked(hex"ff", factory, bytes32(0), keccak256(creation)));
        same(found, address(uint160(uint256(hash))));
    }

    function testFuzz_a_factory_knows_what_it_made(uint8 salt, uint32 supply, uint8 text) public {
        bytes memory arguments =
            args(0, uint32(clamp(supply, 1, 9)), 0, "n", "s", string(new bytes(text)));
        vm.prank(ARTIST);
        address found = factory.create(arguments, bytes32(uint256(salt)));
        check(factory.made(found), "not known");
        check(!new NftganFactory(address(implementation)).made(found), "another factory");
    }

    function test_a_factory_knows_what_it_did_not_make() public {
        check(!factory.made(address(0)), "nothing");
        check(!factory.made(ARTIST), "an account");
        check(!factory.made(address(factory)), "itself");
        check(!factory.made(address(implementation)), "the implementation");
        check(!factory.made(LibClone.clone(address(implementation), "")), "no owner");
        bytes memory all = abi.encodePacked(ARTIST, args("root", 10, 500));
        check(!factory.made(LibClone.clone(address(implementation), all)), "a clone");
        check(!factory.made(LibClone.cloneDeterministic(address(implementation), all, 0)), "");
    }

    function test_a_clone_made_elsewhere_with_no_arguments_belongs_to_nobody() public {
        NftganCollection c = NftganCollection(LibClone.clone(address(implementation), ""));
        same(c.owner(), address(0));
        same(c.maxSupply(), 0);
        vm.expectRevert(NftganCollection.NotOwner.selector);
        c.mintBatch(0, STRANGER, seeds(1));
    }
}
