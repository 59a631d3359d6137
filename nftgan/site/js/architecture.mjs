// What a generator is: its options, its schedule of layers, and the tensors that it must have.
import { RenderError, quoted } from "./errors.mjs";
import { isTable } from "./json.mjs";

// As in nftgan/networks/architecture.py; a test compares them.
export const DEFAULTS = {
  "stylegan3": {
    img_resolution: null, kind: "stylegan3-t", z_dim: 512, c_dim: 0, w_dim: 512, img_channels: 3,
    mapping_layers: 2, channel_base: 32768, channel_max: 512, num_layers: 14, num_critical: 2,
    first_cutoff: 2.0, first_stopband: 4.2870938501451725, last_stopband_rel: 1.2311444133449163, margin_size: 10,
    output_scale: 0.25, num_fp16_res: 4, conv_kernel: 3, filter_size: 6, lrelu_upsampling: 2,
    use_radial_filters: false, conv_clamp: 256.0, magnitude_ema_beta: 0.999,
  },
  "stylegan2": {
    img_resolution: null, kind: "stylegan2", z_dim: 512, c_dim: 0, w_dim: 512, img_channels: 3,
    mapping_layers: 8, channel_base: 32768, channel_max: 512, num_fp16_res: 4, conv_clamp: 256.0,
    use_noise: true,
  },
};

const WHOLE = {
  z_dim: [1, 4096], w_dim: [1, 4096], c_dim: [0, 100000], img_channels: [1, 4],
  mapping_layers: [1, 32], channel_base: [1, 1 << 20], channel_max: [1, 8192], num_layers: [1, 64],
  margin_size: [0, 64], filter_size: [1, 32], num_fp16_res: [0, 32], num_critical: [0, 64],
  lrelu_upsampling: [1, 8], conv_kernel: [1, 7],
};
const REAL = {
  first_cutoff: [1e-3, 4096], first_stopband: [1e-3, 8192], last_stopband_rel: [1e-3, 16],
  output_scale: [0, 1e6], conv_clamp: [0, 1e9], magnitude_ema_beta: [0, 1],
};

function wrong(message) {
  return new RenderError("model", message);
}

// The complete options of a generator, from the model file's description. Throws for all that no
// generator can be.
export function readConfig(document) {
  if (!isTable(document)) throw wrong("its description names no generator");
  const kind = document.kind;
  if (!["stylegan3-t", "stylegan3-r", "stylegan2"].includes(kind)) {
    throw wrong(`unknown network kind ${quoted(kind)}`);
  }
  const defaults = DEFAULTS[kind === "stylegan2" ? "stylegan2" : "stylegan3"];
  for (const key of Object.keys(document)) {
    if (!Object.hasOwn(defaults, key)) throw wrong(`architecture: unknown key ${quoted(key)}`);
  }
  const config = { ...defaults, ...document };
  const side = config.img_resolution;
  if (!Number.isInteger(side) || side < 4 || side > 4096 || side & (side - 1)) {
    throw wrong(`a resolution of ${quoted(side)} is not a power of two from 4 to 4096`);
  }
  for (const [name, value] of Object.entries(config)) {
    if (name === "kind" || name === "img_resolution") continue;
    if (name === "use_noise" || name === "use_radial_filters") {
      if (typeof value !== "boolean") throw wrong(`${name} must be true or false`);
      continue;
    }
    if (name === "conv_clamp" && value === null) continue;
    const [least, most] = WHOLE[name] ?? REAL[name];
    const fits = typeof value === "number" && value >= least && value <= most;
    if (!fits || (name in WHOLE && !Number.isInteger(value))) {
      throw wrong(`${name} = ${quoted(value)} is not between ${least} and ${most}`);
    }
  }
  if (kind !== "stylegan2" && config.num_critical >= config.num_layers) {
    throw wrong(`num_layers = ${config.num_layers} must exceed num_critical`);
  }
  if (config.img_channels === 2) {
    throw wrong(`the model paints ${config.img_channels} channels, not RGB, RGBA or grey`);
  }
  return config;
}

export function countStyles(config) {
  return config.kind === "stylegan2" ? 2 * Math.log2(config.img_resolution) - 2 : config.num_layers + 2;
}

function halfToEven(x) {
  const low = Math.floor(x);
  const over = x - low;
  return over > 0.5 || (over === 0.5 && low % 2 === 1) ? low + 1 : low;
}

