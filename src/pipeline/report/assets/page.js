// SPDX-License-Identifier: Apache-2.0
// What all parts share: the data, which K is chosen, which cluster or class is highlighted, light and dark.
'use strict';
document.documentElement.classList.add('js');
const byId = (id) => document.getElementById(id);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const create = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};
const data = JSON.parse(byId('data').textContent);
const pictures = new Map(data.images.map((picture) => [picture.image, picture]));

const state = { result: data.results[0], layer: 'mask', view: 'grid', opacity: 0.65, lit: null, pinned: null };
// Called with what has changed: 'k', 'layer', 'view', 'lit', 'names'.
const listeners = [];
const changed = (what) => listeners.forEach((listener) => listener(what));

const mapping = () => state.result.clusters.map((cluster) => cluster.class);
const titleOf = (cluster) => state.result.clusters[cluster].title;

function chooseK(k) {
  state.result = data.results.find((result) => result.k === k) || data.results[0];
  for (const part of all('[data-k]')) part.classList.toggle('chosen', Number(part.dataset.k) === state.result.k);
  if (byId('k')) byId('k').value = String(state.result.k);
  state.lit = state.pinned = null;
  changed('k');
}

// A cluster or a class that all pictures show alone: {kind, number}, or null.
function light(lit) {
  state.lit = lit || state.pinned;
  const is = (element, kind) =>
    state.lit && state.lit.kind === kind && element.dataset[kind] !== undefined && Number(element.dataset[kind]) === state.lit.number;
  for (const key of all('.key')) key.classList.toggle('lit', Boolean(is(key, 'cluster') || is(key, 'class')));
  for (const plot of all('.chart svg')) {
    const discs = all('.disc[data-cluster], .dots[data-cluster]', plot);
    plot.classList.toggle('dim', discs.length > 0 && Boolean(state.lit) && state.lit.kind === 'cluster');
    for (const disc of discs) disc.classList.toggle('lit', Boolean(is(disc, 'cluster')));
  }
  changed('lit');
}

function keyOf(element) {
  const kind = element.dataset.cluster !== undefined ? 'cluster' : 'class';
  return { kind, number: Number(element.dataset[kind]) };
}

// A legend's entries highlight while the pointer or the focus is on them, and for longer after a click.
function listenToKeys(root) {
  root.addEventListener('pointerover', (event) => {
    const key = event.target.closest('.key, .disc[data-cluster], .dots[data-cluster]');
    if (key) light(keyOf(key));
  });
  root.addEventListener('pointerout', (event) => {
    if (event.target.closest('.key, .disc[data-cluster], .dots[data-cluster]')) light(null);
  });
  root.addEventListener('focusin', (event) => {
    if (event.target.matches('.key:focus-visible')) light(keyOf(event.target));
  });
  root.addEventListener('focusout', (event) => {
    if (event.target.matches('.key')) light(null);
  });
  root.addEventListener('click', (event) => {
    const key = event.target.closest('.key');
    if (!key) return;
    const chosen = keyOf(key);
    const same = state.pinned && state.pinned.kind === chosen.kind && state.pinned.number === chosen.number;
    state.pinned = same ? null : chosen;
    for (const other of all('.key')) other.setAttribute('aria-pressed', String(other === key && !same));
    light(same ? null : chosen);
  });
}

function chooseTheme() {
  const root = document.documentElement;
  const isDark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  root.dataset.theme = isDark ? 'light' : 'dark';
}

// What summary.js beside the report says of the last job; it is another file, for it changes with each job.
function datusJob(job) {
  const { summary } = job;
  const rows = Object.entries(summary.stages).map(([name, stage]) => {
    const done = stage.of_this_job && stage.shards > 0;
    const work = done ? stage : stage.last_work;  // a job with nothing to do keeps the times of the one that had
    const notes = [work ? work.note : stage.note];
    if (!done && work) notes.push(`in an earlier job, on ${work.ranks} ranks of ${work.threads} threads`);
    if (!done && !work) notes.push('nothing to do');
    return create('tr', {}, create('td', { textContent: name }),
      create('td', { textContent: work ? work.wall_seconds.toFixed(1) : '' }), create('td', { textContent: (work && work.images) || '' }),
      create('td', { textContent: work && work.images_per_second ? work.images_per_second.toFixed(1) : '' }),
      create('td', { textContent: notes.filter(Boolean).join('; ') }));
  });
  const head = create('tr', {}, ...['stage', 'seconds', 'images', 'images/s', ''].map((text) => create('th', { textContent: text })));
  byId('job-facts').replaceChildren(
    create('p', { className: 'note', textContent: `'datus ${summary.command}' of ${summary.version}, ended ` +
      `${new Date(job.unix_seconds * 1000).toLocaleString()}, ${summary.ranks} ranks of ${summary.threads} threads, ` +
      `${summary.seconds.toFixed(1)} seconds.` }),
    create('div', { className: 'scroll' }, create('table', { className: 'numbers' }, head, ...rows)));
}
function loadJob() {
  if (!byId('job').open || byId('job-facts').childElementCount > 0) return;
  byId('job-facts').append(create('p', { className: 'note', textContent: 'summary.js of the run is not beside the report.' }));
  document.head.append(create('script', { src: '../summary.js' }));
}

if (byId('k')) byId('k').addEventListener('change', (event) => chooseK(Number(event.target.value)));
byId('theme').addEventListener('click', chooseTheme);
byId('job').addEventListener('toggle', loadJob);
