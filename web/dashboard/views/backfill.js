// The backfill: how far, how fast, until when, and what failed.

import { ask } from '../api.js';
import { areas, span } from '../chart.js';
import { h, swap } from '../dom.js';
import { ago, day, duration, number, plural, rate } from '../format.js';
import { empty, follower, panel, tenantLink, tile, withCode } from '../parts.js';

export function backfill() {
  const run = h('div', {}), queue = h('div', {}), speed = h('div', {}), failures = h('div', {});
  const node = h('div', { class: 'stack' }, h('header', { class: 'head' }, h('h1', {}, 'Backfill'), h('p', { class: 'lead' }, 'Namespaces that were there before their tenant wanted what it wants now. New ones and drift go first.')), run, queue, speed, failures);

  async function refresh() {
    const facts = await ask('backfill');
    swap(run, [facts.run, facts.last, facts.leads], () => drawRun(facts));
    swap(queue, [facts.queue, facts.pace, facts.underWay], () => drawQueue(facts));
    swap(speed, facts.rates, () => drawSpeed(facts.rates));
    swap(failures, [facts.failing, facts.failures], () => drawFailures(facts));
  }
  return { title: 'Backfill', node, refresh };
}

function drawSpeed(rates) {
  const times = rates.map((one) => one.at), writes = { name: 'Writes', class: 'writes', values: rates.map((one) => one.perSecond) };
  return panel(`Writes a second, ${span(times, 'last five minutes', 300)}`, areas('Writes a second', times, [writes], { words: (value) => number(Math.round(value * 10) / 10), unit: 'writes/s', least: 10 }));
}

function drawRun({ run, last, leads }) {
  if (run) {
    const whole = run.done + run.remaining, share = whole === 0 ? 0 : run.done / whole;
    return [follower(leads), panel('Running', h('div', { class: 'progress' },
      h('div', { class: 'track', role: 'progressbar', 'aria-label': 'Backfill', 'aria-valuemin': 0, 'aria-valuemax': whole, 'aria-valuenow': run.done, 'aria-valuetext': `${number(run.done)} of ${number(whole)}` }, h('span', { style: { width: `${100 * share}%` } })),
      h('dl', { class: 'tiles' }, tile('Done', number(run.done), `of ${plural(whole, 'namespace')}`), tile('Rate', run.perSecond === null ? '–' : rate(run.perSecond), 'over the last 20 s'), tile('Left', run.etaSeconds === null ? '–' : duration(run.etaSeconds), 'at this rate'), tile('Failed', number(run.failed), 'writes', run.failed > 0 ? 'failed' : ''))))];
  }
  const text = last ? `The last one wrote ${plural(last.done, 'namespace')} in ${duration(Math.max(1, Math.round((new Date(last.ended) - new Date(last.began)) / 1000)))}, ${last.failed > 0 ? `${plural(last.failed, 'write')} failed` : 'none failed'}; it ended ${ago(last.ended)}, ${day(last.ended)}.` : 'None has run since this replica began.';
  return [follower(leads), panel('Nothing to backfill', h('p', { class: 'quiet-text' }, text))];
}

function drawQueue({ queue, pace, underWay }) {
  return panel('Queue', h('p', { class: 'hint' }, 'Namespaces that are to be written, the most urgent first.'), h('dl', { class: 'tiles' },
    tile('Placement', number(queue.placement), 'a node selector is missing or wrong'), tile('Drift', number(queue.drift), 'just changed'), tile('Backfill', number(queue.backfill), 'there before'), tile('Retry', number(queue.retry), 'failed, tried again'), tile('Writes under way', number(underWay), `at most ${number(pace)} at a time`)));
}

function drawFailures({ failing, failures }) {
  if (failing === 0) return panel('Failures', empty('None', 'Every namespace can be planned and written.'));
  const row = (one) => h('tr', {}, h('th', { scope: 'row' }, one.namespace), h('td', {}, one.tenant ? tenantLink(one.tenant, `${one.namespace}/${one.tenant}`) : ''), h('td', {}, h('strong', {}, one.reason), ' ', withCode(one.message)));
  return panel('Failures', h('p', { class: 'hint' }, failing > failures.length ? `${number(failures.length)} of ${plural(failing, 'namespace')}.` : plural(failing, 'namespace'), ' ', h('a', { href: '#/namespaces?state=failed' }, 'Show all')),
    h('div', { class: 'overflow', role: 'region', 'aria-label': 'Table of failures', tabindex: 0 }, h('table', { class: 'plain' }, h('caption', { class: 'visually-hidden' }, 'Namespaces that failed'), h('thead', {}, h('tr', {}, ['Namespace', 'Tenant', 'Why'].map((head) => h('th', { scope: 'col' }, head)))), h('tbody', {}, failures.map(row)))));
}
