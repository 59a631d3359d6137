// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {NftganCollection} from "../src/NftganCollection.sol";
import {NftganFactory} from "../src/NftganFactory.sol";
import {NftganSale} from "../src/NftganSale.sol";
import {SaleRig} from "./NftganSale.t.sol";
import {LibClone} from "solady/src/utils/LibClone.sol";

/// @dev What a liar would do: a forged birth, and a seller, a buyer or a stranger who cheats.
contract AttacksTest is SaleRig {
    // ------------------------------------------------------------------------ forged births

    bytes private constant TAIL = hex"5af43d82803e903d91602b57fd5bf3";

    /// @dev The code of a genuine clone, from creation code that stores something first: to a slot
    ///      a value, thrice.
    function forged(address target, bytes memory all, bytes32[6] memory stored)
        private
        returns (address found)
    {
        bytes memory runtime = abi.encodePacked(hex"363d3d373d3d3d363d73", target, TAIL, all);
        bytes memory code;
        for (uint256 i = 0; i < 6; i += 2) {
            code = abi.encodePacked(code, hex"7f", stored[i + 1], hex"7f", stored[i], hex"55");
        }
        code = abi.encodePacked(
            code, hex"61", uint16(runtime.length), hex"8061", uint16(code.length + 11)
        );
        code = abi.encodePacked(code, hex"5f395ff3", runtime);
        assembly {
            found := create(0, add(code, 32), mload(code))
        }
        require(keccak256(found.code) == keccak256(runtime), "not the genuine code");
    }

    function keyed(address who, bytes32 slot) private pure returns (bytes32) {
        return keccak256(abi.encode(who, slot));
    }

    function test_a1_a_clone_with_approvals_and_a_next_owner_from_birth_is_none_of_ours() public {
        bytes memory all = abi.encodePacked(ARTIST, args("root", 10, 500));
        bytes32[6] memory stored;
        // _operatorApprovals[BUYER][STRANGER], _pendingOwner
        (stored[0], stored[1]) =
        (keyed(STRANGER, keyed(BUYER, bytes32(uint256(5)))), bytes32(uint256(1)));
        (stored[2], stored[3]) = (bytes32(uint256(8)), bytes32(uint256(uint160(STRANGER))));
        NftganCollection trap = NftganCollection(forged(address(implementation), all, stored));
        check(address(trap).codehash == address(create(args("root", 10, 500))).codehash, "code");
        // The trap works: its code cannot be told from that of a genuine one.
        vm.prank(ARTIST);
        trap.mintBatch(0, BUYER, seeds(2));
        vm.prank(STRANGER);
        trap.transferFrom(BUYER, STRANGER, 1);
        vm.prank(STRANGER);
        trap.acceptOwnership();
        same(trap.owner(), STRANGER);
        // Its address can.
        check(!factory.made(address(trap)), "a forged birth passes");
        NftganSale.Terms memory t = plain();
        t.collection = address(trap);
        vm.expectRevert(NftganSale.BadTerms.selector);
        maker.create(packed(t), 0);
    }

    function test_a1_a_forged_collection_takes_no_more_than_a_tenth_either() public {
        bytes memory all = abi.encodePacked(ARTIST, args("root", 10, 1000));
        for (uint256 i = 0; i + 1 < all.length; ++i) {
            if (all[i] == 0x03 && all[i + 1] == 0xe8) (all[i], all[i + 1]) = (0x27, 0x10); // 100 %
        }
        bytes32[6] memory stored;
        NftganCollection trap = NftganCollection(forged(address(implementation), all, stored));
        (, uint256 amount) = trap.royaltyInfo(0, 20_000);
        same(amount, 2000);
    }

    function test_a1_a_forged_collection_is_not_revealed_either() public {
        bytes memory all = abi.encodePacked(ARTIST, args("root", 20_000, 500));
        bytes32[6] memory stored;
        c = NftganCollection(forged(address(implementation), all, stored));
        NftganSale sale = open(blind());
        buy(sale, BUYER, 1);
        draw(sale, 0);
        offer(sale);
        refusesReveal(sale);
    }

    /// @dev A sale with earned money from birth pays its seller at once: no contract can prevent it,
    ///      as it is no sale of the maker; but its address says so.
    function test_a2_a_sale_that_earned_before_it_sold_is_not_where_the_maker_puts_it() public {
        NftganSale.Terms memory t = blind();
        bytes memory all = abi.encodePacked(ARTIST, packed(t));
        bytes32[6] memory stored;
        (stored[0], stored[1]) = (bytes32(uint256(1)), bytes32(uint256(1 ether))); // earned
        NftganSale trap = NftganSale(forged(address(maker), all, stored));
        same(trap.earned(), 1 ether);
        for (uint256 salt = 0; salt < 1024; ++salt) {
            check(
                maker.predict(packed(t), bytes32(salt), ARTIST) != address(trap), "a forged birth"
            );
        }
    }

    // -------------------------------------------------------------------- fakes that are sold

    function test_a3_a_contract_that_only_answers_is_not_revealed() public {
        FakeCollection fake = new FakeCollection();
        NftganSale.Terms memory t = blind();
        t.commitment = maker.commitmentTo(address(fake), "root", 0, SALT);
        NftganSale sale = open(t);
        buy(sale, BUYER, 3);
        draw(sale, 0);
        vm.expectRevert(NftganSale.BadReveal.selector);
        vm.prank(ARTIST);
        sale.reveal(address(fake), SALT);
        // and its buyer is paid back
        vm.warp(REFUNDS);
        uint256 before = BUYER.balance;
        vm.prank(BUYER);
        sale.refund(0, BUYER);
        same(BUYER.balance, before + 3 * PRICE);
    }

    function test_a3b_an_open_sale_of_a_contract_that_only_answers_is_not_made() public {
        NftganSale.Terms memory t = plain();
        t.collection = address(new FakeCollection());
        vm.expectRevert(NftganSale.BadTerms.selector);
        maker.create(packed(t), 0);
    }

    // ---------------------------------------------------------------- the seller's own order

    function refusesReveal(NftganSale sale) private {
        vm.expectRevert(NftganSale.BadReveal.selector);
        vm.prank(ARTIST);
        sale.reveal(address(c), SALT);
    }

    function test_a4_no_token_is_minted_between_the_reveal_and_the_last_delivery() public {
        NftganSale sale = open(blind());
        buy(sale, BUYER, 1);
        buy(sale, OTHER, 1);
        reveal(sale, 0);
        for (uint256 i = 0; i < 2; ++i) {
            vm.expectRevert(abi.encodeWithSelector(NftganSale.Waiting.selector, 2 - i));
            vm.prank(ARTIST);
            sale.release();
            vm.expectRevert(NftganCollection.NotOwner.selector);
            vm.prank(ARTIST);
            c.mintBatch(i, ARTIST, seeds(1));
            deliver(sale, i, seeds(1));
        }
        vm.prank(ARTIST);
        sale.release();
    }

    function test_a4_nothing_is_minted_between_the_purchases_and_the_reveal() public {
        NftganSale sale = open(blind());
        buy(sale, BUYER, 1);
        draw(sale, 0);
        mint(c, 1, ARTIST); // knowing the order, the seller takes a piece away
        offer(sale);
        refusesReveal(sale);
    }

    function test_a4_a_place_in_the_queue_is_no_piece_before_the_draw() public {
        // The same purchases, two hashes: the first buyer gets another piece.
        for (uint256 first = 0; first < 2; ++first) {
            c = create(args(bytes32(first + 1), 9, 500));
            NftganSale sale = open(blind());
            buy(sale, BUYER, 1);
            buy(sale, OTHER, 1);
            reveal(sale, first);
            deliver(sale, 0, seeds(2));
            same(c.ownerOf(first), BUYER);
        }
    }

    function test_a4_the_seller_cannot_try_another_block() public {
        NftganSale sale = open(blind());
        buy(sale, BUYER, 5);
        vm.prank(ARTIST);
        sale.end();
        uint256 chosen = sale.drawBlock();
        for (uint256 number = block.number; number < chosen + 257; number += 40) {
            vm.roll(number);
            if (number > chosen) vm.setBlockhash(chosen, "hash");
            vm.expectRevert(NftganSale.NotOver.selector);
            vm.prank(ARTIST);
            sale.end();
        }
        vm.prank(STRANGER);
        sale.draw(); // anyone ends the wait
        check(sale.drawn() == "hash", "another hash");
    }

    // ------------------------------------------------------------------------------- refunds

    function test_a5_the_seller_refunds_nobody_but_itself() public {
        NftganSale sale = open(blind());
        buy(sale, BUYER, 1);
        vm.warp(REFUNDS);
        vm.expectRevert(NftganSale.NothingToRefund.selector);
        vm.prank(ARTIST);
        sale.refund(0, BUYER);
        NftganSale.Terms memory t = blind();
        t.refundsFrom = CLOSES; // at once, to pick whom to serve
        vm.expectRevert(NftganSale.BadTerms.selector);
        maker.create(packed(t), 0);
    }

    function test_a6_no_stranger_undoes_a_sale_in_front_of_its_delivery() public {
        NftganSale sale = open(blind());
        buy(sale, BUYER, 1);
        draw(sale, 0);
        offer(sale);
        vm.warp(REFUNDS - 1);
        vm.prank(ARTIST);
        sale.reveal(address(c), SALT);
        vm.warp(REFUNDS);
        vm.expectRevert(abi.encodeWithSelector(NftganSale.TooEarly.selector, REFUNDS - 1 + 3 days));
        vm.prank(BUYER);
        sale.refund(0, BUYER);
        vm.warp(REFUNDS + 10 days);
        vm.expectRevert(NftganSale.NothingToRefund.selector);
        vm.prank(STRANGER);
        sale.refund(0, BUYER);
        deliver(sale, 0, seeds(1));
        same(c.ownerOf(0), BUYER);
    }

    /// @dev A delivery of the largest claim there may be, in the costlier kind of collection.
    function test_a7_any_claim_fits_a_block() public {
        c = NftganCollection(factoryCode.create(args("root", 20_000, 500), 0));
        NftganSale.Terms memory t = blind();
        t.price = 0;
        NftganSale sale = open(t);
        vm.expectRevert(abi.encodeWithSelector(NftganSale.WrongCount.selector, 200));
        vm.prank(BUYER);
        sale.buy(7000);
        vm.prank(BUYER);
        sale.buy(200);
        reveal(sale, 0);
        uint256 gas = gasleft();
        deliver(sale, 0, seeds(200));
        check(gas - gasleft() < 1_500_000, "too dear");
        same(c.balanceOf(BUYER), 200);
    }

    function test_a8_money_is_never_bound_for_longer_than_half_a_year() public {
        NftganSale.Terms memory t = blind();
        t.refundsFrom = type(uint40).max;
        vm.expectRevert(NftganSale.BadTerms.selector);
        maker.create(packed(t), 0);
        t.closes = type(uint40).max - 30 days;
        vm.expectRevert(NftganSale.BadTerms.selector);
        maker.create(packed(t), 0);
        // The seller leaves: nobody ends, draws or reveals.
        NftganSale sale = open(blind());
        buy(sale, BUYER, 4);
        vm.warp(REFUNDS);
        uint256 before = BUYER.balance;
        vm.prank(BUYER);
        sale.refund(0, BUYER);
        same(BUYER.balance, before + 4 * PRICE);
    }

    function test_a9_a_buyer_that_takes_no_ether_is_paid_elsewhere() public {
        NftganSale sale = open(blind());
        Vault vault = new Vault();
        vm.deal(address(vault), PRICE);
        vault.buy(sale, PRICE);
        vm.warp(REFUNDS);
        vm.expectRevert();
        vault.refund(sale, address(vault));
        vault.refund(sale, STRANGER);
        same(STRANGER.balance, PRICE);
    }

    function test_a9_a_seller_that_takes_no_ether_is_paid_elsewhere() public {
        NftganSale sale = ready(plain());
        buy(sale, BUYER, 1);
        vm.prank(ARTIST);
        sale.withdraw(STRANGER);
        same(STRANGER.balance, PRICE);
    }

    // --------------------------------------------------------------------------- collections

    function test_a10_no_clone_asks_for_more_than_a_tenth() public {
        vm.expectRevert(NftganFactory.BadArguments.selector);
        factory.create(args("root", 10, 1001), 0);
        bytes memory all = abi.encodePacked(ARTIST, args("root", 10, type(uint16).max));
        NftganCollection odd = NftganCollection(LibClone.clone(address(implementation), all));
        (, uint256 amount) = odd.royaltyInfo(0, 10_000);
        same(amount, 1000);
        check(!factory.made(address(odd)), "made by hand");
    }

    /// @dev Both pieces of one id pass: what proves that there is one of each is the whole tree.
    function test_a11_the_root_alone_does_not_say_that_an_id_has_one_piece() public {
        bytes32[] memory proof = new bytes32[](1);
        bytes32 a = keccak256(bytes.concat(keccak256(abi.encode(0, uint32(1), bytes32("one")))));
        bytes32 b = keccak256(bytes.concat(keccak256(abi.encode(0, uint32(2), bytes32("two")))));
        c = create(args(a < b ? keccak256(abi.encode(a, b)) : keccak256(abi.encode(b, a)), 9, 0));
        proof[0] = b;
        check(c.verifyPiece(0, 1, "one", proof), "one");
        proof[0] = a;
        check(c.verifyPiece(0, 2, "two", proof), "two");
    }

    function test_a12_a_delivery_that_is_sent_twice_gives_nobody_anothers_seeds() public {
        NftganSale sale = open(blind());
        buy(sale, BUYER, 2);
        buy(sale, OTHER, 2);
        reveal(sale, 0);
        deliver(sale, 0, seeds(2));
        vm.expectRevert(abi.encodeWithSelector(NftganCollection.WrongStart.selector, 2, 0));
        deliver(sale, 0, seeds(2));
        same(c.nextTokenId(), 2);
    }

    // ------------------------------------------------------- further ones, of our own making

    /// @dev Many small purchases are no better than a large one: of each piece, a buyer's chance is
    ///      the buyer's share of the tokens sold.
    function test_b1_splitting_a_purchase_does_not_help() public {
        uint256[8] memory got;
        for (uint256 first = 0; first < 8; ++first) {
            c = create(args(bytes32(first + 1), 9, 500));
            NftganSale sale = open(blind());
            buy(sale, BUYER, 4);
            for (uint256 i = 0; i < 4; ++i) {
                buy(sale, OTHER, 1);
            }
            reveal(sale, first);
            deliver(sale, 0, seeds(8));
            for (uint256 id = 0; id < 8; ++id) {
                if (c.ownerOf(id) == BUYER) ++got[id];
            }
        }
        for (uint256 id = 0; id < 8; ++id) {
            same(got[id], 4);
        }
    }

    /// @dev A seller who bought, too, and lets the time for delivery pass cannot steer a piece to
    ///      itself by having some of its own claims refunded.
    function test_b2_refunds_steer_no_piece() public {
        NftganSale sale = open(blind());
        vm.deal(ARTIST, 1 ether);
        for (uint256 i = 0; i < 3; ++i) {
            buy(sale, ARTIST, 1);
        }
        buy(sale, BUYER, 1);
        reveal(sale, 0);
        vm.warp(sale.refundable());
        vm.prank(ARTIST);
        sale.refund(0, ARTIST);
        vm.prank(ARTIST);
        sale.refund(1, ARTIST);
        deliver(sale, 0, seeds(4));
        same(c.ownerOf(3), BUYER); // as before
        same(sale.earned(), 2 * PRICE);
        same(address(sale).balance, 2 * PRICE);
    }

    /// @dev Nor do refunds of free claims, a great many of them, stand in the way of the others.
    function test_b3_no_heap_of_refunded_claims_blocks_the_delivery() public {
        NftganSale.Terms memory t = blind();
        t.price = 0;
        NftganSale sale = open(t);
        for (uint256 i = 0; i < 300; ++i) {
            vm.prank(OTHER);
            sale.buy(1);
        }
        vm.prank(BUYER);
        sale.buy(1);
        reveal(sale, 0);
        vm.warp(sale.refundable());
        for (uint256 i = 0; i < 300; ++i) {
            vm.prank(OTHER);
            sale.refund(i, OTHER);
        }
        for (uint256 i = 0; i < 300; i += 100) {
            deliver(sale, i, seeds(100)); // of any size
        }
        deliver(sale, 300, seeds(1));
        same(c.ownerOf(300), BUYER);
        same(c.ownerOf(0), ARTIST);
    }

    /// @dev A buyer that is called back with its money gets it once.
    function test_b4_a_refund_that_calls_again_is_paid_once() public {
        NftganSale sale = open(blind());
        buy(sale, OTHER, 5);
        Greedy greedy = new Greedy();
        vm.deal(address(greedy), PRICE);
        greedy.buy(sale, PRICE);
        vm.warp(REFUNDS);
        greedy.refund(sale, address(greedy));
        same(address(greedy).balance, PRICE);
        check(!greedy.again(), "twice");
        same(address(sale).balance, 5 * PRICE);
    }

    /// @dev A revealed sale cannot be revealed again to move the day of refunds.
    function test_b5_a_second_reveal_does_not_put_refunds_off() public {
        NftganSale sale = open(blind());
        buy(sale, BUYER, 1);
        reveal(sale, 0);
        vm.warp(REFUNDS - 1);
        refusesReveal(sale);
        same(sale.refundable(), REFUNDS);
    }

    /// @dev The collection that the sale gave back may come again; nothing is delivered twice.
    function test_b6_a_collection_that_comes_back_delivers_nothing_more() public {
        NftganSale sale = open(blind());
        buy(sale, BUYER, 1);
        reveal(sale, 0);
        deliver(sale, 0, seeds(1));
        vm.prank(ARTIST);
        sale.release();
        vm.prank(ARTIST);
        c.acceptOwnership();
        hand(sale);
        vm.expectRevert(abi.encodeWithSelector(NftganSale.WrongCount.selector, 0));
        deliver(sale, 1, seeds(1));
        same(sale.earned(), PRICE);
    }
}

/// @dev Answers what a sale asks, and mints nothing.
contract FakeCollection {
    bytes32 public constant piecesRoot = "root";
    uint256 public constant nextTokenId = 0;
    uint256 public constant maxSupply = 1000;

    function acceptOwnership() external {}
    function mintBatch(uint256, address, bytes calldata) external {}
}

/// @dev A buyer that takes no ether.
contract Vault {
    function buy(NftganSale sale, uint256 price) external {
        sale.buy{value: price}(1);
    }

    function refund(NftganSale sale, address to) external virtual {
        sale.refund(0, to);
    }
}

/// @dev A buyer that asks for its money while it is being paid.
contract Greedy is Vault {
    bool public again;

    function refund(NftganSale sale, address to) external override {
        sale.refund(1, to);
    }

    receive() external payable {
        (again,) = msg.sender.call(abi.encodeCall(NftganSale.refund, (1, address(this))));
    }
}
