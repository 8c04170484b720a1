// Pods behind landlord's scheduling gate: which, since when, why, and what ends it.

import { ask } from '../api.js';
import { docs } from '../docs.js';
import { h } from '../dom.js';
import { ago, day } from '../format.js';
import { choiceField, clamp, dialogBox, empty, facts, searchField, state, tenantLink, withCode } from '../parts.js';
import { Table } from '../table.js';

const STATES = [['', 'All'], ['waiting', 'Waiting'], ['clashing', 'Clashing'], ['failing', 'Failing']];

export function held({ query, setQuery }) {
  const wanted = { search: query.search ?? '', state: query.state ?? '' };
  const dialog = dialogBox();
  let known = true;
  const table = new Table({
    label: 'Held Pods', columns: columns((row) => open(dialog, row)),
    async fetch(offset, limit) { const page = await ask('held-pods', { ...wanted, offset, limit }); known = page.known; return page; },
    empty: () => (!known ? empty('Pods are not watched', 'Start the controller with `--guard` or `--release-pods`: it has not listed Pods yet, or does not.')
      : wanted.search || wanted.state ? empty('No held Pod fits', 'Take something out of the filters.') : empty('No Pod is held', 'Pods of namespaces that are not ready wait here until they are.')),
  });
  const count = h('p', { class: 'count' });

  async function refresh() {
    await table.reload();
    count.textContent = table.total === 1 ? '1 Pod' : `${table.total.toLocaleString('en')} Pods`;
  }

  function change(changes) {
    Object.assign(wanted, changes);
    setQuery(wanted);
    table.scroller.scrollTop = 0;
    refresh();
  }

  const filters = h('div', { class: 'filters' }, searchField('Find', wanted.search, (search) => change({ search })), choiceField('Show', STATES, wanted.state, (chosen) => change({ state: chosen })), count);
  const node = h('div', { class: 'stack' },
    h('header', { class: 'head' }, h('h1', {}, 'Held Pods'), h('p', { class: 'lead' }, 'Pods that landlord’s scheduling gate holds, the oldest first. ', h('a', { href: docs('holds.md') }, 'How Pods are held and released'))),
    h('div', { class: 'panel' }, filters, table.node, dialog.node));
  return { title: 'Held Pods', node, refresh, destroy: () => { dialog.close(); table.destroy(); } };
}

const name = (row) => `${row.namespace}/${row.name}`;

function columns(open) {
  return [
    { label: 'Pod', class: 'name', cell: (row) => [h('button', { type: 'button', class: 'link', 'data-focus': name(row), onclick: () => open(row) }, name(row)), h('small', { class: 'under' }, row.why)] },
    { label: 'Tenant', class: 'tenant-column optional', cell: (row) => (row.tenant ? tenantLink(row.tenant, `${name(row)}/tenant`) : h('span', { class: 'faint' }, 'unclaimed')) },
    { label: 'State', class: 'state-column', cell: (row) => state(row.state) },
    { label: 'Held since', class: 'time', cell: (row) => h('time', { datetime: row.created, title: day(row.created) }, ago(row.created)) },
    { label: 'Why', class: 'note optional', cell: (row) => clamp(row.why, withCode(row.why)) },
    { label: 'What ends it', class: 'note optional', cell: (row) => clamp(row.ends, withCode(row.ends)) },
  ];
}

function open(dialog, row) {
  dialog.show(name(row),
    facts([['State', state(row.state)], ['Tenant', row.tenant ? tenantLink(row.tenant, 'dialog') : 'unclaimed'], ['Held since', `${day(row.created)}, ${ago(row.created)}`], ['Why', withCode(row.why)], ['What ends it', withCode(row.ends)],
      ['Namespace', h('a', { href: `#/namespaces?search=${encodeURIComponent(row.namespace)}&open=${encodeURIComponent(row.namespace)}` }, row.namespace)]]),
    h('p', {}, h('a', { href: docs('troubleshooting.md#pods-that-wait') }, 'Troubleshooting: Pods that wait')));
}
