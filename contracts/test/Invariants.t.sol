// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {NftganCollection} from "../src/NftganCollection.sol";
import {Rig, Vm} from "./Rig.sol";

/// @dev Everything that can be done to a collection, done validly, with a plain table beside it.
contract Actions is Rig {
    uint32 public constant LIMIT = 120;
    NftganCollection public c = create(LIMIT);
    address[4] public people = [ARTIST, BUYER, OTHER, STRANGER];
    mapping(uint256 id => address) public holder;
    uint256 public minted;
    uint256 public burned;
    uint256 public seedsTold;

    function mintSome(uint256 count, uint256 to) external {
        if (minted == LIMIT) return;
        uint256 room = LIMIT - minted;
        count = clamp(count, 1, room < 12 ? room : 12);
        vm.recordLogs();
        mint(c, count, people[to % 4]);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        // The first event of a mint is its seeds: four bytes for every token.
        require(logs[0].topics[0] == NftganCollection.Seeds.selector, "no seeds");
        require(uint256(logs[0].topics[1]) == seedsTold, "seeds out of turn");
        seedsTold += abi.decode(logs[0].data, (bytes)).length / 4;
        require(logs.length == 1 + count, "a transfer is missing");
        for (uint256 i = 0; i < count; ++i) {
            holder[minted++] = people[to % 4];
        }
    }

    function move(uint256 id, uint256 to) external {
        if (minted == 0) return;
        id %= minted;
        if (holder[id] == address(0)) return;
        vm.prank(holder[id]);
        c.safeTransferFrom(holder[id], people[to % 4], id);
        holder[id] = people[to % 4];
    }

    function moveApproved(uint256 id, uint256 by, uint256 to) external {
        if (minted == 0) return;
        id %= minted;
        if (holder[id] == address(0)) return;
        vm.prank(holder[id]);
        c.approve(people[by % 4], id);
        vm.prank(people[by % 4]);
        c.transferFrom(holder[id], people[to % 4], id);
        holder[id] = people[to % 4];
    }

    function burnOne(uint256 id) external {
        if (minted == 0) return;
        id %= minted;
        if (holder[id] == address(0)) return;
        vm.prank(holder[id]);
        c.burn(id);
        holder[id] = address(0);
        ++burned;
    }
}

contract InvariantsTest is Rig {
    Actions private actions;

    function setUp() public {
        actions = new Actions();
    }

    function targetContracts() public view returns (address[] memory found) {
        found = new address[](1);
        found[0] = address(actions);
    }

    function owned() private view returns (uint256 count, uint256[4] memory each) {
        NftganCollection c = actions.c();
        for (uint256 id = 0; id < c.nextTokenId(); ++id) {
            try c.ownerOf(id) returns (address who) {
                ++count;
                for (uint256 i = 0; i < 4; ++i) {
                    if (actions.people(i) == who) ++each[i];
                }
            } catch {}
        }
    }

    function invariant_supply_is_the_ids_that_have_an_owner() public view {
        (uint256 count,) = owned();
        same(actions.c().totalSupply(), count);
        same(actions.c().totalSupply(), actions.minted() - actions.burned());
    }

    function invariant_balances_are_the_ids_owned_and_sum_to_the_supply() public view {
        (, uint256[4] memory each) = owned();
        uint256 sum = 0;
        for (uint256 i = 0; i < 4; ++i) {
            same(actions.c().balanceOf(actions.people(i)), each[i]);
            sum += each[i];
        }
        same(sum, actions.c().totalSupply());
    }

    function invariant_every_id_has_the_one_owner_it_should() public view {
        for (uint256 id = 0; id < actions.minted(); ++id) {
            try actions.c().ownerOf(id) returns (address who) {
                same(who, actions.holder(id));
            } catch {
                same(actions.holder(id), address(0));
            }
        }
    }

    function invariant_no_token_is_without_a_seed() public view {
        same(actions.seedsTold(), actions.c().nextTokenId());
    }

    function invariant_the_supply_keeps_its_limit() public view {
        check(actions.c().nextTokenId() <= actions.c().maxSupply(), "over the limit");
    }
}
