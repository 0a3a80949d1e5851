// Selection, keyboard, editing in place and paging for the grid; the server draws the rows (grid.py).
// The selected row is known by its id. A drawing moves the selection only when it says so (data-move): a drawing
// that answers an older click must not undo a newer one.

window.studioGrid?.abort(); // a grid that was drawn anew replaces the listeners of the old one
const alive = new AbortController();
window.studioGrid = alive;
const listen = (target, name, fn, options = {}) =>
  target.addEventListener(name, fn, { signal: alive.signal, ...options });

const PICK_AFTER = 90; // ms: holding an arrow key opens the row it ends on
const SAVE_AFTER = 800;
const ANSWER_WITHIN = 4000;
const BELOW = 44; // px of the page below the panes

let selected = '', column = 0, move = '', offset = '', focused = false, picking = 0;
let editor = null;
const chosen = new Set(); // ids of the rows with a tick
let chosenKey = '', lastTicked = '';

const root = () => element.querySelector('.grid');
const rows = () => [...element.querySelectorAll('tbody tr[data-id]')];
const rowOf = (id) => element.querySelector(`tbody tr[data-id="${id}"]`);
const cellOf = (row) => row?.querySelector(`td[data-column="${column}"]`) ?? row?.querySelector('td[data-column]');

function mark() {
  const active = rowOf(selected) ?? rows()[0];
  for (const row of rows()) row.setAttribute('aria-selected', row.dataset.id === selected ? 'true' : 'false');
  for (const cell of element.querySelectorAll('td[tabindex]')) cell.removeAttribute('tabindex');
  cellOf(active)?.setAttribute('tabindex', '0');
}

function drawn() {
  const state = root()?.dataset;
  if (!state) return;
  const scroller = element.querySelector('.grid-scroll');
  if (state.offset !== offset) scroller.scrollTop = 0;
  offset = state.offset;
  const moved = state.move && state.move !== move;
  if (moved) { selected = state.selected; move = state.move; }
  for (const select of element.querySelectorAll('select[data-role]')) select.value = select.dataset.role;
  const page = element.querySelector('input.page');
  if (page) page.value = page.getAttribute('value');
  if (state.key !== chosenKey) { // other rows: ticks out of sight would be acted upon unseen
    chosenKey = state.key;
    if (chosen.size) { chosen.clear(); tell(); }
  }
  if (moved && chosen.size) tell(); // a server that was started again knows of no ticks
  showTicks();
  mark();
  fit();
  if (moved) rowOf(selected)?.scrollIntoView({ block: 'nearest' });
  if (moved && focused) cellOf(rowOf(selected))?.focus({ preventScroll: true });
  if (editor && state.saved === editor.ticket) closeEditor(true);
}

function showTicks() {
  const all = rows();
  for (const row of all) {
    const box = row.querySelector('.choose input');
    if (box) box.checked = chosen.has(row.dataset.id);
  }
  const head = element.querySelector('.choose-all');
  if (!head) return;
  const ticked = all.filter((row) => chosen.has(row.dataset.id)).length;
  head.checked = all.length > 0 && ticked === all.length;
  head.indeterminate = ticked > 0 && ticked < all.length;
}

const tell = () => trigger('choose', { ids: [...chosen].map(Number) });

// A tick; with Shift on every row between this one and the last that was ticked.
function tick(row, on, through) {
  const all = rows();
  const from = through ? all.findIndex((each) => each.dataset.id === lastTicked) : -1;
  const to = all.indexOf(row);
  const span = from < 0 ? [row] : all.slice(Math.min(from, to), Math.max(from, to) + 1);
  for (const each of span) on ? chosen.add(each.dataset.id) : chosen.delete(each.dataset.id);
  lastTicked = row.dataset.id;
  showTicks();
  tell();
}

function pick(row, wait = 0) {
  clearTimeout(picking);
  if (!row || row.dataset.id === selected) return;
  selected = row.dataset.id;
  mark();
  picking = setTimeout(() => trigger('pick', { id: selected }), wait);
}

function step(by) {
  const all = rows();
  const next = all.findIndex((row) => row.dataset.id === selected) + by;
  if (next < 0 || next >= all.length) return turn(by, true);
  pick(all[next], PICK_AFTER);
  cellOf(all[next])?.focus();
}

function turn(by, edge = false) {
  const { offset, size, total } = root().dataset;
  const target = Number(offset) + by * Number(size);
  if (target < 0 || target >= Number(total)) return;
  trigger('turn', { offset: target, size: Number(size), edge: edge ? (by > 0 ? 'first' : 'last') : '' });
}

// Editing in place: the editor lies over the cell, outside the drawn rows, and stays until its text is saved.

