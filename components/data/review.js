// The review's keys press the review's buttons, wherever no text is being typed. A button's key stands in its label.

window.studioReview?.abort();
const alive = new AbortController();
window.studioReview = alive;

const BUTTONS = ['accept', 'discard', 'draft', 'back', 'skip', 'focus'];
const typing = (node) => node.closest?.('input:not([type="checkbox"]), textarea, select, [contenteditable="true"]');
const button = (name) => document.querySelector(`#data-${name}`);
const keyOf = (node) => node?.textContent.match(/\((\w)\)/)?.[1].toLowerCase();

document.addEventListener('keydown', (event) => {
  if (event.defaultPrevented || event.altKey || typing(event.target) || !document.querySelector('#data-form')?.offsetParent) return;
  const key = event.key.toLowerCase();
  let pressed = null;
  if (event.ctrlKey || event.metaKey) {
    if (key === 'z') pressed = button(event.shiftKey ? 'redo' : 'undo');
    if (key === 'y') pressed = button('redo');
  } else {
    pressed = BUTTONS.map(button).find((node) => keyOf(node) === key);
  }
  if (!pressed || pressed.disabled) return;
  event.preventDefault();
  pressed.click();
}, { signal: alive.signal });
