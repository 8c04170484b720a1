// Editors: plain text areas with line numbers, and below each what is wrong with it. Tab leaves them, as it leaves any other field.

import { h } from './dom.js';

const ROWS = { least: 4, most: 24 };

export class Editor {
  /** `changed` is called with every edit. */
  constructor({ name, title, hint }, changed) {
    this.name = name;
    this.area = h('textarea', {
      id: name, wrap: 'off', spellcheck: 'false', autocomplete: 'off', autocapitalize: 'off', 'aria-describedby': `${name}-hint ${name}-faults`,
      oninput: () => { this.number(); changed(); }, onscroll: () => this.follow(),
    });
    this.gutter = h('div', { class: 'gutter', 'aria-hidden': 'true' });
    this.faults = h('ul', { class: 'faults', id: `${name}-faults` });
    this.element = h('div', { class: 'editor panel' },
      h('label', { for: name }, title), h('p', { class: 'hint', id: `${name}-hint` }, hint),
      h('div', { class: 'frame' }, h('div', { class: 'numbers' }, this.gutter), this.area), this.faults);
  }

  get text() { return this.area.value; }

  set text(text) {
    this.area.value = text;
    this.number();
  }

  /** Numbers the lines. */
  number() {
    const count = this.text.split('\n').length;
    while (this.gutter.childElementCount > count) this.gutter.lastElementChild.remove();
    while (this.gutter.childElementCount < count) this.gutter.append(h('span', {}, String(this.gutter.childElementCount + 1)));
    this.area.rows = Math.min(Math.max(count, ROWS.least), ROWS.most);
    this.follow();
  }

  follow() {
    this.gutter.style.transform = `translateY(${-this.area.scrollTop}px)`;
  }

  /** Shows what is wrong, at the lines. */
  blame(faults) {
    for (const line of this.gutter.querySelectorAll('.wrong')) line.classList.remove('wrong');
    for (const { line } of faults) this.gutter.children[line - 1]?.classList.add('wrong');
    this.area.toggleAttribute('aria-invalid', faults.length > 0);
    if (faults.length > 0) this.area.setAttribute('aria-invalid', 'true');
    const ordered = [...faults].sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
    this.faults.replaceChildren(...ordered.map((fault) => h('li', {}, this.#words(fault))));
  }

  #words({ line, column, message }) {
    if (!line) return message;
    return h('button', { type: 'button', class: 'link', onclick: () => this.show(line, column) },
      h('strong', {}, `line ${line}, column ${column}: `), message);
  }

  /** Puts the cursor there. Columns count characters, and the text area counts UTF-16. */
  show(line, column) {
    const lines = this.text.split('\n');
    const before = lines.slice(0, line - 1).reduce((length, one) => length + one.length + 1, 0);
    const at = before + Array.from(lines[line - 1] ?? '').slice(0, column - 1).join('').length;
    this.area.focus();
    this.area.setSelectionRange(at, before + (lines[line - 1]?.length ?? 0));
    this.area.scrollTop = (line - 3) * (this.area.scrollHeight / lines.length);
  }
}
