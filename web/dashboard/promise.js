// The promise: what it rests on, a light for each part. What is not known is not green.

import { docs } from './docs.js';
import { h } from './dom.js';
import { duration, plural } from './format.js';
import { withCode } from './parts.js';

export const TITLES = { kept: 'Promise kept', catchingUp: 'Catching up', broken: 'Promise not kept', unknown: 'Not everything is known' };
const PARTS = {
  guard: ['Guard', docs('guard.md')],
  webhook: ['Webhook', '#/strategy'],
  podNodeSelector: ['Node selector of Pods', docs('podnodeselector.md')],
  pools: ['Pools', '#/overview?sort=troubled'],
  namespaces: ['Namespaces', '#/namespaces?state=troubled'],
  podsOutside: ['Pods outside', docs('operations.md#audit-pods-outside-their-tenants-pool')],
};
const WORDS = { good: 'good', pending: 'pending', wrong: 'wrong', unknown: 'not known', unused: 'not used' };

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** The promise with what the controller's own audit of Pods says, where it makes one: {enabled, outside, since, notJudged}. */
export function withAudit(promise, audit, now = Date.now()) {
  if (!audit?.enabled) return promise;
  const parts = promise.parts.map((part) => (part.name === 'podsOutside' ? { ...part, ...judge(audit, now) } : part));
  const has = (state) => parts.some((part) => part.state === state);
  if (has('wrong')) {
    const said = parts.filter((part) => part.state === 'wrong').map(({ says }) => `${capital(says)}.`);
    return { state: 'broken', says: said.join(' '), parts };
  }
  if (promise.state === 'unknown' && !has('unknown')) return { state: 'kept', says: 'Every part that it rests on is in order.', parts };
  return { ...promise, parts };
}

function judge({ outside, since, notJudged = 0 }, now) {
  if (typeof outside !== 'number') return { state: 'unknown', says: 'the first audit is not over yet' };
  const when = since ? ` for ${duration(Math.max(0, (now - new Date(since)) / 1000))}` : '';
  if (outside > 0) return { state: 'wrong', says: `${plural(outside, 'Pod')} ${outside === 1 ? 'runs' : 'run'} outside ${outside === 1 ? 'its' : 'their'} tenant’s pool` };
  if (notJudged > 0) return { state: 'unknown', says: `0 Pods outside, but ${plural(notJudged, 'Pod')} could not be judged` };
  return { state: 'good', says: `0 Pods outside${when}` };
}

/** A light for each part, with what is known of it. */
export function lights(parts) {
  const light = ({ name, state, says }) => {
    const [words, href] = PARTS[name] ?? [name, null];
    return h('li', { class: `light ${state}` }, h('span', { class: 'mark', 'aria-hidden': 'true' }),
      h('div', {}, h('p', { class: 'term' }, href ? h('a', { href, 'data-focus': `part-${name}` }, words) : words, ' ', h('span', { class: 'word' }, WORDS[state] ?? state)), h('p', { class: 'says' }, withCode(capital(says)))));
  };
  return h('ul', { class: 'lights', 'aria-label': 'What the promise rests on' }, parts.map(light));
}
