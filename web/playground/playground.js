// The page: editors on one side, on the other what the engine, compiled to WebAssembly, makes of them with every edit.

import load, { rehearse } from './engine.js';
import { find, h } from './dom.js';
import { Editor } from './editor.js';
import { decode, encode } from './link.js';
import * as view from './view.js';

const EDITORS = [
  { name: 'settings', title: 'Settings', hint: 'spec.settings of the ClusterAdmissionPolicy, or the whole object; empty means the defaults' },
  { name: 'tenant', title: 'Tenants', hint: 'YAML or JSON, with --- between objects' },
  { name: 'namespace', title: 'Namespaces', hint: 'as they are now' },
  { name: 'request', title: 'Request', hint: 'an AdmissionRequest, to see the policy’s answer as well; object and userInfo may be left out' },
];

const STORIES = 'Stories';

const editors = EDITORS.map((editor) => new Editor(editor, schedule));
let examples = [];
/** The example that the editors were filled with last; undefined for a link. */
let chosen;
let scheduled = false;

function schedule() {
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(() => { scheduled = false; show(); });
}

const texts = () => Object.fromEntries(editors.map(({ name, text }) => [name, text]));

function fill(from) {
  for (const editor of editors) editor.text = typeof from[editor.name] === 'string' ? from[editor.name] : '';
  show();
}

/** Asks the engine and shows what it says. */
function show() {
  let result;
  try {
    result = JSON.parse(rehearse(JSON.stringify(texts())));
  } catch (error) {
    notice(`The engine stopped (${error.message}). That is a fault of landlord: please report it with what is in the editors, and reload the page.`);
    return;
  }
  for (const editor of editors) editor.blame(result.faults.filter((fault) => fault.editor === editor.name));
  find('status').textContent = view.summary(result);
  find('answer').replaceChildren(...view.answer(result.answer));
  find('plan').replaceChildren(...view.plan(result));
  find('machine').hidden = !result.plan;
  find('json').textContent = result.plan ? JSON.stringify(result.plan, null, 2) : '';
  document.documentElement.dataset.shown = String(Number(document.documentElement.dataset.shown ?? 0) + 1);
}

function notice(text) {
  find('notices').replaceChildren(...(text ? [h('p', { class: 'notice bad', role: 'alert' }, text)] : []));
}

/** What the address says, if it says something. */
async function follow() {
  try {
    const shared = await decode(location.hash);
    if (!shared) return false;
    notice('');
    mark(undefined);
    fill(shared);
    return true;
  } catch (error) {
    notice(`This link cannot be read (${error.message}): it may have been cut off where it was copied.`);
    return false;
  }
}

async function share() {
  const fragment = await encode(texts());
  history.replaceState(null, '', fragment);
  const button = find('share');
  try {
    await navigator.clipboard.writeText(location.href);
    button.textContent = 'Copied';
  } catch {
    button.textContent = 'Link is in the address bar';
  }
  setTimeout(() => { button.textContent = 'Copy link'; }, 2000);
}

/** Shows which example is chosen, and what it is about. */
function mark(example) {
  chosen = example;
  for (const button of find('stories').children) button.setAttribute('aria-pressed', String(examples[Number(button.value)] === example));
  find('example').value = example && example.group !== STORIES ? String(examples.indexOf(example)) : '';
  find('why').textContent = example ? example.why || `The example ${example.name}.` : 'Your own texts.';
}

function choose(example) {
  if (!example) return;
  history.replaceState(null, '', location.pathname + location.search);
  notice('');
  mark(example);
  fill(example);
}

/** The stories as buttons, everything else in a list. */
function list() {
  const index = (example) => String(examples.indexOf(example));
  const [stories, others] = [examples.filter(({ group }) => group === STORIES), examples.filter(({ group }) => group !== STORIES)];
  find('stories').replaceChildren(...stories.map((story) => h('button', { type: 'button', class: 'story', value: index(story), 'aria-pressed': 'false', onclick: () => choose(story) }, story.name)));
  const option = (example) => h('option', { value: index(example) }, example.name);
  const groups = [...new Set(others.map(({ group }) => group))];
  const listed = groups.map((label) => h('optgroup', { label }, others.filter(({ group }) => group === label).map(option)));
  find('example').replaceChildren(h('option', { value: '' }, 'Choose …'), ...listed);
}

function themes() {
  const button = find('theme');
  const now = () => document.documentElement.dataset.theme ?? 'system';
  const say = () => { button.textContent = `Theme: ${now()}`; };
  button.addEventListener('click', () => {
    const next = { system: 'light', light: 'dark', dark: 'system' }[now()];
    if (next === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    try { localStorage.setItem('landlord.theme', next); } catch { /* It holds until the page is left. */ }
    say();
  });
  say();
}

async function start() {
  themes();
  find('editors').append(...editors.map(({ element }) => element));
  const [list_] = await Promise.all([fetch('examples.json').then((answer) => answer.json()), load()]);
  examples = list_;
  list();
  find('example').addEventListener('change', ({ target }) => { if (target.value !== '') choose(examples[Number(target.value)]); });
  find('reset').addEventListener('click', () => choose(chosen ?? examples[0]));
  find('share').addEventListener('click', share);
  addEventListener('hashchange', follow);
  if (!await follow()) {
    mark(examples[0]);
    fill(examples[0]);
  }
}

start().catch((error) => notice(`The playground cannot start (${error.message}). It has to be served over HTTP: files that are opened directly may load nothing.`));
