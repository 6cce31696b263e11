// SPDX-License-Identifier: Apache-2.0
// The images: what is drawn over them, their order, which are shown.

const layerNames = { photo: 'photo', truth: 'ground truth', segments: 'segments', mask: 'mask', classes: 'classes', errors: 'errors' };
const gallery = byId('cards');
const cards = new Map(all('.card').map((card) => [Number(card.dataset.image), card]));
const pageSize = 60;  // cards that are shown at first, and more at each click
let shownCards = pageSize;
let order = data.images.map((picture) => picture.image);  // as sorted and filtered

// The layers that an image has.
function layersOf(image) {
  const has = new Set(pictures.get(image).layers);
  const layers = ['photo'];
  if (has.has('truth')) layers.push('truth');
  layers.push('segments', 'mask');
  if (data.classes.length > 0 && mapping().some((label) => label >= 0)) {
    layers.push('classes');
    if (has.has('truth')) layers.push('errors');
  }
  return layers;
}

// A photo with a layer over it.
function stageOf(image, layer) {
  const photo = cards.get(image).querySelector('.photo');
  const canvas = create('canvas', { className: 'over' });
  canvas.setAttribute('aria-hidden', 'true');
  const stage = create('figure', { className: 'stage' },
    create('img', { src: photo.src, width: photo.width, height: photo.height, alt: `${layerNames[layer]} of ${pictures.get(image).name}` }),
    canvas, create('figcaption', { textContent: layerNames[layer] }));
  stage.dataset.layer = layer;
  return stage;
}
async function drawStage(image, stage) {
  const canvas = stage.querySelector('canvas');
  canvas.style.opacity = String(state.opacity);
  const turn = (stage.turn = (stage.turn || 0) + 1);
  const drawn = await layerOf(image, stage.dataset.layer).catch(() => null);
  if (stage.turn !== turn) return;  // asked for again since
  canvas.hidden = !drawn;
  if (drawn) paint(canvas, drawn);
}

// Cards are drawn when they come into view.
const inView = new Set();
const observer = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    const image = Number(entry.target.dataset.image);
    if (!entry.isIntersecting) inView.delete(image);
    else {
      inView.add(image);
      drawCard(image);
    }
  }
}, { rootMargin: '300px' });

function drawCard(image) {
  const card = cards.get(image);
  const layers = layersOf(image);
  const wanted = state.view === 'rows' ? layers : [layers.includes(state.layer) ? state.layer : 'photo'];
  let stages = card.querySelector('.stages');
  if (!stages) card.prepend(stages = create('div', { className: 'stages' }));
  if (stages.dataset.layers !== wanted.join()) {
    stages.dataset.layers = wanted.join();
    stages.replaceChildren(...wanted.map((layer) => stageOf(image, layer)));
  }
  for (const stage of all('.stage', stages)) drawStage(image, stage);
}
function drawCards() {
  document.querySelector('.legend').dataset.shows = state.view === 'rows' ? 'all' : state.layer;
  inView.forEach(drawCard);
}

// Scores of an image by the chosen K: {right, miou, unassigned, entropy}; the first two null without classes of the truth.
function scoresOf(picture) {
  const classOf = mapping();
  const truth = new Map(), given = new Map(), hits = new Map(), clusters = new Map();
  const add = (map, key, pixels) => map.set(key, (map.get(key) || 0) + pixels);
  let total = 0, labelled = 0, right = 0;
  for (const [cluster, label, pixels] of picture.pixels[state.result.k] || []) {
    total += pixels;
    add(clusters, cluster, pixels);
    if (label < 0) continue;
    labelled += pixels;
    add(truth, label, pixels);
    const assigned = cluster < 0 ? -1 : classOf[cluster];
    if (assigned >= 0) add(given, assigned, pixels);
    if (assigned === label) {
      right += pixels;
      add(hits, label, pixels);
    }
  }
  let entropy = 0;
  for (const pixels of clusters.values()) entropy -= (pixels / total) * Math.log2(pixels / total);
  const ious = [...truth.keys()].map((label) => {
    const hit = hits.get(label) || 0;
    return hit / (truth.get(label) + (given.get(label) || 0) - hit);
  });
  const isScored = labelled > 0 && classOf.some((label) => label >= 0);
  return {
    right: isScored ? right / labelled : null,
    miou: isScored ? ious.reduce((sum, iou) => sum + iou, 0) / ious.length : null,
    unassigned: (clusters.get(-1) || 0) / total, entropy, clusters, truth, total,
  };
}
let scores = new Map();
const percentText = (value) => `${(100 * value).toFixed(1)} %`;
function captionOf(image) {
  const of = scores.get(image);
  const parts = [];
  if (of.right !== null) parts.push(`${percentText(of.right)} right`, `mIoU ${(100 * of.miou).toFixed(1)}`);
  if (of.unassigned >= 0.0005) parts.push(`${percentText(of.unassigned)} unassigned`);
  if (of.right === null) parts.push(`entropy ${of.entropy.toFixed(2)} bits`);
  return parts.join(' · ');
}