function edit(cell) {
  if (!cell || !root().dataset.editable) return;
  if (!('inplace' in cell.dataset)) return focusField(Number(cell.dataset.column));
  const row = cell.closest('tr');
  const box = document.createElement('textarea');
  box.className = 'grid-editor';
  box.value = cell.querySelector('.cell').textContent;
  box.setAttribute('aria-label', `Cell of row ${row.dataset.id}. Control and Enter saves, Escape cancels.`);
  const area = cell.getBoundingClientRect();
  Object.assign(box.style, {
    left: `${area.left}px`, top: `${area.top}px`, width: `${area.width}px`, minHeight: `${area.height}px`,
  });
  editor = {
    box, before: box.value, ticket: '', timer: 0,
    id: row.dataset.id, version: row.dataset.version, column: Number(cell.dataset.column),
  };
  element.parentElement.append(box);
  const fit = () => {
    box.style.height = 'auto';
    box.style.height = `${Math.min(box.scrollHeight + 2, 320)}px`;
    box.style.top = `${Math.max(8, Math.min(area.top, innerHeight - box.offsetHeight - 12))}px`;
  };
  fit();
  box.addEventListener('input', fit);
  box.addEventListener('blur', saveEditor);
  box.addEventListener('keydown', (event) => {
    event.stopPropagation();
    if (event.key === 'Escape') closeEditor(true);
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) { focused = true; saveEditor(); }
  });
  box.focus();
  box.setSelectionRange(box.value.length, box.value.length);
}

function saveEditor() {
  if (!editor || editor.box.readOnly) return;
  if (editor.box.value === editor.before) return closeEditor(focused);
  editor.ticket = `${Date.now()}-${Math.random()}`;
  editor.box.readOnly = true;
  const { id, version, column, ticket, box } = editor;
  trigger('cell', { id, version, column, ticket, text: box.value });
  editor.timer = setTimeout(() => { box.readOnly = false; box.classList.add('unsaved'); }, ANSWER_WITHIN);
}

function closeEditor(refocus) {
  const closed = editor;
  editor = null;
  clearTimeout(closed.timer);
  closed.box.remove();
  if (refocus) cellOf(rowOf(selected))?.focus({ preventScroll: true });
}

listen(element, 'focusin', () => { focused = true; });
listen(document, 'pointerdown', (event) => { focused = element.contains(event.target); });

listen(element, 'click', (event) => {
  const button = event.target.closest('button[data-offset]');
  if (button) trigger('turn', { offset: Number(button.dataset.offset), size: Number(root().dataset.size), edge: '' });
  const sort = event.target.closest('button[data-sort]');
  if (sort) trigger('sort', { key: sort.dataset.sort });
  if (event.target.matches('.choose-all')) {
    for (const row of rows()) event.target.checked ? chosen.add(row.dataset.id) : chosen.delete(row.dataset.id);
    showTicks();
    tell();
  }
  const row = event.target.closest('tbody tr[data-id]');
  if (!row) return;
  if (event.target.closest('td.choose')) {
    const box = event.target.matches('input') ? event.target.checked : !chosen.has(row.dataset.id);
    return tick(row, box, event.shiftKey);
  }
  column = Number(event.target.closest('td[data-column]')?.dataset.column ?? column);
  pick(row);
  mark();
  cellOf(row)?.focus({ preventScroll: true });
});

listen(element, 'dblclick', (event) => edit(event.target.closest('td[data-column]')));

listen(element, 'change', (event) => {
  const field = event.target;
  const size = Number(root().dataset.size);
  if (field.matches('th select')) {
    trigger('role', { column: Number(field.dataset.column), role: field.value });
    field.value = field.dataset.role; // the server's drawing is what counts
  } else if (field.matches('select.order')) {
    trigger('sort', { key: field.value });
  } else if (field.matches('select.size')) {
    trigger('turn', { offset: Number(root().dataset.offset), size: Number(field.value), edge: '' });
  } else if (field.matches('input.page')) {
    const page = Math.min(Math.max(1, Math.round(Number(field.value)) || 1), Number(field.max));
    trigger('turn', { offset: (page - 1) * size, size, edge: '' });
  }
});

listen(element, 'keydown', (event) => {
  const cell = event.target.closest('td[data-column]');
  if (!cell || event.ctrlKey || event.metaKey || event.altKey) return;
  const columns = cell.parentElement.querySelectorAll('td[data-column]').length;
  const actions = {
    ArrowDown: () => step(1),
    ArrowUp: () => step(-1),
    ArrowRight: () => { column = Math.min(column + 1, columns - 1); },
    ArrowLeft: () => { column = Math.max(column - 1, 0); },
    PageDown: () => turn(1),
    PageUp: () => turn(-1),
    Enter: () => edit(cell),
    F2: () => edit(cell),
    ' ': () => tick(cell.closest('tr'), !chosen.has(cell.closest('tr').dataset.id), event.shiftKey),
  };
  if (!actions[event.key]) return;
  event.preventDefault();
  actions[event.key]();
  if (event.key === 'ArrowRight' || event.key === 'ArrowLeft') {
    mark();
    cellOf(rowOf(selected))?.focus();
  }
});

