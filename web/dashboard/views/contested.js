// Keys that another writer sets back again and again, who it is, and what ends it.

import { ask } from '../api.js';
import { h, swap } from '../dom.js';
import { duration, number } from '../format.js';
import { empty, follower, snippet, tenantLink, withCode } from '../parts.js';

const LINES = 'Add these lines to the other tool’s object (Argo CD: the Application, Flux: the HelmRelease, Fleet: fleet.yaml). Or set `conflicts: keep` in the Tenant, or take the keys out of it.';

export function contested() {
  const body = h('div', { class: 'stack' });
  const node = h('div', { class: 'stack' }, h('header', { class: 'head' }, h('h1', {}, 'Contested keys'), h('p', { class: 'lead' }, 'Labels and annotations that another writer sets back each time landlord writes them. Landlord waits; it ends where the other writer is configured.')), body);
  async function refresh() {
    const facts = await ask('contested');
    swap(body, facts, () => draw(facts));
  }
  return { title: 'Contested keys', node, refresh };
}

function draw({ items, total, reversals, windowSeconds, leads }) {
  const rule = `A key is contested when it is set back ${number(reversals)} times within ${duration(windowSeconds)}.`;
  if (items.length === 0) return [follower(leads), h('div', { class: 'panel' }, empty('No key is contested', rule))];
  return [follower(leads), total > items.length ? h('p', { class: 'notice' }, `${number(items.length)} of ${number(total)} namespaces are shown.`) : null, items.map(card)];
}

function card(row) {
  const id = `contested-${row.namespace}`;
  return h('section', { class: 'panel', 'aria-labelledby': id }, h('h2', { id }, row.namespace),
    h('dl', { class: 'facts' }, h('dt', {}, 'Tenant'), h('dd', {}, row.tenant ? tenantLink(row.tenant, id) : 'none'), h('dt', {}, 'Keys'), h('dd', {}, row.keys.length > 0 ? row.keys.map((key) => h('code', { class: 'key' }, key)) : 'none at the moment'),
      h('dt', {}, 'Other writer'), h('dd', {}, row.otherWriter ?? 'not named by managedFields'), row.retrySeconds === null ? null : [h('dt', {}, 'Tried again'), h('dd', {}, `in ${duration(row.retrySeconds)}`)]),
    h('h3', {}, 'What ends it'), h('p', { class: 'message' }, withCode(row.snippet ? LINES : row.advice)), row.snippet ? snippet(row.snippet) : null);
}
