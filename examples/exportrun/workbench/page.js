// The workbench: which hook and text is edited, and what is asked of the program behind it.
import * as editors from "./editors.js";
import { Data, Result, make, tabs } from "./panels.js";

const $ = id => document.getElementById(id);

// The token follows the # of the address, which browsers send to nobody. It is kept for
// this tab, and taken out of the address.
const store = "workbench-token";
if (location.hash.length > 1) {
  sessionStorage.setItem(store, location.hash.slice(1));
  history.replaceState(null, "", location.pathname);
}

async function ask(what, body, signal) {
  let reply;
  try {
    reply = await fetch(`/api/${what}`, { method: "POST", signal, headers: { "Content-Type": "application/json", "X-Workbench-Token": sessionStorage.getItem(store) ?? "" }, body: JSON.stringify(body) });
  } catch (e) {
    if (e.name === "AbortError") throw e;
    throw new Error("The workbench does not answer; was it ended?");
  }
  const answer = await reply.json();
  if (!reply.ok) throw new Error(answer.error);
  return answer;
}

function say(text, failed) {
  $("status").textContent = text;
  $("status").className = failed ? "failed" : "";
}

const failed = e => { if (e.name !== "AbortError") say(e.message, true); };

const hooks = new Map(); // by id: what the page knows of each hook that was opened
let names = { "": [] };
let hook, place; // that are edited; place "" is the settings
let editor;

const result = new Result(problem => { choose(problem.where); editors.goTo(editor, problem); });
const data = new Data((what, body) => ask(what, body).catch(e => { failed(e); return { total: 0, data: [] }; }), d => {
  editors.insert(editor, place === "" ? d.json || d.path : place === "config.code" ? d.path : d.jinja);
});

// edits are what was edited and not saved yet.
function edits() {
  const list = {};
  for (const h of hooks.values()) if (isEdited(h)) list[h.id] = edited(h);
  return list;
}

const codeOf = texts => texts.find(t => t.place === "config.code" && !t.read_only)?.text;
const edited = h => ({ settings: h.settings, ...(codeOf(h.texts) === h.saved.code ? {} : { code: codeOf(h.texts) }) });
const isEdited = h => h.settings !== h.saved.settings || codeOf(h.texts) !== h.saved.code;

function showMarks() {
  for (const item of $("hooks").querySelectorAll("button")) {
    const h = hooks.get(Number(item.dataset.id)), errors = faults[item.dataset.id] ?? 0;
    item.querySelector(".edited").textContent = h && isEdited(h) ? "not saved" : "";
    item.querySelector(".failed").textContent = errors ? `${errors} ${errors === 1 ? "error" : "errors"}` : "";
  }
  $("save").disabled = !hook || !isEdited(hook);
}

let faults = {};

// open shows a hook.
async function open(id) {
  let h = hooks.get(id);
  if (!h) {
    const opened = await ask("hook", { id });
    const listed = state.hooks.find(one => one.id === id);
    h = { ...listed, settings: opened.settings, texts: opened.texts ?? [], saved: { settings: opened.settings, code: codeOf(opened.texts ?? []) }, states: new Map(), problems: [] };
    hooks.set(id, h);
  }
  keepState();
  hook = h;
  for (const item of $("hooks").querySelectorAll("button")) item.setAttribute("aria-current", String(Number(item.dataset.id) === id));
  $("hook-name").textContent = h.name;
  $("hook-file").textContent = h.file.replace(/^.*[\\/]/, "");
  $("hook-file").title = h.file;
  place = undefined;
  showTexts();
  choose(h.place ?? h.texts.find(t => t.language === "jinja2")?.place ?? "");
  attempt(0);
}

// showTexts shows a tab for the settings and for each template.
function showTexts() {
  const wanted = ["", ...hook.texts.map(t => t.place)];
  const tab = (at, label) => make("button", { type: "button", role: "tab", "aria-controls": "editor", "aria-selected": String(at === place), tabindex: at === place ? "0" : "-1", "data-place": at }, label);
  if ([...$("texts").children].map(t => t.dataset.place).join("\n") === wanted.join("\n") && place !== undefined) return;
  $("texts").replaceChildren(tab("", "Settings"), ...hook.texts.map(t => tab(t.place, t.label)));
  if (place !== undefined && !wanted.includes(place)) choose("");
}

function keepState() {
  if (hook && editor && place !== undefined) hook.states.set(place, editor.state);
}

