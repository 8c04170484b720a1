// The API: questions, and the stream that says when to ask again. The token, where one is needed, lives as long as the tab.

const KEY = 'landlord.token';

export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export function setToken(token) {
  if (token) sessionStorage.setItem(KEY, token);
  else sessionStorage.removeItem(KEY);
}

export const hasToken = () => sessionStorage.getItem(KEY) !== null;

async function open(path, signal) {
  const token = sessionStorage.getItem(KEY);
  const headers = token ? { authorization: `Bearer ${token}` } : {};
  const response = await fetch(`api/v1/${path}`, { headers, signal, cache: 'no-store' });
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  throw new Refused(response.status, problem.message ?? `the controller answers ${response.status}`);
}

/** Asks; `query` leaves out what is empty. */
export async function ask(path, query = {}, signal = undefined) {
  const filled = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== '');
  const text = new URLSearchParams(filled).toString();
  return (await open(text ? `${path}?${text}` : path, signal)).json();
}

/** Saves an answer as a file, for what a link cannot ask for because it sends no token. */
export async function download(path) {
  const url = URL.createObjectURL(await (await open(path)).blob());
  const link = document.createElement('a');
  Object.assign(link, { href: url, download: path });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

const LONGEST_WAIT = 15_000;
/** Ends the stream of a page that nobody looks at: a browser opens six to one address, and a stream each would leave none for questions. */
let stop = new AbortController(), left = false;
addEventListener('pagehide', () => { left = true; stop.abort(); });
addEventListener('pageshow', () => { left = false; });
document.addEventListener('visibilitychange', () => { if (document.hidden) stop.abort(); });

/** Until the page is looked at. */
async function seen() {
  while (document.hidden || left) {
    await new Promise((resolve) => {
      document.addEventListener('visibilitychange', resolve, { once: true });
      addEventListener('pageshow', resolve, { once: true });
    });
  }
}

let listeners = 0;

/** Calls `changed` whenever something has changed, and `state` with live, lost or refused. Comes back by itself, until another listener takes its place. */
export async function listen(changed, state) {
  listeners += 1;
  const mine = listeners;
  stop.abort();
  for (let failures = 0; ; failures += 1) {
    await seen();
    if (mine !== listeners) return;
    stop = new AbortController();
    try {
      const response = await open('events', stop.signal);
      state('live');
      failures = 0;
      for await (const line of lines(response.body)) if (line.startsWith('data:')) changed();
    } catch (error) {
      if (error instanceof Refused && (error.status === 401 || error.status === 403)) return state('refused', error);
    }
    if (mine !== listeners) return;
    if (stop.signal.aborted) continue;
    state('lost');
    await new Promise((resolve) => { setTimeout(resolve, Math.min(LONGEST_WAIT, 500 * 2 ** failures)); });
  }
}

async function* lines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split('\n');
    rest = parts.pop();
    yield* parts;
  }
}
