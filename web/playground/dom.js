// Elements. Text is only ever set as text: no name in an object can become markup.

/** Makes an element: `h('a', {href: '#x', onclick: f}, 'text', child)`. What is null or false is left out. */
export function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? '' : value);
  }
  element.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** The element of this id. */
export const find = (id) => document.getElementById(id);
