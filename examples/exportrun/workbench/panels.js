// The panels at the right: what a hook makes of the payload, the data, and the whole chain.
import * as editors from "./editors.js";

const $ = id => document.getElementById(id);

// make makes an element.
export function make(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

const count = (n, noun) => n === 1 ? `1 ${noun}` : `${n} ${noun}s`;

// Result shows outcomes. goTo is called with a problem whose place a person wants to see.
export class Result {
  constructor(goTo) {
    this.goTo = goTo;
    this.hooks = new Map(); // of each hook, the outputs by their titles: now, last and as saved
    this.file = undefined;
    $("output").addEventListener("change", () => this.showOutput());
    $("compare").addEventListener("change", () => { $("file-choice").hidden = $("compare").value !== "file"; this.showOutput(); });
    $("file").addEventListener("change", async () => {
      const [file] = $("file").files;
      this.file = file && { name: file.name, text: await file.text() };
      this.showOutput();
    });
  }

  // show shows the outcome of a hook.
  show(id, outcome) {
    const kept = this.hooks.get(id) ?? { now: new Map(), last: new Map(), saved: new Map() };
    this.hooks.set(id, kept);
    this.hook = kept;
    const errors = outcome.problems.filter(p => p.severity === "error").length;
    this.verdict(outcome, errors);
    this.problems(outcome.problems.toSorted((a, b) => (a.severity === "error" ? 0 : 1) - (b.severity === "error" ? 0 : 1)), outcome.texts ?? []);
    $("notes").replaceChildren(...(outcome.notes ?? []).map(n => make("li", {}, n)));
    this.fields(outcome.fields ?? []);
    kept.stale = !outcome.outputs && errors > 0;
    if (kept.stale) { // what there was stays to be read
      this.showOutput();
      return;
    }
    for (const [i, o] of (outcome.outputs ?? []).entries()) {
      const key = `${i} ${o.kind}`, before = kept.now.get(key);
      if (before && before.text !== o.text) kept.last.set(key, before);
      if (!kept.saved.has(key)) kept.saved.set(key, o);
      kept.now.set(key, o);
    }
    for (const key of [...kept.now.keys()].slice((outcome.outputs ?? []).length)) kept.now.delete(key);
    const chosen = kept === this.shownHook ? $("output").value : undefined; // of another hook the first is shown
    this.shownHook = kept;
    $("output").replaceChildren(...[...kept.now].map(([key, o]) => make("option", { value: key }, o.title)));
    if (kept.now.has(chosen)) $("output").value = chosen;
    this.showOutput();
  }

  // saved makes the outputs that are there now those that were saved.
  saved(id) {
    const kept = this.hooks.get(id);
    if (kept) kept.saved = new Map(kept.now);
    this.showOutput();
  }

  verdict(outcome, errors) {
    const warnings = outcome.problems.length - errors, outputs = outcome.outputs ?? [];
    const made = ["file", "request"].map(kind => [outputs.filter(o => o.kind === kind).length, kind]).filter(([n]) => n).map(([n, kind]) => count(n, kind));
    let text = errors ? `✗ ${count(errors, "error")}` : made.length ? `✓ ${made.join(" and ")}` : "✓ No file and no request";
    if (warnings) text += `, ${count(warnings, "warning")}`;
    $("verdict").textContent = text;
    $("verdict").className = errors ? "failed" : warnings ? "waiting" : "done";
  }

  problems(problems, texts) {
    $("problems").replaceChildren(...problems.map(p => {
      const item = make("li", { class: p.severity }, make("strong", {}, p.severity === "error" ? "Error: " : "Warning: "), p.message);
      if (!p.line) {
        if (p.place) item.append(make("div", { class: "note" }, p.place));
        return item;
      }
      const where = texts.find(t => t.place === p.where)?.label ?? (p.place ? `settings, ${p.place}` : "settings");
      const place = make("button", { type: "button", class: "place" }, `${where}, line ${p.line}, column ${p.column}`);
      place.addEventListener("click", () => this.goTo(p));
      item.append(make("div", {}, place), make("pre", { tabindex: "0" }, p.text + "\n" + p.caret, make("span", { class: "caret" }, "^")));
      return item;
    }));
  }

  fields(fields) {
    const rows = fields.slice(0, 200).map(f => make("tr", {}, make("td", {}, f.field), make("td", {}, f.before), make("td", {}, f.after)));
    const heads = ["Field", "Before", "After"].map(h => make("th", { scope: "col" }, h));
    const table = make("table", {}, make("caption", {}, fields.length > 200 ? `Fields that the run changes, the first 200 of ${fields.length}` : "Fields that the run changes"),
      make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...rows));
    $("fields").replaceChildren(...(fields.length ? [table] : []));
  }

  // showOutput shows the chosen output, or how it differs.
  showOutput() {
    const key = $("output").value, output = this.hook?.now.get(key);
    $("choices").hidden = !output;
    $("difference").hidden = true;
    this.viewer?.destroy();
    this.viewer = undefined;
    if (!output) return;
    const { other, name } = this.compared(key);
    const state = editors.shown(output.text, output.json, output.title, other);
    const said = [];
    if (other !== undefined) {
      const n = editors.differences(state);
      said.push(n ? `${count(n, "place")} ${n === 1 ? "differs" : "differ"} from ${name}. Struck out is what only that one has, underlined what is new.` : `It is the same as ${name}.`);
    } else if (name) said.push(name);
    if (output.note) said.push(output.note);
    if (this.hook.stale) said.unshift("This is what there was before the error.");
    $("difference").textContent = said.join(" ");
    $("difference").hidden = !said.length;
    this.viewer = editors.view($("shown"), state);
  }

  // compared is the text to compare with, or in name why there is none.
  compared(key) {
    switch ($("compare").value) {
      case "last": return this.hook.last.has(key) ? { other: this.hook.last.get(key).text, name: "the last output" } : { name: "There is no earlier output yet." };
      case "saved": return { other: (this.hook.saved.get(key) ?? { text: "" }).text, name: "the output as saved" };
      case "file": return this.file ? { other: this.file.text, name: this.file.name } : { name: "Choose a file." };
    }
    return {};
  }
}

