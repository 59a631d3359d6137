// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {NftganCollection} from "../src/NftganCollection.sol";
import {Rig, Vm} from "./Rig.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";

/// @dev OpenZeppelin's ERC-721 with a slot for every token.
contract Plain is ERC721("", "") {
    function mint(address to, uint256 id) external {
        _mint(to, id);
    }

    function burn(uint256 id) external {
        _update(address(0), id, msg.sender);
    }
}

/// @dev Takes tokens or refuses them, by choice of the byte that comes along.
contract Receiver {
    function onERC721Received(address, address, uint256, bytes calldata data)
        external
        pure
        returns (bytes4)
    {
        require(data.length == 0 || data[0] != 0, "not wanted");
        return this.onERC721Received.selector;
    }
}

/// Whatever anyone calls, allowed or not: the same answer, revert and events as from OpenZeppelin's.
contract DifferentialTest is Rig {
    NftganCollection private ours = create(400);
    Plain private plain = new Plain();
    address[6] private people =
        [BUYER, OTHER, STRANGER, ARTIST, address(0), address(new Receiver())];

    function pick(uint256 from) private view returns (address) {
        return people[from % people.length];
    }

    function call(uint256 move, uint256 minted) private view returns (bytes memory) {
        uint256 id = (move >> 8) % (minted + 2);
        address a = pick(move >> 72);
        address b = pick(move >> 136);
        uint256 kind = move % 8;
        if (kind == 0) return abi.encodeCall(IERC721.approve, (a, id));
        if (kind == 1) return abi.encodeCall(IERC721.setApprovalForAll, (a, (move >> 8) % 2 == 0));
        if (kind == 2) return abi.encodeCall(NftganCollection.burn, (id));
        if (kind == 3) {
            bytes memory note = abi.encodePacked(uint8(move >> 200) % 2);
            return abi.encodeWithSignature(
                "safeTransferFrom(address,address,uint256,bytes)", a, b, id, note
            );
        }
        return abi.encodeCall(IERC721.transferFrom, (a, b, id));
    }

    function act(address target, address sender, bytes memory data)
        private
        returns (bool done, bytes memory answer, Vm.Log[] memory logs)
    {
        vm.recordLogs();
        vm.prank(sender);
        (done, answer) = target.call(data);
        logs = vm.getRecordedLogs();
    }

    function testFuzz_every_call_answers_as_openzeppelins(uint256[40] memory moves) public {
        uint256 minted = 0;
        for (uint256 i = 0; i < moves.length; ++i) {
            uint256 move = moves[i];
            if (i % 8 == 0) {
                uint256 count = 1 + move % 9;
                address to = people[(move >> 8) % 4];
                mint(ours, count, to);
                for (; count > 0; --count) {
                    plain.mint(to, minted++);
                }
                continue;
            }
            bytes memory data = call(move, minted);
            // Mostly by one who may: the holder in the other contract, else by anyone.
            uint256 id = (move >> 8) % (minted + 2);
            address sender = people[(move >> 208) % 4];
            if ((move >> 250) % 4 != 0) {
                try plain.ownerOf(id) returns (address holder) {
                    sender = holder;
                    if (move % 8 > 3) {
                        data = abi.encodeCall(IERC721.transferFrom, (holder, pick(move >> 136), id));
                    }
                } catch {}
            }
            (bool doneA, bytes memory a, Vm.Log[] memory logsA) = act(address(ours), sender, data);
            (bool doneB, bytes memory b, Vm.Log[] memory logsB) = act(address(plain), sender, data);
            check(doneA == doneB && keccak256(a) == keccak256(b), "another answer");
            same(logsA.length, logsB.length);
            for (uint256 k = 0; k < logsA.length; ++k) {
                bytes memory logA = abi.encode(logsA[k].topics, logsA[k].data);
                check(
                    keccak256(logA) == keccak256(abi.encode(logsB[k].topics, logsB[k].data)),
                    "another event"
                );
            }
        }
        for (uint256 id = 0; id < minted + 2; ++id) {
            sameView(abi.encodeCall(IERC721.ownerOf, (id)));
            sameView(abi.encodeCall(IERC721.getApproved, (id)));
        }
        for (uint256 i = 0; i < people.length; ++i) {
            sameView(abi.encodeCall(IERC721.balanceOf, (people[i])));
            sameView(
                abi.encodeCall(
                    IERC721.isApprovedForAll, (people[i], people[(i + 1) % people.length])
                )
            );
        }
    }

    function sameView(bytes memory data) private view {
        (bool doneA, bytes memory a) = address(ours).staticcall(data);
        (bool doneB, bytes memory b) = address(plain).staticcall(data);
        check(doneA == doneB && keccak256(a) == keccak256(b), "another view");
    }
}
