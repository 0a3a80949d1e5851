// An editor for conversations in place of their JSON: it writes what is typed back into the field below it, so that
// the form saves it as it saves every text. Keys of a turn that it does not know stay as they are.

window.studioTurns?.abort();
const alive = new AbortController();
window.studioTurns = alive;

const SHAPES = [
  { role: 'role', text: 'content', roles: ['system', 'user', 'assistant', 'tool'], first: 'user', answer: 'assistant' },
  { role: 'from', text: 'value', roles: ['system', 'human', 'gpt', 'tool'], first: 'human', answer: 'gpt' },
];
const raw = new Set(); // numbers of the fields that the user wants to see as JSON
let writing = false;

const field = (number) => document.querySelector(`#data-field-${number}`);
const area = (number) => field(number)?.querySelector('textarea');

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else if (value !== false) node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children);
  return node;
}

// The turns of a text and their shape, or null where only JSON can show them.
function read(text) {
  if (!text.trim()) return { turns: [], shape: SHAPES[0] };
  let turns, exact = true;
  const check = (key, value, context) => { // 1.0 and very large numbers would be written back as others
    if (typeof value === 'number' && (context ? context.source !== String(value) : !Number.isSafeInteger(value))) exact = false;
    return value;
  };
  try { turns = JSON.parse(text, check); } catch { return null; }
  if (!exact || !Array.isArray(turns)) return null;
  const shape = SHAPES.find((each) => turns.every((turn) => turn && typeof turn[each.role] === 'string'
    && typeof turn[each.text] === 'string'));
  return shape ? { turns, shape } : null;
}

function write(number, turns) {
  const box = area(number);
  writing = true;
  box.value = JSON.stringify(turns, null, 2);
  box.dispatchEvent(new Event('input', { bubbles: true }));
  writing = false;
}

function fit(box) {
  box.style.height = 'auto';
  box.style.height = `${Math.min(box.scrollHeight + 2, 260)}px`;
}

function drawTurn(number, turns, shape, index, locked) {
  const turn = turns[index];
  const again = (change, focus = index) => {
    change();
    write(number, turns);
    draw(number);
    field(number).parentElement.querySelector(`[data-turns="${number}"]`)?.querySelectorAll('textarea')[focus]?.focus();
  };
  const names = [...new Set([...shape.roles, turn[shape.role]])];
  const role = make('select', { 'aria-label': `Who speaks in turn ${index + 1}`, disabled: locked,
    onchange: (event) => { turn[shape.role] = event.target.value; write(number, turns); } },
    ...names.map((name) => make('option', { value: name, selected: name === turn[shape.role] }, name)));
  const text = make('textarea', { rows: 1, dir: 'auto', readonly: locked, 'aria-label': `Text of turn ${index + 1}`,
    oninput: (event) => { turn[shape.text] = event.target.value; fit(event.target); write(number, turns); } });
  text.value = turn[shape.text];
  const move = (by) => again(() => turns.splice(index + by, 0, ...turns.splice(index, 1)), index + by);
  const tools = locked ? [] : [
    make('button', { type: 'button', title: 'Move up', 'aria-label': `Move turn ${index + 1} up`, disabled: index === 0,
      onclick: () => move(-1) }, '↑'),
    make('button', { type: 'button', title: 'Move down', 'aria-label': `Move turn ${index + 1} down`,
      disabled: index === turns.length - 1, onclick: () => move(1) }, '↓'),
    make('button', { type: 'button', 'aria-label': `Remove turn ${index + 1}`,
      onclick: () => again(() => turns.splice(index, 1), Math.max(0, index - 1)) }, 'Remove'),
  ];
  return make('div', { class: `turn ${turn[shape.role]}` }, make('div', { class: 'turn-head' }, role, ...tools), text);
}

function draw(number) {
  const holder = field(number);
  const box = area(number);
  if (!holder || !box) return;
  let editor = holder.querySelector(`[data-turns="${number}"]`);
  if (!editor) {
    editor = make('div', { class: 'turn-editor', 'data-turns': number });
    holder.append(editor);
  }
  const found = read(box.value);
  const asText = raw.has(number) || !found;
  holder.classList.toggle('as-turns', !asText);
  editor.replaceChildren();
  const locked = box.disabled || box.readOnly;
  if (!asText) {
    const { turns, shape } = found;
    turns.forEach((_, index) => editor.append(drawTurn(number, turns, shape, index, locked)));
    if (!locked) {
      const last = turns.at(-1)?.[shape.role];
      const next = last === shape.first ? shape.answer : shape.first;
      editor.append(make('button', { type: 'button', class: 'add-turn', onclick: () => {
        turns.push({ [shape.role]: next, [shape.text]: '' });
        write(number, turns);
        draw(number);
        editor.querySelectorAll('textarea')[turns.length - 1]?.focus();
      } }, `Add turn (${next})`));
    }
    editor.querySelectorAll('textarea').forEach(fit);
  }
  const toggle = found ? (asText ? 'Edit as turns' : 'Edit as JSON') : 'This is not a list of turns with texts alone: it is edited as JSON.';
  editor.append(found
    ? make('button', { type: 'button', class: 'as-json', onclick: () => { asText ? raw.delete(number) : raw.add(number); draw(number); } }, toggle)
    : make('span', { class: 'muted' }, toggle));
}

let shown = '';
function drawAll() {
  const state = element.querySelector('.turns')?.dataset;
  if (!state) return;
  const numbers = state.fields ? state.fields.split(',').map(Number) : [];
  for (const old of document.querySelectorAll('#data-form .turn-editor')) {
    if (numbers.includes(Number(old.dataset.turns))) continue;
    old.closest('.field')?.classList.remove('as-turns');
    old.remove();
  }
  numbers.forEach(draw);
  shown = numbers.map((number) => area(number)?.value).join('\0');
}

// The fields get their texts a moment before or after this element gets its value: look until both are there.
function settle(tries = 12) {
  if (alive.signal.aborted) return;
  const numbers = (element.querySelector('.turns')?.dataset.fields || '').split(',').filter(Boolean).map(Number);
  const now = numbers.map((number) => area(number)?.value).join('\0');
  if (now !== shown || tries === 12) drawAll();
  if (tries) setTimeout(() => settle(tries - 1), 60);
}

// JSON typed by hand, or a text that another part of the page put there.
document.addEventListener('input', (event) => {
  const holder = event.target.closest?.('#data-form .field');
  if (writing || !holder || event.target.closest('.turn-editor')) return;
  const number = Number(holder.id.replace('data-field-', ''));
  if (holder.querySelector('.turn-editor') && !raw.has(number)) draw(number);
}, { signal: alive.signal });

watch('value', () => settle());
settle();
