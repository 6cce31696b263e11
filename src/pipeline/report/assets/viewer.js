// SPDX-License-Identifier: Apache-2.0
// One image in full size, with what is in it; the arrow keys go through the images as they are sorted and filtered.

const viewer = create('dialog', { id: 'viewer' });
viewer.setAttribute('aria-labelledby', 'viewer-name');
viewer.innerHTML = `<div class="viewer-head"><h2 id="viewer-name"></h2><div class="layers" role="group" aria-label="Layer"></div>
  <button type="button" id="previous" aria-label="Previous image">←</button><button type="button" id="next" aria-label="Next image">→</button>
  <button type="button" id="close" aria-label="Close">✕</button></div>
  <div class="viewer-body"><div class="viewer-stage"></div><div class="viewer-side"><p class="note" id="viewer-scores"></p>
  <p class="note" id="under"></p><ul id="viewer-clusters"></ul></div></div>`;
document.body.append(viewer);
let opened = null;  // the image

function openViewer(image) {
  opened = image;
  if (!viewer.open) viewer.showModal();
  fillViewer();
}
function fillViewer() {
  const picture = pictures.get(opened);
  const layers = layersOf(opened);
  const layer = layers.includes(state.layer) ? state.layer : 'photo';
  byId('viewer-name').textContent = `${picture.name} (${order.indexOf(opened) + 1} of ${order.length})`;
  byId('viewer-scores').textContent = captionOf(opened);
  byId('under').textContent = 'Point at a place to see what it is.';
  viewer.querySelector('.layers').replaceChildren(...layers.map((name, i) => {
    const button = create('button', { type: 'button', textContent: layerNames[name], title: `key ${i + 1}` });
    button.dataset.layer = name;
    button.setAttribute('aria-pressed', String(name === layer));
    button.addEventListener('click', () => showLayer(name));
    return button;
  }));
  const stage = stageOf(opened, layer);
  const photo = stage.querySelector('img');
  viewer.querySelector('.viewer-stage').replaceChildren(stage);
  viewer.style.setProperty('--fit', `calc(78vh * ${photo.width / photo.height})`);
  drawStage(opened, stage);
  stage.addEventListener('pointermove', (event) => tell(event, stage));
  const { clusters, total } = scores.get(opened);
  const entries = [...clusters].filter(([cluster]) => cluster >= 0).sort((a, b) => b[1] - a[1]);
  byId('viewer-clusters').replaceChildren(...entries.map(([cluster, pixels]) => {
    const swatch = create('i', { className: 'swatch' });
    swatch.style.background = state.result.clusters[cluster].colour;
    const key = create('button', { type: 'button', className: 'key' }, swatch, `${titleOf(cluster)} `, create('small', { textContent: percentText(pixels / total) }));
    key.dataset.cluster = cluster;
    return create('li', {}, key);
  }));
}
function showLayer(layer) {
  state.layer = layer;
  byId('layer').value = layer;
  fillViewer();
  drawCards();
}
function step(by) {
  const at = order.indexOf(opened) + by;
  if (at < 0 || at >= order.length) return;
  opened = order[at];
  fillViewer();
}

// What lies under the pointer.
async function tell(event, stage) {
  const box = stage.getBoundingClientRect();
  const image = opened;
  const [map, truth] = await Promise.all([mapOf(image, state.result.layer), mapOf(image, 'truth')]).catch(() => [null, null]);
  if (!map || image !== opened) return;
  const x = Math.floor(((event.clientX - box.left) / box.width) * map.width);
  const y = Math.floor(((event.clientY - box.top) / box.height) * map.height);
  const at = Math.min(map.labels.length - 1, Math.max(0, y * map.width + x));
  const parts = [map.labels[at] < 0 ? 'unassigned' : `cluster ${titleOf(map.labels[at])}`];
  if (truth) parts.push(`ground truth: ${truth.labels[at] < 0 ? 'void' : data.classes[truth.labels[at]].name}`);
  byId('under').textContent = parts.join('; ');
}

byId('previous').addEventListener('click', () => step(-1));
byId('next').addEventListener('click', () => step(1));
byId('close').addEventListener('click', () => viewer.close());
viewer.addEventListener('click', (event) => { if (event.target === viewer) viewer.close(); });
viewer.addEventListener('close', () => {
  const card = cards.get(opened);
  if (card && !card.hidden) card.querySelector('a').focus({ preventScroll: true });
  if (location.hash.startsWith('#image-')) history.replaceState(null, '', location.pathname + location.search);
});
viewer.addEventListener('keydown', (event) => {
  if (event.key === 'ArrowLeft' || event.key === 'ArrowRight') {
    event.preventDefault();
    step(event.key === 'ArrowLeft' ? -1 : 1);
  }
  const layer = layersOf(opened)[Number(event.key) - 1];
  if (layer) showLayer(layer);
});
listenToKeys(viewer);
listeners.push((what) => {
  if (!viewer.open) return;
  if (what === 'lit') drawStage(opened, viewer.querySelector('.stage'));
});
gallery.addEventListener('click', (event) => {
  const card = event.target.closest('.stages') && event.target.closest('.card');
  if (card) openViewer(Number(card.dataset.image));
});
// Links to images, wherever they are.
document.addEventListener('click', (event) => {
  const link = event.target.closest('a[href^="#image-"]');
  if (!link) return;
  event.preventDefault();
  openViewer(Number(link.hash.slice(7)));
});
