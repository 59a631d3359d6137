// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {NftganCollection} from "../src/NftganCollection.sol";
import {NftganCollectionCode} from "../src/NftganCollectionCode.sol";
import {NftganFactory} from "../src/NftganFactory.sol";
import {NftganSale} from "../src/NftganSale.sol";
import {Rig} from "./Rig.sol";
import {LibClone} from "solady/src/utils/LibClone.sol";

/// @dev Makes sales, and collections that belong to them.
abstract contract SaleRig is Rig {
    uint256 internal constant SIGNER_KEY = 0x5164;
    uint128 internal constant PRICE = 0.01 ether;
    uint40 internal constant OPENS = 1000;
    uint40 internal constant CLOSES = 2000;
    uint40 internal constant REFUNDS = CLOSES + 30 days;
    bytes32 internal constant SALT = "salt of a blind sale";

    NftganFactory internal factoryCode = new NftganFactory(address(new NftganCollectionCode()));
    NftganSale internal maker = new NftganSale(factory, factoryCode);
    NftganCollection internal c = create(args("root", 20_000, 500));

    function plain() internal view returns (NftganSale.Terms memory t) {
        t.collection = address(c);
        (t.price, t.supply) = (PRICE, 10_000);
        (t.opens, t.closes, t.refundsFrom) = (OPENS, CLOSES, CLOSES);
    }

    function blind() internal view returns (NftganSale.Terms memory t) {
        t = plain();
        (t.collection, t.refundsFrom) = (address(0), REFUNDS);
        t.commitment = maker.commitmentTo(address(c), c.piecesRoot(), c.nextTokenId(), SALT);
    }

    function packed(NftganSale.Terms memory t) internal pure returns (bytes memory) {
        return abi.encodePacked(
            abi.encodePacked(t.collection, t.commitment, t.allowlist, t.signer),
            abi.encodePacked(uint128(t.price), uint32(t.supply), uint32(t.perWallet)),
            abi.encodePacked(uint40(t.opens), uint40(t.closes), uint40(t.refundsFrom))
        );
    }

    function open(NftganSale.Terms memory t) internal returns (NftganSale sale) {
        vm.prank(ARTIST);
        sale = NftganSale(maker.create(packed(t), 0));
        vm.warp(OPENS);
        vm.deal(BUYER, 1000 ether);
        vm.deal(OTHER, 1000 ether);
    }

    /// @dev The sale owns the collection.
    function hand(NftganSale sale) internal {
        vm.prank(ARTIST);
        c.transferOwnership(address(sale));
        sale.accept();
    }

    /// @dev The sale is over, and the block that sets the order is there; it makes the token with
    ///      this number the first.
    function draw(NftganSale sale, uint256 first) internal {
        vm.prank(ARTIST);
        sale.end();
        vm.roll(sale.drawBlock() + 1);
        bytes32 hash = "hash";
        while (uint256(keccak256(abi.encode(hash, SALT))) % sale.sold() != first) {
            hash = keccak256(abi.encode(hash));
        }
        vm.setBlockhash(sale.drawBlock(), hash);
        sale.draw();
    }

    function offer(NftganSale sale) internal {
        vm.prank(c.owner());
        c.transferOwnership(address(sale));
    }

    function reveal(NftganSale sale, uint256 first) internal {
        draw(sale, first);
        offer(sale);
        vm.prank(ARTIST);
        sale.reveal(address(c), SALT);
    }

    function deliver(NftganSale sale, uint256 firstId, bytes memory some) internal {
        vm.prank(ARTIST);
        sale.deliver(firstId, some);
    }

    function load(NftganSale sale, uint256 first, uint256 count) internal {
        vm.prank(ARTIST);
        sale.load(first, seeds(count));
    }

    /// @dev An open sale that is ready.
    function ready(NftganSale.Terms memory t) internal returns (NftganSale sale) {
        sale = open(t);
        load(sale, c.nextTokenId(), 200);
        hand(sale);
    }

    function buy(NftganSale sale, address who, uint256 count) internal {
        vm.prank(who);
        sale.buy{value: count * PRICE}(count);
    }

    function slice(bytes memory all, uint256 start, uint256 end)
        internal
        pure
        returns (bytes memory part)
    {
        part = new bytes(end - start);
        for (uint256 i = 0; i < part.length; ++i) {
            part[i] = all[start + i];
        }
    }
}

