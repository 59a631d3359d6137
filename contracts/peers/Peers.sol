// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {
    ERC721URIStorage
} from "@openzeppelin/contracts/token/ERC721/extensions/ERC721URIStorage.sol";
import {ERC721A} from "erc721a/contracts/ERC721A.sol";
import {Ownable as SoladyOwnable} from "solady/src/auth/Ownable.sol";
import {ERC721 as SoladyERC721} from "solady/src/tokens/ERC721.sol";
import {LibString} from "solady/src/utils/LibString.sol";

// What artists deploy today, as small as each package allows: for benchmarks/gas.py alone.

/// @dev The tutorials' contract: one transaction per token, with its whole URI in storage.
contract OpenZeppelinURIStorage is ERC721URIStorage, Ownable {
    uint256 private _next;

    constructor(string memory name, string memory symbol)
        ERC721(name, symbol)
        Ownable(msg.sender)
    {}

    function mint(address to, string calldata uri) external onlyOwner {
        uint256 id = _next++;
        _mint(to, id);
        _setTokenURI(id, uri);
    }
}

contract OpenZeppelinBaseURI is ERC721, Ownable {
    uint256 private _next;
    string private _base;

    constructor(string memory name, string memory symbol, string memory base)
        ERC721(name, symbol)
        Ownable(msg.sender)
    {
        _base = base;
    }

    function mint(address to, uint256 count) external onlyOwner {
        uint256 id = _next;
        for (uint256 end = id + count; id < end; ++id) {
            _mint(to, id);
        }
        _next = id;
    }

    function _baseURI() internal view override returns (string memory) {
        return _base;
    }
}

contract ChiruERC721A is ERC721A, Ownable {
    string private _base;

    constructor(string memory name, string memory symbol, string memory base)
        ERC721A(name, symbol)
        Ownable(msg.sender)
    {
        _base = base;
    }

    function mint(address to, uint256 count) external onlyOwner {
        _mint(to, count);
    }

    function _baseURI() internal view override returns (string memory) {
        return _base;
    }
}

contract Solady is SoladyERC721, SoladyOwnable {
    uint256 private _next;
    string private _name;
    string private _symbol;
    string private _base;

    constructor(string memory name_, string memory symbol_, string memory base) {
        _initializeOwner(msg.sender);
        (_name, _symbol, _base) = (name_, symbol_, base);
    }

    function mint(address to, uint256 count) external onlyOwner {
        uint256 id = _next;
        for (uint256 end = id + count; id < end; ++id) {
            _mint(to, id);
        }
        _next = id;
    }

    function name() public view override returns (string memory) {
        return _name;
    }

    function symbol() public view override returns (string memory) {
        return _symbol;
    }

    function tokenURI(uint256 id) public view override returns (string memory) {
        return string.concat(_base, LibString.toString(id), ".json");
    }
}
