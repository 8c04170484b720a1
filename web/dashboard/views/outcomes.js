// What became of namespaces of late.

import { ask } from '../api.js';
import { h } from '../dom.js';
import { clock, day, duration, number } from '../format.js';
import { choiceField, empty, follower, searchField, tenantLink } from '../parts.js';
import { Table, fromArray } from '../table.js';

const SORTS = [['', 'All'], ['trouble', 'Trouble'], ['notice', 'Notices'], ['done', 'Done']];

export function outcomes({ query, setQuery }) {
  let items = [], search = query.search ?? '', sort = query.show ?? '';
  const table = new Table({ label: 'Recent outcomes', columns: COLUMNS, fetch: fromArray(() => arrange(items, search, sort)), empty: () => (search || sort ? empty('No outcome fits', 'Take something out of the filters.') : empty('Nothing happened yet', 'Every write, failure and contested key will be here, the newest first.')) });
  const change = () => { setQuery({ search, show: sort }); table.scroller.scrollTop = 0; table.reload(); };
  const count = h('p', { class: 'count' }), hint = h('div', {});
  const filters = h('div', { class: 'filters' }, searchField('Find', search, (text) => { search = text; change(); }), choiceField('Show', SORTS, sort, (chosen) => { sort = chosen; change(); }), count);
  const node = h('div', { class: 'stack' }, h('header', { class: 'head' }, h('h1', {}, 'Outcomes'), h('p', { class: 'lead' }, 'The newest 500 of this replica: what was written, what failed, and which keys are contested.')), hint, h('div', { class: 'panel' }, filters, table.node));

  async function refresh() {
    const facts = await ask('outcomes');
    items = facts.items;
    count.textContent = `${number(facts.total)} since it began`;
    hint.replaceChildren(...[follower(facts.leads)].filter(Boolean));
    await table.reload();
  }
  return { title: 'Outcomes', node, refresh, destroy: () => table.destroy() };
}

const COLUMNS = [
  { label: 'What', class: 'what', cell: (row) => h('span', { class: `state ${row.sort}` }, h('span', { class: 'mark', 'aria-hidden': 'true' }), h('span', {}, row.reason)) },
  { label: 'About', class: 'about', cell: (row) => row.object },
  { label: 'Tenant', class: 'tenant-column optional', cell: (row) => (row.tenant ? tenantLink(row.tenant, `${row.number}`) : '') },
  { label: 'Said', class: 'note optional', cell: (row) => row.message },
  { label: 'Waited', class: 'waited optional', cell: (row) => (row.waitedSeconds === null ? '' : duration(row.waitedSeconds)) },
  { label: 'When', class: 'when', cell: (row) => h('time', { datetime: row.at, title: day(row.at) }, clock(row.at)) },
];

function arrange(items, search, sort) {
  const text = search.trim().toLowerCase();
  const fits = (one) => !text || [one.object, one.tenant, one.reason, one.message].some((field) => field?.toLowerCase().includes(text));
  return items.filter((one) => (!sort || one.sort === sort) && fits(one));
}