contract NftganSaleTest is SaleRig {
    // ------------------------------------------------------------------------------ terms

    function testFuzz_terms_come_back(NftganSale.Terms memory t, bytes32 salt, bool dark) public {
        t.owner = ARTIST;
        t.collection = dark ? address(0) : address(c);
        t.commitment = dark ? keccak256(abi.encode(t.commitment)) : bytes32(0);
        t.price = uint128(t.price);
        t.supply = 1 + uint256(dark ? uint256(uint16(t.supply)) % 65_535 : uint24(t.supply));
        t.perWallet = uint32(t.perWallet);
        t.opens = uint32(t.opens);
        t.closes = t.opens + clamp(t.closes, 1, dark ? 90 days : 3650 days);
        t.refundsFrom = t.closes + (dark ? clamp(t.refundsFrom, 3 days, 90 days) : 0);
        salt = bytes32(uint256(salt) % 1024);
        address foretold = maker.predict(packed(t), salt, ARTIST);
        vm.expectEmit(address(maker));
        emit NftganSale.Created(foretold, ARTIST);
        vm.prank(ARTIST);
        NftganSale sale = NftganSale(maker.create(packed(t), salt));
        same(address(sale), foretold);
        check(keccak256(abi.encode(sale.terms())) == keccak256(abi.encode(t)), "terms");
        same(sale.collection(), t.collection);
    }

    function refusesTerms(NftganSale.Terms memory t) private {
        refusesTerms(packed(t));
    }

    function refusesTerms(bytes memory raw) private {
        vm.expectRevert(NftganSale.BadTerms.selector);
        maker.create(raw, 0);
    }

    function test_terms_that_cannot_be_meant_are_refused() public {
        NftganSale.Terms memory t = plain();
        refusesTerms(abi.encodePacked(packed(t), "x"));
        refusesTerms(slice(packed(t), 0, 142));
        t.supply = 0;
        refusesTerms(t);
        t = plain();
        t.opens = CLOSES;
        refusesTerms(t);
        t = plain();
        t.refundsFrom = CLOSES - 1;
        refusesTerms(t);
        t.refundsFrom = CLOSES + 1;
        refusesTerms(t);
        t = plain();
        t.commitment = "both";
        refusesTerms(t);
    }

    function test_a_sale_of_what_is_no_collection_of_ours_is_refused() public {
        NftganSale.Terms memory t = plain();
        t.collection = address(new Impostor());
        refusesTerms(t);
        t.collection = ARTIST;
        refusesTerms(t);
        t.collection = address(implementation);
        refusesTerms(t);
        bytes memory all = abi.encodePacked(ARTIST, args("root", 20_000, 500));
        t.collection = LibClone.clone(address(implementation), all);
        refusesTerms(t);
        t.collection = factoryCode.create(args("root", 20_000, 500), 0);
        maker.create(packed(t), 0);
    }

    function test_a_chain_without_one_of_the_factories_has_sales_too() public {
        NftganSale other = new NftganSale(NftganFactory(address(0)), factory);
        other.create(packed(plain()), 0);
        other = new NftganSale(factory, NftganFactory(address(0)));
        other.create(packed(plain()), 0);
        NftganSale.Terms memory t = plain();
        t.collection = address(new Impostor());
        vm.expectRevert(NftganSale.BadTerms.selector);
        other.create(packed(t), 0);
    }

    function test_a_blind_sale_holds_money_for_so_long_and_no_longer() public {
        NftganSale.Terms memory t = blind();
        t.commitment = 0;
        refusesTerms(t);
        t = blind();
        t.supply = 65_536;
        refusesTerms(t);
        t.supply = 65_535;
        t.refundsFrom = CLOSES + 3 days - 1;
        refusesTerms(t);
        t.refundsFrom = CLOSES + 90 days + 1;
        refusesTerms(t);
        t.refundsFrom = CLOSES + 3 days;
        t.opens = CLOSES - 1;
        maker.create(packed(t), 0);
        t.refundsFrom = CLOSES + 90 days;
        t.opens = 0;
        maker.create(packed(t), 0);
        t.closes = 90 days + 1;
        t.refundsFrom = t.closes + 3 days;
        refusesTerms(t);
        t.closes -= 1;
        t.refundsFrom -= 1;
        maker.create(packed(t), 0);
    }

    function test_the_number_of_a_sale_is_small_so_that_its_address_proves_it() public {
        maker.create(packed(plain()), bytes32(uint256(1023)));
        vm.expectRevert(NftganSale.BadTerms.selector);
        maker.create(packed(plain()), bytes32(uint256(1024)));
    }

    function test_the_same_sale_is_refused_the_second_time() public {
        open(plain());
        vm.expectRevert(LibClone.DeploymentFailed.selector);
        vm.prank(ARTIST);
        maker.create(packed(plain()), 0);
    }

    // -------------------------------------------------------------------------- open sales

    function test_a_purchase_mints_and_pays() public {
        NftganSale sale = ready(plain());
        vm.expectEmit(address(sale));
        emit NftganSale.Sold(BUYER, 3, 3 * PRICE);
        vm.expectEmit(address(c));
        emit NftganCollection.Seeds(0, seeds(3));
        buy(sale, BUYER, 3);
        vm.expectEmit(address(c));
        emit NftganCollection.Seeds(3, slice(seeds(4), 12, 16));
        buy(sale, OTHER, 1);
        same(c.ownerOf(2), BUYER);
        same(c.ownerOf(3), OTHER);
        same(sale.sold(), 4);
        same(sale.bought(BUYER), 3);
        same(sale.earned(), 4 * PRICE);
        same(address(sale).balance, 4 * PRICE);
        vm.expectEmit(address(sale));
        emit NftganSale.Withdrawn(STRANGER, 4 * PRICE);
        vm.prank(ARTIST);
        sale.withdraw(STRANGER);
        same(STRANGER.balance, 4 * PRICE);
        same(address(sale).balance, 0);
        vm.prank(ARTIST);
        sale.withdraw(STRANGER);
        same(STRANGER.balance, 4 * PRICE);
        vm.expectRevert(NftganSale.NotAllowed.selector);
        vm.prank(ARTIST);
        sale.withdraw(address(0));
    }

    function testFuzz_only_the_exact_price_is_taken(uint256 value, uint256 count) public {
        NftganSale sale = ready(plain());
        count = clamp(count, 1, 50);
        value = clamp(value, 0, 1 ether);
        vm.assume(value != count * PRICE);
        vm.expectRevert(abi.encodeWithSelector(NftganSale.WrongPayment.selector, count * PRICE));
        vm.prank(BUYER);
        sale.buy{value: value}(count);
    }

    function refusesCount(NftganSale sale, uint256 count, uint256 left) private {
        vm.expectRevert(abi.encodeWithSelector(NftganSale.WrongCount.selector, left));
        buy(sale, BUYER, count);
    }

    function test_a_sale_has_an_end_in_number_and_in_time() public {
        NftganSale.Terms memory t = plain();
        t.supply = 5;
        NftganSale sale = ready(t);
        refusesCount(sale, 6, 5);
        refusesCount(sale, 0, 5);
        buy(sale, BUYER, 3);
        refusesCount(sale, 3, 2);
        vm.warp(OPENS - 1);
        refusesNow(sale);
        vm.warp(CLOSES);
        refusesNow(sale);
        vm.warp(CLOSES - 1);
        buy(sale, BUYER, 2);
        refusesCount(sale, 1, 0);
    }

    function refusesNow(NftganSale sale) private {
        vm.expectRevert(NftganSale.NotOpen.selector);
        buy(sale, BUYER, 1);
    }

    function test_a_wallet_has_its_limit() public {
        NftganSale.Terms memory t = plain();
        t.perWallet = 3;
        NftganSale sale = ready(t);
        refusesCount(sale, 4, 3);
        buy(sale, BUYER, 2);
        refusesCount(sale, 2, 1);
        buy(sale, BUYER, 1);
        refusesCount(sale, 1, 0);
        buy(sale, OTHER, 3);
    }

    function test_a_purchase_has_two_hundred_tokens_at_most() public {
        NftganSale sale = ready(plain());
        refusesCount(sale, 201, 200);
        buy(sale, BUYER, 200);
        same(c.balanceOf(BUYER), 200);
        sale = open(blind());
        refusesCount(sale, 201, 200);
        buy(sale, BUYER, 200);
    }

    function test_free_tokens_cost_nothing() public {
        NftganSale.Terms memory t = plain();
        t.price = 0;
        NftganSale sale = ready(t);
        vm.prank(BUYER);
        sale.buy(2);
        same(c.balanceOf(BUYER), 2);
    }

    // ------------------------------------------------------------------------------- seeds

    function refusesSeeds(NftganSale sale, uint256 first, bytes memory some, uint256 next) private {
        vm.expectRevert(abi.encodeWithSelector(NftganSale.BadSeeds.selector, next));
        vm.prank(ARTIST);
        sale.load(first, some);
    }

    function test_seeds_are_loaded_in_order_and_in_chunks() public {
        NftganSale sale = open(plain());
        refusesSeeds(sale, 7, "", 7);
        refusesSeeds(sale, 7, "abcde", 7);
        refusesSeeds(sale, 7, seeds(6001), 7);
        load(sale, 7, 6000);
        refusesSeeds(sale, 7, seeds(1), 6007);
        refusesSeeds(sale, 6008, seeds(1), 6007);
        load(sale, 6007, 5);
        refusesSeeds(sale, 6012, seeds(1), 6012);
        same(sale.stocked(), 6005);
    }

    function refusesNoSeed(NftganSale sale, uint256 count, uint256 id) private {
        vm.expectRevert(abi.encodeWithSelector(NftganSale.NoSeed.selector, id));
        buy(sale, BUYER, count);
    }

    function test_a_token_whose_seed_was_not_loaded_is_not_sold() public {
        mint(c, 6, ARTIST);
        NftganSale sale = open(plain());
        hand(sale);
        refusesNoSeed(sale, 1, 6);
        load(sale, 7, 3);
        refusesNoSeed(sale, 1, 6);
        vm.prank(ARTIST);
        sale.release();
        vm.prank(ARTIST);
        c.acceptOwnership();
        mint(c, 1, ARTIST);
        hand(sale);
        refusesNoSeed(sale, 4, 7);
        buy(sale, BUYER, 3);
        refusesNoSeed(sale, 1, 10);
    }

    function test_a_purchase_may_reach_into_the_next_chunk() public {
        NftganSale sale = open(plain());
        bytes memory more = hex"0102030405060708090a0b0c";
        load(sale, 0, 6000);
        vm.prank(ARTIST);
        sale.load(6000, more);
        mint(c, 5998, ARTIST);
        hand(sale);
        vm.expectEmit(address(c));
        emit NftganCollection.Seeds(
            5998, bytes.concat(slice(seeds(6000), 23_992, 24_000), hex"01020304")
        );
        buy(sale, BUYER, 3);
        vm.expectEmit(address(c));
        emit NftganCollection.Seeds(6001, hex"05060708090a0b0c");
        buy(sale, BUYER, 2);
    }

    // --------------------------------------------------------------------------- allowlist

    function leafOf(address who, uint256 allowance) private pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(abi.encode(who, allowance))));
    }

    function test_those_of_the_list_buy_up_to_their_allowance() public {
        bytes32[] memory proof = new bytes32[](1);
        (bytes32 a, bytes32 b) = (leafOf(BUYER, 4), leafOf(OTHER, 1));
        NftganSale.Terms memory t = plain();
        t.allowlist = a < b ? keccak256(abi.encode(a, b)) : keccak256(abi.encode(b, a));
        t.perWallet = 3;
        NftganSale sale = ready(t);
        proof[0] = b;
        vm.expectRevert(NftganSale.NotAllowed.selector);
        buy(sale, BUYER, 1);
        refusesListed(sale, STRANGER, 4, proof);
        refusesListed(sale, BUYER, 5, proof);
        refusesListed(sale, BUYER, 4, new bytes32[](0));
        vm.prank(BUYER);
        sale.buyListed{value: 3 * PRICE}(3, 4, proof);
        vm.expectRevert(abi.encodeWithSelector(NftganSale.WrongCount.selector, 0));
        vm.prank(BUYER);
        sale.buyListed{value: PRICE}(1, 4, proof);
        proof[0] = a;
        vm.expectRevert(abi.encodeWithSelector(NftganSale.WrongCount.selector, 1));
        vm.prank(OTHER);
        sale.buyListed{value: 2 * PRICE}(2, 1, proof);
        vm.prank(OTHER);
        sale.buyListed{value: PRICE}(1, 1, proof);
        same(c.balanceOf(OTHER), 1);
    }

    function refusesListed(NftganSale sale, address who, uint256 allowance, bytes32[] memory proof)
        private
    {
        vm.expectRevert(NftganSale.NotAllowed.selector);
        vm.prank(who);
        sale.buyListed(1, allowance, proof);
    }

    function test_a_sale_to_everybody_has_no_list() public {
        NftganSale sale = ready(plain());
        refusesListed(sale, BUYER, 1, new bytes32[](0));
    }

    // ---------------------------------------------------------------------------- vouchers

    function vouching() private returns (NftganSale sale) {
        NftganSale.Terms memory t = plain();
        t.signer = vm.addr(SIGNER_KEY);
        sale = ready(t);
    }

    function voucher() private pure returns (NftganSale.Voucher memory) {
        return NftganSale.Voucher(BUYER, 2, 0.5 ether, 77, OPENS + 10);
    }

    function signed(NftganSale sale, NftganSale.Voucher memory v, uint256 key)
        private
        view
        returns (bytes memory)
    {
        (uint8 y, bytes32 r, bytes32 s) = vm.sign(key, sale.voucherHash(v));
        return abi.encodePacked(r, s, y);
    }

    function refusesVoucher(NftganSale sale, NftganSale.Voucher memory v, bytes memory signature)
        private
    {
        vm.expectRevert(NftganSale.NotAllowed.selector);
        vm.prank(BUYER);
        sale.redeem{value: v.price}(v, signature);
    }

    function test_a_voucher_buys_once_at_its_price() public {
        NftganSale sale = vouching();
        NftganSale.Voucher memory v = voucher();
        bytes memory signature = signed(sale, v, SIGNER_KEY);
        vm.expectRevert(abi.encodeWithSelector(NftganSale.WrongPayment.selector, v.price));
        vm.prank(BUYER);
        sale.redeem{value: v.price - 1}(v, signature);
        check(!sale.voucherUsed(77), "used too early");
        vm.warp(v.deadline);
        vm.prank(BUYER);
        sale.redeem{value: v.price}(v, signature);
        same(c.balanceOf(BUYER), 2);
        same(sale.earned(), v.price);
        check(sale.voucherUsed(77), "not used");
        vm.expectRevert(abi.encodeWithSelector(NftganSale.VoucherUsed.selector, 77));
        vm.prank(BUYER);
        sale.redeem{value: v.price}(v, signature);
    }

    function test_a_voucher_is_for_its_buyer_until_its_deadline() public {
        NftganSale sale = vouching();
        NftganSale.Voucher memory v = voucher();
        bytes memory signature = signed(sale, v, SIGNER_KEY);
        vm.expectRevert(NftganSale.NotAllowed.selector);
        vm.prank(OTHER);
        sale.redeem{value: v.price}(v, signature);
        vm.warp(v.deadline + 1);
        refusesVoucher(sale, v, signature);
    }

    function testFuzz_a_voucher_that_was_changed_is_worthless(uint256 which, uint64 by) public {
        NftganSale sale = vouching();
        NftganSale.Voucher memory v = voucher();
        bytes memory signature = signed(sale, v, SIGNER_KEY);
        by = uint64(clamp(by, 1, 1000));
        if (which % 4 == 0) v.count += by;
        else if (which % 4 == 1) v.price += by;
        else if (which % 4 == 2) v.nonce += by;
        else v.deadline += by;
        refusesVoucher(sale, v, signature);
    }

    function testFuzz_only_the_signer_gives_vouchers(uint256 key) public {
        key = clamp(key, 1, type(uint128).max);
        vm.assume(key != SIGNER_KEY);
        NftganSale sale = vouching();
        refusesVoucher(sale, voucher(), signed(sale, voucher(), key));
        refusesVoucher(sale, voucher(), "");
    }

    function test_a_voucher_of_another_sale_is_worthless() public {
        NftganSale sale = vouching();
        NftganSale.Terms memory t = sale.terms();
        t.price = PRICE + 1;
        vm.prank(ARTIST);
        NftganSale other = NftganSale(maker.create(packed(t), 0));
        refusesVoucher(sale, voucher(), signed(other, voucher(), SIGNER_KEY));
    }

    function test_with_vouchers_nobody_buys_without_one() public {
        NftganSale sale = vouching();
        vm.expectRevert(NftganSale.NotAllowed.selector);
        buy(sale, BUYER, 1);
    }

    function test_what_a_signer_signs_is_eip_712() public {
        NftganSale sale = vouching();
        NftganSale.Voucher memory v = voucher();
        bytes32 domain = keccak256(
            abi.encode(
                keccak256(
                    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
                ),
                keccak256("nftgan sale"),
                keccak256("1"),
                block.chainid,
                address(sale)
            )
        );
        bytes32 message = keccak256(
            abi.encode(
                keccak256(
                    "Voucher(address buyer,uint256 count,uint256 price,uint256 nonce,uint256 deadline)"
                ),
                v
            )
        );
        check(
            sale.voucherHash(v) == keccak256(abi.encodePacked(hex"1901", domain, message)), "hash"
        );
    }

    // -------------------------------------------------------------------------- blind sales

    function test_a_blind_sale_delivers_after_the_reveal() public {
        NftganSale sale = open(blind());
        buy(sale, BUYER, 2);
        buy(sale, OTHER, 1);
        buy(sale, BUYER, 3);
        same(sale.claimCount(), 3);
        same(sale.earned(), 0);
        vm.prank(ARTIST);
        sale.withdraw(ARTIST);
        same(ARTIST.balance, 0);
        vm.expectRevert(NftganSale.NotRevealed.selector);
        deliver(sale, 0, seeds(2));
        draw(sale, 0);
        offer(sale);
        vm.expectEmit(address(sale));
        emit NftganSale.Revealed(address(c), SALT, 0);
        vm.prank(ARTIST);
        sale.reveal(address(c), SALT);
        same(sale.collection(), address(c));
        same(c.owner(), address(sale));
        bytes memory all = seeds(6);
        vm.expectRevert();
        deliver(sale, 0, slice(all, 0, 4)); // half a claim
        deliver(sale, 0, slice(all, 0, 12));
        same(sale.delivered(), 3);
        same(sale.earned(), 3 * PRICE);
        same(c.balanceOf(BUYER), 2);
        same(c.ownerOf(2), OTHER);
        vm.expectEmit(address(c));
        emit NftganCollection.Seeds(3, slice(all, 12, 24));
        deliver(sale, 3, slice(all, 12, 24));
        same(c.ownerOf(5), BUYER);
        same(sale.earned(), 6 * PRICE);
        vm.expectRevert(abi.encodeWithSelector(NftganSale.WrongCount.selector, 0));
        deliver(sale, 6, hex"00000000"); // nobody is left
    }

    /// @dev Every token sold goes to its buyer at its place in the circle, whatever the purchases,
    ///      the first token and the portions in which they are delivered.
    function testFuzz_the_order_is_that_of_the_purchases_in_a_circle(
        uint8[7] memory counts,
        uint256 first,
        uint256 portions
    ) public {
        mint(c, 3, ARTIST); // these are not for sale
        NftganSale sale = open(blind());
        address[] memory buyers = new address[](7 * 12);
        uint256 sold;
        for (uint256 i = 0; i < counts.length; ++i) {
            uint256 count = clamp(counts[i], 1, 12);
            address who = address(uint160(0xB0000 + i));
            vm.deal(who, 1 ether);
            buy(sale, who, count);
            for (uint256 k = 0; k < count; ++k) {
                buyers[sold++] = who;
            }
        }
        first = first % sold;
        reveal(sale, first);
        same(sale.firstToken(), first);
        bytes memory all = seeds(sold);
        for (uint256 done = 0; done < sold;) {
            uint256 some;
            do {
                some += nextPart(sale, done + some);
                portions = uint256(keccak256(abi.encode(portions)));
            } while (done + some < sold && portions % 2 == 0);
            deliver(sale, 3 + done, slice(all, 4 * done, 4 * (done + some)));
            done += some;
            same(sale.delivered(), done);
            same(sale.earned(), done * PRICE);
        }
        for (uint256 i = 0; i < sold; ++i) {
            same(c.ownerOf(3 + i), buyers[(first + i) % sold]);
        }
        same(address(sale).balance, sold * PRICE);
        vm.prank(ARTIST);
        sale.release();
    }

    /// @dev How many tokens the claim holds that comes after so many tokens of the circle.
    function nextPart(NftganSale sale, uint256 done) private view returns (uint256 count) {
        uint256 token = (sale.firstToken() + done) % sale.sold();
        for (uint256 i = 0; i < sale.claimCount(); ++i) {
            (, uint16 start, uint8 held,) = sale.claims(i);
            if (held == 0) continue;
            uint256 stop = uint256(start) + held;
            if (done == 0 && token >= start && token < stop) return stop - token;
            // Of the claim where the circle begins only the rest is left at its end.
            if (start == token) return held < sale.sold() - done ? held : sale.sold() - done;
        }
        revert("no part");
    }

    function refusesReveal(NftganSale sale, address what, bytes32 salt) private {
        vm.expectRevert(NftganSale.BadReveal.selector);
        vm.prank(ARTIST);
        sale.reveal(what, salt);
    }

    function test_only_what_was_committed_to_is_revealed() public {
        NftganSale sale = open(blind());
        buy(sale, BUYER, 2);
        NftganCollection other = create(args("root", 7, 500));
        vm.expectRevert(abi.encodeWithSelector(NftganSale.NotDrawn.selector, 0));
        vm.prank(ARTIST);
        sale.reveal(address(c), SALT);
        draw(sale, 1);
        refusesReveal(sale, address(other), SALT);
        refusesReveal(sale, address(c), "another salt");
        vm.expectRevert(NftganCollection.NotPendingOwner.selector);
        vm.prank(ARTIST);
        sale.reveal(address(c), SALT); // not offered
        offer(sale);
        vm.prank(ARTIST);
        sale.reveal(address(c), SALT);
        refusesReveal(sale, address(c), SALT);
    }

    function test_a_collection_with_seeds_in_code_may_be_sold_blind_too() public {
        c = NftganCollection(factoryCode.create(args("root", 9, 500), bytes32(uint256(255))));
        NftganSale sale = open(blind());
        buy(sale, BUYER, 2);
        reveal(sale, 1);
        deliver(sale, 0, seeds(2));
        same(c.ownerOf(1), BUYER);
    }

    function test_a_collection_too_small_for_what_was_sold_is_not_revealed() public {
        c = create(args("small", 2, 500));
        NftganSale sale = open(blind());
        buy(sale, BUYER, 3);
        draw(sale, 0);
        offer(sale);
        refusesReveal(sale, address(c), SALT);
    }

    function test_what_was_minted_before_leaves_less_room_for_what_was_sold() public {
        c = create(args("small", 4, 500));
        mint(c, 2, ARTIST);
        NftganSale sale = open(blind());
        buy(sale, BUYER, 3);
        draw(sale, 0);
        offer(sale);
        refusesReveal(sale, address(c), SALT);
    }

    function test_a_commitment_is_to_each_of_its_parts() public view {
        bytes32 all = maker.commitmentTo(address(c), "root", 1, SALT);
        check(all != maker.commitmentTo(address(maker), "root", 1, SALT), "collection");
        check(all != maker.commitmentTo(address(c), "other", 1, SALT), "root");
        check(all != maker.commitmentTo(address(c), "root", 2, SALT), "first");
        check(all != maker.commitmentTo(address(c), "root", 1, "other"), "secret");
    }

    function test_an_open_sale_that_sold_something_gives_its_collection_back() public {
        NftganSale sale = ready(plain());
        buy(sale, BUYER, 2);
        vm.prank(ARTIST);
        sale.release();
        vm.prank(ARTIST);
        c.acceptOwnership();
        same(c.owner(), ARTIST);
    }

    function test_a_collection_just_large_enough_is_revealed() public {
        c = create(args("small", 5, 500));
        mint(c, 2, ARTIST);
        NftganSale sale = open(blind());
        buy(sale, BUYER, 3);
        reveal(sale, 0);
        deliver(sale, 2, seeds(3));
        same(c.balanceOf(BUYER), 3);
    }

    function test_an_open_sale_has_nothing_to_end_or_to_reveal() public {
        NftganSale sale = ready(plain());
        vm.expectRevert(NftganSale.NotOver.selector);
        vm.prank(ARTIST);
        sale.end();
        vm.expectRevert(abi.encodeWithSelector(NftganSale.NotDrawn.selector, 0));
        vm.prank(ARTIST);
        sale.reveal(address(c), 0);
    }

    function test_a_blind_sale_that_sold_nothing_may_be_revealed_and_released() public {
        NftganSale sale = open(blind());
        vm.prank(ARTIST);
        sale.end();
        vm.roll(sale.drawBlock() + 1);
        vm.setBlockhash(sale.drawBlock(), "any");
        sale.draw();
        offer(sale);
        vm.prank(ARTIST);
        sale.reveal(address(c), SALT);
        vm.prank(ARTIST);
        sale.release();
        vm.prank(ARTIST);
        c.acceptOwnership();
    }

    // ------------------------------------------------------------------ the end and the draw

    function refusesEnd(NftganSale sale) private {
        vm.expectRevert(NftganSale.NotOver.selector);
        sale.end();
    }

    function test_anyone_ends_a_blind_sale_that_is_over() public {
        NftganSale.Terms memory t = blind();
        t.supply = 3;
        NftganSale sale = open(t);
        buy(sale, BUYER, 2);
        refusesEnd(sale);
        vm.warp(CLOSES - 1);
        refusesEnd(sale);
        buy(sale, BUYER, 1);
        vm.expectEmit(address(sale));
        emit NftganSale.Ended(block.number + 64);
        sale.end();
        same(sale.drawBlock(), block.number + 64);
        refusesEnd(sale);
        t.price = 1;
        sale = open(t);
        vm.warp(CLOSES);
        sale.end();
    }

    function test_the_seller_may_end_a_blind_sale_early_and_nobody_buys_after() public {
        NftganSale sale = open(blind());
        buy(sale, BUYER, 2);
        vm.prank(ARTIST);
        sale.end();
        refusesNow(sale);
        vm.expectRevert(NftganSale.NotOver.selector);
        vm.prank(ARTIST);
        sale.end(); // another block would be a choice
    }

    function test_the_order_is_drawn_once_from_the_block_that_was_named() public {
        NftganSale sale = open(blind());
        buy(sale, BUYER, 5);
        vm.expectRevert(abi.encodeWithSelector(NftganSale.NotDrawn.selector, 0));
        sale.draw();
        vm.warp(CLOSES);
        sale.end();
        uint256 chosen = sale.drawBlock();
        vm.roll(chosen);
        vm.expectRevert(abi.encodeWithSelector(NftganSale.NotDrawn.selector, chosen));
        sale.draw();
        vm.roll(chosen + 256);
        vm.setBlockhash(chosen, "the hash");
        refusesEnd(sale);
        vm.expectEmit(address(sale));
        emit NftganSale.Drawn("the hash");
        sale.draw();
        check(sale.drawn() == "the hash", "drawn");
        vm.expectRevert(abi.encodeWithSelector(NftganSale.NotDrawn.selector, chosen));
        sale.draw();
        vm.roll(chosen + 10_000);
        refusesEnd(sale);
        offer(sale);
        vm.prank(ARTIST);
        sale.reveal(address(c), SALT);
        same(sale.firstToken(), uint256(keccak256(abi.encode(bytes32("the hash"), SALT))) % 5);
    }

    address private constant HISTORY = 0x0000F90827F1C53a10cb7A02335B175320002935;

    function test_the_hash_is_found_in_the_history_too() public {
        NftganSale sale = open(blind());
        vm.warp(CLOSES);
        sale.end();
        uint256 chosen = sale.drawBlock();
        vm.roll(chosen + 8191);
        vm.mockCall(HISTORY, abi.encode(chosen), abi.encode(bytes32("old")));
        refusesEnd(sale);
        sale.draw();
        check(sale.drawn() == "old", "drawn");
    }

    function test_a_block_that_lapsed_gives_way_to_another() public {
        NftganSale sale = open(blind());
        buy(sale, BUYER, 1);
        vm.warp(CLOSES);
        sale.end();
        uint256 chosen = sale.drawBlock();
        vm.roll(chosen + 9000);
        vm.expectRevert(abi.encodeWithSelector(NftganSale.Lapsed.selector, chosen));
        sale.draw();
        sale.end();
        same(sale.drawBlock(), chosen + 9064);
        refusesNow(sale);
        vm.roll(chosen + 9065);
        vm.setBlockhash(chosen + 9064, "another");
        sale.draw();
        check(sale.drawn() == "another", "drawn");
    }

    // ----------------------------------------------------------------------------- refunds

    function refusesRefund(NftganSale sale, address who, uint256 index, bytes memory why) private {
        vm.expectRevert(why);
        vm.prank(who);
        sale.refund(index, who);
    }

    function early(uint256 from) private pure returns (bytes memory) {
        return abi.encodeWithSelector(NftganSale.TooEarly.selector, from);
    }

    function test_who_gets_nothing_gets_the_money_back() public {
        NftganSale sale = open(blind());
        buy(sale, BUYER, 2);
        buy(sale, OTHER, 3);
        same(sale.refundable(), REFUNDS);
        vm.warp(REFUNDS - 1);
        refusesRefund(sale, OTHER, 1, early(REFUNDS));
        vm.warp(REFUNDS);
        bytes memory nothing = abi.encodeWithSelector(NftganSale.NothingToRefund.selector);
        refusesRefund(sale, BUYER, 1, nothing);
        vm.expectRevert(nothing);
        vm.prank(OTHER);
        sale.refund(1, address(0));
        uint256 before = STRANGER.balance;
        vm.expectEmit(address(sale));
        emit NftganSale.Refunded(1, OTHER, STRANGER, 3 * PRICE);
        vm.prank(OTHER);
        sale.refund(1, STRANGER);
        same(STRANGER.balance, before + 3 * PRICE);
        refusesRefund(sale, OTHER, 1, nothing);
        before = ARTIST.balance;
        vm.prank(ARTIST);
        sale.refund(1, ARTIST); // the place is the seller's, the money is gone
        same(ARTIST.balance, before);
        vm.prank(BUYER);
        sale.refund(0, BUYER);
        same(address(sale).balance, 0);
    }

    function test_after_refunds_began_nothing_is_revealed_any_more() public {
        NftganSale sale = open(blind());
        buy(sale, BUYER, 2);
        draw(sale, 0);
        offer(sale);
        vm.warp(REFUNDS);
        refusesReveal(sale, address(c), SALT);
        vm.warp(REFUNDS - 1);
        vm.prank(ARTIST);
        sale.reveal(address(c), SALT);
        // Revealed in the last second: there is time to deliver, and no more than that.
        same(sale.refundable(), REFUNDS - 1 + 3 days);
        vm.warp(REFUNDS + 3 days - 2);
        refusesRefund(sale, BUYER, 0, early(REFUNDS + 3 days - 1));
        vm.warp(REFUNDS + 3 days - 1);
        vm.prank(BUYER);
        sale.refund(0, BUYER);
    }

    function test_a_sale_revealed_long_before_refunds_moves_their_day_by_nothing() public {
        NftganSale sale = open(blind());
        buy(sale, BUYER, 2);
        reveal(sale, 0);
        same(sale.refundable(), REFUNDS);
    }

    function test_a_refund_after_the_reveal_moves_nobody_elses_piece() public {
        NftganSale sale = open(blind());
        buy(sale, BUYER, 2);
        buy(sale, OTHER, 3);
        buy(sale, BUYER, 1);
        reveal(sale, 3); // OTHER's second token is id 0
        deliver(sale, 0, seeds(2));
        same(sale.earned(), 2 * PRICE);
        vm.warp(REFUNDS);
        uint256 before = OTHER.balance;
        vm.prank(OTHER);
        sale.refund(1, OTHER); // what is left of it: the first of three
        same(OTHER.balance, before + PRICE);
        vm.prank(BUYER);
        sale.refund(2, BUYER);
        deliver(sale, 2, seeds(4));
        same(c.ownerOf(1), OTHER);
        same(c.ownerOf(2), ARTIST);
        same(c.ownerOf(3), BUYER);
        same(c.ownerOf(4), BUYER);
        same(c.ownerOf(5), ARTIST);
        same(sale.earned(), 4 * PRICE);
        same(address(sale).balance, 4 * PRICE);
        bytes memory nothing = abi.encodeWithSelector(NftganSale.NothingToRefund.selector);
        refusesRefund(sale, BUYER, 0, nothing);
    }

    function test_a_voucher_price_that_does_not_divide_is_earned_to_the_last_wei() public {
        NftganSale.Terms memory t = blind();
        t.signer = vm.addr(SIGNER_KEY);
        NftganSale sale = open(t);
        NftganSale.Voucher memory v = NftganSale.Voucher(BUYER, 3, 100, 1, CLOSES);
        bytes memory signature = signed(sale, v, SIGNER_KEY);
        vm.prank(BUYER);
        sale.redeem{value: 100}(v, signature);
        reveal(sale, 1);
        deliver(sale, 0, seeds(2));
        same(sale.earned(), 66);
        deliver(sale, 2, seeds(1));
        same(sale.earned(), 100);
    }

    function test_a_claim_holds_no_more_than_it_can() public {
        NftganSale.Terms memory t = blind();
        t.signer = vm.addr(SIGNER_KEY);
        NftganSale sale = open(t);
        NftganSale.Voucher memory v = NftganSale.Voucher(BUYER, 1, 2 ** 72, 1, CLOSES);
        bytes memory signature = signed(sale, v, SIGNER_KEY);
        vm.deal(BUYER, 2 ** 73);
        vm.expectRevert();
        vm.prank(BUYER);
        sale.redeem{value: v.price}(v, signature);
        v.price -= 1;
        signature = signed(sale, v, SIGNER_KEY);
        vm.prank(BUYER);
        sale.redeem{value: v.price}(v, signature);
    }

    // -------------------------------------------------------------------------- the seller

    function testFuzz_only_the_seller_sells(address caller) public {
        vm.assume(caller != ARTIST);
        NftganSale sale = open(blind());
        bytes[5] memory calls = [
            abi.encodeCall(NftganSale.load, (0, seeds(1))),
            abi.encodeCall(NftganSale.reveal, (address(c), SALT)),
            abi.encodeCall(NftganSale.deliver, (0, "")),
            abi.encodeCall(NftganSale.release, ()),
            abi.encodeCall(NftganSale.withdraw, (caller))
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            vm.prank(caller);
            (bool done, bytes memory answer) = address(sale).call(calls[i]);
            check(!done && bytes4(answer) == NftganSale.NotOwner.selector, "a stranger may");
        }
    }

    function test_the_collection_goes_back_to_the_seller() public {
        NftganSale sale = ready(plain());
        same(c.owner(), address(sale));
        vm.prank(ARTIST);
        sale.release();
        vm.prank(ARTIST);
        c.acceptOwnership();
        same(c.owner(), ARTIST);
        vm.expectRevert(NftganCollection.NotOwner.selector);
        buy(sale, BUYER, 1);
    }
}

