// Talking to the server; a failed request is an error with words for a person.

export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function answer(request) {
  let response;
  try {
    response = await request;
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(0, "the studio does not answer: is its terminal still open?");
  }
  if (response.ok) return response;
  let said = {};
  try {
    said = await response.json();
  } catch {
    // An answer that is not ours has no words.
  }
  const hint = said.hint ? ` (${said.hint})` : "";
  throw new Refused(response.status, (said.error ?? `the studio answers ${response.status}`) + hint);
}

export const get = async (path, signal) => (await answer(fetch(path, { signal }))).json();

export const image = async (path, signal) => (await answer(fetch(path, { signal }))).blob();

export async function post(path, body) {
  const text = JSON.stringify(body);
  const request = fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: text,
    keepalive: text.length < 60_000, // what was said is sent even if the page goes
  });
  return (await answer(request)).json();
}
