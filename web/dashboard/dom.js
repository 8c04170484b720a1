// Elements. Text is only ever set as text: what tenants write into a namespace cannot become markup.

/** Makes an element: `h('a', {href: '#/x', class: 'y', onclick: f}, 'text', child)`. What is null or false is left out. */
export function h(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

const SVG = 'http://www.w3.org/2000/svg';

/** The same for a drawing. */
export function s(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

// What steers the direction of writing would show a name that is not there (as the command line escapes it).
const STEERING = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const visible = (text) => typeof text === 'string' ? text.replace(STEERING, (letter) => `\\u{${letter.codePointAt(0).toString(16)}}`) : text;

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'style') for (const [property, text] of Object.entries(value)) element.style.setProperty(property, text);
    else element.setAttribute(name, value === true ? '' : visible(value));
  }
  element.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false).map(visible));
  return element;
}

/** Puts new content in place if what it is made from has changed; keyboard focus stays on what has the same `data-focus`. */
export function swap(element, facts, build) {
  const mark = JSON.stringify(facts);
  if (element.mark === mark) return;
  element.mark = mark;
  const focused = element.contains(document.activeElement) ? document.activeElement.dataset.focus : undefined;
  element.replaceChildren(...[build()].flat(3).filter(Boolean));
  if (focused) [...element.querySelectorAll('[data-focus]')].find((one) => one.dataset.focus === focused)?.focus();
}

/** Says something to a screen reader. */
export function announce(text) {
  document.getElementById('announcer').textContent = text;
}
