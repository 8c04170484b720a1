// The strategy: who decides on new namespaces, what was measured against which thresholds, and how it changed.

import { ask } from '../api.js';
import { h, swap } from '../dom.js';
import { ago, day, duration, number, rate } from '../format.js';
import { empty, panel, withCode } from '../parts.js';
import { lights } from '../promise.js';

const MODES = { webhook: 'The webhook decides on every namespace as it is created.', hybrid: 'The webhook decides on critical namespaces, the controller on all others.', controller: 'The controller decides; the guard keeps Pods out meanwhile.' };
const UNITS = { count: number, perSecond: rate, seconds: duration };

export function strategy() {
  const body = h('div', { class: 'stack' });
  const node = h('div', { class: 'stack' }, h('header', { class: 'head' }, h('h1', {}, 'Strategy'), h('p', { class: 'lead' }, 'Who decides on a namespace as it is created, and by which measurements.')), body);
  async function refresh() {
    const facts = await ask('strategy');
    swap(body, facts, () => draw(facts));
  }
  return { title: 'Strategy', node, refresh };
}

function draw(facts) {
  const protection = panel('What keeps Pods in their pools', lights(facts.protection));
  if (!facts.set) return [protection, panel('No strategy is set', empty(decides(facts.protection), 'Set `strategy` in the settings to let landlord move work between webhook and controller by what it measures.'))];
  if (facts.error) return [protection, h('p', { class: 'notice bad', role: 'alert' }, withCode(facts.error))];
  return [
    protection,
    h('div', { class: `mode ${facts.refused ? 'refused' : ''}` }, h('p', { class: 'title' }, facts.mode), h('p', { class: 'says' }, MODES[facts.mode] ?? ''),
      h('dl', { class: 'facts' }, line('Why', facts.reason), line('Chosen', facts.chosen ?? 'auto, by the measurements'), line('Since', facts.since ? `${day(facts.since)}, ${ago(facts.since)}` : 'the beginning'), line('Guard', facts.guard), line('Webhook', facts.reason.includes(facts.fault) ? null : facts.fault))),
    facts.refused ? h('p', { class: 'notice bad' }, 'Another mode is called for and refused, because the guard is not shown to be enforced.') : null,
    panel('Measurements', gauges(facts)),
    panel('What would change it', h('ul', { class: 'reasons' }, facts.next.map((one) => h('li', {}, h('strong', {}, one.mode), ` – ${one.when}`)))),
    panel('History', history(facts.history)),
  ];
}

/** Who decides on namespaces where no strategy does. */
function decides(protection) {
  const webhook = protection.find((part) => part.name === 'webhook')?.state;
  if (webhook === 'unused') return 'The controller decides on every namespace: there is no webhook';
  return webhook === 'unknown' ? 'Whether the webhook is asked is not known' : 'The webhook is asked about every namespace';
}

const line = (term, value) => (value ? [h('dt', {}, term), h('dd', {}, value)] : []);

function gauges({ gauges: rows, measured }) {
  if (rows.length === 0) return empty('Not measured yet', 'The leader measures every few seconds.');
  const row = (one) => {
    const write = UNITS[one.unit], most = Math.max(one.value ?? 0, one.above ?? 0) * 1.25 || 1;
    const place = (value) => `${(100 * value) / most}%`;
    const scale = one.above === null || one.value === null ? null : h('span', { class: `gauge ${one.value > one.above ? 'over' : ''}`, 'aria-hidden': 'true' }, h('span', { class: 'value', style: { width: place(one.value) } }), h('span', { class: 'until', style: { left: place(one.until) } }), h('span', { class: 'above', style: { left: place(one.above) } }));
    return h('tr', {}, h('th', { scope: 'row' }, one.name), h('td', { class: 'number' }, one.value === null ? 'unknown' : write(one.value)), h('td', { class: 'scale' }, scale), h('td', { class: 'number' }, one.above === null ? '–' : write(one.above)), h('td', { class: 'number' }, one.until === null ? '–' : write(one.until)));
  };
  return [h('p', { class: 'hint' }, measured ? `Measured ${ago(measured)}.` : ''), h('div', { class: 'overflow', role: 'region', 'aria-label': 'Table of measurements', tabindex: 0 }, h('table', { class: 'plain' }, h('caption', { class: 'visually-hidden' }, 'Measurements against thresholds'),
    h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'Measured'), h('th', { scope: 'col', class: 'number' }, 'Now'), h('th', { scope: 'col', class: 'scale' }, 'Scale'), h('th', { scope: 'col', class: 'number' }, 'Hybrid above'), h('th', { scope: 'col', class: 'number' }, 'Until at most'))), h('tbody', {}, rows.map(row))))];
}

function history(changes) {
  if (changes.length === 0) return empty('No change yet', 'Each change of the mode is kept here with its reason.');
  return h('ol', { class: 'timeline' }, changes.map((change) => h('li', {}, h('time', { datetime: change.at }, day(change.at)), h('p', {}, h('strong', {}, `${change.from} → ${change.to}`), ` ${change.reason}`))));
}