// The form beside the grid saves itself: after a pause, when a field is left, and on Control and Enter.

let touched = false, pause = 0;
const inForm = (node) => node.closest?.('#data-form .field textarea'); // those of a turn too (turns.js)
const focusField = (index) => {
  const shown = [...document.querySelectorAll(`#data-field-${index} textarea`)];
  shown.find((box) => box.offsetParent)?.focus();
};

function settle(quiet) {
  clearTimeout(pause);
  if (!touched && quiet) return;
  touched = false;
  trigger('settle', { quiet });
}

// Gradio's own input event hears key presses alone: no paste, no Backspace. A moment later Gradio knows the value.
const soon = (fn) => setTimeout(fn, 20);

listen(document, 'input', (event) => {
  if (event.target.closest('#data-search')) return soon(() => trigger('seek', {}));
  if (!inForm(event.target)) return;
  soon(() => trigger('typed', {}));
  if (!touched) {
    const status = document.querySelector('#data-status .state');
    if (status) { status.textContent = 'Not saved yet'; status.className = 'state muted'; }
  }
  touched = true;
  keepDraft();
  clearTimeout(pause);
  pause = setTimeout(() => settle(true), SAVE_AFTER);
});
// Text that the studio could not take yet (half-typed JSON): said aloud when the field is left.
const refused = () => document.querySelector('#data-status .state.problem');
listen(document, 'focusout', (event) => { if ((touched || refused()) && inForm(event.target)) settle(false); });
listen(document, 'keydown', (event) => {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && inForm(event.target)) {
    event.preventDefault();
    settle(false);
  }
}, { capture: true });
listen(window, 'studio-save', () => settle(false));
listen(window, 'beforeunload', (event) => {
  if (!touched && !refused() && (!editor || editor.box.value === editor.before)) return;
  settle(true);
  event.preventDefault(); // the browser asks, and meanwhile the text is saved
});

// What is typed outlives a reload that comes before it is saved: it is kept beside the version it was typed on, and
// typed again for the user if the row still has that version.

const DRAFT = 'sft-studio-draft';
const formRow = () => document.querySelector('#data-opened textarea, #data-opened input')?.value.split(':').slice(0, 2).join(':');
const formVersion = () => document.querySelector('#data-status [data-version]')?.dataset.version;
const fields = () => [...document.querySelectorAll('#data-form .field label textarea')]; // not those of single turns

function keepDraft() {
  const texts = fields().map((field) => field.value);
  sessionStorage.setItem(DRAFT, JSON.stringify({ row: formRow(), version: formVersion(), texts }));
}

// A minute: a busy machine is no reason to lose a text. The parts of a form are filled one after the other: only when
// two looks see the same is it whole, and nothing overwrites what is put there.
function restoreDraft(tries = 300, seen = '') {
  const draft = JSON.parse(sessionStorage.getItem(DRAFT) ?? 'null');
  if (!draft || touched) return;
  const now = JSON.stringify([formRow(), formVersion(), fields().map((field) => field.value)]);
  const whole = formRow() && formVersion() && fields().length && now === seen;
  if (!whole) return tries && setTimeout(() => restoreDraft(tries - 1, now), 200);
  sessionStorage.removeItem(DRAFT);
  if (draft.row !== formRow() || draft.version !== formVersion()) return;
  fields().forEach((field, number) => {
    if (field.value === draft.texts[number] || draft.texts[number] === undefined) return;
    field.value = draft.texts[number];
    field.dispatchEvent(new Event('input', { bubbles: true }));
  });
}

const asking = setInterval(() => {
  if (root()?.matches('[data-waiting]') && element.offsetParent) trigger('refresh', {});
  if (document.querySelector('#data-preview [data-waiting]')) trigger('typed', {});
}, 1000);
alive.signal.addEventListener('abort', () => clearInterval(asking));

// The panes end where the window ends, whatever stands above them.

function fit() {
  const pane = root();
  if (!pane?.offsetParent) return;
  const top = pane.getBoundingClientRect().top + scrollY;
  document.documentElement.style.setProperty('--data-pane', `${Math.floor(innerHeight - top - BELOW)}px`);
}
listen(window, 'resize', fit);
const above = new ResizeObserver(fit);
above.observe(document.querySelector('#data-toolbar').parentElement); // panels above open and close in it
alive.signal.addEventListener('abort', () => above.disconnect());

watch('value', drawn);
drawn();
restoreDraft();
