// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {NftganCollection} from "../src/NftganCollection.sol";
import {NftganSale} from "../src/NftganSale.sol";
import {Rig} from "./Rig.sol";
import {LibClone} from "solady/src/utils/LibClone.sol";

/// @dev Makes sales, and collections that belong to them.
abstract contract SaleRig is Rig {
    uint256 internal constant SIGNER_KEY = 0x5164;
    uint128 internal constant PRICE = 0.01 ether;
    uint40 internal constant OPENS = 1000;
    uint40 internal constant CLOSES = 2000;
    uint40 internal constant REFUNDS = 3000;
    bytes32 internal constant SALT = "salt of a blind sale";

    NftganSale internal maker = new NftganSale();
    NftganCollection internal c = create(args("root", 20_000, 500));

    function plain() internal view returns (NftganSale.Terms memory t) {
        t.collection = address(c);
        (t.price, t.supply) = (PRICE, 10_000);
        (t.opens, t.closes, t.refundsFrom) = (OPENS, CLOSES, REFUNDS);
    }

    function blind() internal view returns (NftganSale.Terms memory t) {
        t = plain();
        t.collection = address(0);
        t.commitment = keccak256(abi.encode(address(c), c.piecesRoot(), SALT));
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

    function reveal(NftganSale sale) internal {
        vm.prank(ARTIST);
        sale.reveal(address(c), SALT);
        hand(sale);
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
        t.supply = 1 + uint256(uint24(t.supply));
        t.perWallet = uint32(t.perWallet);
        t.opens = uint32(t.opens);
        t.closes = t.opens + 1 + uint256(uint32(t.closes));
        t.refundsFrom = t.closes + uint256(uint32(t.refundsFrom));
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
        t = plain();
        t.commitment = "both";
        refusesTerms(t);
        t.collection = address(0);
        t.refundsFrom = CLOSES;
        t.opens = CLOSES - 1;
        maker.create(packed(t), 0);
        t.commitment = 0;
        refusesTerms(t);
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
        emit NftganSale.Withdrawn(4 * PRICE);
        vm.prank(ARTIST);
        sale.withdraw();
        same(ARTIST.balance, 4 * PRICE);
        same(address(sale).balance, 0);
        vm.prank(ARTIST);
        sale.withdraw();
        same(ARTIST.balance, 4 * PRICE);
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
        hand(sale);
        buy(sale, OTHER, 5998);
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
        sale.withdraw();
        same(ARTIST.balance, 0);
        vm.expectRevert(NftganSale.NotRevealed.selector);
        vm.prank(ARTIST);
        sale.deliver(seeds(2));
        vm.expectEmit(address(sale));
        emit NftganSale.Revealed(address(c), SALT);
        reveal(sale);
        same(sale.collection(), address(c));
        vm.expectRevert(NftganSale.NotOpen.selector);
        buy(sale, BUYER, 1);
        bytes memory all = seeds(6);
        vm.expectRevert();
        vm.prank(ARTIST);
        sale.deliver(slice(all, 0, 4)); // half a claim
        vm.prank(ARTIST);
        sale.deliver(slice(all, 0, 12));
        same(sale.delivered(), 2);
        same(sale.earned(), 3 * PRICE);
        same(c.balanceOf(BUYER), 2);
        same(c.ownerOf(2), OTHER);
        vm.expectEmit(address(c));
        emit NftganCollection.Seeds(3, slice(all, 12, 24));
        vm.prank(ARTIST);
        sale.deliver(slice(all, 12, 24));
        same(c.ownerOf(5), BUYER);
        same(sale.earned(), 6 * PRICE);
        vm.expectRevert();
        vm.prank(ARTIST);
        sale.deliver(hex"00000000"); // nobody is left
    }

    function test_only_what_was_committed_to_is_revealed() public {
        NftganSale sale = open(blind());
        NftganCollection other = create(args("root", 7, 500));
        refusesReveal(sale, address(other), SALT);
        refusesReveal(sale, address(c), "another salt");
        refusesReveal(sale, address(new Impostor()), SALT);
        reveal(sale);
    }

    function refusesReveal(NftganSale sale, address what, bytes32 salt) private {
        vm.expectRevert(NftganSale.BadReveal.selector);
        vm.prank(ARTIST);
        sale.reveal(what, salt);
    }

    function test_an_open_sale_has_nothing_to_reveal() public {
        NftganSale sale = ready(plain());
        refusesReveal(sale, address(c), 0);
    }

    function test_who_gets_nothing_gets_the_money_back() public {
        NftganSale sale = open(blind());
        buy(sale, BUYER, 2);
        buy(sale, OTHER, 3);
        buy(sale, BUYER, 1);
        vm.warp(REFUNDS - 1);
        vm.expectRevert(abi.encodeWithSelector(NftganSale.TooEarly.selector, REFUNDS));
        sale.refund(1);
        vm.warp(REFUNDS);
        uint256 before = OTHER.balance;
        vm.expectEmit(address(sale));
        emit NftganSale.Refunded(1, OTHER, 3 * PRICE);
        sale.refund(1);
        same(OTHER.balance, before + 3 * PRICE);
        vm.expectRevert(NftganSale.NothingToRefund.selector);
        sale.refund(1);
        // The others can still be served.
        reveal(sale);
        vm.prank(ARTIST);
        sale.deliver(seeds(3));
        same(c.ownerOf(2), BUYER);
        same(sale.delivered(), 3);
        vm.expectRevert(NftganSale.NothingToRefund.selector);
        sale.refund(0);
        vm.prank(ARTIST);
        sale.withdraw();
        same(ARTIST.balance, 3 * PRICE);
        same(address(sale).balance, 0);
    }

    function test_a_claim_holds_no_more_than_it_can() public {
        NftganSale.Terms memory t = blind();
        (t.price, t.supply) = (0, 200_000);
        NftganSale sale = open(t);
        vm.prank(BUYER);
        sale.buy(65_535);
        vm.expectRevert();
        vm.prank(OTHER);
        sale.buy(65_536);
    }

    // -------------------------------------------------------------------------- the seller

    function testFuzz_only_the_seller_sells(address caller) public {
        vm.assume(caller != ARTIST);
        NftganSale sale = open(blind());
        bytes[5] memory calls = [
            abi.encodeCall(NftganSale.load, (0, seeds(1))),
            abi.encodeCall(NftganSale.reveal, (address(c), SALT)),
            abi.encodeCall(NftganSale.deliver, ("")),
            abi.encodeCall(NftganSale.release, ()),
            abi.encodeCall(NftganSale.withdraw, ())
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

/// @dev All that can be done to a blind sale, done validly.
contract SaleActions is SaleRig {
    NftganSale public sale;
    uint256 public outstanding;
    uint256 public withdrawn;
    uint256 public paidIn;
    uint256 public paidBack;
    bool private known;

    constructor() {
        NftganSale.Terms memory t = blind();
        sale = open(t);
    }

    function buySome(uint256 count, bool other) external {
        if (known || sale.sold() > 9000) return;
        count = clamp(count, 1, 9);
        vm.warp(OPENS);
        buy(sale, other ? OTHER : BUYER, count);
        outstanding += count;
        paidIn += count * PRICE;
    }

    function revealNow(uint256 dice) external {
        if (known || dice % 4 != 0) return;
        reveal(sale);
        known = true;
    }

    function deliverNext(uint256 many) external {
        if (!known) return;
        uint256 index = sale.delivered();
        uint256 count = 0;
        for (many = 1 + many % 3; many > 0 && index < sale.claimCount(); ++index) {
            (, uint16 held,) = sale.claims(index);
            if (held != 0) --many;
            count += held;
        }
        if (count == 0) return;
        vm.prank(ARTIST);
        sale.deliver(seeds(count));
        outstanding -= count;
    }

    function refundOne(uint256 index) external {
        if (sale.claimCount() == 0) return;
        index %= sale.claimCount();
        (, uint16 held, uint80 paid) = sale.claims(index);
        if (held == 0) return;
        vm.warp(REFUNDS);
        sale.refund(index);
        outstanding -= held;
        paidBack += paid;
    }

    function withdraw() external {
        uint256 before = ARTIST.balance;
        vm.prank(ARTIST);
        sale.withdraw();
        withdrawn += ARTIST.balance - before;
    }

    function minted() external view returns (uint256) {
        return c.nextTokenId();
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
            (, uint16 count, uint80 paid) = sale.claims(i);
            owed += paid;
            held += count;
        }
        same(held, actions.outstanding());
        same(address(sale).balance, sale.earned() + owed);
        same(actions.paidIn(), address(sale).balance + actions.withdrawn() + actions.paidBack());
    }

    function invariant_only_what_was_minted_is_earned() public view {
        NftganSale sale = actions.sale();
        same(sale.earned() + actions.withdrawn(), actions.minted() * actions.price());
    }
}
