// SPDX-License-Identifier: Apache-2.0
// The page of 'datus compare': the order of the images, light and dark.
'use strict';
document.documentElement.classList.add('js');
const gallery = document.getElementById('cards');
const number = (card, name) => Number(card.dataset[name] ?? 0);
const orders = {
  gain: (a, b) => number(b, 'gain') - number(a, 'gain'),
  loss: (a, b) => number(a, 'gain') - number(b, 'gain'),
  matched: (a, b) => number(a, 'matched') - number(b, 'matched'),
  name: (a, b) => (a.dataset.name < b.dataset.name ? -1 : 1),
};
document.getElementById('sort').addEventListener('change', (event) => {
  gallery.append(...[...gallery.children].sort(orders[event.target.value]));
});
document.getElementById('theme').addEventListener('click', () => {
  const root = document.documentElement;
  const isDark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  root.dataset.theme = isDark ? 'light' : 'dark';
});