// choose shows a text of the hook.
function choose(at) {
  if (at === place) return;
  keepState();
  const text = hook.texts.find(t => t.place === at);
  if (!text) at = "";
  place = at;
  hook.place = at;
  const content = text ? text.text : hook.settings, language = text ? text.language : "json";
  const label = text ? `${hook.name}: ${text.label}` : `${hook.name}: settings`;
  let kept = hook.states.get(at);
  kept = kept ? editors.synced(kept, content) : editors.editable(content, language, label, !!text?.read_only, names, changed);
  if (editor) editor.setState(kept);
  else editor = editors.view($("editor"), kept);
  $("read-only").textContent = text?.read_only ?? "";
  $("read-only").hidden = !text?.read_only;
  $("editor").setAttribute("aria-label", text ? text.label : "Settings");
  for (const tab of $("texts").children) {
    tab.setAttribute("aria-selected", String(tab.dataset.place === at));
    tab.tabIndex = tab.dataset.place === at ? 0 : -1;
  }
  editors.underline(editor, hook.problems.filter(p => p.where === at));
}

let pending; // the template that was edited since the last attempt

// changed is called when a person has changed the text.
function changed(content) {
  if (place === "") hook.settings = content;
  else {
    hook.texts.find(t => t.place === place).text = content;
    pending = { hook, place, text: content };
  }
  $("save").disabled = false;
  attempt(250);
}

let timer, running, settle = Promise.resolve();

// attempt asks, after a while without changes, what the hook makes of the payload.
function attempt(after) {
  clearTimeout(timer);
  timer = setTimeout(() => { settle = tryNow(); }, after);
}

async function tryNow() {
  clearTimeout(timer);
  timer = undefined;
  running?.abort();
  running = new AbortController();
  const h = hook, text = pending?.hook === h ? { place: pending.place, text: pending.text } : undefined;
  try {
    const outcome = await ask("try", { id: h.id, edits: edits(), text }, running.signal);
    if (h !== hook) return;
    if (pending?.hook === h && pending.text === text?.text) pending = undefined;
    take(h, outcome, text);
    say("");
  } catch (e) { failed(e); }
}

// take takes an outcome over: the settings with the template in them, and the other texts.
function take(h, outcome, text) {
  if (text || place !== "") h.settings = outcome.settings;
  const current = h.texts.find(t => t.place === place)?.text;
  h.texts = outcome.texts ?? [];
  const own = h.texts.find(t => t.place === place);
  if (own && pending && current !== undefined) own.text = current; // it was edited further in the meantime
  h.problems = outcome.problems ?? [];
  outcome.problems = h.problems;
  faults = outcome.others ?? {};
  if (h.problems.some(p => p.severity === "error")) faults[h.id] = h.problems.filter(p => p.severity === "error").length;
  showTexts();
  showMarks();
  editors.underline(editor, h.problems.filter(p => p.where === place));
  result.show(h.id, outcome);
}

// now waits until what was edited has been tried.
async function now() {
  if (timer !== undefined || pending) settle = tryNow();
  await settle;
}

async function save() {
  if (!hook) return;
  const h = hook;
  try {
    await now();
    await ask("save", { id: h.id, ...edited(h) });
    h.saved = { settings: h.settings, code: codeOf(h.texts) };
    result.saved(h.id);
    say(`Saved ${h.file}.`);
  } catch (e) { failed(e); }
  showMarks();
}

const panel = tabs($("panels"), tab => {
  for (const one of $("panels").children) $(one.getAttribute("aria-controls")).hidden = one !== tab;
  if (tab.id === "tab-data" && !$("matches").textContent) data.search();
});

async function runChain() {
  try {
    await now();
    say("Running the whole chain …");
    const run = await ask("run", { edits: edits() });
    $("headline").replaceChildren(make("a", { href: run.page, target: "_blank", rel: "noopener" }, "Open this run on a page of its own"));
    $("page").src = run.page;
    $("page").hidden = false;
    say("");
  } catch (e) {
    say("");
    $("headline").textContent = e.message;
    $("page").hidden = true;
  }
  panel($("tab-chain"));
}

tabs($("texts"), tab => choose(tab.dataset.place));
$("save").addEventListener("click", save);
$("run").addEventListener("click", runChain);
document.addEventListener("keydown", event => {
  if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
  const act = { s: save, Enter: runChain }[event.key];
  if (act) { event.preventDefault(); act(); }
});
window.addEventListener("beforeunload", event => { if ([...hooks.values()].some(isEdited)) event.preventDefault(); });

let state;
try {
  state = await ask("state", {});
  names = state.names;
  document.title = `${state.title} – Workbench`;
  $("title").textContent = state.title;
  $("subtitle").textContent = `Payload ${state.payload}. Nothing is sent from here: every run is dry.`;
  for (const h of state.hooks) {
    const item = make("button", { type: "button", "data-id": h.id }, make("span", { class: "name" }, h.name), make("span", { class: "kind" }, h.kind),
      make("span", { class: "mark edited" }), make("span", { class: "mark failed" }));
    item.addEventListener("click", () => open(h.id).catch(failed));
    $("hooks").append(make("li", {}, item));
  }
  const first = state.hooks.find(h => /templating$|rest-api|request-processor|workday/.test(h.kind)) ?? state.hooks[0];
  await open(first.id);
} catch (e) { failed(e); }
