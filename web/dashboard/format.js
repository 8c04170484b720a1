// Numbers and times as people read them.

const NUMBER = new Intl.NumberFormat('en');
const RELATIVE = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const CLOCK = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const DAY = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });

export const number = (value) => NUMBER.format(value);

/** `1 namespace`, `3 namespaces`. */
export const plural = (count, word) => `${number(count)} ${word}${count === 1 ? '' : 's'}`;

/** Never 100 while something is missing. */
export function percent(part, whole) {
  if (whole === 0) return '–';
  const share = (100 * part) / whole;
  if (part === whole) return '100%';
  return share > 99.9 ? '99.9%' : `${share < 10 ? share.toFixed(1) : Math.floor(share * 10) / 10}%`;
}

/** `40 ms`, `1.2 s`, `3 min`, `2 h`. */
export function duration(seconds) {
  if (seconds === 0) return '0 s';
  if (seconds < 1) return `${Math.max(1, Math.round(seconds * 1000))} ms`;
  if (seconds < 10) return `${seconds.toFixed(1).replace(/\.0$/, '')} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86400)} days`;
}

export const rate = (perSecond) => `${perSecond < 10 ? perSecond.toFixed(1).replace(/\.0$/, '') : Math.round(perSecond)}/s`;

export const clock = (time) => CLOCK.format(new Date(time));
export const day = (time) => DAY.format(new Date(time));

const UNITS = [['day', 86400], ['hour', 3600], ['minute', 60]];

/** `5 minutes ago`. */
export function ago(time) {
  const seconds = (new Date(time) - Date.now()) / 1000;
  const [unit, length] = UNITS.find(([, length]) => Math.abs(seconds) >= length) ?? ['second', 1];
  return RELATIVE.format(Math.round(seconds / length), unit);
}
