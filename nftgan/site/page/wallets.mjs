// Wallets: those that announce themselves (EIP-6963), the one of older browsers (EIP-1193), and links for phones.

const NAME = 40; // characters of a wallet's own name

// [{ name, provider }] as they come; onChange is called for each.
export function wallets(onChange) {
  const found = [];
  const add = (name, provider) => {
    if (typeof provider?.request !== "function" || found.some((one) => one.provider === provider)) return;
    found.push({ name: String(name ?? "").slice(0, NAME) || "your wallet", provider });
    onChange(found);
  };
  addEventListener("eip6963:announceProvider", ({ detail }) => add(detail?.info?.name, detail?.provider));
  dispatchEvent(new Event("eip6963:requestProvider"));
  setTimeout(() => !found.length && add("your wallet", globalThis.ethereum), 100);
  return found;
}

// [[name, address]] of links that open this page inside the browser of a wallet on a phone.
export function phoneLinks({ protocol, host, pathname, search, hash, href }) {
  if (protocol !== "https:") return [];
  const coded = encodeURIComponent(href);
  return [
    ["MetaMask", `https://metamask.app.link/dapp/${host}${pathname}${search}${hash}`],
    ["Coinbase Wallet", `https://go.cb-w.com/dapp?cb_url=${coded}`],
    ["Trust Wallet", `https://link.trustwallet.com/open_url?coin_id=60&url=${coded}`],
  ];
}
