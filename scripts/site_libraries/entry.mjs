// What the drop page takes of viem.
export { BaseError, ContractFunctionRevertedError, createClient, custom, formatEther, getAddress, isAddress, parseEventLogs } from "viem";
export { getBalance, getBlock, getLogs, readContract, simulateContract, waitForTransactionReceipt, writeContract } from "viem/actions";
