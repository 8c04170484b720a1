// Drawings of numbers over time, and of counts. Each comes with the same in words.

import { h, s } from './dom.js';
import { clock, number } from './format.js';

const WIDTH = 600, HEIGHT = 132, LEFT = 4, BOTTOM = 6;

/** The next round number. */
function round(value) {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value);
}

/** The runs of a series in which it counts something, each from the point before it to the point after it. */
function runs(values) {
  const found = [];
  values.forEach((value, index) => {
    if (value <= 0) return;
    const last = found.at(-1);
    if (last && index - 1 <= last[1]) last[1] = index + 1;
    else found.push([index - 1, index + 1]);
  });
  return found.map(([from, to]) => [Math.max(0, from), Math.min(values.length - 1, to)]);
}

/**
 * Areas on top of each other: `series` are [{name, class, values}], `times` the times of the values.
 * `words(value)` writes a value, `unit` says what it counts. A line belongs to the series below it, and is drawn where that counts something.
 */
export function areas(label, times, series, { words = number, unit = '', least = 1 } = {}) {
  const sums = times.map((_, index) => series.reduce((sum, one) => sum + one.values[index], 0));
  const peak = Math.max(0, ...sums), top = Math.max(round(peak), least);
  const x = (index) => LEFT + (index * (WIDTH - 2 * LEFT)) / Math.max(1, times.length - 1);
  const y = (value) => HEIGHT - BOTTOM - (value / top) * (HEIGHT - 2 * BOTTOM);
  const point = (value, index) => `${x(index).toFixed(1)},${y(value).toFixed(1)}`;
  const base = times.map(() => 0);
  const shapes = series.map((one) => {
    const lower = base.map(point).reverse();
    one.values.forEach((value, index) => { base[index] += value; });
    const upper = base.map(point);
    const lines = series.length === 1 ? [[0, upper.length - 1]] : runs(one.values);
    return s('g', { class: one.class }, s('polygon', { class: 'area', points: [...upper, ...lower].join(' ') }), lines.map(([from, to]) => s('polyline', { class: 'line', points: upper.slice(from, to + 1).join(' ') })));
  });
  const measure = (value) => `${words(value)}${unit && ` ${unit}`}`;
  const grid = [0, 0.5, 1].map((share) => s('line', { class: 'grid', x1: 0, x2: WIDTH, y1: y(top * share), y2: y(top * share) }));
  const said = `${label}: now ${measure(sums.at(-1) ?? 0)}, at most ${measure(peak)} since ${times.length > 0 ? clock(times[0]) : 'now'}`;
  const drawing = s('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': said }, grid, shapes);
  const key = (one) => h('li', { class: one.class }, h('span', { class: 'swatch', 'aria-hidden': 'true' }), `${one.name} ${words(one.values.at(-1) ?? 0)}`);
  return h('figure', { class: 'chart' },
    h('div', { class: 'plot' }, drawing, h('span', { class: 'top', 'aria-hidden': 'true' }, measure(top))),
    h('div', { class: 'axis', 'aria-hidden': 'true' }, h('span', {}, times.length > 0 ? clock(times[0]) : ''), h('span', {}, times.length > 1 ? clock(times.at(-1)) : '')),
    series.length > 1 ? h('ul', { class: 'legend' }, series.map(key)) : null);
}

/** What time a chart is about: `whole` (of so many seconds), or since when there are values. */
export function span(times, whole, seconds) {
  const length = times.length > 0 ? (new Date(times.at(-1)) - new Date(times[0])) / 1000 : 0;
  return length >= 0.9 * seconds ? whole : times.length > 0 ? `since ${clock(times[0])}` : 'from now on';
}

/** Counts side by side: `bars` are [{label, count}]. A table, drawn as bars. */
export function bars(label, heads, rows) {
  const most = Math.max(1, ...rows.map((row) => row.count));
  const row = (one) => h('tr', {}, h('th', { scope: 'row' }, one.label), h('td', { class: 'bar' }, one.count > 0 ? h('span', { 'aria-hidden': 'true', style: { width: `${(100 * one.count) / most}%` } }) : null), h('td', { class: 'number' }, number(one.count)));
  return h('table', { class: 'bars' }, h('caption', { class: 'visually-hidden' }, label),
    h('thead', { class: 'visually-hidden' }, h('tr', {}, h('th', { scope: 'col' }, heads[0]), h('th', { scope: 'col' }, 'Bar'), h('th', { scope: 'col' }, heads[1]))), h('tbody', {}, rows.map(row)));
}
