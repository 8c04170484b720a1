// One tenant: where its Pods belong, what is wrong, its namespaces, and on demand its Pods outside.

import { ask } from '../api.js';
import { h, swap } from '../dom.js';
import { ago, clock, number, percent, plural } from '../format.js';
import { listing, whose } from '../listing.js';
import { empty, panel, tile, withCode } from '../parts.js';

export function tenant({ argument: name, query, setQuery }) {
  const list = listing({ tenant: name, query, setQuery });
  const facts = h('div', { class: 'stack' }), outside = h('div', {});
  const path = `tenants/${encodeURIComponent(name)}`;
  const look = h('button', { type: 'button', onclick: show }, 'Look for Pods outside');
  const node = h('div', { class: 'stack' },
    h('header', { class: 'head' }, h('p', { class: 'crumb' }, h('a', { href: '#/overview' }, 'Overview'), ' / Tenant'), h('h1', {}, name)), facts,
    panel('Pods outside the pool', h('p', { class: 'hint' }, 'Lists the Pods of this tenant’s namespaces once, when you ask for it. The answer counts for half a minute.'), h('p', {}, look), outside),
    panel('Namespaces', list.node));

  async function show() {
    look.disabled = true;
    look.textContent = 'Looking …';
    try {
      const found = await ask(`${path}/pods`);
      swap(outside, found, () => drawPods(found));
    } catch (error) {
      swap(outside, error.message, () => h('p', { class: 'notice bad', role: 'alert' }, error.message));
    }
    look.disabled = false;
    look.textContent = 'Look again';
  }

  async function refresh() {
    const found = await ask(path);
    swap(facts, found, () => draw(found));
    await list.refresh();
  }
  return { title: `Tenant ${name}`, node, refresh, destroy: list.destroy };
}

function draw({ name, namespaces, invalid, owners, pools, nodesKnown, reasons }) {
  const troubled = namespaces.conflicted + namespaces.failed;
  const list = (state) => `#/tenant/${encodeURIComponent(name)}?state=${state}`;
  return [
    invalid ? h('p', { class: 'notice bad' }, 'This tenant cannot be used: ', withCode(invalid)) : null,
    h('dl', { class: 'tiles' },
      tile('Compliant', percent(namespaces.compliant, namespaces.total), `${number(namespaces.compliant)} of ${plural(namespaces.total, 'namespace')}`, '', list('compliant')),
      tile('Pending', number(namespaces.pending), 'to be written', namespaces.pending > 0 ? 'pending' : '', list('pending')),
      tile('Need attention', number(troubled), `${number(namespaces.conflicted)} conflicted, ${number(namespaces.failed)} failed`, troubled > 0 ? 'failed' : '', list('attention')),
      h('div', { class: 'tile text' }, h('dt', {}, 'May be claimed by'), h('dd', {}, whose({ owners })))),
    panel('Pool', drawPools(pools, nodesKnown)),
    reasons.length > 0 ? panel('What is wrong', h('ul', { class: 'reasons' }, reasons.map(reason))) : null,
  ];
}

function drawPools(pools, known) {
  if (pools.length === 0) return empty('No node selector', 'This tenant does not manage where its Pods run.');
  const row = (pool) => h('tr', {},
    h('th', { scope: 'row', class: 'mono' }, pool.selector || '(empty: every node)'),
    h('td', { class: 'number' }, known ? number(pool.count) : '–'),
    h('td', {}, !known ? h('span', { class: 'faint' }, 'nodes are not known') : pool.count === 0 ? h('span', { class: 'bad' }, 'no node matches: such Pods stay pending') : `${pool.nodes.join(', ')}${pool.count > pool.nodes.length ? ' …' : ''}`));
  return h('div', { class: 'overflow', role: 'region', 'aria-label': 'Node selectors', tabindex: 0 }, h('table', { class: 'plain' }, h('caption', { class: 'visually-hidden' }, 'Node selectors and the nodes that match'),
    h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'Node selector'), h('th', { scope: 'col', class: 'number' }, 'Nodes'), h('th', { scope: 'col' }, 'Which'))), h('tbody', {}, pools.map(row))));
}

const reason = (row) => h('li', {}, h('strong', {}, row.reason), h('span', { class: 'faint' }, ` ${plural(row.count, 'namespace')}, such as `), h('code', {}, row.namespace), h('p', { class: 'message' }, withCode(row.message)));

function drawPods({ listed, pods, outside, items, notJudged, error }) {
  if (error) return h('p', { class: 'notice bad', role: 'alert' }, 'Pods cannot be listed: ', error);
  const rest = notJudged > 0 ? `; ${plural(notJudged, 'namespace or Pod')} could not be judged` : '';
  const summary = h('p', { role: 'status' }, `${number(outside)} of ${plural(pods, 'Pod')} outside, at ${clock(listed)}${rest}.`);
  if (outside === 0) return summary;
  const row = (pod) => h('tr', {}, h('th', { scope: 'row' }, `${pod.namespace}/${pod.name}`), h('td', {}, pod.node), h('td', {}, pod.since ? ago(pod.since) : ''), h('td', { class: 'mono' }, pod.selector), h('td', {}, h('strong', {}, pod.cause), ` ${pod.why}`));
  return [summary, h('div', { class: 'overflow', role: 'region', 'aria-label': 'Pods outside', tabindex: 0 }, h('table', { class: 'plain' }, h('caption', { class: 'visually-hidden' }, 'Pods outside the pool'),
    h('thead', {}, h('tr', {}, ['Pod', 'Node', 'Since', 'Belongs to', 'Why'].map((head) => h('th', { scope: 'col' }, head)))), h('tbody', {}, items.map(row))))];
}