// The layers of StyleGAN3, ToRGB last: [{name, cutoff, rate, size, channels, ins, kernel, before,
// up, down, upTaps, downTaps, radial, rgb}]. `numbers` has exp and log.
export function schedule(config, numbers) {
  const power = (base, exponent) => numbers.exp(exponent * numbers.log(base));
  const side = config.img_resolution;
  const n = config.num_layers;
  const layers = [];
  for (let i = 0; i <= n; i++) {
    const e = Math.min(i / (n - config.num_critical), 1);
    const cutoff = config.first_cutoff * power(side / 2 / config.first_cutoff, e);
    const last = (side / 2) * config.last_stopband_rel;
    const stopband = config.first_stopband * power(last / config.first_stopband, e);
    let rate = 1;
    while (rate < Math.min(2 * stopband, side)) rate *= 2;
    if (2 * stopband <= 0.5) throw wrong(`layer ${i} would have less than one sample a side`);
    const size = i >= n - 1 ? side : rate + 2 * config.margin_size;
    const rgb = i === n;
    const channels = rgb ? config.img_channels : halfToEven(Math.min(config.channel_base / 2 / cutoff, config.channel_max));
    if (channels < 1) throw wrong(`layer ${i} would have no channels`);
    const from = i ? layers[i - 1] : { rate, size, channels };
    const inner = Math.max(from.rate, rate) * (rgb ? 1 : config.lrelu_upsampling);
    const up = inner / from.rate;
    const down = inner / rate;
    layers.push({
      name: `synthesis.L${i}_${size}_${channels}`,
      cutoff, rate, size, channels, rgb, up, down,
      ins: from.channels,
      sizeIn: from.size,
      kernel: rgb ? 1 : config.conv_kernel,
      upTaps: rgb || up === 1 ? 1 : config.filter_size * up,
      downTaps: rgb || down === 1 ? 1 : config.filter_size * down,
      radial: !rgb && down > 1 && config.filter_size * down > 1 && config.use_radial_filters && i < n - config.num_critical,
    });
  }
  return layers;
}

// The layers of StyleGAN2: [{block, side, out, ins, convs: [name, …], rgb}]
export function blocks(config) {
  const list = [];
  const channels = (side) => Math.min(Math.floor(config.channel_base / side), config.channel_max);
  for (let side = 4; side <= config.img_resolution; side *= 2) {
    if (channels(side) < 1) throw wrong(`the block of ${side} pixels would have no channels`);
    list.push({
      name: `synthesis.b${side}`,
      side,
      out: channels(side),
      ins: side === 4 ? 0 : channels(side / 2),
    });
  }
  return list;
}

// Map of tensor name -> shape that a generator must have, exactly.
export function expectedShapes(config, numbers) {
  const shapes = new Map();
  const dense = (name, ins, outs) => {
    shapes.set(`${name}.weight`, [outs, ins]);
    shapes.set(`${name}.bias`, [outs]);
  };
  const { w_dim: w, c_dim: classes } = config;
  if (classes) dense("mapping.embed", classes, w);
  let width = config.z_dim + (classes ? w : 0);
  for (let i = 0; i < config.mapping_layers; i++, width = w) dense(`mapping.fc${i}`, width, w);
  shapes.set("mapping.w_avg", [w]);
  if (config.kind === "stylegan2") {
    for (const { name, side, out, ins } of blocks(config)) {
      shapes.set(`${name}.resample_filter`, [4, 4]);
      if (!ins) shapes.set(`${name}.const`, [out, 4, 4]);
      for (const [conv, from] of ins ? [["conv0", ins], ["conv1", out]] : [["conv1", out]]) {
        shapes.set(`${name}.${conv}.weight`, [out, from, 3, 3]);
        shapes.set(`${name}.${conv}.bias`, [out]);
        shapes.set(`${name}.${conv}.resample_filter`, [4, 4]);
        dense(`${name}.${conv}.affine`, w, from);
        if (config.use_noise) {
          shapes.set(`${name}.${conv}.noise_const`, [side, side]);
          shapes.set(`${name}.${conv}.noise_strength`, []);
        }
      }
      shapes.set(`${name}.torgb.weight`, [config.img_channels, out, 1, 1]);
      shapes.set(`${name}.torgb.bias`, [config.img_channels]);
      dense(`${name}.torgb.affine`, w, out);
    }
    return shapes;
  }
  const layers = schedule(config, numbers);
  const first = layers[0].channels;
  shapes.set("synthesis.input.weight", [first, first]);
  shapes.set("synthesis.input.transform", [3, 3]);
  shapes.set("synthesis.input.freqs", [first, 2]);
  shapes.set("synthesis.input.phases", [first]);
  dense("synthesis.input.affine", w, 4);
  for (const layer of layers) {
    const { name, kernel, ins, channels, upTaps, downTaps } = layer;
    shapes.set(`${name}.weight`, [channels, ins, kernel, kernel]);
    shapes.set(`${name}.bias`, [channels]);
    shapes.set(`${name}.magnitude_ema`, []);
    dense(`${name}.affine`, w, ins);
    if (upTaps > 1) shapes.set(`${name}.up_filter`, [upTaps]);
    if (downTaps > 1) shapes.set(`${name}.down_filter`, layer.radial ? [downTaps, downTaps] : [downTaps]);
  }
  return shapes;
}
