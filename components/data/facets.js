// Clicks on counts and on the bars of the histograms filter the table; while facts are being worked out, ask again.

window.studioFacets?.abort();
const alive = new AbortController();
window.studioFacets = alive;

element.addEventListener('click', (event) => {
  const value = event.target.closest('button[data-facet]');
  if (value) trigger('filter', { facet: value.dataset.facet, value: value.dataset.value });
}, { signal: alive.signal });

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
