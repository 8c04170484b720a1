// What several views are made of.

import { h } from './dom.js';
import { number, percent, plural } from './format.js';

const WORDS = { compliant: 'Compliant', pending: 'Pending', conflicted: 'Conflicted', failed: 'Failed', waiting: 'Waiting', clashing: 'Clashing', failing: 'Failing' };

/** How something stands; shape and word say it as well as the colour. */
export const state = (word, words = WORDS[word] ?? word) => h('span', { class: `state ${word}` }, h('span', { class: 'mark', 'aria-hidden': 'true' }), h('span', {}, words));

export const tenantLink = (name, focus = `tenant-${name}`) => h('a', { href: `#/tenant/${encodeURIComponent(name)}`, 'data-focus': focus }, name);

/** A number and what it counts; with `href`, a link to it. */
export function tile(label, value, note, tone, href) {
  const shown = href ? h('a', { href, 'data-focus': `tile-${label}` }, value) : value;
  return h('div', { class: `tile ${tone ?? ''}` }, h('dt', {}, label), h('dd', {}, h('strong', {}, shown), note ? h('small', {}, note) : null));
}

export const panel = (title, ...content) => {
  const id = `panel-${title.toLowerCase().replace(/[^a-z]+/g, '-')}`;
  return h('section', { class: 'panel', 'aria-labelledby': id }, h('h2', { id }, title), content);
};

/** What is shown where there is nothing to show, and what that means. */
export const empty = (title, text) => h('div', { class: 'empty' }, h('p', { class: 'title' }, title), text ? h('p', {}, withCode(text)) : null);

/** A text in which backticks mark code. */
export const withCode = (text) => text.split('`').map((part, index, all) => (index % 2 === 1 && index < all.length - 1 ? h('code', {}, part) : index % 2 === 1 ? `\`${part}` : part));

/** Two lines of a cell; what is longer is cut off, and can be read by the pointer or in the row's dialog. */
export const clamp = (text, ...more) => h('span', { class: 'clamp', title: text }, more.length > 0 ? more : text);

/** Something to copy, and a button that does it. */
export function snippet(text, label = 'Copy') {
  const code = h('code', {}, text);
  async function copy() {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = 'Copied';
    } catch {
      getSelection().selectAllChildren(code);
      button.textContent = 'Selected: copy it';
    }
    setTimeout(() => { button.textContent = label; }, 2000);
  }
  const button = h('button', { type: 'button', class: 'quiet', onclick: copy }, label);
  return h('div', { class: 'snippet' }, h('pre', { tabindex: 0 }, code), button);
}

/** A dialog. `show(title, content)` opens it; `onclose` is called when it closes and is still in the page. */
export function dialogBox(onclose) {
  const node = h('dialog', { 'aria-labelledby': 'dialog-title', onclose: () => { if (node.isConnected) onclose?.(); } });
  const close = () => node.close();
  function show(title, ...content) {
    node.replaceChildren(h('div', { class: 'stack' }, h('div', { class: 'dialog-head' }, h('h2', { id: 'dialog-title' }, title), h('button', { type: 'button', class: 'quiet', onclick: close }, 'Close')), content));
    if (!node.open) node.showModal();
  }
  return { node, show, close };
}

/** Terms and what they are; what is empty is left out. */
export const facts = (lines) => h('dl', { class: 'facts' }, lines.filter(([, value]) => value).map(([term, value]) => [h('dt', {}, term), h('dd', {}, value)]));

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