/// @dev Claims the root of another collection.
contract Impostor {
    function piecesRoot() external pure returns (bytes32) {
        return "root";
    }
}

/// @dev All that can be done to a blind sale, done validly, with a plain table beside it.
contract SaleActions is SaleRig {
    NftganSale public sale;
    uint256 public withdrawn;
    uint256 public paidIn;
    uint256 public paidBack;
    uint256 public started; // of blocks
    mapping(uint256 token => address) public buyer; // of the tokens sold, in their order
    mapping(uint256 token => bool) public refunded;
    uint256 private stage; // 0 on sale, 1 ended, 2 drawn, 3 revealed

    constructor() {
        sale = open(blind());
    }

    function buySome(uint256 count, bool other) external {
        if (stage != 0 || sale.sold() > 9000) return;
        count = clamp(count, 1, 9);
        address who = other ? OTHER : BUYER;
        for (uint256 i = 0; i < count; ++i) {
            buyer[sale.sold() + i] = who;
        }
        vm.warp(OPENS);
        buy(sale, who, count);
        paidIn += count * PRICE;
    }

    function goOn(uint256 dice) external {
        if (dice % 4 != 0 || sale.sold() == 0) return;
        if (stage == 0) {
            vm.warp(CLOSES);
            sale.end();
        } else if (stage == 1) {
            vm.roll(sale.drawBlock() + 1);
            vm.setBlockhash(sale.drawBlock(), keccak256(abi.encode(dice)));
            sale.draw();
        } else if (stage == 2) {
            if (block.timestamp >= REFUNDS) return;
            offer(sale);
            vm.prank(ARTIST);
            sale.reveal(address(c), SALT);
        } else {
            return;
        }
        ++stage;
    }

    function deliverNext(uint256 many) external {
        if (stage != 3) return;
        uint256 done = sale.delivered();
        uint256 index = sale.nextClaim();
        uint256 count = 0;
        for (many = 1 + many % 3; many > 0 && done + count < sale.sold(); --many) {
            (, uint16 start, uint8 held,) = sale.claims(index);
            count += done + count == 0 ? start + held - sale.firstToken() : held;
            index = (index + 1) % sale.claimCount();
        }
        if (count == 0) return;
        if (count > sale.sold() - done) count = sale.sold() - done;
        deliver(sale, done, seeds(count));
    }

    function refundOne(uint256 index) external {
        if (sale.claimCount() == 0) return;
        index %= sale.claimCount();
        (address who, uint16 start, uint8 held, uint72 paid) = sale.claims(index);
        if (who != BUYER && who != OTHER) return;
        vm.warp(sale.refundable());
        vm.prank(who);
        sale.refund(index, who);
        paidBack += paid;
        for (uint256 i = 0; i < held; ++i) {
            refunded[start + i] = true;
        }
    }

    function withdraw() external {
        uint256 before = ARTIST.balance;
        vm.prank(ARTIST);
        sale.withdraw(ARTIST);
        withdrawn += ARTIST.balance - before;
    }

    function releaseNow() external {
        if (stage != 3 || c.owner() != address(sale)) return;
        vm.prank(ARTIST);
        (bool done,) = address(sale).call(abi.encodeCall(NftganSale.release, ()));
        require(done == (sale.delivered() == sale.sold()), "released while tokens wait");
    }

    function minted() external view returns (uint256) {
        return c.nextTokenId();
    }

    function holder(uint256 id) external view returns (address) {
        return c.ownerOf(id);
    }

    function price() external pure returns (uint256) {
        return PRICE;
    }
}

