// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {NftganSplitter} from "../src/splitter/NftganSplitter.sol";
import {Rig} from "./Rig.sol";

/// @dev A token that does as it is told.
contract Coin {
    mapping(address => uint256) public balanceOf;
    bool public refuses;

    function give(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function take(address from, uint256 amount) external {
        balanceOf[from] -= amount;
    }

    function refuse() external {
        refuses = true;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        if (refuses) return false;
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
        return true;
    }
}

/// @dev An account that may refuse its money.
contract Greedy {
    bool public refuses;

    function refuse(bool yes) external {
        refuses = yes;
    }

    receive() external payable {
        require(!refuses, "no");
    }
}

contract NftganSplitterTest is Rig {
    NftganSplitter private maker = new NftganSplitter();
    Coin private coin = new Coin();
    address private constant A = address(0xA001);
    address private constant B = address(0xB001);
    address private constant C = address(0xC001);

    function pair(address a, uint16 x, address b, uint16 y) private pure returns (bytes memory) {
        return abi.encodePacked(a, x, b, y);
    }

    function make(bytes memory packed) private returns (NftganSplitter) {
        return NftganSplitter(maker.create(packed));
    }

    function three() private returns (NftganSplitter) {
        return make(abi.encodePacked(A, uint16(5000), B, uint16(3333), C, uint16(1667)));
    }

    function pay(NftganSplitter s, uint256 amount) private {
        vm.deal(address(this), amount);
        (bool sent,) = address(s).call{value: amount, gas: 2300}("");
        check(sent, "a payment with 2,300 gas is refused");
    }

    // ------------------------------------------------------------------------------ creation

    function test_the_address_follows_from_the_shares() public {
        bytes memory packed = pair(A, 6000, B, 4000);
        address predicted = maker.predict(packed);
        vm.expectEmit(address(maker));
        emit NftganSplitter.Created(predicted);
        same(maker.create(packed), predicted);
        check(predicted.code.length == 51 + 44, "another length");
        check(maker.predict(pair(A, 6001, B, 3999)) != predicted, "one address for two");
        check(new NftganSplitter().predict(packed) != predicted, "one address of two makers");
        vm.expectRevert(NftganSplitter.AlreadyCreated.selector);
        maker.create(packed);
    }

    function test_shares_are_read_from_the_code() public {
        NftganSplitter s = three();
        (address[] memory accounts, uint256[] memory parts) = s.shares();
        same(accounts.length, 3);
        same(parts.length, 3);
        same(accounts[0], A);
        same(accounts[1], B);
        same(accounts[2], C);
        same(parts[0], 5000);
        same(parts[1], 3333);
        same(parts[2], 1667);
        same(s.partOf(A), 5000);
        same(s.partOf(B), 3333);
        same(s.partOf(C), 1667);
        same(s.partOf(STRANGER), 0);
        same(s.partOf(address(0)), 0);
        same(s.MOST(), 100);
    }

    function test_shares_that_cannot_be_meant_are_refused() public {
        refused("");
        refused(abi.encodePacked(A, uint16(10_000)));
        refused(pair(A, 6000, B, 4001));
        refused(pair(A, 6000, B, 3999));
        refused(pair(B, 6000, A, 4000));
        refused(pair(A, 6000, A, 4000));
        refused(pair(A, 10_000, B, 0));
        refused(pair(A, 0, B, 10_000));
        refused(pair(address(0), 6000, A, 4000));
        refused(abi.encodePacked(pair(A, 6000, B, 4000), uint8(0)));
        bytes memory long = pair(A, 6000, B, 4000);
        assembly ("memory-safe") {
            mstore(long, 43)
        }
        refused(long);
        refused(many(101));
        check(address(make(many(100))).code.length == 51 + 2200, "a hundred are allowed");
    }

    function refused(bytes memory packed) private {
        vm.expectRevert(NftganSplitter.BadShares.selector);
        maker.create(packed);
    }

    /// @dev Accounts 1 to `count`, the last with what is left of 10,000.
    function many(uint256 count) private pure returns (bytes memory packed) {
        for (uint256 i = 1; i <= count; ++i) {
            uint256 part = i == count ? 10_000 - 50 * (count - 1) : 50;
            packed = abi.encodePacked(packed, address(uint160(i)), uint16(part));
        }
    }

    // ------------------------------------------------------------------------------- payment

    function test_each_account_gets_its_part_whoever_asks() public {
        NftganSplitter s = three();
        pay(s, 10_000);
        same(s.due(address(0), A), 5000);
        vm.expectEmit(address(s));
        emit NftganSplitter.Released(address(0), A, 5000);
        vm.prank(STRANGER);
        same(s.release(address(0), A), 5000);
        same(A.balance, 5000);
        same(s.due(address(0), A), 0);
        pay(s, 20_000);
        same(s.due(address(0), A), 10_000);
        same(s.release(address(0), B), 9999);
        same(s.release(address(0), A), 10_000);
        same(s.release(address(0), C), 5001);
        same(A.balance, 15_000);
        same(B.balance, 9999);
        same(C.balance, 5001);
        same(address(s).balance, 0);
        same(s.totalReleased(address(0)), 30_000);
        same(s.released(address(0), A), 15_000);
    }

    function test_who_has_no_share_or_was_paid_gets_nothing() public {
        NftganSplitter s = three();
        vm.expectRevert(NftganSplitter.NothingDue.selector);
        s.release(address(0), A);
        pay(s, 10_000);
        vm.expectRevert(NftganSplitter.NothingDue.selector);
        s.release(address(0), STRANGER);
        s.release(address(0), A);
        vm.expectRevert(NftganSplitter.NothingDue.selector);
        s.release(address(0), A);
    }

    function test_tokens_have_ledgers_of_their_own() public {
        NftganSplitter s = three();
        pay(s, 10_000);
        coin.give(address(s), 3000);
        same(s.release(address(coin), A), 1500);
        same(coin.balanceOf(A), 1500);
        same(A.balance, 0);
        same(s.due(address(0), A), 5000);
        same(s.totalReleased(address(coin)), 1500);
        same(s.totalReleased(address(0)), 0);
        same(s.released(address(coin), A), 1500);
        same(s.released(address(0), A), 0);
        same(s.due(STRANGER, A), 0); // no token at all
        vm.expectRevert(NftganSplitter.NothingDue.selector);
        s.release(STRANGER, A);
    }

    function test_a_token_that_shrinks_or_refuses_harms_only_itself() public {
        NftganSplitter s = three();
        coin.give(address(s), 10_000);
        s.release(address(coin), A);
        coin.take(address(s), 4000);
        same(s.due(address(coin), A), 0);
        same(s.due(address(coin), C), 1000);
        coin.refuse();
        vm.expectRevert();
        s.release(address(coin), C);
        same(s.released(address(coin), C), 0);
        pay(s, 10_000);
        same(s.release(address(0), A), 5000);
    }

    function test_an_account_that_refuses_blocks_nobody_else() public {
        Greedy greedy = new Greedy();
        bytes memory packed = address(greedy) < B
            ? pair(address(greedy), 5000, B, 5000)
            : pair(B, 5000, address(greedy), 5000);
        NftganSplitter s = make(packed);
        pay(s, 1000);
        greedy.refuse(true);
        vm.expectRevert();
        s.release(address(0), address(greedy));
        same(s.released(address(0), address(greedy)), 0);
        same(s.release(address(0), B), 500);
        greedy.refuse(false);
        same(s.release(address(0), address(greedy)), 500);
        same(address(s).balance, 0);
    }

    function test_reentering_pays_once() public {
        Reentrant thief = new Reentrant();
        bytes memory packed = address(thief) < B
            ? pair(address(thief), 5000, B, 5000)
            : pair(B, 5000, address(thief), 5000);
        NftganSplitter s = make(packed);
        thief.aim(s);
        pay(s, 1000);
        s.release(address(0), address(thief));
        same(address(thief).balance, 500);
        check(thief.tried(), "it did not ask again");
        same(s.release(address(0), B), 500);
    }

    function testFuzz_all_is_paid_but_for_a_few_wei(uint96[6] memory amounts, uint16 part) public {
        part = uint16(clamp(part, 1, 9999));
        NftganSplitter s = make(pair(A, part, B, 10_000 - part));
        uint256 total;
        for (uint256 i = 0; i < amounts.length; ++i) {
            pay(s, amounts[i]);
            total += amounts[i];
            if (s.due(address(0), i % 2 == 0 ? A : B) != 0) {
                s.release(address(0), i % 2 == 0 ? A : B);
            }
        }
        if (s.due(address(0), A) != 0) s.release(address(0), A);
        if (s.due(address(0), B) != 0) s.release(address(0), B);
        same(A.balance, total * part / 10_000);
        same(B.balance, total * (10_000 - part) / 10_000);
        check(address(s).balance < 2, "more than dust is left");
    }
}

contract Reentrant {
    NftganSplitter private _splitter;
    bool public tried;

    function aim(NftganSplitter splitter) external {
        _splitter = splitter;
    }

    receive() external payable {
        if (tried) return;
        tried = true;
        (bool paid,) = address(_splitter)
            .call(abi.encodeCall(NftganSplitter.release, (address(0), address(this))));
        require(!paid, "paid twice");
    }
}

/// @dev Payments and releases in any order, with a plain table beside them.
contract SplitterActions is Rig {
    NftganSplitter public s;
    Coin public coin = new Coin();
    address[3] public people = [address(0x1A), address(0x1B), address(0x1C)];
    uint16[3] public parts = [uint16(1), 3333, 6666];
    uint256[2] public paid;

    constructor() {
        bytes memory packed;
        for (uint256 i = 0; i < 3; ++i) {
            packed = abi.encodePacked(packed, people[i], parts[i]);
        }
        s = NftganSplitter(new NftganSplitter().create(packed));
    }

    function payEther(uint96 amount) external {
        vm.deal(address(this), amount);
        (bool sent,) = address(s).call{value: amount, gas: 2300}("");
        require(sent, "refused");
        paid[0] += amount;
    }

    function payCoin(uint96 amount) external {
        coin.give(address(s), amount);
        paid[1] += amount;
    }

    function release(uint256 who, bool inCoin) external {
        address token = inCoin ? address(coin) : address(0);
        if (s.due(token, people[who % 3]) != 0) s.release(token, people[who % 3]);
    }

    function got(uint256 who, bool inCoin) public view returns (uint256) {
        return inCoin ? coin.balanceOf(people[who]) : people[who].balance;
    }
}

contract NftganSplitterInvariantsTest is Rig {
    SplitterActions private actions = new SplitterActions();

    function targetContracts() public view returns (address[] memory found) {
        found = new address[](1);
        found[0] = address(actions);
    }

    function invariant_nobody_gets_more_than_the_part_and_nothing_is_lost() public view {
        NftganSplitter s = actions.s();
        for (uint256 kind = 0; kind < 2; ++kind) {
            address token = kind == 1 ? address(actions.coin()) : address(0);
            uint256 here = kind == 1 ? actions.coin().balanceOf(address(s)) : address(s).balance;
            uint256 total = actions.paid(kind);
            uint256 sum;
            uint256 owed;
            for (uint256 i = 0; i < 3; ++i) {
                uint256 got = actions.got(i, kind == 1);
                uint256 due = s.due(token, actions.people(i));
                same(got, s.released(token, actions.people(i)));
                same(got + due, total * actions.parts(i) / 10_000);
                (sum, owed) = (sum + got, owed + due);
            }
            same(sum, s.totalReleased(token));
            same(sum + here, total);
            check(owed <= here && here - owed < 3, "what is owed is not there");
        }
    }
}
