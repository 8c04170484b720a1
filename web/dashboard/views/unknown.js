// An address that names no view.

import { h } from '../dom.js';
import { empty } from '../parts.js';

export function unknown({ path }) {
  const node = h('div', { class: 'stack' }, h('h1', {}, 'No such page'),
    h('div', { class: 'panel' }, empty(`There is no view “${path}”`, 'The address may have been cut off, or be of another version.'), h('p', { class: 'center' }, h('a', { href: '#/overview' }, 'Overview'))));
  return { title: 'No such page', node, refresh: async () => {} };
}
