"""Networks, accounts, the embedded chain, the contract and the mint journal."""
