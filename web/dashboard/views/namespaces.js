// Every namespace that landlord looks after.

import { h } from '../dom.js';
import { listing } from '../listing.js';

export function namespaces(context) {
  const list = listing(context);
  const node = h('div', { class: 'stack' }, h('header', { class: 'head' }, h('h1', {}, 'Namespaces'), h('p', { class: 'lead' }, 'All that landlord looks after, and how each stands.')), h('div', { class: 'panel' }, list.node));
  return { title: 'Namespaces', node, refresh: list.refresh, destroy: list.destroy };
}
