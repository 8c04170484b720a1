// What this replica did of late.

import { ask } from '../api.js';
import { h } from '../dom.js';
import { clock, day, duration, number } from '../format.js';
import { choiceField, clamp, dialogBox, empty, facts, follower, searchField, state, tenantLink, withCode } from '../parts.js';
import { Table, fromArray } from '../table.js';

const SORTS = [['', 'All'], ['trouble', 'Trouble'], ['notice', 'Notices'], ['done', 'Done']];

export function outcomes({ query, setQuery }) {
  const dialog = dialogBox();
  let items = [], search = query.search ?? '', sort = query.show ?? '';
  const table = new Table({ label: 'Recent activity', columns: columns((row) => open(dialog, row)), fetch: fromArray(() => arrange(items, search, sort)), empty: () => (search || sort ? empty('Nothing fits', 'Take something out of the filters.') : empty('Nothing happened yet', 'Every write, failure and contested key will be here, the newest first.')) });
  const change = () => { setQuery({ search, show: sort }); table.scroller.scrollTop = 0; table.reload(); };
  const count = h('p', { class: 'count' }), hint = h('div', {});
  const filters = h('div', { class: 'filters' }, searchField('Find', search, (text) => { search = text; change(); }), choiceField('Show', SORTS, sort, (chosen) => { sort = chosen; change(); }), count);
  const node = h('div', { class: 'stack' }, h('header', { class: 'head' }, h('h1', {}, 'Activity'), h('p', { class: 'lead' }, 'What this replica did, the newest 500: what was written, what failed, and which keys are contested.')), hint, h('div', { class: 'panel' }, filters, table.node, dialog.node));

  async function refresh() {
    const facts = await ask('outcomes');
    items = facts.items;
    count.textContent = `${number(facts.total)} since this replica began`;
    hint.replaceChildren(...[follower(facts.leads)].filter(Boolean));
    await table.reload();
  }
  return { title: 'Activity', node, refresh, destroy: () => { dialog.close(); table.destroy(); } };
}

const columns = (open) => [
  { label: 'What', class: 'what', cell: (row) => [h('button', { type: 'button', class: 'link', 'data-focus': `${row.number}`, onclick: () => open(row) }, state(row.sort, row.reason)), h('small', { class: 'under' }, row.message)] },
  { label: 'About', class: 'about', cell: (row) => clamp(row.object) },
  { label: 'Tenant', class: 'tenant-column optional', cell: (row) => (row.tenant ? tenantLink(row.tenant, `${row.number}/tenant`) : '') },
  { label: 'Message', class: 'note optional', cell: (row) => clamp(row.message, withCode(row.message)) },
  { label: 'Waited', class: 'waited optional', cell: (row) => (row.waitedSeconds === null ? '' : duration(row.waitedSeconds)) },
  { label: 'When', class: 'when', cell: (row) => h('time', { datetime: row.at, title: day(row.at) }, clock(row.at)) },
];

function open(dialog, row) {
  dialog.show(row.reason, facts([['About', row.object], ['Tenant', row.tenant ? tenantLink(row.tenant, 'dialog') : null], ['When', `${day(row.at)}, ${clock(row.at)}`], ['Waited', row.waitedSeconds === null ? null : duration(row.waitedSeconds)]]),
    h('p', { class: 'message' }, withCode(row.message)));
}

function arrange(items, search, sort) {
  const text = search.trim().toLowerCase();
  const fits = (one) => !text || [one.object, one.tenant, one.reason, one.message].some((field) => field?.toLowerCase().includes(text));
  return items.filter((one) => (!sort || one.sort === sort) && fits(one));
}
