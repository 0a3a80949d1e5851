// Clicks on counts and on the bars of the histograms filter the table; while facts are being worked out, ask again.

window.studioFacets?.abort();
const alive = new AbortController();
window.studioFacets = alive;

element.addEventListener('click', (event) => {
  const value = event.target.closest('button[data-facet]');
  if (event.target.closest('button[data-retry]')) trigger('retry', {});
  if (value) trigger('filter', { facet: value.dataset.facet, value: value.dataset.value });
}, { signal: alive.signal });

element.addEventListener('change', (event) => {
  if (!event.target.matches('.contains input')) return;
  const column = event.target.parentElement.querySelector('select').value;
  typed = null; // from here on a pill shows it
  trigger('contain', { column, text: event.target.value });
}, { signal: alive.signal });

// A drawing replaces everything: what was unfolded, typed and focused is so again afterwards.
const unfolded = new Set();
let typed = null, focus = null;
const titleOf = (node) => node.closest('section')?.getAttribute('aria-label');

element.addEventListener('toggle', ({ target }) => {
  if (target.isConnected) target.open ? unfolded.add(titleOf(target)) : unfolded.delete(titleOf(target));
}, { capture: true, signal: alive.signal });
element.addEventListener('input', (event) => {
  const box = event.target.closest('.contains');
  if (box) typed = { column: box.querySelector('select').value, text: box.querySelector('input').value };
}, { signal: alive.signal });
element.addEventListener('focusin', ({ target }) => {
  const { facet, value } = target.dataset;
  focus = facet === undefined ? target.closest('.contains') && `.contains ${target.localName}`
    : `button[data-facet="${CSS.escape(facet)}"][data-value="${CSS.escape(value)}"]`;
}, { signal: alive.signal });
for (const name of ['focusin', 'pointerdown']) {
  document.addEventListener(name, (event) => { if (!element.contains(event.target)) focus = null; }, { signal: alive.signal });
}

watch('value', () => {
  for (const fold of element.querySelectorAll('details')) fold.open = unfolded.has(titleOf(fold));
  const box = element.querySelector('.contains');
  if (box && typed) {
    if ([...box.querySelector('select').options].some((each) => each.value === typed.column)) {
      box.querySelector('select').value = typed.column;
    }
    box.querySelector('input').value = typed.text;
  }
  if (focus && document.activeElement === document.body) element.querySelector(focus)?.focus({ preventScroll: true });
});

// Plotly draws its graph anew on every update, and each one has to be listened to.
function bind() {
  for (const graph of document.querySelectorAll('#data-lengths .js-plotly-plot')) {
    if (graph.studioBound || !graph.on) continue;
    graph.studioBound = true;
    graph.on('plotly_click', ({ points }) => {
      const [name, low, high] = points[0].customdata;
      trigger('range', { name, low, high });
    });
  }
}

const watching = setInterval(bind, 300);
const asking = setInterval(() => {
  if (element.querySelector('[data-preparing]') && element.offsetParent) trigger('refresh', {});
}, 1000);
alive.signal.addEventListener('abort', () => { clearInterval(watching); clearInterval(asking); });
