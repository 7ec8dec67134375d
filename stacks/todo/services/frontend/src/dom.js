// Small words for the page's elements.

export const $ = (selector) => document.querySelector(selector);

/** An element with properties and children; strings become text, so nothing that a person typed is ever markup. */
export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** Says something to those who listen to the page. */
export const announce = (words) => {
  $("#announce").textContent = words;
};
