// The palette of a finish, steps 2a to 2d as nftgan/synthesis/finish.py describes them.

const ROUNDS = 8;

// Step 2: at most `colours` different RGB triples.
export function toPalette(pixels, colours) {
  const all = counted(pixels);
  if (all.length <= colours) return pixels;
  const entries = entriesOf(all, colours);
  const chosen = new Map(all.map(({ rgb }) => [packed(rgb, 0), entries[nearest(rgb, entries)]]));
  const result = new Uint8Array(pixels.length);
  for (let p = 0; p < pixels.length; p += 3) result.set(chosen.get(packed(pixels, p)), p);
  return result;
}

// RGB bytes -> { rgb, count } of each colour, in rising order.
export function counted(pixels) {
  const counts = new Map();
  for (let p = 0; p < pixels.length; p += 3) {
    const colour = packed(pixels, p);
    counts.set(colour, (counts.get(colour) ?? 0) + 1);
  }
  const distinct = [...counts.keys()].sort((a, b) => a - b);
  return distinct.map((colour) => ({
    rgb: [colour >> 16, (colour >> 8) & 255, colour & 255],
    count: counts.get(colour),
  }));
}

// Steps 2a to 2c; few enough colours stay as they are.
export function entriesOf(all, colours) {
  if (all.length <= colours) return all.map(({ rgb }) => rgb);
  const entries = split(all, colours);
  for (let round = 0; round < ROUNDS; round++) {
    const members = entries.map(() => []);
    for (const colour of all) members[nearest(colour.rgb, entries)].push(colour);
    members.forEach((box, number) => {
      if (box.length) entries[number] = mean(box);
    });
  }
  return entries;
}

function packed(pixels, p) {
  return (pixels[p] << 16) | (pixels[p + 1] << 8) | pixels[p + 2];
}

// Steps 2a and 2b: boxes of colours, then the entry of each.
function split(all, colours) {
  const boxes = [all];
  const spreads = [spreadsOf(all)];
  while (boxes.length < colours) {
    let box = 0;
    let channel = 0;
    for (let b = 0; b < boxes.length; b++) {
      for (let c = 0; c < 3; c++) if (larger(spreads[b][c], spreads[box][channel])) [box, channel] = [b, c];
    }
    if (spreads[box][channel].over === 0n) break;
    const { s, n } = sums(boxes[box]);
    const edge = Math.floor(s[channel] / n);
    const high = boxes[box].filter(({ rgb }) => rgb[channel] > edge);
    boxes[box] = boxes[box].filter(({ rgb }) => rgb[channel] <= edge);
    boxes.push(high);
    spreads[box] = spreadsOf(boxes[box]);
    spreads.push(spreadsOf(high));
  }
  return boxes.map(mean);
}

function sums(box) {
  const result = { n: 0, s: [0, 0, 0], q: [0, 0, 0] };
  for (const { rgb, count } of box) {
    result.n += count;
    for (let c = 0; c < 3; c++) {
      result.s[c] += count * rgb[c];
      result.q[c] += count * rgb[c] * rgb[c];
    }
  }
  return result;
}

// The exact fraction (n q - s^2) / n of each channel.
function spreadsOf(box) {
  const { n, s, q } = sums(box);
  const count = BigInt(n);
  return s.map((sum, c) => ({ over: count * BigInt(q[c]) - BigInt(sum) ** 2n, under: count }));
}

function larger(a, b) {
  return a.over * b.under > b.over * a.under;
}

function mean(box) {
  const { n, s } = sums(box);
  return s.map((sum) => Math.floor((2 * sum + n) / (2 * n)));
}

// The place of the entry closest to a colour, the earlier of equals.
export function nearest([r, g, b], entries) {
  let best = 0;
  let least = Infinity;
  entries.forEach(([x, y, z], number) => {
    const distance = (r - x) ** 2 + (g - y) ** 2 + (b - z) ** 2;
    if (distance < least) [best, least] = [number, distance];
  });
  return best;
}
