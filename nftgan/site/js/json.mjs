// Canonical JSON (RFC 8785): JavaScript writes numbers and texts as it asks; keys must be sorted.

export function canonicalJson(value) {
  if (Array.isArray(value)) return "[" + value.map(canonicalJson).join(",") + "]";
  if (value !== null && typeof value === "object") {
    const keys = Object.keys(value).sort(); // by UTF-16 code units, as RFC 8785 asks
    return "{" + keys.map((key) => JSON.stringify(key) + ":" + canonicalJson(value[key])).join(",") + "}";
  }
  return JSON.stringify(value);
}

export function isTable(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

export function utf8(text) {
  return new TextEncoder().encode(text);
}
