// Buttons inside a panel's HTML: each tells the server its data attributes (data-act: what to do).
// While the HTML holds [data-waiting], the panel asks again every half second.

const alive = new AbortController();

element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-act]');
  if (!button || button.disabled) return;
  trigger('act', { ...button.dataset });
}, { signal: alive.signal });

// Choices and texts tell their value once they are made; what the server draws then is what counts.
element.addEventListener('change', (event) => {
  const field = event.target.closest('select[data-act], input[data-act]');
  if (field) trigger('act', { ...field.dataset, value: field.value });
}, { signal: alive.signal });

const asking = setInterval(() => {
  if (!element.isConnected) { clearInterval(asking); alive.abort(); return; }
  if (element.querySelector('[data-waiting]') && element.offsetParent) trigger('refresh', {});
}, 500);
