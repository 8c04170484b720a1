// The page: which view the address names, when it asks again, and who is looking.

import { Refused, ask, download, hasToken, listen, setToken } from './api.js';
import { LINKS } from './docs.js';
import { announce, h } from './dom.js';
import { clock } from './format.js';
import { empty } from './parts.js';
import { overview } from './views/overview.js';
import { namespaces } from './views/namespaces.js';
import { held } from './views/held.js';
import { tenant } from './views/tenant.js';
import { backfill } from './views/backfill.js';
import { strategy } from './views/strategy.js';
import { contested } from './views/contested.js';
import { outcomes } from './views/outcomes.js';
import { unknown } from './views/unknown.js';

const VIEWS = { overview, namespaces, held, tenant, backfill, strategy, contested, outcomes, unknown };
const NAV = [['overview', 'Overview'], ['namespaces', 'Namespaces'], ['held', 'Held Pods'], ['backfill', 'Backfill'], ['strategy', 'Strategy'], ['contested', 'Contested'], ['outcomes', 'Activity']];
/** A view without news is asked anew so often: relative times grow, and the strategy is measured. */
const QUIET = 15_000;

const place = document.getElementById('view');
let current, playground = false, locked = false, answered;

/** `#/tenant/solar?state=failed` is {name: 'tenant', argument: 'solar', query: {state: 'failed'}}. */
function address() {
  const [path, query] = location.hash.replace(/^#\/?/, '').split('?');
  const [name, argument] = path.split('/');
  return { name: Object.hasOwn(VIEWS, name) ? name : name ? 'unknown' : 'overview', path, argument: decode(argument ?? ''), query: Object.fromEntries(new URLSearchParams(query ?? '')) };
}

function decode(text) {
  try { return decodeURIComponent(text); } catch { return text; }
}

/** Puts a part of the view's state into the address, so that it can be kept and sent. What is empty is left out. */
function setQuery(changes) {
  const { path, query } = address();
  const filled = Object.entries({ ...query, ...changes }).filter(([, value]) => value);
  const text = new URLSearchParams(filled).toString();
  history.replaceState(null, '', `#/${path || 'overview'}${text ? `?${text}` : ''}`);
}

function drawNav(name) {
  const active = name === 'tenant' ? 'overview' : name;
  const link = ([view, words]) => h('li', {}, h('a', { href: `#/${view}`, 'aria-current': view === active ? 'page' : null }, words));
  const extra = playground ? h('li', {}, h('a', { href: 'playground/' }, 'Playground')) : null;
  document.getElementById('nav').replaceChildren(h('ul', {}, NAV.map(link), extra));
}

function show() {
  const { name, path, argument, query } = address();
  current?.view.destroy?.();
  const first = current === undefined;
  const view = VIEWS[name]({ path: decode(path), argument, query, setQuery, settle });
  current = { name, argument, view, busy: false, again: false };
  document.title = `${view.title} – Landlord`;
  drawNav(name);
  place.replaceChildren(view.node);
  place.setAttribute('aria-busy', 'true');
  if (!first) { window.scrollTo(0, 0); document.getElementById('main').focus({ preventScroll: true }); announce(view.title); }
  refresh();
}

/** Where more is said: the API's description needs the token, where there is one. */
function drawLinks(version) {
  const api = h('a', { href: 'api/v1/openapi.json', onclick: (event) => { if (hasToken()) { event.preventDefault(); download('openapi.json').catch(fail); } } }, 'API description');
  const links = [h('a', { href: LINKS.documentation }, 'Documentation'), h('a', { href: LINKS.dashboard }, 'About this page'), api, h('a', { href: LINKS.releases }, version ? `Release notes (${version})` : 'Release notes'), h('a', { href: LINKS.source }, 'Source')];
  document.getElementById('links').replaceChildren(h('ul', {}, links.map((link) => h('li', {}, link))));
}

/** What the overview says of the replica concerns every view. */
function settle({ replica }) {
  drawLinks(replica.version);
  if (replica.playground !== playground) { playground = replica.playground; drawNav(current.name); }
}

/** Asks for what the view shows; while it is being asked, news wait. */
async function refresh() {
  const mine = current;
  if (!mine || locked) return;
  if (mine.busy) { mine.again = true; return; }
  mine.busy = true;
  try {
    await mine.view.refresh();
    if (mine === current) {
      // It may have been gone, and be there again.
      if (!place.contains(mine.view.node)) place.replaceChildren(mine.view.node);
      place.setAttribute('aria-busy', 'false');
      answered = Date.now();
      age(null);
    }
  } catch (error) {
    if (mine === current) fail(error);
  }
  mine.busy = false;
  if (mine.again) { mine.again = false; refresh(); }
}

function fail(error) {
  if (error instanceof Refused && (error.status === 401 || error.status === 403)) return lock(error);
  if (error instanceof Refused && error.status === 404) return place.replaceChildren(h('h1', {}, 'Not here'), empty(error.message, 'It may have been deleted, or have another name.'));
  age(error instanceof Refused ? `the controller cannot be asked (${error.message})` : 'the controller does not answer');
}

/** Greys what is shown and dates it, because of this; null where it is new. */
function age(why) {
  document.body.toggleAttribute('data-stale', Boolean(why) && answered !== undefined);
  notice(why && (answered === undefined ? `Nothing is shown: ${why}.` : `As of ${clock(answered)}: ${why}. What is shown is old.`));
}

function notice(text) {
  const notices = document.getElementById('notices');
  if (notices.textContent === (text ?? '')) return;
  notices.replaceChildren(...(text ? [h('p', { class: 'notice bad', role: 'alert' }, text)] : []));
}

/** Asks for a token. */
function lock(error) {
  if (locked) return;
  locked = true;
  current?.view.destroy?.();
  const field = h('input', { type: 'password', id: 'token', required: true, autocomplete: 'off', spellcheck: 'false', 'aria-describedby': 'token-help' });
  const enter = (event) => { event.preventDefault(); setToken(field.value.trim()); start(); };
  const said = error.status === 403 || hasToken() ? h('p', { class: 'notice bad', role: 'alert' }, error.status === 403 ? error.message : 'The API server does not know this token, or not any more.') : null;
  document.title = 'Sign in – Landlord';
  setLive('refused');
  place.setAttribute('aria-busy', 'false');
  place.replaceChildren(h('form', { class: 'signin panel', onsubmit: enter }, h('h1', {}, 'Sign in'), said,
    h('label', { for: 'token' }, 'Bearer token'), field,
    h('p', { id: 'token-help' }, 'For instance of a service account that may see the dashboard: ', h('code', {}, 'kubectl create token NAME'), '. It is kept until this tab is closed, and is sent to this controller only.'),
    h('button', { type: 'submit' }, 'Sign in')));
  field.focus();
}

const LIVE = { live: 'live', lost: 'connection lost, trying again', refused: 'not signed in', connecting: 'connecting' };

function setLive(state) {
  const before = document.getElementById('live').dataset.state;
  document.getElementById('live').dataset.state = state;
  document.getElementById('live-text').textContent = LIVE[state];
  if (state === 'lost') age('connection lost, trying again');
  if (before !== state && (state === 'lost' || before === 'lost')) announce(state === 'live' ? 'Live again' : LIVE[state]);
}

function start() {
  locked = false;
  current = undefined;
  setLive('connecting');
  listen(refresh, (state, error) => { if (state === 'refused') lock(error); else setLive(state); });
  show();
  // Whether there is a playground; a refusal is the view's to tell.
  ask('overview').then(settle, () => {});
}

const THEMES = ['system', 'light', 'dark'];

function theme() {
  const button = document.getElementById('theme');
  const now = () => document.documentElement.dataset.theme ?? 'system';
  const tell = () => { button.textContent = `Theme: ${now()}`; };
  button.addEventListener('click', () => {
    const next = THEMES[(THEMES.indexOf(now()) + 1) % THEMES.length];
    if (next === 'system') { delete document.documentElement.dataset.theme; localStorage.removeItem('landlord.theme'); }
    else { document.documentElement.dataset.theme = next; localStorage.setItem('landlord.theme', next); }
    tell();
  });
  tell();
}

document.querySelector('.skip').addEventListener('click', (event) => { event.preventDefault(); document.getElementById('main').focus(); });
window.addEventListener('hashchange', () => { if (!locked) show(); });
setInterval(() => { if (!document.hidden) refresh(); }, QUIET);
theme();
drawLinks();
start();
