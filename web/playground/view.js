// View: a rehearsal in words and tables.

import { h } from './dom.js';

const FIELDS = ['labels', 'annotations'];
const WORDS = { compliant: 'compliant', drift: 'to change', conflicted: 'conflicted', unclaimed: 'unclaimed', error: 'with an error' };
/** What needs the reader comes first. */
const ORDER = ['error', 'conflicted', 'drift', 'unclaimed', 'compliant'];
const MARKS = { set: '+', changed: '~', removed: '−', kept: '=', refused: '!', landlord: '·', foreign: ' ' };
const LEDGER = 'landlord.dev/ledger';
const WHAT = { landlord: 'unchanged', foreign: 'foreign' };

/** How it stands, in a sentence: the policy's answer first. */
export function summary({ plan, answer, namespaces, faults, notes }) {
  if (!plan) return `${faults.length === 1 ? 'One mistake' : `${faults.length} mistakes`} to correct first: see below the editors.`;
  const counts = ORDER.map((state) => [state, namespaces.filter((one) => one.state === state).length]);
  const parts = counts.filter(([, count]) => count > 0).map(([state, count]) => `${count} ${WORDS[state]}`);
  const total = namespaces.length === 1 ? 'One namespace' : `${namespaces.length} namespaces`;
  const planned = parts.length > 0 ? `${total}: ${parts.join(', ')}.` : 'No namespace to plan: write one.';
  return [answer ? `${verdict(answer.response)}.` : '', planned, ...notes.map((note) => `Note: ${note}.`)].filter(Boolean).join(' ');
}

/** Every namespace of the plan, those that change first; those that do not are folded. */
export function plan({ plan, answer, namespaces }) {
  if (!plan) return [];
  const all = plan.namespaces.map((planned, index) => ({ planned, beside: namespaces[index] }));
  all.sort((a, b) => ORDER.indexOf(a.beside.state) - ORDER.indexOf(b.beside.state));
  const heading = answer ? [h('h2', {}, 'Plan'), h('p', { class: 'hint' }, 'What the controller would do with the namespaces in the editor once they are stored.')] : [];
  return [...heading, ...all.map(({ planned, beside }) => namespace(planned, beside))];
}

function namespace(planned, beside) {
  const { name, tenant, rule, error, failures } = planned;
  const { state, waiting, ledgerFault } = beside;
  const title = h('h3', {}, h('span', { class: 'name' }, name), h('span', { class: `state ${state}` }, WORDS[state] ?? state));
  const whose = h('p', { class: 'whose' }, tenant === null ? 'No rule claims it.' : ['Tenant ', h('strong', {}, tenant), rule === null ? '' : `, by the rule ${rule}`]);
  const body = [
    error === null ? null : h('p', { class: 'notice bad' }, error),
    failures.map(({ hook, message, warning }) => h('p', { class: warning ? 'notice' : 'notice bad' }, `${warning ? 'Warned' : 'Rejected'} by hook ${hook}: ${message}`)),
    ledgerFault === null ? null : h('p', { class: 'notice' }, `Ledger: ${ledgerFault}`),
    waiting.map((key) => h('p', { class: 'notice' }, `${key} waits for the namespace’s name`)),
    table(`Labels and annotations of ${name}`, rows(planned, beside.before)),
  ];
  if (state !== 'compliant') return h('article', { class: 'panel namespace' }, title, whose, body);
  return h('article', { class: 'panel namespace' }, h('details', {}, h('summary', {}, title), whose, body));
}

/** A row a key that is there before or after; what changes comes first. */
function rows(planned, before) {
  const recorded = planned.error === null ? {} : ledger(before);
  return FIELDS.flatMap((field) => {
    const after = planned.result[field];
    const keys = [...new Set([...Object.keys(before[field]), ...Object.keys(after), ...clashes(planned, field).map(({ key }) => key)])].sort();
    return keys.map((key) => ({ field, key, before: before[field][key], after: after[key], ...fate(planned, field, key, before[field][key], recorded) }));
  }).sort((a, b) => Number(a.what in WHAT) - Number(b.what in WHAT) || Number(a.key === LEDGER) - Number(b.key === LEDGER));
}

/** Keys that landlord has written, by field; nothing where the ledger cannot be read. */
function ledger({ annotations }) {
  try { return JSON.parse(annotations[LEDGER] ?? '{}') ?? {}; } catch { return {}; }
}