// Data shows what templates see. use is called with a value that is to be inserted.
export class Data {
  constructor(ask, use) {
    this.ask = ask;
    this.use = use;
    let waiting;
    $("query").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(() => this.search(), 150); });
  }

  async search() {
    const query = $("query").value, answer = await this.ask("data", { query });
    if (query !== $("query").value) return;
    const more = answer.total > answer.data.length ? `; the first ${answer.data.length} are shown` : "";
    $("matches").textContent = `${count(answer.total, "value")}${more}.`;
    $("data").replaceChildren(...answer.data.map(d => {
      const use = make("button", { type: "button", "aria-label": `Insert ${d.path}` }, "Insert");
      use.addEventListener("click", () => this.use(d));
      return make("tr", {}, make("td", {}, d.path), make("td", {}, d.value), make("td", { class: "use" }, use));
    }));
  }
}

// tabs lets the arrow keys move between tabs, and calls chosen with the one that is.
export function tabs(list, chosen) {
  const choose = tab => {
    for (const other of list.querySelectorAll("[role=tab]")) {
      other.setAttribute("aria-selected", String(other === tab));
      other.tabIndex = other === tab ? 0 : -1;
    }
    chosen(tab);
  };
  list.addEventListener("click", event => { const tab = event.target.closest("[role=tab]"); if (tab) choose(tab); });
  list.addEventListener("keydown", event => {
    const all = [...list.querySelectorAll("[role=tab]")], at = all.indexOf(document.activeElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (to === undefined || at < 0) return;
    event.preventDefault();
    const tab = all[(to + all.length) % all.length];
    tab.focus();
    choose(tab);
  });
  return choose;
}
