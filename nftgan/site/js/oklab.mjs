// OKLab in whole numbers, as nftgan/oklab.py has it: units are 1/4096.

// sRGB byte -> linear light in 1/65535; no value lies near a rounding step.
const LINEAR = Array.from({ length: 256 }, (_, byte) => {
  const v = byte / 255;
  return Math.round((v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4) * 65535);
});
// The published matrices times 2^20 and 2^14.
const TO_LMS = [
  [432246, 562385, 53945],
  [222197, 713765, 112614],
  [92592, 295404, 660581],
];
const TO_LAB = [
  [3448, 13003, -67],
  [32408, -39790, 7383],
  [424, 12825, -13249],
];

// [r, g, b] -> [lightness, green to red, blue to yellow]
export function oklab(rgb) {
  const light = rgb.map((value) => LINEAR[value]);
  const roots = TO_LMS.map((row) => cubeRoot(row[0] * light[0] + row[1] * light[1] + row[2] * light[2]));
  return TO_LAB.map((row) => (row[0] * roots[0] + row[1] * roots[1] + row[2] * roots[2] + 8192) >> 14);
}

// The floor of the cube root of a whole number below 2^37, exact whatever the last bit of cbrt is.
function cubeRoot(value) {
  const root = Math.round(Math.cbrt(value));
  return root ** 3 > value ? root - 1 : root;
}
