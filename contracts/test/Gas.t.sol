// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {NftganCollection} from "../src/NftganCollection.sol";
import {NftganCollectionCode} from "../src/NftganCollectionCode.sol";
import {NftganFactory} from "../src/NftganFactory.sol";
import {NftganSale} from "../src/NftganSale.sol";
import {SaleRig} from "./NftganSale.t.sol";
import {Rig} from "./Rig.sol";

/// @dev One act each, for `.gas-snapshot`: `npm run gas` fails when a figure moves.
contract GasTest is Rig {
    NftganCollection private empty = create(10_000);
    NftganCollection private full = create(args("full", 10_000, 500));

    function setUp() public {
        mint(full, 100, BUYER);
        mint(full, 5000, BUYER);
        for (uint256 i = 0; i < 14; ++i) {
            mint(full, 2, OTHER);
        }
    }

    function test_create() public {
        create(args("another", 100, 500));
    }

    function test_mint_1() public {
        mint(empty, 1, BUYER);
    }

    function test_mint_20() public {
        mint(empty, 20, BUYER);
    }

    function test_mint_100() public {
        mint(empty, 100, BUYER);
    }

    function test_mint_another_100() public {
        mint(full, 100, STRANGER);
    }

    function move(uint256 id) private {
        vm.prank(BUYER);
        full.transferFrom(BUYER, STRANGER, id);
    }

    function test_first_transfer_of_the_first_of_100() public {
        move(0);
    }

    function test_first_transfer_of_the_last_of_100() public {
        move(99);
    }

    function test_first_transfer_of_the_first_of_5000() public {
        move(100);
    }

    function test_first_transfer_of_the_last_of_5000() public {
        move(5099);
    }

    function test_burn() public {
        vm.prank(BUYER);
        full.burn(50);
    }
}

contract CodeGasTest is Rig {
    NftganCollection private c;

    function setUp() public {
        NftganFactory own = new NftganFactory(address(new NftganCollectionCode()));
        vm.prank(ARTIST);
        c = NftganCollection(own.create(args("code", 10_000, 500), 0));
    }

    function test_code_mint_1() public {
        mint(c, 1, BUYER);
    }

    function test_code_mint_100() public {
        mint(c, 100, BUYER);
    }
}

contract SaleGasTest is SaleRig {
    NftganSale private openSale = ready(plain());
    NftganSale private blindSale;

    function setUp() public {
        blindSale = open(blind());
        buy(openSale, OTHER, 1);
        buy(blindSale, OTHER, 1);
    }

    function test_sale_create() public {
        NftganSale.Terms memory t = plain();
        t.price = 1;
        maker.create(packed(t), 0);
    }

    function test_sale_buy_1() public {
        buy(openSale, BUYER, 1);
    }

    function test_sale_buy_5() public {
        buy(openSale, BUYER, 5);
    }

    function test_sale_buy_blind() public {
        buy(blindSale, BUYER, 1);
    }
}
