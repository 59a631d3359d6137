// What a person can meet: one sentence, and a kind for programs.

export class RenderError extends Error {
  // kind: "model", "recipe", "seed", "memory", "cancelled" or "broken"
  constructor(kind, message) {
    super(message);
    this.name = "RenderError";
    this.kind = kind;
  }
}

// A text from outside as it may stand in a message: short, printable ASCII.
export function quoted(value) {
  const text = typeof value === "string" ? value : String(JSON.stringify(value));
  return JSON.stringify(text.slice(0, 80)).replace(/[^ -~]/g, "?");
}
