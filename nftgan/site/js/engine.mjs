// One worker's part of a picture: every layer's own output channels, computed by the kernels.
//
// The kernels' memory holds, from the bottom: the layer's input x with all channels, then whatever
// the layer needs, laid out anew for each. After a layer the workers exchange what they computed.
import { blocks, countStyles, schedule } from "./architecture.mjs";
import { share } from "./partition.mjs";

const PIXELS_ACROSS = 128; // as in kernels.cpp: tiles of a convolution
const DEPTH = 256;
const PIECE = 2e8; // multiply-adds between two looks at the clock

const upTo = (value, step) => Math.ceil(value / step) * step;

export class Engine {
  // instance: of the kernels. exchange: see worker.js. breathe: async, called often; may throw.
  constructor(instance, { rank, count, exchange, breathe }) {
    this.kernels = instance.exports;
    this.base = upTo(this.kernels.__heap_base.value, 64);
    Object.assign(this, { rank, count, exchange, breathe });
  }

  setModel({ config, tensors }) {
    this.config = config;
    this.tensors = tensors; // name -> Float32Array; kernels of convolutions: own outputs only
  }

  // ---- memory

  allocate(bytes) {
    const at = this.top;
    this.top = upTo(at + bytes, 64);
    const { memory } = this.kernels;
    const missing = this.top + 65536 - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / 65536));
    return at;
  }

  put(array) {
    const at = this.allocate(array.byteLength);
    new array.constructor(this.kernels.memory.buffer, at, array.length).set(array);
    return at;
  }

  tensor(name) {
    return this.put(this.tensors[name]);
  }

  doubles(at, count) {
    return new Float64Array(this.kernels.memory.buffer, at, count);
  }

  // `count` numbers of the working precision
  numbers(at, count) {
    return new this.Numbers(this.kernels.memory.buffer, at, count);
  }

  zeros(bytes) {
    const at = this.allocate(bytes);
    new Uint8Array(this.kernels.memory.buffer, at, bytes).fill(0);
    return at;
  }

  kernel(name) {
    return this.kernels[`${name}_${this.precision}`];
  }

  setPrecision(precision) {
    this.precision = precision;
    this.lanes = precision === "f64" ? 2 : 4;
    this.Numbers = precision === "f64" ? Float64Array : Float32Array;
  }

  // ---- latent and mapping

  dense(name, x, rate = 1) {
    const bias = this.tensors[`${name}.bias`];
    const y = this.allocate(bias.length * 8);
    const weight = this.tensor(`${name}.weight`);
    this.kernels.dense(weight, this.put(bias), x, y, bias.length, this.tensors[`${name}.weight`].length / bias.length, rate);
    return y;
  }

  // w of a seed, Float64Array [w_dim]
  mapping(seed, label) {
    this.top = this.base;
    const { z_dim: z, w_dim: w, c_dim: classes, mapping_layers: layers } = this.config;
    let x = this.allocate((z + w) * 8);
    this.kernels.normals(seed, z, x);
    this.kernels.unit(x, z, 1e-8);
    if (classes) {
      const choice = new Float64Array(classes);
      choice[label] = 1;
      const embedded = this.dense("mapping.embed", this.put(choice));
      this.kernels.unit(embedded, w, 1e-8);
      this.doubles(x, z + w).set(this.doubles(embedded, w), z);
    }
    for (let i = 0; i < layers; i++) {
      x = this.dense(`mapping.fc${i}`, x, 0.01);
      this.kernels.leaky(x, w);
    }
    return this.doubles(x, w).slice();
  }

  // ws of the look, one Float64Array a layer: the sum of `weight` times the styles of `seed`, or of
  // those that are stored instead, which nothing truncates
  styles({ seeds, label, trunc, cutoff }) {
    const count = countStyles(this.config);
    const average = this.tensors["mapping.w_avg"];
    const layers = Array.from({ length: count }, () => new Float64Array(this.config.w_dim));
    for (const { seed, stored, weight } of seeds) {
      if (stored) {
        layers.forEach((layer, i) => {
          const row = stored[stored.length === 1 ? 0 : i];
          for (let k = 0; k < layer.length; k++) layer[k] += weight * row[k];
        });
        continue;
      }
      const w = this.mapping(seed, label);
      const near = trunc === 1 ? w : w.map((value, k) => average[k] + trunc * (value - average[k]));
      layers.forEach((layer, i) => {
        const chosen = i < (cutoff ?? count) ? near : w;
        for (let k = 0; k < layer.length; k++) layer[k] += weight * chosen[k];
      });
    }
    return layers;
  }

  // ---- layers

  // x at the bottom of memory: planes for `channels` with `edge` zeros around `side`
  layOutInput(channels, side, edge) {
    const stride = side + 2 * edge;
    const groups = Math.ceil(channels / this.lanes);
    this.x = { at: this.base, groups, channels, side, edge, stride, plane: stride * stride };
    this.top = this.base;
    this.allocate((groups * this.x.plane + 16) * 16); // a convolution reads a little further
    new Uint8Array(this.kernels.memory.buffer, this.base, groups * this.x.plane * 16).fill(0);
  }

  // The blocks of 2 lanes that hold this worker's part of `channels`
  own(channels) {
    const [first, end] = share(channels, this.rank, this.count);
    return { first, end, outs: end - first, blocks: Math.ceil((end - first) / (2 * this.lanes)) };
  }

  // Styles -> packed weights of this worker's outputs. how: 1 normalised, 2 demodulated, 3 both
  modulated(name, style, ins, taps, outs, how, gain) {
    const padded = upTo(ins, this.lanes);
    const wide = 2 * this.lanes;
    const packed = this.allocate(upTo(Math.max(outs, 1), wide) * taps * padded * (16 / this.lanes));
    const before = this.top;
    this.kernel("modulate")(this.tensor(name), style, outs, ins, taps, how, gain, packed);
    this.top = before;
    return packed;
  }

  // The bias of this worker's outputs, zeros after them
  bias(name, { first, end, blocks: count }) {
    const all = new this.Numbers(count * 2 * this.lanes);
    all.set(this.tensors[`${name}.bias`].subarray(first, end));
    return this.put(all);
  }

  // Own outputs of a convolution, before the bias unless it is given; rows keep the stride of x.
  async convolve(weights, blocks, { kernel, rows, from, panel, bias = 0, tap = 0 }) {
    const { groups, plane, stride } = this.x;
    const pixels = upTo(rows * stride, 4);
    const out = this.allocate(2 * blocks * pixels * 16);
    const before = this.top;
    const scratch = this.allocate(DEPTH * PIXELS_ACROSS * (16 / this.lanes));
    const weight = weights + tap * groups * this.lanes * 2 * 16;
    const work = kernel * kernel * groups * this.lanes * blocks * 2 * this.lanes; // per pixel
    const step = work ? Math.max(Math.floor(PIECE / work / PIXELS_ACROSS), 1) * PIXELS_ACROSS : pixels;
    for (let first = 0; blocks && first < pixels; first += step) {
      const last = Math.min(first + step, pixels);
      this.kernel("convolve")(from, groups, plane, stride, kernel, weight, panel, bias, out, pixels, blocks, first, last, scratch);
      await this.breathe();
    }
    this.top = before;
    return { at: out, plane: pixels };
  }

  // Every worker's part of a layer -> the next x. part: own planes of side^2
  async gather(part, channels, side, edge) {
    const sizeOf = (rank) => {
      const [first, end] = share(channels, rank, this.count);
      return Math.ceil((end - first) / this.lanes) * side * side * this.lanes;
    };
    const mine = this.numbers(part, sizeOf(this.rank)).slice();
    const parts = await this.exchange(mine, Array.from({ length: this.count }, (_, rank) => sizeOf(rank)));
    this.layOutInput(channels, side, edge);
    const { at, plane, stride } = this.x;
    parts.forEach((numbers, rank) => {
      if (!numbers.length) return;
      const before = this.top;
      const [first] = share(channels, rank, this.count);
      const count = numbers.length / (side * side * this.lanes);
      const source = this.allocate(numbers.byteLength);
      this.numbers(source, numbers.length).set(numbers);
      this.kernel("place")(source, side, at + (first / this.lanes) * plane * 16, plane, stride, edge, count);
      this.top = before;
    });
  }

  // The picture of a look. Worker 0 gets { pixels, width, height, margin }, the others null.
  // look: { seeds: [{ seed, weight }], label, trunc, cutoff, translate, rotate }
  async paint(look, precision, onLayer) {
    this.setPrecision(precision);
    const styles = this.styles(look);
    return this.config.kind === "stylegan2"
      ? this.paintStyleGAN2(styles, onLayer)
      : this.paintStyleGAN3(styles, look, onLayer);
  }

  quantized(at, side, scale) {
    const channels = this.config.img_channels;
    const length = side * side * (channels === 4 ? 4 : 3);
    const bytes = this.allocate(length);
    const margin = this.kernel("quantize")(at, side * side, channels, scale, bytes);
    const pixels = new Uint8Array(this.kernels.memory.buffer, bytes, length).slice();
    return { pixels, width: side, height: side, margin };
  }

  // ---- StyleGAN3

  async paintStyleGAN3(styles, look, onLayer) {
    const layers = schedule(this.config, this.kernels);
    const total = layers.length + 1;
    const limit = this.config.conv_clamp ?? Infinity;
    await this.input(styles[0], look, layers[0], layers[0].kernel - 1);
    onLayer(1, total, "input");
    for (const [i, layer] of layers.entries()) {
      const { name, ins, channels, kernel, size, sizeIn, up, down, upTaps, downTaps, radial, rgb } = layer;
      const own = this.own(channels);
      const style = this.dense(`${name}.affine`, this.put(styles[i + 1]));
      if (rgb) {
        const view = this.doubles(style, ins);
        for (let c = 0; c < ins; c++) view[c] /= Math.sqrt(ins);
      } else {
        this.kernels.unit(style, ins, 0);
      }
      const gain = 1 / Math.sqrt(this.tensors[`${name}.magnitude_ema`][0]);
      const taps = kernel * kernel;
      const weights = this.modulated(`${name}.weight`, style, ins, taps, own.outs, rgb ? 0 : 3, gain);
      const side = sizeIn + kernel - 1;
      const { stride } = this.x;
      const panel = taps * this.x.groups * this.lanes * 2;
      const bias = this.bias(name, own);
      const conv = await this.convolve(weights, own.blocks, { kernel, rows: side, from: this.x.at, panel, bias });

      const pad = (size - 1) * down + 1 - side * up + upTaps + downTaps - 2;
      const before = Math.floor((pad + up) / 2);
      const raised = side * up + pad - upTaps + 1;
      const fu = this.filter(`${name}.up_filter`, up);
      const fd = this.filter(`${name}.down_filter`, 1);
      const groups = 2 * own.blocks;
      const out = this.allocate(groups * size * size * 16);
      const scratch = this.allocate((side * raised + raised + raised * Math.max(raised, size)) * 16);
      for (let g = 0; g < groups; g++) {
        this.kernel("resample")(
          conv.at + g * conv.plane * 16, conv.plane, side, stride, fu, upTaps, up, before, raised,
          fd, downTaps, down, radial ? 1 : 0, limit, rgb ? 1 : 0, out + g * size * size * 16, size, 1, scratch,
        );
        await this.breathe();
      }
      if (rgb) return this.rank ? null : this.quantized(out, size, this.config.output_scale);
      await this.gather(out, channels, size, layers[i + 1].kernel - 1);
      onLayer(i + 2, total, name.slice(10));
    }
  }

  // A filter times `gain`; one tap of 1 where the layer has none
  filter(name, gain) {
    return this.put(this.Numbers.from(this.tensors[name] ?? [1], (tap) => tap * gain));
  }

  // The Fourier features of the first layer, mixed over channels
  async input(w, look, { channels, size, rate, cutoff }, edge) {
    this.layOutInput(channels, size, 0);
    const t = this.doubles(this.dense("synthesis.input.affine", this.put(w)), 4).slice();
    const length = Math.sqrt(t[0] * t[0] + t[1] * t[1]);
    const [c, s, x, y] = t.map((value) => value / length);
    const matrix = times(times([c, -s, 0, s, c, 0, 0, 0, 1], [1, 0, -x, 0, 1, -y, 0, 0, 1]), this.canvas(look));
    const waves = this.kernel("waves");
    const freqs = this.tensor("synthesis.input.freqs");
    const phases = this.tensor("synthesis.input.phases");
    const m = this.put(Float64Array.from(matrix));
    waves(freqs, phases, m, channels, size, rate, cutoff, this.x.at, this.allocate(size * 32));
    const own = this.own(channels);
    const style = this.put(new Float64Array(channels).fill(1));
    const weights = this.modulated("synthesis.input.weight", style, channels, 1, own.outs, 0, 1 / Math.sqrt(channels));
    const panel = this.x.groups * this.lanes * 2;
    const mixed = await this.convolve(weights, own.blocks, { kernel: 1, rows: size, from: this.x.at, panel });
    const tight = this.allocate(2 * own.blocks * size * size * 16);
    for (let g = 0; g < 2 * own.blocks; g++) { // planes of the convolution end at a multiple of 4 pixels
      this.kernel("place")(mixed.at + g * mixed.plane * 16, size, tight + g * size * size * 16, size * size, size, 0, 1);
    }
    await this.gather(tight, channels, size, edge);
  }

  // The inverse of the asked-for move of the canvas
  canvas({ translate: [x, y], rotate }) {
    const c = this.kernels.cos_turns(rotate / 360);
    const s = this.kernels.sin_turns(rotate / 360);
    return [c, -s, s * y - c * x, s, c, -s * x - c * y, 0, 0, 1];
  }

  // ---- StyleGAN2

  async paintStyleGAN2(styles, onLayer) {
    const list = blocks(this.config);
    const limit = this.config.conv_clamp ?? Infinity;
    const total = 2 * list.length;
    let index = 0;
    let picture = null;
    for (const [number, { name, side, out, ins }] of list.entries()) {
      if (ins) await this.styledLayer(`${name}.conv0`, styles[index++], ins, out, side, true, limit);
      else this.constant(`${name}.const`, out);
      onLayer(2 * number + 1, total, `b${side}.conv0`);
      await this.styledLayer(`${name}.conv1`, styles[index++], out, out, side, false, limit);
      if (!this.rank) picture = await this.addPicture(name, styles[index], out, side, limit, picture);
      onLayer(2 * number + 2, total, `b${side}.conv1`);
    }
    if (this.rank) return null;
    const side = this.config.img_resolution;
    return this.quantized(this.put(picture), side, 1);
  }

  constant(name, channels) {
    this.layOutInput(channels, 4, 1);
    const { at, groups, plane, stride } = this.x;
    const numbers = this.numbers(at, groups * plane * this.lanes);
    this.tensors[name].forEach((value, k) => {
      const c = k >> 4;
      const pixel = (((k >> 2) & 3) + 1) * stride + (k & 3) + 1;
      numbers[(Math.floor(c / this.lanes) * plane + pixel) * this.lanes + (c % this.lanes)] = value;
    });
  }

  // conv0 (which doubles) or conv1 of a block; the next x has one zero around.
  async styledLayer(name, w, ins, outs, side, doubles, limit) {
    const own = this.own(outs);
    const groups = 2 * own.blocks;
    const style = this.dense(`${name}.affine`, this.put(w));
    const weights = this.modulated(`${name}.weight`, style, ins, 9, own.outs, 2, 1);
    const panel = 9 * this.x.groups * this.lanes * 2;
    const noise = this.config.use_noise ? this.tensor(`${name}.noise_const`) : 0;
    const strength = this.config.use_noise ? this.tensors[`${name}.noise_strength`][0] : 0;
    const bias = this.bias(name, own);
    const finish = this.kernel("finish");
    let from;
    let stride = side;
    let plane = side * side;
    if (doubles) {
      from = await this.doubled(name, weights, own, side, panel);
    } else {
      const conv = await this.convolve(weights, own.blocks, { kernel: 3, rows: side, from: this.x.at, panel });
      ({ at: from, plane } = conv);
      stride = this.x.stride;
    }
    const out = this.allocate(groups * side * side * 16);
    finish(from, plane, stride, side, noise, strength, bias, limit, 0, out, groups);
    await this.gather(out, outs, side, 1);
  }

  // Transposed convolution with stride 2, one tap after the other, then the blur: own planes.
  async doubled(name, weights, own, side, panel) {
    const groups = 2 * own.blocks;
    const { stride, at, side: half } = this.x;
    const wide = side + 3; // 2 H + 1 and one zero around
    const spread = this.zeros(groups * wide * wide * 16);
    const before = this.top;
    for (let tap = 0; tap < 9; tap++) {
      const inner = at + (stride + 1) * 16;
      const conv = await this.convolve(weights, own.blocks, { kernel: 1, rows: half, from: inner, panel, tap });
      const to = spread + (wide + 1) * 16;
      this.kernel("spread")(conv.at, conv.plane, half, stride, to, wide * wide, wide, Math.floor(tap / 3), tap % 3, groups);
      this.top = before;
    }
    const blur = this.filter(`${name}.resample_filter`, 4);
    const out = this.allocate(groups * side * side * 16);
    for (let g = 0; g < groups; g++) {
      this.kernel("lower")(spread + g * wide * wide * 16, wide, blur, 4, out + g * side * side * 16, side);
      await this.breathe();
    }
    return out;
  }

  // The picture so far, doubled, plus ToRGB of this block: numbers [groups][side^2][lanes]
  async addPicture(block, w, ins, side, limit, picture) {
    const saved = this.top;
    const name = `${block}.torgb`;
    const channels = this.config.img_channels;
    const own = this.own(channels);
    const groups = 2 * own.blocks;
    const style = this.dense(`${name}.affine`, this.put(w));
    const view = this.doubles(style, ins);
    for (let c = 0; c < ins; c++) view[c] /= Math.sqrt(ins);
    const weights = this.modulated(`${name}.weight`, style, ins, 1, own.outs, 0, 1);
    const { stride, at } = this.x;
    const panel = this.x.groups * this.lanes * 2;
    const conv = await this.convolve(weights, own.blocks, { kernel: 1, rows: side, from: at + (stride + 1) * 16, panel });
    const out = this.allocate(groups * side * side * 16);
    this.kernel("finish")(conv.at, conv.plane, stride, side, 0, 0, this.bias(name, own), limit, 1, out, groups);
    const count = groups * side * side * this.lanes;
    if (picture) {
      const half = side / 2;
      const wide = side + 3;
      const spread = this.zeros(groups * wide * wide * 16);
      const to = spread + (2 * wide + 2) * 16;
      this.kernel("spread")(this.put(picture), half * half, half, half, to, wide * wide, wide, 0, 0, groups);
      const blur = this.filter(`${block}.resample_filter`, 4);
      const doubled = this.allocate(groups * side * side * 16);
      for (let g = 0; g < groups; g++) {
        this.kernel("lower")(spread + g * wide * wide * 16, wide, blur, 4, doubled + g * side * side * 16, side);
      }
      const sum = this.numbers(out, count);
      const more = this.numbers(doubled, count);
      for (let k = 0; k < count; k++) sum[k] += more[k];
    }
    picture = this.numbers(out, count).slice();
    this.top = saved;
    return picture;
  }
}

function times(a, b) {
  const c = [];
  for (let i = 0; i < 3; i++) {
    for (let j = 0; j < 3; j++) c.push(a[3 * i] * b[j] + a[3 * i + 1] * b[3 + j] + a[3 * i + 2] * b[6 + j]);
  }
  return c;
}
