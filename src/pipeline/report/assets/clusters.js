// SPDX-License-Identifier: Apache-2.0
// The panels of clusters, and the names that a person gives them.

for (const input of all('input.name')) {
  input.addEventListener('input', () => {
    const cluster = Number(input.dataset.cluster);
    const of = state.result.clusters[cluster];
    of.original ??= of.title;
    const name = input.value.trim();
    of.title = name ? `${cluster} · ${name}` : of.original;
    for (const key of all(`[data-k].chosen .key[data-cluster="${cluster}"]`)) key.lastChild.textContent = of.title;
    for (const title of all(`[data-k].chosen .cluster[data-cluster="${cluster}"] summary b`)) title.textContent = of.title;
    changed('names');
  });
}

// A line 'CLUSTER: "NAME"' for each name of the chosen K; JSON's strings are YAML's.
function namesText() {
  const lines = all('[data-k].chosen input.name').filter((input) => input.value.trim())
    .map((input) => `${input.dataset.cluster}: ${JSON.stringify(input.value.trim())}\n`);
  return `# K = ${state.result.k}\n${lines.join('')}`;
}
byId('save-names').addEventListener('click', () => {
  const link = create('a', { href: URL.createObjectURL(new Blob([namesText()], { type: 'text/yaml' })), download: 'names.yaml' });
  link.click();
  URL.revokeObjectURL(link.href);
});

for (const button of all('button.only')) {
  button.addEventListener('click', () => {
    byId('filter').value = `c${button.dataset.cluster}`;
    byId('filter').dispatchEvent(new Event('change'));
    byId('images').scrollIntoView();
  });
}
// A link to a panel opens it.
function openPanel() {
  const panel = location.hash.startsWith('#cluster-') && byId(location.hash.slice(1));
  if (!panel) return;
  chooseK(Number(panel.closest('[data-k]').dataset.k));
  panel.open = true;
  panel.scrollIntoView();
}
addEventListener('hashchange', openPanel);

if (data.results.length) chooseK(data.results[0].k);
openPanel();