contract InvariantsOfSaleTest is SaleRig {
    SaleActions private actions;

    function setUp() public {
        actions = new SaleActions();
    }

    function targetContracts() public view returns (address[] memory found) {
        found = new address[](1);
        found[0] = address(actions);
    }

    function invariant_the_balance_is_what_is_earned_and_what_is_owed() public view {
        NftganSale sale = actions.sale();
        uint256 owed = 0;
        uint256 held = 0;
        for (uint256 i = 0; i < sale.claimCount(); ++i) {
            (,, uint8 count, uint72 paid) = sale.claims(i);
            owed += paid;
            held += count;
        }
        same(held, sale.sold() - sale.delivered());
        same(address(sale).balance, sale.earned() + owed);
        same(actions.paidIn(), address(sale).balance + actions.withdrawn() + actions.paidBack());
    }

    function invariant_each_token_sold_is_delivered_in_its_place_or_refunded_once() public view {
        NftganSale sale = actions.sale();
        same(actions.minted(), sale.delivered());
        uint256 paidFor = 0;
        for (uint256 id = 0; id < sale.delivered(); ++id) {
            uint256 token = (sale.firstToken() + id) % sale.sold();
            bool back = actions.refunded(token);
            same(actions.holder(id), back ? ARTIST : actions.buyer(token));
            if (!back) ++paidFor;
        }
        same(sale.earned() + actions.withdrawn(), paidFor * actions.price());
    }
}
