// SPDX-License-Identifier: Apache-2.0
// The document, changed in place, so that whoever has chosen something in it keeps it. Text of the machine is only ever
// set as text.

/**
 * The element of the page with this id.
 * @param {string} id @returns {HTMLElement}
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no ${id}`);
  return found;
}

/**
 * A new element.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag @param {Record<string, string>} [attributes] @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/**
 * In the text node that is there: some numbers change each second.
 * @param {Element} element @param {string} text
 */
export function setText(element, text) {
  const only = element.childNodes.length === 1 ? element.firstChild : null;
  if (!(only instanceof Text)) element.textContent = text;
  else if (only.data !== text) only.data = text;
}

/** @param {Element} element @param {string} name @param {string} value */
export function setAttribute(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/**
 * Makes the children of an element those of `items`, in their order; one that is there with the same key is changed.
 * @template Item
 * @param {Element} parent @param {Item[]} items @param {(item: Item) => string} keyOf
 * @param {(item: Item) => HTMLElement} create @param {(element: HTMLElement, item: Item) => void} update
 */
export function keep(parent, items, keyOf, create, update) {
  /** @type {Map<string, HTMLElement>} */
  const known = new Map();
  const wanted = new Set(items.map(keyOf));
  for (const child of [...parent.children]) {
    const key = child instanceof HTMLElement ? child.dataset.key : undefined;
    if (child instanceof HTMLElement && key !== undefined && wanted.has(key)) known.set(key, child);
    else child.remove();
  }
  /** @type {Element | null} */
  let next = parent.firstElementChild;
  for (const item of items) {
    const element = known.get(keyOf(item)) ?? create(item);
    element.dataset.key = keyOf(item);
    update(element, item);
    if (element === next) next = next.nextElementSibling;
    else parent.insertBefore(element, next);
  }
}
