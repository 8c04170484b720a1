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

/**
 * Areas on top of each other: `series` are [{name, class, values}], `times` the times of the values.
 * `words(value)` writes a value.
 */
export function areas(label, times, series, words = number, least = 1) {
  const sums = times.map((_, index) => series.reduce((sum, one) => sum + one.values[index], 0));
  const peak = Math.max(0, ...sums), top = Math.max(round(peak), least);
  const x = (index) => LEFT + (index * (WIDTH - 2 * LEFT)) / Math.max(1, times.length - 1);
  const y = (value) => HEIGHT - BOTTOM - (value / top) * (HEIGHT - 2 * BOTTOM);
  const base = times.map(() => 0);
  const shapes = series.map((one) => {
    const low = [...base];
    one.values.forEach((value, index) => { base[index] += value; });
    const upper = base.map((value, index) => `${x(index).toFixed(1)},${y(value).toFixed(1)}`);
    const lower = low.map((value, index) => `${x(index).toFixed(1)},${y(value).toFixed(1)}`).reverse();
    return s('g', { class: one.class }, s('polygon', { class: 'area', points: [...upper, ...lower].join(' ') }), s('polyline', { class: 'line', points: upper.join(' ') }));
  });
  const grid = [0, 0.5, 1].map((share) => s('line', { class: 'grid', x1: 0, x2: WIDTH, y1: y(top * share), y2: y(top * share) }));
  const said = `${label}: now ${words(sums.at(-1) ?? 0)}, at most ${words(peak)} since ${times.length > 0 ? clock(times[0]) : 'now'}`;
  const drawing = s('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': said }, grid, shapes);
  const keys = series.length > 1 ? h('ul', { class: 'legend' }, series.map((one) => h('li', { class: one.class }, h('span', { class: 'swatch', 'aria-hidden': 'true' }), one.name))) : null;
  return h('figure', { class: 'chart' },
    h('div', { class: 'plot' }, drawing, h('span', { class: 'top', 'aria-hidden': 'true' }, words(top))),
    h('div', { class: 'axis', 'aria-hidden': 'true' }, h('span', {}, times.length > 0 ? clock(times[0]) : ''), h('span', {}, times.length > 1 ? clock(times.at(-1)) : '')),
    keys);
}

/** Counts side by side: `bars` are [{label, count}]. A table, drawn as bars. */
export function bars(label, heads, rows) {
  const most = Math.max(1, ...rows.map((row) => row.count));
  const row = (one) => h('tr', {}, h('th', { scope: 'row' }, one.label), h('td', { class: 'bar' }, one.count > 0 ? h('span', { 'aria-hidden': 'true', style: { width: `${(100 * one.count) / most}%` } }) : null), h('td', { class: 'number' }, number(one.count)));
  return h('table', { class: 'bars' }, h('caption', { class: 'visually-hidden' }, label),
    h('thead', { class: 'visually-hidden' }, h('tr', {}, h('th', { scope: 'col' }, heads[0]), h('th', { scope: 'col' }, 'Bar'), h('th', { scope: 'col' }, heads[1]))), h('tbody', {}, rows.map(row)));
}
