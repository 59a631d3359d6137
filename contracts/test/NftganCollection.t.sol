// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {NftganCollection} from "../src/NftganCollection.sol";
import {Rig} from "./Rig.sol";
import {IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";

contract NftganCollectionTest is Rig {
    NftganCollection private c = create(1000);

    // ---------------------------------------------------------------------------- minting

    function test_a_batch_tells_its_seeds_and_every_token() public {
        vm.expectEmit(address(c));
        emit NftganCollection.Seeds(0, seeds(3));
        for (uint256 id = 0; id < 3; ++id) {
            vm.expectEmit(address(c));
            emit IERC721.Transfer(address(0), BUYER, id);
        }
        mint(c, 3, BUYER);
        same(c.balanceOf(BUYER), 3);
        same(c.nextTokenId(), 3);
        same(c.totalSupply(), 3);
    }

    function test_a_single_token_tells_its_seed_too() public {
        vm.expectEmit(address(c));
        emit NftganCollection.Seeds(0, seeds(1));
        vm.expectEmit(address(c));
        emit IERC721.Transfer(address(0), BUYER, 0);
        mint(c, 1, BUYER);
        same(c.ownerOf(0), BUYER);
        same(c.balanceOf(BUYER), 1);
        same(c.nextTokenId(), 1);
    }

    function moving(uint256 id, address to) private returns (uint256 cost) {
        vm.prank(BUYER);
        cost = gasleft();
        c.transferFrom(BUYER, to, id);
        cost -= gasleft();
    }

    function test_a_batch_of_one_is_an_ordinary_token_and_cheaper_to_move() public {
        mint(c, 2, BUYER);
        mint(c, 1, BUYER);
        check(moving(0, OTHER) > moving(2, STRANGER) + 10_000, "not cheaper");
    }

    /// Any sequence of batches, any transfers, any burns: the same owners as a plain table.
    function testFuzz_owners_are_those_of_a_plain_table(uint256[24] memory moves) public {
        address[] memory table = new address[](1000);
        address[3] memory people = [BUYER, OTHER, STRANGER];
        uint256 minted = 0;
        for (uint256 i = 0; i < moves.length; ++i) {
            uint256 move = moves[i];
            address who = people[(move >> 8) % 3];
            uint256 id = minted == 0 ? 0 : (move >> 16) % minted;
            if (move % 3 == 0) {
                uint256 count = clamp(move >> 64, 1, 20);
                mint(c, count, who);
                for (uint256 k = 0; k < count; ++k) {
                    table[minted++] = who;
                }
            } else if (table[id] != address(0)) {
                vm.prank(table[id]);
                if (move % 3 == 1) c.transferFrom(table[id], who, id);
                else c.burn(id);
                table[id] = move % 3 == 1 ? who : address(0);
            }
        }
        uint256 living = 0;
        for (uint256 id = 0; id < minted; ++id) {
            if (table[id] == address(0)) {
                vm.expectRevert(
                    abi.encodeWithSelector(IERC721Errors.ERC721NonexistentToken.selector, id)
                );
                c.ownerOf(id);
            } else {
                same(c.ownerOf(id), table[id]);
                ++living;
            }
        }
        same(c.totalSupply(), living);
        same(c.balanceOf(BUYER) + c.balanceOf(OTHER) + c.balanceOf(STRANGER), living);
    }

    function testFuzz_a_batch_begins_at_the_next_id_only(uint256 first) public {
        mint(c, 4, ARTIST);
        vm.assume(first != 4);
        vm.expectRevert(abi.encodeWithSelector(NftganCollection.WrongStart.selector, 4, first));
        vm.prank(ARTIST);
        c.mintBatch(first, ARTIST, seeds(1));
    }

    function testFuzz_only_the_owner_mints(address caller) public {
        vm.assume(caller != ARTIST);
        vm.expectRevert(NftganCollection.NotOwner.selector);
        vm.prank(caller);
        c.mintBatch(0, caller, seeds(1));
    }

    function testFuzz_seeds_are_four_bytes_each(uint256 length) public {
        length = clamp(length, 0, 200);
        bytes memory packed = new bytes(length);
        if (length == 0 || length % 4 != 0) vm.expectRevert(NftganCollection.BadSeeds.selector);
        vm.prank(ARTIST);
        c.mintBatch(0, ARTIST, packed);
    }

    function test_a_batch_of_nothing_is_refused() public {
        vm.expectRevert(NftganCollection.BadSeeds.selector);
        vm.prank(ARTIST);
        c.mintBatch(0, ARTIST, "");
    }

    function test_the_supply_is_never_exceeded() public {
        mint(c, 998, ARTIST);
        vm.expectRevert(abi.encodeWithSelector(NftganCollection.SupplyExceeded.selector, 1000));
        vm.prank(ARTIST);
        c.mintBatch(998, ARTIST, seeds(3));
        mint(c, 2, ARTIST);
        vm.expectRevert(abi.encodeWithSelector(NftganCollection.SupplyExceeded.selector, 1000));
        vm.prank(ARTIST);
        c.mintBatch(1000, ARTIST, seeds(1));
    }

    function test_nothing_goes_to_the_zero_address() public {
        for (uint256 count = 1; count < 3; ++count) {
            vm.expectRevert(
                abi.encodeWithSelector(IERC721Errors.ERC721InvalidReceiver.selector, address(0))
            );
            vm.prank(ARTIST);
            c.mintBatch(0, address(0), seeds(count));
        }
    }

    // --------------------------------------------------------------------------- burning

    function test_a_burnt_token_never_comes_back() public {
        mint(c, 4, BUYER);
        vm.expectEmit(address(c));
        emit IERC721.Transfer(BUYER, address(0), 2);
        vm.prank(BUYER);
        c.burn(2);
        same(c.totalSupply(), 3);
        same(c.nextTokenId(), 4);
        vm.expectRevert(abi.encodeWithSelector(IERC721Errors.ERC721NonexistentToken.selector, 2));
        vm.prank(BUYER);
        c.burn(2);
        vm.expectRevert(abi.encodeWithSelector(IERC721Errors.ERC721NonexistentToken.selector, 2));
        c.tokenURI(2);
        same(c.ownerOf(3), BUYER);
    }

    function testFuzz_only_holders_and_approved_burn(address caller) public {
        mint(c, 3, BUYER);
        vm.assume(caller != BUYER && caller != address(0));
        vm.expectRevert(
            abi.encodeWithSelector(IERC721Errors.ERC721InsufficientApproval.selector, caller, 1)
        );
        vm.prank(caller);
        c.burn(1);
        vm.prank(BUYER);
        c.approve(caller, 1);
        vm.prank(caller);
        c.burn(1);
        same(c.totalSupply(), 2);
    }

    // ------------------------------------------------------------------------------ proof

    function testFuzz_a_piece_is_proved_by_its_own_leaf_only(
        uint256 id,
        uint32 seed,
        bytes32 pixels,
        bytes32 sibling
    ) public {
        bytes32 leaf = keccak256(bytes.concat(keccak256(abi.encode(id, seed, pixels))));
        bytes32 root = leaf < sibling
            ? keccak256(abi.encode(leaf, sibling))
            : keccak256(abi.encode(sibling, leaf));
        NftganCollection one = create(args(root, 7, 0));
        bytes32[] memory proof = new bytes32[](1);
        proof[0] = sibling;
        check(one.verifyPiece(id, seed, pixels, proof), "true piece");
        unchecked {
            check(!one.verifyPiece(id + 1, seed, pixels, proof), "wrong id");
            check(!one.verifyPiece(id, seed + 1, pixels, proof), "wrong seed");
        }
        check(!one.verifyPiece(id, seed, ~pixels, proof), "wrong pixels");
        proof[0] = ~sibling;
        check(!one.verifyPiece(id, seed, pixels, proof), "wrong proof");
        check(!one.verifyPiece(id, seed, pixels, new bytes32[](0)), "no proof");
    }

    // --------------------------------------------------------------------------- metadata

    function test_the_base_uri_moves_until_it_is_frozen() public {
        mint(c, 11, BUYER);
        same(c.tokenURI(10), string.concat(BASE, "10.json"));
        vm.expectEmit(address(c));
        emit NftganCollection.BatchMetadataUpdate(0, type(uint256).max);
        vm.expectEmit(address(c));
        emit NftganCollection.ContractURIUpdated();
        vm.prank(ARTIST);
        c.setBaseURI("ipfs://other/");
        same(c.tokenURI(0), "ipfs://other/0.json");
        same(c.contractURI(), "ipfs://other/contract.json");
        vm.prank(ARTIST);
        c.setBaseURI("");
        same(c.baseURI(), BASE);
        check(!c.frozen(), "frozen too early");
        vm.expectEmit(address(c));
        emit NftganCollection.MetadataFrozen();
        vm.prank(ARTIST);
        c.freezeMetadata();
        check(c.frozen(), "not frozen");
        vm.expectRevert(NftganCollection.Frozen.selector);
        vm.prank(ARTIST);
        c.setBaseURI("ipfs://late/");
    }

    function test_markets_are_told_to_look_again_also_when_it_is_frozen() public {
        vm.prank(ARTIST);
        c.freezeMetadata();
        vm.expectEmit(address(c));
        emit NftganCollection.BatchMetadataUpdate(3, 7);
        vm.prank(ARTIST);
        c.refreshMetadata(3, 7);
    }

    function test_there_is_no_uri_of_a_token_that_is_not() public {
        vm.expectRevert(abi.encodeWithSelector(IERC721Errors.ERC721NonexistentToken.selector, 0));
        c.tokenURI(0);
    }

    function testFuzz_only_the_owner_touches_metadata(address caller) public {
        vm.assume(caller != ARTIST);
        vm.expectRevert(NftganCollection.NotOwner.selector);
        vm.prank(caller);
        c.setBaseURI("ipfs://x/");
        vm.expectRevert(NftganCollection.NotOwner.selector);
        vm.prank(caller);
        c.freezeMetadata();
        vm.expectRevert(NftganCollection.NotOwner.selector);
        vm.prank(caller);
        c.refreshMetadata(0, 1);
    }

    function test_it_says_which_standards_it_keeps() public view {
        bytes4[6] memory kept =
            [bytes4(0x01ffc9a7), 0x80ac58cd, 0x5b5e139f, 0x2a55205a, 0x49064906, 0xe8a3d485];
        for (uint256 i = 0; i < kept.length; ++i) {
            check(c.supportsInterface(kept[i]), "denied");
        }
        check(!c.supportsInterface(0xffffffff), "claimed");
        check(!c.supportsInterface(0x780e9d63), "not enumerable");
    }

    function testFuzz_royalty_is_a_share_of_the_price(uint128 price, uint16 bps) public {
        bps = uint16(clamp(bps, 0, 1000));
        NftganCollection one = create(args("r", 1, bps));
        (address receiver, uint256 amount) = one.royaltyInfo(0, price);
        same(receiver, ROYALTY);
        same(amount, uint256(price) * bps / 10_000);
        check(amount <= price / 10, "more than a tenth");
    }

    // -------------------------------------------------------------------------- ownership

    function test_ownership_moves_in_two_steps() public {
        vm.expectEmit(address(c));
        emit NftganCollection.OwnershipTransferStarted(ARTIST, OTHER);
        vm.prank(ARTIST);
        c.transferOwnership(OTHER);
        same(c.owner(), ARTIST);
        same(c.pendingOwner(), OTHER);
        vm.expectRevert(NftganCollection.NotPendingOwner.selector);
        vm.prank(ARTIST);
        c.acceptOwnership();
        vm.expectEmit(address(c));
        emit NftganCollection.OwnershipTransferred(ARTIST, OTHER);
        vm.prank(OTHER);
        c.acceptOwnership();
        same(c.owner(), OTHER);
        same(c.pendingOwner(), address(0));
        vm.expectRevert(NftganCollection.NotOwner.selector);
        vm.prank(ARTIST);
        c.mintBatch(0, ARTIST, seeds(1));
        vm.prank(OTHER);
        c.mintBatch(0, OTHER, seeds(2));
        same(c.owner(), OTHER);
        vm.expectRevert(NftganCollection.NotPendingOwner.selector);
        vm.prank(OTHER);
        c.acceptOwnership();
    }

    function testFuzz_only_the_owner_offers_ownership(address caller) public {
        vm.assume(caller != ARTIST);
        vm.expectRevert(NftganCollection.NotOwner.selector);
        vm.prank(caller);
        c.transferOwnership(caller);
    }

    function test_nobody_owns_the_implementation() public {
        same(implementation.owner(), address(1));
        vm.expectRevert(NftganCollection.NotOwner.selector);
        vm.prank(ARTIST);
        implementation.mintBatch(0, ARTIST, seeds(1));
    }
}
