// Namespaces: a table of any length that is filtered and sorted by the controller, and one of them in full.

import { ask } from './api.js';
import { h } from './dom.js';
import { docs } from './docs.js';
import { ago, day } from './format.js';
import { choiceField, clamp, dialogBox, empty, facts, searchField, snippet, state, tenantLink, withCode } from './parts.js';
import { repair } from './repair.js';
import { Table } from './table.js';

const STATES = [['', 'All'], ['troubled', 'Not compliant'], ['compliant', 'Compliant'], ['pending', 'Pending'], ['attention', 'Need attention'], ['conflicted', 'Conflicted'], ['failed', 'Failed'], ['unclaimed', 'Unclaimed']];

/** With `tenant`, only that one's. */
export function listing({ tenant, query, setQuery }) {
  const wanted = { search: query.search ?? '', state: query.state ?? '', sort: query.sort ?? 'name', descending: query.descending === 'true' };
  const dialog = dialogBox(() => setQuery({ open: '' }));
  const table = new Table({
    label: tenant ? `Namespaces of tenant ${tenant}` : 'Namespaces', columns: columns(tenant, open), sorted: { key: wanted.sort, descending: wanted.descending },
    fetch: (offset, limit) => ask('namespaces', { ...wanted, tenant, offset, limit }),
    onsort(sort, descending) { change({ sort, descending }); table.sort({ key: sort, descending }); },
    empty: () => (wanted.search || wanted.state ? empty('No namespace fits', 'Take something out of the filters.') : tenant ? empty('No namespace claims this tenant', 'Label one with the tenant’s name, and it will be here in a moment.') : empty('No namespace yet', 'Those that landlord looks after will be here. Excluded ones never are.')),
  });
  const count = h('p', { class: 'count' });

  function change(changes) {
    Object.assign(wanted, changes);
    setQuery({ ...wanted, descending: wanted.descending || '', sort: wanted.sort === 'name' ? '' : wanted.sort });
    table.scroller.scrollTop = 0;
    refresh();
  }

  function open(row) {
    setQuery({ open: row.name });
    dialog.show(row.name, details(row));
  }

  async function refresh() {
    await table.reload();
    count.textContent = table.total === 1 ? '1 namespace' : `${table.total.toLocaleString('en')} namespaces`;
  }

  async function openNamed(name) {
    const { items } = await ask('namespaces', { search: name, tenant, limit: 500 });
    const row = items.find((item) => item.name === name);
    if (row) open(row);
  }

  if (query.open) openNamed(query.open).catch(() => {});
  const filters = h('div', { class: 'filters' }, searchField('Find', wanted.search, (search) => change({ search })), choiceField('Show', STATES.filter(([key]) => !tenant || key !== 'unclaimed'), wanted.state, (chosen) => change({ state: chosen })), count);
  return { node: h('div', {}, filters, table.node, dialog.node), refresh, destroy: () => { dialog.close(); table.destroy(); } };
}

function columns(tenant, open) {
  const under = (row) => [tenant ? null : row.tenant ?? 'unclaimed', row.reason].filter(Boolean).join(' – ');
  const name = (row) => [h('button', { type: 'button', class: 'link', 'data-focus': row.name, onclick: () => open(row) }, row.name), under(row) ? h('small', { class: 'under' }, under(row)) : null];
  return [
    { label: 'Namespace', sort: 'name', class: 'name', cell: name },
    tenant ? null : { label: 'Tenant', sort: 'tenant', class: 'tenant-column optional', cell: (row) => (row.tenant ? tenantLink(row.tenant, `${row.name}/${row.tenant}`) : h('span', { class: 'faint' }, 'unclaimed')) },
    { label: 'State', sort: 'state', class: 'state-column', cell: (row) => state(row.state) },
    { label: 'Reason', class: 'note optional', cell: (row) => (row.reason ? clamp(row.message ?? row.reason, h('strong', {}, row.reason), ' ', withCode(row.message ?? '')) : row.message ?? h('span', { class: 'faint' }, '–')) },
    { label: 'Created', sort: 'created', class: 'time optional', cell: (row) => (row.created ? h('time', { datetime: row.created, title: day(row.created) }, ago(row.created)) : '') },
  ].filter(Boolean);
}

/** One namespace in full: how it stands, what ends it that it does not comply, and whom to ask. */
function details(row) {
  const fix = repair(row.reason, row.name), owners = h('span', { class: 'faint' }, '…');
  if (row.tenant) ask(`tenants/${encodeURIComponent(row.tenant)}`).then((tenant) => owners.replaceChildren(whose(tenant)), () => owners.replaceChildren('not known'));
  return [
    facts([['State', state(row.state)], ['Tenant', row.tenant ? tenantLink(row.tenant, 'dialog') : 'unclaimed'], ['Owners', row.tenant ? owners : null], ['Reason', row.reason], ['Created', row.created ? `${day(row.created)}, ${ago(row.created)}` : '']]),
    row.message ? h('p', { class: 'message' }, withCode(row.message)) : h('p', { class: 'faint' }, row.state === 'compliant' ? 'It carries what its tenant wants, and nothing is to be done.' : 'Landlord is about to write it.'),
    fix ? h('div', {}, h('h3', {}, 'What ends it'), h('p', {}, withCode(fix)), h('p', {}, h('a', { href: docs('troubleshooting.md#namespaces-that-are-not-compliant') }, `Troubleshooting: ${row.reason}`))) : null,
    h('div', {}, h('h3', {}, 'Each key and where it comes from'), snippet(`landlord explain ${row.name}`)),
  ];
}

/** Who may claim a tenant. */
export const whose = ({ owners }) => (owners === null ? 'any user' : owners.length === 0 ? 'admins only' : owners.map((owner) => `${owner.kind} ${owner.name}`).join(', '));
