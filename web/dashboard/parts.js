// What several views are made of.

import { h } from './dom.js';
import { number, percent, plural } from './format.js';

const WORDS = { compliant: 'Compliant', pending: 'Pending', conflicted: 'Conflicted', failed: 'Failed' };

/** How a namespace stands; shape and word say it as well as the colour. */
export const state = (word) => h('span', { class: `state ${word}` }, h('span', { class: 'mark', 'aria-hidden': 'true' }), h('span', {}, WORDS[word] ?? word));

export const tenantLink = (name, focus = `tenant-${name}`) => h('a', { href: `#/tenant/${encodeURIComponent(name)}`, 'data-focus': focus }, name);

export const tile = (label, value, note, tone) => h('div', { class: `tile ${tone ?? ''}` }, h('dt', {}, label), h('dd', {}, h('strong', {}, value), note ? h('small', {}, note) : null));

export const panel = (title, ...content) => {
  const id = `panel-${title.toLowerCase().replace(/[^a-z]+/g, '-')}`;
  return h('section', { class: 'panel', 'aria-labelledby': id }, h('h2', { id }, title), content);
};

/** What is shown where there is nothing to show, and what that means. */
export const empty = (title, text) => h('div', { class: 'empty' }, h('p', { class: 'title' }, title), text ? h('p', {}, text) : null);

/** Shares of namespaces as one bar; the words beside it are for everybody. */
export function compliance({ total, compliant, pending, conflicted, failed }) {
  const parts = [['compliant', compliant], ['pending', pending], ['conflicted', conflicted], ['failed', failed]];
  const bar = parts.filter(([, count]) => count > 0).map(([word, count]) => h('span', { class: word, style: { 'flex-grow': String(count) } }));
  return h('span', { class: 'compliance' }, h('span', { class: 'share' }, percent(compliant, total)), h('span', { class: 'meter', 'aria-hidden': 'true' }, bar));
}

/** A sentence about counts. */
export function standing({ total, pending, conflicted, failed }) {
  const parts = [[pending, 'pending'], [conflicted, 'conflicted'], [failed, 'failed']].filter(([count]) => count > 0);
  return parts.length === 0 ? plural(total, 'namespace') : `${plural(total, 'namespace')}: ${parts.map(([count, word]) => `${number(count)} ${word}`).join(', ')}`;
}

/** A field to search in. Its value goes into the address. */
export function searchField(label, value, oninput) {
  let timer;
  const later = (event) => { clearTimeout(timer); timer = setTimeout(() => oninput(event.target.value), 150); };
  return h('label', { class: 'field' }, h('span', {}, label), h('input', { type: 'search', value, autocomplete: 'off', spellcheck: 'false', oninput: later }));
}

/** A choice. `options` are [value, words]. */
export function choiceField(label, options, value, onchange) {
  const option = ([key, words]) => h('option', { value: key, selected: key === value }, words);
  return h('label', { class: 'field' }, h('span', {}, label), h('select', { onchange: (event) => onchange(event.target.value) }, options.map(option)));
}

/** What only the leader knows. */
export const follower = (leads) => (leads ? null : h('p', { class: 'notice' }, 'This replica follows: it writes nothing, and does not know what the leader does. ', h('code', {}, 'kubectl get lease --namespace landlord'), ' names the one that leads.'));
