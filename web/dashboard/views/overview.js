// Whether the promise is kept: in a sentence, by what it rests on, in numbers, over the last hour, and by tenant.

import { ask } from '../api.js';
import { areas, bars, span } from '../chart.js';
import { h, swap } from '../dom.js';
import { duration, number, percent, plural } from '../format.js';
import { clamp, compliance, empty, panel, searchField, standing, tenantLink, tile, withCode } from '../parts.js';
import { TITLES, lights, withAudit } from '../promise.js';
import { Table, fromArray } from '../table.js';

export function overview({ query, setQuery, settle }) {
  let tenants = [], search = query.search ?? '', sorted = { key: query.sort ?? 'troubled', descending: query.descending === 'true' };
  const hero = h('div', {}), tiles = h('div', {}), charts = h('div', { class: 'pair' }), waits = h('div', {});
  const table = new Table({
    label: 'Compliance by tenant', columns: COLUMNS, sorted, fetch: fromArray(() => arrange(tenants, search, sorted)),
    onsort(key, descending) { sorted = { key, descending }; setQuery({ sort: key, descending: descending || '' }); table.sort(sorted); table.reload(); },
    empty: () => (search ? empty('No tenant fits', `Nothing has “${search}” in its name or its node selectors.`) : empty('No tenant yet', 'Apply an object of kind Tenant, and let a namespace claim it by its label.')),
  });
  const filter = searchField('Find a tenant', search, (text) => { search = text; setQuery({ search }); table.scroller.scrollTop = 0; table.reload(); });
  const node = h('div', { class: 'stack' }, h('h1', { class: 'visually-hidden' }, 'Overview'), hero, tiles, charts, panel('Tenants', h('div', { class: 'filters' }, filter), table.node), waits);

  async function refresh() {
    const facts = await ask('overview');
    settle(facts);
    const promise = withAudit(facts.promise, facts.audit);
    swap(hero, [promise, facts.replica], () => drawHero(promise, facts.replica));
    swap(tiles, [facts.namespaces, facts.lagSeconds, facts.contested, facts.heldPods, facts.unclaimed], () => drawTiles(facts));
    swap(charts, facts.history, () => drawHistory(facts.history));
    swap(waits, facts.waits, () => drawWaits(facts.waits));
    if (JSON.stringify(tenants) !== JSON.stringify(facts.tenants) || !table.age) { tenants = facts.tenants; await table.reload(); }
  }
  return { title: 'Overview', node, refresh, destroy: () => table.destroy() };
}

function drawHero(promise, replica) {
  const hints = [
    replica.refusedSettings ? h('p', { class: 'notice bad' }, 'The newest settings are refused, the last good ones count: ', withCode(replica.refusedSettings)) : null,
    replica.waiting.map((part) => h('p', { class: 'notice' }, 'Not ready: ', withCode(part))),
  ];
  return [h('div', { class: `hero panel ${promise.state}` }, h('span', { class: 'seal', 'aria-hidden': 'true' }),
    h('div', {}, h('p', { class: 'eyebrow' }, 'No Pod runs outside its tenant’s pool'), h('p', { class: 'title' }, TITLES[promise.state]), h('p', { class: 'says' }, withCode(promise.says))),
    h('p', { class: 'source' }, `Tenants: ${replica.source}`, h('br'), `Landlord ${replica.version}, ${replica.leads ? 'this replica leads' : 'this replica follows'}`), lights(promise.parts)), hints];
}

function drawTiles({ namespaces, lagSeconds, contested, heldPods, unclaimed }) {
  const troubled = namespaces.conflicted + namespaces.failed;
  const of = contested > 0 ? ` (${number(contested)} contested)` : '';
  const parts = [[namespaces.conflicted, `conflicted${of}`], [namespaces.failed, 'failed']].filter(([count]) => count > 0);
  const list = (state) => `#/namespaces?state=${state}`;
  return h('dl', { class: 'tiles' },
    tile('Compliant', percent(namespaces.compliant, namespaces.total), `${number(namespaces.compliant)} of ${plural(namespaces.total, 'namespace')}`, '', list('compliant')),
    tile('Pending', number(namespaces.pending), lagSeconds > 0 ? `the longest for ${duration(lagSeconds)}` : 'nothing waits', namespaces.pending > 0 ? 'pending' : '', list('pending')),
    tile('Need attention', number(troubled), parts.length > 0 ? parts.map(([count, word]) => `${number(count)} ${word}`).join(', ') : 'no conflict, no failure', troubled > 0 ? 'failed' : '', list('attention')),
    tile('Held Pods', heldPods === null ? '–' : number(heldPods), heldPods === null ? 'Pods are not watched' : heldPods > 0 ? 'until their namespace is ready' : 'no Pod waits at the gate', '', '#/held'),
    tile('Unclaimed', number(unclaimed), 'namespaces of no tenant', '', list('unclaimed')));
}

