// The page that a market shows in a frame: one piece, drawn from its seed and compared with its promise.

const MOST_MODEL_BYTES = 128 * 2 ** 20;
const MOST_RECIPE_BYTES = 65536;
const { Renderer, toImageData } = globalThis.nftganRenderer;
const $ = (id) => document.getElementById(id);

let renderer = null;
let recipe = null;

// { seed, pixels } of the address. Throws where it names no piece.
function wanted() {
  const parameters = new URLSearchParams(location.search);
  const [seed, pixels] = [parameters.get("seed") ?? "", parameters.get("pixels") ?? ""];
  if (!/^(0|[1-9]\d{0,9})$/.test(seed) || Number(seed) > 0xffffffff || !/^[0-9a-f]{64}$/.test(pixels)) {
    throw new Error("this address names no piece");
  }
  return { seed: Number(seed), pixels: `sha256:${pixels}` };
}

async function bytesOf(name, most) {
  const answer = await fetch(name, { credentials: "omit" }).catch(() => null);
  if (!answer?.ok || !answer.body) throw new Error(`${name} cannot be had here`);
  const parts = [];
  let size = 0;
  const reader = answer.body.getReader();
  for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
    size += value.length;
    if (size > most) {
      await reader.cancel();
      throw new Error(`${name} is longer than it may be`);
    }
    parts.push(value);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

function say(state, words) {
  document.documentElement.dataset.state = state;
  $("words").textContent = words;
}

async function draw() {
  $("again").hidden = true;
  $("bar").hidden = false;
  say("drawing", "Drawing …");
  const onProgress = ({ done, total }) => ($("bar").value = done / total);
  try {
    const { seed, pixels } = wanted();
    recipe ??= JSON.parse(new TextDecoder().decode(await bytesOf("recipe.json", MOST_RECIPE_BYTES)));
    if (!renderer) {
      const made = await Renderer.create({ shared: false, workers: Math.min(4, navigator.hardwareConcurrency || 1) });
      await made.load(await bytesOf("model.safetensors", MOST_MODEL_BYTES), { onProgress });
      renderer = made;
    }
    const picture = await renderer.render({ recipe, seed, onProgress });
    const canvas = $("canvas");
    canvas.width = picture.width;
    canvas.height = picture.height;
    canvas.getContext("2d").putImageData(toImageData(picture), 0, 0);
    canvas.setAttribute("aria-label", `The piece of seed ${seed}, drawn here`);
    const { filter = "nearest", grid = 0, upscale = 1 } = recipe.finish ?? {};
    canvas.classList.toggle("pixels", filter === "nearest" && (grid > 0 || upscale > 1));
    canvas.hidden = false;
    if (picture.hash === pixels && picture.safe) say("same", `Drawn here from seed ${seed}: identical`);
    else say("other", `Drawn here from seed ${seed}: not the image that was promised`);
  } catch (problem) {
    say("failed", `It cannot be drawn: ${problem.message}`);
  } finally {
    $("bar").hidden = true;
    $("again").hidden = false;
  }
}

$("again").addEventListener("click", draw);
draw();