const sorts = {
  list: () => 0,
  name: (a, b) => (pictures.get(a).name < pictures.get(b).name ? -1 : 1),
  worst: (a, b) => (scores.get(a).right ?? 2) - (scores.get(b).right ?? 2),
  best: (a, b) => (scores.get(b).right ?? -1) - (scores.get(a).right ?? -1),
  miou: (a, b) => (scores.get(a).miou ?? 2) - (scores.get(b).miou ?? 2),
  unassigned: (a, b) => scores.get(b).unassigned - scores.get(a).unassigned,
  entropy: (a, b) => scores.get(b).entropy - scores.get(a).entropy,
};

// "c13": images with that cluster; "t4": with that class in the ground truth.
function passes(image, filter) {
  if (!filter) return true;
  const of = scores.get(image);
  return (filter[0] === 'c' ? of.clusters : of.truth).has(Number(filter.slice(1)));
}
function fillFilter() {
  const filter = byId('filter');
  const kept = filter.value;
  const group = (label, options) => Object.assign(create('optgroup', {}, ...options), { label });
  const truths = new Set([...scores.values()].flatMap((of) => [...of.truth.keys()]));
  const classes = data.classes.map((c, i) => [i, c.name]).filter(([i]) => truths.has(i));
  filter.replaceChildren(create('option', { value: '', textContent: 'anything' }));
  if (classes.length) filter.append(group('class of the ground truth', classes.map(([i, name]) => create('option', { value: `t${i}`, textContent: name }))));
  filter.append(group('cluster', state.result.clusters.map((c, i) => create('option', { value: `c${i}`, textContent: c.title }))));
  filter.value = kept;
  if (filter.selectedIndex < 0) filter.value = '';
}

function arrange() {
  const filter = byId('filter').value;
  const sorted = data.images.map((picture) => picture.image).filter((image) => passes(image, filter));
  sorted.sort(sorts[byId('sort').value]);
  order = sorted;
  const visible = order.slice(0, shownCards);
  for (const card of cards.values()) card.hidden = true;
  for (const image of visible) {
    cards.get(image).hidden = false;
    gallery.append(cards.get(image));
  }
  byId('count').textContent = `${order.length} of ${data.images.length} images`;
  byId('more').hidden = order.length <= shownCards;
}

function update() {
  scores = new Map(data.images.map((picture) => [picture.image, scoresOf(picture)]));
  for (const [image, card] of cards) card.querySelector('.note').textContent = captionOf(image);
  fillFilter();
  arrange();
  drawCards();
}

gallery.parentElement.append(create('button', { type: 'button', id: 'more', className: 'more scripted', textContent: 'show more images' }));
byId('more').addEventListener('click', () => { shownCards += pageSize; arrange(); });
gallery.classList.add('grid');
for (const card of cards.values()) observer.observe(card);
byId('layer').addEventListener('change', (event) => { state.layer = event.target.value; drawCards(); });
byId('view').addEventListener('change', (event) => {
  state.view = event.target.value;
  gallery.classList.toggle('rows', state.view === 'rows');
  gallery.classList.toggle('grid', state.view === 'grid');
  drawCards();
});
byId('opacity').addEventListener('input', (event) => {
  state.opacity = event.target.value / 100;
  for (const canvas of all('canvas.over')) canvas.style.opacity = String(state.opacity);
});
for (const id of ['sort', 'filter']) byId(id).addEventListener('change', () => { shownCards = pageSize; arrange(); drawCards(); });
listeners.push((what) => {
  if (what === 'k') update();
  if (what === 'lit') drawCards();
  if (what === 'names') fillFilter();
});
listenToKeys(document.querySelector('main'));