function drawHistory(history) {
  const times = history.map((sample) => sample.at), when = span(times, 'last hour', 3600);
  const series = (name, key) => ({ name, class: key, values: history.map((sample) => sample[key]) });
  const drift = areas('Namespaces that are not compliant', times, [series('Failed', 'failed'), series('Conflicted', 'conflicted'), series('Pending', 'pending')], { unit: 'namespaces', least: 4 });
  const lag = areas('Longest wait', times, [{ name: 'Longest wait', class: 'lag', values: history.map((sample) => sample.lagSeconds) }], { words: duration });
  return [panel(`Not compliant, ${when}`, drift), panel(`Longest wait, ${when}`, lag)];
}

function drawWaits(waits) {
  if (waits.every((one) => one.count === 0)) return panel('How long namespaces waited', empty('Nothing written yet', 'Each namespace that this replica writes is counted here by the time it waited.'));
  const label = (one, index) => (one.upToSeconds === null ? `over ${duration(waits[index - 1].upToSeconds)}` : `up to ${duration(one.upToSeconds)}`);
  return panel('How long namespaces waited', bars('How long namespaces waited, since this replica began', ['Waited', 'Namespaces'], waits.map((one, index) => ({ label: label(one, index), count: one.count }))));
}

const COLUMNS = [
  { label: 'Tenant', sort: 'name', cell: (row) => tenantLink(row.name) },
  { label: 'Compliance', sort: 'compliance', class: 'wide', cell: (row) => compliance(row.namespaces) },
  { label: 'Namespaces', sort: 'total', class: 'number secondary', cell: (row) => number(row.namespaces.total) },
  { label: 'Note', sort: 'troubled', class: 'note', cell: note },
  { label: 'Node selector', class: 'optional', cell: (row) => (row.selectors.length === 0 ? h('span', { class: 'faint' }, 'not managed') : h('span', { class: 'mono' }, row.selectors.map((one) => one || '(empty)').join(' or '))) },
];

function note(row) {
  if (row.invalid) return h('span', { class: 'bad' }, clamp(row.invalid));
  if (row.nodesMatch === false) return h('span', { class: 'bad' }, clamp('no node matches'));
  if (row.contested > 0) return h('span', { class: 'bad' }, clamp(`${number(row.contested)} contested`));
  if (row.namespaces.total === 0) return h('span', { class: 'faint' }, 'no namespace');
  return row.namespaces.compliant === row.namespaces.total ? h('span', { class: 'faint' }, 'compliant') : clamp(standing(row.namespaces).split(': ')[1]);
}

const troubled = ({ invalid, namespaces, nodesMatch }) => (invalid ? 1e9 : 0) + (nodesMatch === false ? 1e8 : 0) + namespaces.total - namespaces.compliant;
const share = ({ namespaces }) => (namespaces.total === 0 ? 1 : namespaces.compliant / namespaces.total);
const ORDERS = {
  name: (a, b) => (a.name < b.name ? -1 : 1),
  compliance: (a, b) => share(a) - share(b) || ORDERS.name(a, b),
  troubled: (a, b) => troubled(b) - troubled(a) || ORDERS.name(a, b),
  total: (a, b) => b.namespaces.total - a.namespaces.total || ORDERS.name(a, b),
};

function arrange(tenants, search, { key, descending }) {
  const text = search.trim().toLowerCase();
  const found = tenants.filter((one) => !text || [one.name, ...one.selectors].some((field) => field.toLowerCase().includes(text)));
  found.sort(ORDERS[key] ?? ORDERS.troubled);
  return descending ? found.reverse() : found;
}
