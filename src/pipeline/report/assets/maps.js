// SPDX-License-Identifier: Apache-2.0
// Label maps: out of the PNG files inside of the page, without a canvas, which could not be read where a page is a file.

// The bytes of a PNG of labels as the program writes it: 8-bit palette or 16-bit grey, no filter, not interlaced.
async function labelsOf(base64) {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  const parts = [];
  let width = 0, height = 0, depth = 8, none = 255;
  for (let at = 8; at < bytes.length;) {
    const size = view.getUint32(at);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (type === 'IHDR') [width, height, depth] = [view.getUint32(at + 8), view.getUint32(at + 12), bytes[at + 16]];
    if (type === 'PLTE') none = size / 3 - 1;
    if (type === 'IDAT') parts.push(bytes.subarray(at + 8, at + 8 + size));
    at += size + 12;
  }
  const stream = new Blob(parts).stream().pipeThrough(new DecompressionStream('deflate'));
  const rows = new Uint8Array(await new Response(stream).arrayBuffer());
  const labels = new Int32Array(width * height);
  const step = depth === 16 ? 2 : 1;
  if (step === 2) none = 65535;
  for (let y = 0, to = 0; y < height; ++y) {
    for (let x = 0, from = y * (width * step + 1) + 1; x < width; ++x, ++to, from += step) {
      const value = step === 2 ? rows[from] * 256 + rows[from + 1] : rows[from];
      labels[to] = value === none ? -1 : value;
    }
  }
  return { width, height, labels };
}

const waiting = new Map();  // of pictures that lie apart: whom to tell
function datusPicture(picture) {
  const tell = waiting.get(picture.image);
  if (tell) tell(picture.maps);
}

// {layer: PNG in base64} of an image.
const mapTexts = new Map();
function textsOf(image) {
  if (!mapTexts.has(image)) mapTexts.set(image, data.apart ? loadTexts(image) : Promise.resolve(insideTexts(image)));
  return mapTexts.get(image);
}
function insideTexts(image) {
  const texts = JSON.parse(byId(`maps-${image}`).textContent);
  const first = data.results[0].layer;
  if (!texts[first]) texts[first] = byId(`image-${image}`).querySelector('.still').src.split(',')[1];
  return texts;
}
function loadTexts(image) {
  return new Promise((resolve, reject) => {
    waiting.set(image, resolve);
    const script = create('script', { src: `pictures/${String(image).padStart(6, '0')}.js` });
    script.onerror = () => reject(new Error('no maps'));
    script.onload = () => script.remove();
    document.head.append(script);
  });
}

// The decoded map of a layer; the last ones are kept.
const decoded = new Map();
const mostDecoded = 240;
function mapOf(image, layer) {
  const name = `${image} ${layer}`;
  if (!decoded.has(name)) {
    if (decoded.size >= mostDecoded) decoded.delete(decoded.keys().next().value);
    decoded.set(name, textsOf(image).then((texts) => (texts[layer] ? labelsOf(texts[layer]) : null)));
  }
  return decoded.get(name);
}

const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
const segmentColours = data.results.length ? Array.from({ length: 61 }, (_, i) => {
  const hue = (i * 137.508) % 360, light = [62, 48, 74][i % 3];
  return hslToRgb(hue, 60, light);
}) : [];
function hslToRgb(hue, saturation, lightness) {
  const a = (saturation / 100) * Math.min(lightness / 100, 1 - lightness / 100);
  return [0, 8, 4].map((n) => {
    const k = (n + hue / 30) % 12;
    return Math.round(255 * (lightness / 100 - a * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  });
}
const errorColours = { right: [43, 140, 190], wrong: [230, 85, 13], none: [138, 143, 150] };

// What a layer draws: for each pixel a number, its colour, and the cluster and class that it counts for.
async function layerOf(image, layer) {
  const clusterLayer = state.result.layer;
  if (layer === 'photo') return null;
  if (layer === 'segments' || layer === 'truth') {
    const map = await mapOf(image, layer);
    if (!map) return null;
    const colours = layer === 'truth' ? data.classes.map((c) => rgb(c.colour)) : segmentColours;
    return { map, labels: map.labels, colours, clusters: null, classes: layer === 'truth' ? map.labels : null };
  }
  const [map, truth] = await Promise.all([mapOf(image, clusterLayer), layer === 'errors' ? mapOf(image, 'truth') : null]);
  if (!map) return null;
  const classOf = mapping();
  const classes = map.labels.map((label) => (label < 0 ? -1 : classOf[label]));
  if (layer === 'mask') {
    return { map, labels: map.labels, colours: state.result.clusters.map((c) => rgb(c.colour)), clusters: map.labels, classes };
  }
  if (layer === 'classes') {
    return { map, labels: classes, colours: data.classes.map((c) => rgb(c.colour)), clusters: map.labels, classes };
  }
  if (!truth) return null;
  const verdict = classes.map((label, i) => (truth.labels[i] < 0 ? 2 : label === truth.labels[i] ? 0 : 1));
  return { map, labels: verdict, colours: [errorColours.right, errorColours.wrong, errorColours.none], clusters: map.labels, classes: truth.labels };
}

// Draws a layer: colours, a line between labels (light, but dark beside colours that are as light), dark where there is no
// label or what is not highlighted.
function paint(canvas, drawn) {
  const { map, labels, colours, clusters, classes } = drawn;
  canvas.width = map.width;
  canvas.height = map.height;
  const context = canvas.getContext('2d');
  const picture = context.createImageData(map.width, map.height);
  const pixels = new Uint32Array(picture.data.buffer);
  const packed = colours.map(([r, g, b]) => (255 << 24) | (b << 16) | (g << 8) | r);
  const line = 0xffffffff | 0, darkLine = 0xff303030 | 0, none = 205 << 24, faded = 190 << 24;
  const isLight = colours.map(([r, g, b]) => 2 * r + 5 * g + b > 8 * 216);
  const lineBeside = (...both) => (both.some((label) => label >= 0 && isLight[label % isLight.length]) ? darkLine : line);
  const of = state.lit ? (state.lit.kind === 'cluster' ? clusters : classes) : null;
  const wanted = state.lit ? state.lit.number : -1;
  const { width } = map;
  for (let i = 0; i < pixels.length; ++i) {
    const label = labels[i];
    if (of && of[i] !== wanted) pixels[i] = faded;
    else if (i % width !== width - 1 && labels[i + 1] !== label) pixels[i] = lineBeside(label, labels[i + 1]);
    else if (i + width < pixels.length && labels[i + width] !== label) pixels[i] = lineBeside(label, labels[i + width]);
    else pixels[i] = label < 0 ? none : packed[label % packed.length];
  }
  context.putImageData(picture, 0, 0);
}