const clashes = ({ kept, refused }, field) => [...kept, ...refused].filter((clash) => `${clash.field}s` === field);

/** What happens to a key, and why. */
function fate(planned, field, key, before, recorded) {
  const own = (map) => Object.hasOwn(map[field], key) ? map[field][key] : undefined;
  const clash = (list) => list.find((one) => `${one.field}s` === field && one.key === key);
  const [set, removed, kept, refused, origin] = [own(planned.set), own(planned.remove), clash(planned.kept), clash(planned.refused), own(planned.origins)];
  if (set) return { what: before === undefined ? 'set' : 'changed', why: set.why };
  if (removed) return { what: 'removed', why: removed.why };
  if (refused) return { what: 'refused', why: `${refused.why} wants “${refused.wanted}”` };
  if (kept) return { what: 'kept', why: `${kept.why} wants “${kept.wanted}”` };
  if (origin) return { what: 'landlord', why: origin.why };
  if ([recorded[field]].flat().includes(key)) return { what: 'landlord', why: 'in the ledger; it stays while there is an error' };
  if (key === 'landlord.dev/tenant') return { what: 'landlord', why: 'the claim' };
  return key.startsWith('landlord.dev/') ? { what: 'landlord', why: 'landlord’s own' } : { what: 'foreign', why: 'not touched' };
}

function table(caption, all) {
  if (all.length === 0) return h('p', { class: 'hint' }, 'It has no labels and no annotations, before and after.');
  const head = ['Key', 'Before', 'After', 'Why'].map((title) => h('th', { scope: 'col' }, title));
  return h('table', {}, h('caption', { class: 'visually-hidden' }, caption), h('thead', {}, h('tr', {}, head)), h('tbody', {}, all.map(row)));
}

/** A key, which is broken after its prefix if it has to be, or a list, after a comma. */
const keyed = (text, end = '/') => text.split(end).flatMap((part, index, parts) => (index < parts.length - 1 ? [`${part}${end}`, h('wbr')] : [part]));

function row({ field, key, before, after, what, why }) {
  const value = (label, text, columns) => h('td', { class: text === undefined && 'absent', colspan: columns, 'data-label': label },
    text === undefined ? '–' : h('code', {}, text === '' ? '""' : keyed(text, ',')));
  return h('tr', { class: what },
    h('th', { scope: 'row' }, h('code', {}, keyed(key)), h('span', { class: 'field' }, h('span', { class: 'what' }, h('span', { 'aria-hidden': 'true', class: 'mark' }, MARKS[what]), WHAT[what] ?? what), ` ${field.slice(0, -1)}`)),
    before === after ? value('Value', before, 2) : [value('Before', before), value('After', after)], h('td', { 'data-label': 'Why' }, why));
}

const verdict = ({ accepted, code, mutated_object: mutated }) => (accepted ? (mutated ? 'Admitted, and changed' : 'Admitted as it is') : `Denied, ${code}`);

/** The policy's answer to the request. */
export function answer(answer) {
  if (!answer) return [];
  const { request, response } = answer;
  const { accepted, message, warnings, audit_annotations: audit, mutated_object: mutated } = response;
  const asks = `${request.operation} of ${request.name ?? 'a namespace'} by ${request.userInfo?.username ?? 'an unnamed user'}`;
  return [h('h2', {}, 'The policy’s answer'), h('article', { class: 'panel' },
    h('h3', {}, h('span', { class: 'name' }, asks), h('span', { class: `state ${accepted ? 'compliant' : 'error'}` }, verdict(response))),
    accepted ? null : h('p', { class: 'notice bad' }, message),
    (warnings ?? []).map((warning) => h('p', { class: 'notice' }, `Warning: ${warning}`)),
    mutated ? table('What admission changes', changes(request.object, mutated)) : null,
    audit ? h('p', { class: 'hint audit' }, 'Audit: ', Object.entries(audit).map(([key, value]) => `${key}=${value}`).join(', ')) : null)];
}

function changes(object, mutated) {
  return FIELDS.flatMap((field) => {
    const [before, after] = [object, mutated].map((one) => one?.metadata?.[field] ?? {});
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort().filter((key) => before[key] !== after[key]);
    const what = (key) => before[key] === undefined ? 'set' : after[key] === undefined ? 'removed' : 'changed';
    return keys.map((key) => ({ field, key, before: before[key], after: after[key], what: what(key), why: 'admission' }));
  });
}
