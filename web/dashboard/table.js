// A table of any length: only the rows that can be seen are in the page, and they are fetched by pages.

import { h } from './dom.js';

/** Height of a row, as in style.css. */
const ROW = 44;
/** Rows beyond the edges that are kept ready. */
const MARGIN = 8;
const PAGE = 100;

/**
 * columns: [{key, label, sort, class, cell(row)}]; `fetch(offset, limit)` answers {matching, items}, at once or later.
 * `sorted` is {key, descending}; `onsort(key, descending)` is called on a click on a heading.
 */
export class Table {
  constructor({ label, columns, fetch, sorted, onsort, empty }) {
    Object.assign(this, { columns, fetch, sorted, onsort, empty });
    this.pages = new Map();
    this.total = 0;
    this.age = 0;
    this.body = h('tbody');
    this.head = h('tr');
    this.table = h('table', { 'aria-rowcount': 1 }, h('caption', { class: 'visually-hidden' }, label), h('thead', {}, this.head), this.body);
    this.scroller = h('div', { class: 'scroller', role: 'region', 'aria-label': label, tabindex: 0, onscroll: () => this.draw() }, this.table);
    this.nothing = h('div', { class: 'empty', hidden: true });
    this.node = h('div', { class: 'listing' }, this.scroller, this.nothing);
    this.resize = new ResizeObserver(() => this.draw());
    this.resize.observe(this.scroller);
    this.drawHead();
  }

  destroy() {
    this.resize.disconnect();
    this.age = Infinity;
  }

  sort(sorted) {
    this.sorted = sorted;
    this.drawHead();
  }

  /** Fetches anew what can be seen; what was there stays until then. */
  async reload() {
    this.age += 1;
    const age = this.age;
    const [first, last] = this.window();
    const numbers = [...new Set([Math.floor(first / PAGE), Math.floor(Math.max(first, last - 1) / PAGE)])];
    const answers = await Promise.all(numbers.map((page) => this.fetch(page * PAGE, PAGE)));
    if (age !== this.age) return;
    this.pages = new Map(numbers.map((page, index) => [page, answers[index].items]));
    this.total = answers[0].matching;
    this.drawn = undefined;
    this.draw();
  }

  window() {
    // Not its own height: that of an empty table is none, and no table is higher than the window.
    const top = this.scroller.scrollTop, height = window.innerHeight;
    // Scrolled down in a table that has become shorter, the end is seen.
    const first = Math.max(0, Math.min(Math.floor(top / ROW), this.total - Math.ceil(height / ROW)) - MARGIN);
    return [first, Math.min(this.total, Math.ceil((top + height) / ROW) + MARGIN)];
  }

  draw() {
    this.nothing.hidden = this.total > 0;
    this.scroller.hidden = this.total === 0;
    if (this.total === 0) {
      if (this.age > 0) this.nothing.replaceChildren(...[this.empty()].flat());
      return;
    }
    const [first, last] = this.window();
    if (this.drawn === `${first}-${last}`) return;
    this.drawn = `${first}-${last}`;
    this.table.setAttribute('aria-rowcount', this.total + 1);
    const focused = this.body.contains(document.activeElement) ? document.activeElement.dataset.focus : undefined;
    const rows = [];
    for (let index = first; index < last; index += 1) rows.push(this.row(index));
    this.body.replaceChildren(this.spacer(first), ...rows, this.spacer(this.total - last));
    if (focused) [...this.body.querySelectorAll('[data-focus]')].find((one) => one.dataset.focus === focused)?.focus({ preventScroll: true });
  }

  row(index) {
    const row = this.pages.get(Math.floor(index / PAGE))?.[index % PAGE];
    if (!row) this.want(Math.floor(index / PAGE));
    const cells = this.columns.map((column, at) => h(at === 0 ? 'th' : 'td', { class: column.class, scope: at === 0 ? 'row' : null }, row ? column.cell(row) : '…'));
    return h('tr', { 'aria-rowindex': index + 2 }, cells);
  }

  async want(page) {
    if (this.pages.has(page)) return;
    this.pages.set(page, []);
    const age = this.age;
    const answer = await this.fetch(page * PAGE, PAGE).catch(() => undefined);
    if (age !== this.age) return;
    if (!answer) { this.pages.delete(page); return; }
    this.pages.set(page, answer.items);
    this.total = answer.matching;
    this.drawn = undefined;
    this.draw();
  }

  spacer(rows) {
    if (rows === 0) return '';
    return h('tr', { 'aria-hidden': 'true', class: 'spacer', style: { height: `${rows * ROW}px` } }, h('td'));
  }

  drawHead() {
    const heading = (column) => {
      if (!column.sort) return h('th', { scope: 'col', class: column.class }, column.label);
      const { key, descending } = this.sorted ?? {};
      const state = key !== column.sort ? 'none' : descending ? 'descending' : 'ascending';
      const click = () => this.onsort(column.sort, state === 'ascending');
      const button = h('button', { type: 'button', class: 'sort', onclick: click, 'data-focus': `sort-${column.sort}` }, column.label, h('span', { 'aria-hidden': 'true', class: 'arrow' }));
      return h('th', { scope: 'col', class: column.class, 'aria-sort': state }, button);
    };
    const focused = this.head.contains(document.activeElement) ? document.activeElement.dataset.focus : undefined;
    this.head.replaceChildren(...this.columns.map(heading));
    if (focused) this.head.querySelector(`[data-focus="${focused}"]`)?.focus();
  }
}

/** `fetch` of a table whose rows are all here. */
export const fromArray = (rows) => (offset, limit) => Promise.resolve({ matching: rows().length, items: rows().slice(offset, offset + limit) });
