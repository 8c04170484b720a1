// View: a rehearsal in words and tables.

import { h } from './dom.js';

const FIELDS = ['labels', 'annotations'];
const WORDS = { compliant: 'compliant', drift: 'to change', conflicted: 'conflicted', unclaimed: 'nobody’s', error: 'error' };
const MARKS = { set: '+', changed: '~', removed: '−', kept: '=', refused: '!', landlord: '·', foreign: ' ' };

/** How it stands, in a sentence. */
export function summary({ plan, namespaces, faults, notes }) {
  if (!plan) return `${faults.length === 1 ? 'One fault' : `${faults.length} faults`} to fix first: see below the editors.`;
  const counts = new Map();
  for (const { state } of namespaces) counts.set(state, (counts.get(state) ?? 0) + 1);
  const parts = [...counts].map(([state, count]) => `${count} ${WORDS[state] ?? state}`);
  const total = namespaces.length === 1 ? 'One namespace' : `${namespaces.length} namespaces`;
  return [parts.length ? `${total}: ${parts.join(', ')}.` : 'No namespace to plan: write one.', ...notes.map((note) => `Note: ${note}.`)].join(' ');
}

/** Every namespace of the plan. */
export function plan({ plan, namespaces }) {
  return plan ? plan.namespaces.map((planned, index) => namespace(planned, namespaces[index])) : [];
}

function namespace(planned, { state, before, waiting, ledgerFault }) {
  const { name, tenant, rule, error, failures } = planned;
  return h('article', { class: 'panel namespace' },
    h('h3', {}, h('span', { class: 'name' }, name), h('span', { class: `state ${state}` }, WORDS[state] ?? state)),
    h('p', { class: 'whose' }, tenant === null ? 'No rule claims it.' : ['Tenant ', h('strong', {}, tenant), rule === null ? '' : `, by the rule ${rule}`]),
    error === null ? null : h('p', { class: 'notice bad' }, error),
    failures.map(({ hook, message, warning }) => h('p', { class: warning ? 'notice' : 'notice bad' }, `${warning ? 'Warned' : 'Rejected'} by hook ${hook}: ${message}`)),
    ledgerFault === null ? null : h('p', { class: 'notice' }, `Ledger: ${ledgerFault}`),
    waiting.map((key) => h('p', { class: 'notice' }, `${key} waits for the namespace’s name`)),
    table(`Labels and annotations of ${name}`, rows(planned, before)));
}

/** A row a key that is there before or after; what changes comes first. */
function rows(planned, before) {
  return FIELDS.flatMap((field) => {
    const after = planned.result[field];
    const keys = [...new Set([...Object.keys(before[field]), ...Object.keys(after), ...clashes(planned, field).map(({ key }) => key)])].sort();
    return keys.map((key) => ({ field, key, before: before[field][key], after: after[key], ...fate(planned, field, key, before[field][key]) }));
  }).sort((a, b) => Number(a.what in WHAT) - Number(b.what in WHAT));
}

const clashes = ({ kept, refused }, field) => [...kept, ...refused].filter((clash) => `${clash.field}s` === field);

/** What happens to a key, and why. */
function fate(planned, field, key, before) {
  const own = (map) => Object.hasOwn(map[field], key) ? map[field][key] : undefined;
  const clash = (list) => list.find((one) => `${one.field}s` === field && one.key === key);
  const [set, removed, kept, refused, origin] = [own(planned.set), own(planned.remove), clash(planned.kept), clash(planned.refused), own(planned.origins)];
  if (set) return { what: before === undefined ? 'set' : 'changed', why: set.why };
  if (removed) return { what: 'removed', why: removed.why };
  if (refused) return { what: 'refused', why: `${refused.why} wants “${refused.wanted}”` };
  if (kept) return { what: 'kept', why: `${kept.why} wants “${kept.wanted}”` };
  if (origin) return { what: 'landlord', why: origin.why };
  return key.startsWith('landlord.dev/') ? { what: 'landlord', why: '' } : { what: 'foreign', why: 'not touched' };
}

const WHAT = { landlord: 'compliant', foreign: 'foreign' };

function table(caption, all) {
  if (all.length === 0) return h('p', { class: 'hint' }, 'It has no labels and no annotations, before and after.');
  const head = ['', 'Key', 'Before', 'After', 'Why'].map((title) => h('th', { scope: 'col' }, title || h('span', { class: 'visually-hidden' }, 'Change')));
  return h('table', {}, h('caption', { class: 'visually-hidden' }, caption), h('thead', {}, h('tr', {}, head)), h('tbody', {}, all.map(row)));
}

function row({ field, key, before, after, what, why }) {
  const value = (text, columns) => h('td', { class: text === undefined && 'absent', colspan: columns },
    text === undefined ? '–' : h('code', {}, text === '' ? '""' : text));
  return h('tr', { class: what },
    h('td', { class: 'what' }, h('span', { 'aria-hidden': 'true', class: 'mark' }, MARKS[what]), h('span', {}, WHAT[what] ?? what)),
    h('th', { scope: 'row' }, h('code', {}, key), h('span', { class: 'field' }, field.slice(0, -1))),
    before === after ? value(before, 2) : [value(before), value(after)], h('td', {}, why));
}

/** The policy's answer to the request. */
export function answer(answer) {
  if (!answer) return [];
  const { request, response } = answer;
  const { accepted, code, message, warnings, audit_annotations: audit, mutated_object: mutated } = response;
  const verdict = accepted ? (mutated ? 'Admitted, and changed' : 'Admitted as it is') : `Denied, ${code}`;
  const asks = `${request.operation} of ${request.name ?? 'a namespace'} by ${request.userInfo?.username ?? 'nobody'}`;
  return [h('h2', {}, 'The policy’s answer'), h('article', { class: 'panel' },
    h('h3', {}, h('span', { class: 'name' }, asks), h('span', { class: `state ${accepted ? 'compliant' : 'error'}` }, verdict)),
    accepted ? null : h('p', { class: 'notice bad' }, message),
    (warnings ?? []).map((warning) => h('p', { class: 'notice' }, `Warning: ${warning}`)),
    mutated ? table('What admission changes', changes(request.object, mutated)) : null,
    audit ? h('p', { class: 'hint' }, 'Audit: ', Object.entries(audit).map(([key, value]) => `${key}=${value}`).join(', ')) : null)];
}

function changes(object, mutated) {
  return FIELDS.flatMap((field) => {
    const [before, after] = [object, mutated].map((one) => one?.metadata?.[field] ?? {});
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort().filter((key) => before[key] !== after[key]);
    const what = (key) => before[key] === undefined ? 'set' : after[key] === undefined ? 'removed' : 'changed';
    return keys.map((key) => ({ field, key, before: before[key], after: after[key], what: what(key), why: 'admission' }));
  });
}
