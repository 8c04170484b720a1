// Namespaces: a table of any length that is filtered and sorted by the controller, and one of them in full.

import { ask } from './api.js';
import { h } from './dom.js';
import { ago, day } from './format.js';
import { choiceField, empty, searchField, state, tenantLink } from './parts.js';
import { Table } from './table.js';

const STATES = [['', 'All'], ['troubled', 'Not compliant'], ['compliant', 'Compliant'], ['pending', 'Pending'], ['conflicted', 'Conflicted'], ['failed', 'Failed'], ['unclaimed', 'Of no tenant']];

/** With `tenant`, only that one's. */
export function listing({ tenant, query, setQuery }) {
  const wanted = { search: query.search ?? '', state: query.state ?? '', sort: query.sort ?? 'name', descending: query.descending === 'true' };
  const dialog = h('dialog', { 'aria-labelledby': 'dialog-title', onclose: () => { if (dialog.isConnected) setQuery({ open: '' }); } });
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
    dialog.replaceChildren(details(row, () => dialog.close()));
    if (!dialog.open) dialog.showModal();
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
  return { node: h('div', {}, filters, table.node, dialog), refresh, destroy: () => { dialog.close(); table.destroy(); } };
}

function columns(tenant, open) {
  const name = (row) => h('button', { type: 'button', class: 'link', 'data-focus': row.name, onclick: () => open(row) }, row.name);
  return [
    { label: 'Namespace', sort: 'name', class: 'name', cell: name },
    tenant ? null : { label: 'Tenant', sort: 'tenant', class: 'tenant-column', cell: (row) => (row.tenant ? tenantLink(row.tenant, `${row.name}/${row.tenant}`) : h('span', { class: 'faint' }, 'none')) },
    { label: 'State', sort: 'state', class: 'state-column', cell: (row) => state(row.state) },
    { label: 'Reason', class: 'note optional', cell: (row) => (row.reason ? [h('strong', {}, row.reason), ' ', row.message ?? ''] : row.message ?? h('span', { class: 'faint' }, '–')) },
    { label: 'Created', sort: 'created', class: 'time optional', cell: (row) => (row.created ? ago(row.created) : '') },
  ].filter(Boolean);
}

function details(row, close) {
  const line = (term, value) => (value ? [h('dt', {}, term), h('dd', {}, value)] : []);
  return h('div', { class: 'stack' },
    h('div', { class: 'dialog-head' }, h('h2', { id: 'dialog-title' }, row.name), h('button', { type: 'button', class: 'quiet', onclick: close }, 'Close')),
    h('dl', { class: 'facts' }, line('State', state(row.state)), line('Tenant', row.tenant ? tenantLink(row.tenant, 'dialog') : 'none'), line('Reason', row.reason), line('Created', row.created ? `${day(row.created)}, ${ago(row.created)}` : '')),
    row.message ? h('p', { class: 'message' }, row.message) : h('p', { class: 'faint' }, 'It carries what its tenant wants, and nothing is to be done.'),
    h('p', {}, 'Each key and where it comes from:'), h('pre', { tabindex: 0 }, h('code', {}, `landlord explain ${row.name}`)));
}
