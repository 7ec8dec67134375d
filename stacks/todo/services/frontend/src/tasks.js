// The list of tasks: shows it, keeps it fresh, and changes it.
import { addTask, changeTask, countTasks, deleteTask, listTasks } from "./api.js";
import { $, announce, element } from "./dom.js";

const EMPTY = {
  all: "Nothing here yet. Add your first task above, or tell the agent.",
  open: "Nothing is open. Well done!",
  done: "Nothing is done yet.",
};

let filter = ["all", "open", "done"].includes(location.hash.slice(1)) ? location.hash.slice(1) : "all";
let items = [];
let next = null;
let known = null; // ids that were seen before: others light up once
let editing = null;
let reading = 0;
let report = () => {};

/** Starts the list. `onOutcome(error)` hears of every answer: null for a good one. */
export function startTasks(onOutcome) {
  report = onOutcome;
  $("#new").addEventListener("submit", add);
  $("#more").addEventListener("click", more);
  for (const button of document.querySelectorAll("[data-filter]")) {
    button.addEventListener("click", () => show(button.dataset.filter));
  }
  $("#tasks").addEventListener("keydown", keys);
  return show(filter);
}

/** Reads the list again, as far as it is shown. Answers that come too late are dropped. */
export async function refresh() {
  const mine = ++reading;
  const done = await attempt(async () => {
    let page = await listTasks(filter);
    const fresh = page.items;
    const oldest = items.at(-1)?.id ?? Infinity;
    while (page.next && fresh.at(-1).id > oldest) {
      page = await listTasks(filter, page.next);
      fresh.push(...page.items);
    }
    const totals = await Promise.all(["all", "open", "done"].map((state) => (state === filter ? page.total : countTasks(state))));
    return { fresh, next: page.next, totals };
  });
  if (!done || mine !== reading) return;
  ({ fresh: items, next } = done);
  count(done.totals);
  draw();
}

async function attempt(action) {
  try {
    const result = await action();
    report(null);
    return result;
  } catch (error) {
    report(error);
    return null;
  }
}

function show(state) {
  filter = state;
  items = [];
  known = null;
  history.replaceState(null, "", state === "all" ? location.pathname : `#${state}`);
  for (const button of document.querySelectorAll("[data-filter]")) {
    button.setAttribute("aria-pressed", String(button.dataset.filter === state));
  }
  return refresh();
}

function count(totals) {
  document.querySelectorAll("[data-filter] .count").forEach((place, index) => {
    place.textContent = totals[index];
  });
}

async function add(event) {
  event.preventDefault();
  const field = $("#new-title");
  const title = field.value.trim();
  if (!title) return;
  // The key stays with these words until they are in: a second press after a lost answer adds nothing twice.
  if (field.dataset.words !== title) Object.assign(field.dataset, { words: title, key: newKey() });
  const button = event.target.querySelector("button");
  button.disabled = true;
  const task = await attempt(() => addTask(title, field.dataset.key));
  button.disabled = false;
  if (!task) return;
  field.value = "";
  delete field.dataset.words;
  announce(`Added ${task.title}`);
  if (filter === "done") await show("all");
  else await refresh();
}

// crypto.randomUUID() is there for https and localhost only.
const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

async function more() {
  const page = await attempt(() => listTasks(filter, next));
  if (!page) return;
  items.push(...page.items);
  next = page.next;
  draw();
}

async function change(task, wish, words) {
  const changed = await attempt(() => changeTask(task.id, wish));
  if (changed) announce(`${words} ${changed.title}`);
  await refresh();
}

async function remove(task) {
  const place = [...$("#tasks").children].findIndex((row) => row.dataset.id === String(task.id));
  const done = await attempt(() => deleteTask(task.id).then(() => true));
  if (done) announce(`Deleted ${task.title}`);
  await refresh();
  const rows = $("#tasks").children;
  (rows[Math.min(place, rows.length - 1)]?.querySelector("input") ?? $("#new-title")).focus();
}

function draw() {
  // What somebody is typing into stays as it is; the answer to it draws again.
  if (editing !== null && items.some((task) => task.id === editing)) return;
  editing = null;
  const list = $("#tasks");
  const focused = list.contains(document.activeElement) ? focusOf(document.activeElement) : null;
  list.replaceChildren(...items.map(row));
  list.setAttribute("aria-busy", "false");
  known = new Set([...(known ?? []), ...items.map((task) => task.id)]);
  if (focused) list.querySelector(`[data-id="${focused.id}"] ${focused.selector}`)?.focus();
  $("#empty").hidden = items.length > 0;
  $("#empty").textContent = EMPTY[filter];
  $("#more").hidden = !next;
}

const focusOf = (place) => ({
  id: place.closest(".task").dataset.id,
  selector: place.className ? `.${place.className}` : place.localName,
});

function row(task) {
  const tick = element("input", { type: "checkbox", checked: task.done });
  tick.addEventListener("change", () => change(task, { done: tick.checked }, tick.checked ? "Completed" : "Reopened"));
  const edit = element("button", { type: "button", className: "edit", title: "Edit", ariaLabel: `Edit ${task.title}` });
  edit.addEventListener("click", () => rename(task));
  const drop = element("button", { type: "button", className: "drop", title: "Delete", ariaLabel: `Delete ${task.title}` });
  drop.addEventListener("click", () => remove(task));
  const item = element(
    "li",
    { className: `task${task.done ? " done" : ""}${known && !known.has(task.id) ? " fresh" : ""}` },
    element("label", { className: "tick" }, tick, element("span", { textContent: task.title })),
    element("span", { className: "number", textContent: `#${task.id}`, title: "its number, for the agent" }),
    edit,
    drop,
  );
  item.dataset.id = task.id;
  return item;
}

function rename(task) {
  const item = $(`[data-id="${task.id}"]`);
  const field = element("input", { className: "title", value: task.title, maxLength: 200, ariaLabel: "New title" });
  editing = task.id;
  const end = (save) => {
    if (editing !== task.id) return;
    editing = null;
    const title = field.value.trim();
    if (save && title && title !== task.title) change(task, { title }, "Renamed to").then(() => focusTick(task.id));
    else {
      draw();
      focusTick(task.id);
    }
  };
  field.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Enter") end(true);
    if (event.key === "Escape") end(false);
  });
  field.addEventListener("blur", () => end(true));
  item.replaceChildren(field);
  field.select();
}

const focusTick = (id) => $(`[data-id="${id}"] input`)?.focus();

function keys(event) {
  const item = event.target.closest(".task");
  const task = items.find((candidate) => String(candidate.id) === item?.dataset.id);
  if (!task || event.ctrlKey || event.metaKey || event.altKey) return;
  const ticks = [...$("#tasks").querySelectorAll(".tick input")];
  const here = ticks.indexOf(item.querySelector(".tick input"));
  const actions = {
    ArrowDown: () => ticks[here + 1]?.focus(),
    ArrowUp: () => (ticks[here - 1] ?? $("#new-title")).focus(),
    e: () => rename(task),
    Delete: () => remove(task),
  };
  if (!actions[event.key]) return;
  event.preventDefault();
  actions[event.key]();
}
