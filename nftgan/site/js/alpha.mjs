// Straight and premultiplied colours of RGBA, in whole numbers as nftgan/alpha.py has them.

// { pixels, width, height } of straight RGBA bytes -> each colour times alpha / 255, rounded
export function premultiplied(picture) {
  return changed(picture, (colour, alpha) => Math.floor((colour * alpha + 127) / 255));
}

// The other way: (0, 0, 0, 0) where alpha is 0; a colour above its alpha counts as alpha.
export function straight(picture) {
  const divided = (colour, alpha) => Math.floor((255 * Math.min(colour, alpha) + (alpha >> 1)) / alpha);
  return changed(picture, (colour, alpha) => (alpha ? divided(colour, alpha) : 0));
}

export function channelsOf({ pixels, width, height }) {
  return pixels.length / (width * height);
}

function changed(picture, colourOf) {
  const pixels = new Uint8Array(picture.pixels.length);
  for (let p = 0; p < pixels.length; p += 4) {
    const alpha = picture.pixels[p + 3];
    for (let c = 0; c < 3; c++) pixels[p + c] = colourOf(picture.pixels[p + c], alpha);
    pixels[p + 3] = alpha;
  }
  return { ...picture, pixels };
}
