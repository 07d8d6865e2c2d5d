// The editors: CodeMirror with the languages of hooks, what is wrong underlined at its
// place, and field names completed.
import * as cm from "./codemirror.min.js";

const nonce = cm.EditorView.cspNonce.of(document.querySelector("meta[name=style-nonce]").content);

const colours = cm.HighlightStyle.define([
  { tag: [cm.tags.keyword, cm.tags.operatorKeyword, cm.tags.bool, cm.tags.null], color: "var(--keyword)", fontWeight: "600" },
  { tag: [cm.tags.string, cm.tags.special(cm.tags.string)], color: "var(--string)" },
  { tag: cm.tags.number, color: "var(--number)" },
  { tag: [cm.tags.propertyName, cm.tags.variableName, cm.tags.tagName], color: "var(--name)" },
  { tag: cm.tags.comment, color: "var(--dim)", fontStyle: "italic" },
]);

const look = cm.EditorView.theme({
  "&": { height: "100%", backgroundColor: "var(--paper)", color: "var(--ink)", fontSize: "13px" },
  "&.cm-focused": { outline: "none" }, // the box around it has the outline
  ".cm-scroller": { fontFamily: "ui-monospace, monospace", lineHeight: "1.5" },
  ".cm-content": { caretColor: "var(--ink)" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  ".cm-gutters": { backgroundColor: "var(--card)", color: "var(--dim)", borderRight: "1px solid var(--rule)" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "color-mix(in srgb, var(--chosen) 45%, transparent)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "var(--chosen)" },
  ".cm-lintRange-error, .cm-lintRange-warning": { backgroundImage: "none", textDecoration: "underline wavy var(--failed)", textDecorationSkipInk: "none" },
  ".cm-lintRange-warning": { textDecorationColor: "var(--waiting)" },
  ".cm-tooltip, .cm-panels": { backgroundColor: "var(--card)", color: "var(--ink)", border: "1px solid var(--rule)" },
  ".cm-tooltip-autocomplete > ul > li[aria-selected]": { backgroundColor: "var(--link)", color: "var(--paper)" },
  ".cm-changedLine": { backgroundColor: "var(--added) !important" },
  ".cm-deletedChunk": { backgroundColor: "var(--removed) !important" },
  "&.cm-merge-b .cm-changedText, .cm-changedText": { background: "none", textDecoration: "underline 2px var(--done)" },
  ".cm-deletedChunk .cm-deletedText, .cm-deletedText": { background: "none", textDecoration: "line-through 2px var(--failed)" },
  ".cm-deletedChunk .cm-deletedLine": { textDecoration: "line-through" },
  ".cm-collapsedLines": { background: "var(--card)", color: "var(--dim)" },
});

// completions offers the fields of the payload: after field. all of them, after a loop's
// variable the columns of its table, and in JSON templates after @{ both.
function completions(language, names) {
  return context => {
    const offer = (from, list, type) => ({ from, options: list.map(label => ({ label, type })), validFor: /^\w*$/ });
    if (language === "json") {
      const placeholder = context.matchBefore(/@\{\w*$/);
      return placeholder && offer(placeholder.from + 2, Object.values(names).flat(), "variable");
    }
    const member = context.matchBefore(/\w+\.\w*$/);
    if (!member) return null;
    const [of] = member.text.split("."), from = member.from + of.length + 1;
    if (of === "field") return offer(from, names[""], "variable");
    const loop = [...context.state.doc.toString().matchAll(/\bfor\s+(\w+)\s+in\s+(?:r\.)?field\.(\w+)/g)].find(m => m[1] === of);
    return loop && names[loop[2]] ? offer(from, names[loop[2]], "property") : null;
  };
}

const languages = {
  json: () => cm.json(),
  jinja2: () => cm.StreamLanguage.define(cm.jinja2),
  python: () => cm.StreamLanguage.define(cm.python),
};

const common = [nonce, look, cm.lineNumbers(), cm.drawSelection(), cm.syntaxHighlighting(colours), cm.search({ top: true }), cm.EditorView.lineWrapping];

// editable is the state of a text that is edited; changed is called after each change.
export function editable(text, language, label, readOnly, names, changed) {
  return cm.EditorState.create({ doc: text, extensions: [
    common, languages[language](), cm.history(), cm.bracketMatching(), cm.closeBrackets(), cm.highlightActiveLine(), cm.highlightActiveLineGutter(),
    cm.highlightSelectionMatches(), cm.autocompletion({ override: [completions(language, names)] }), cm.lintGutter(), cm.EditorState.readOnly.of(readOnly),
    cm.EditorView.contentAttributes.of({ "aria-label": label }),
    cm.keymap.of([...cm.closeBracketsKeymap, ...cm.completionKeymap, ...cm.lintKeymap, ...cm.searchKeymap, ...cm.historyKeymap, ...withoutCtrlEnter(cm.defaultKeymap)]),
    cm.EditorView.updateListener.of(update => { if (update.docChanged && !update.transactions.some(t => t.isUserEvent("sync"))) changed(update.state.doc.toString()); }),
  ] });
}

// Ctrl+Enter runs the chain.
const withoutCtrlEnter = keys => keys.filter(k => k.key !== "Mod-Enter");

// shown is the state of an output, with what differs from another text if there is one.
export function shown(text, json, label, other) {
  return cm.EditorState.create({ doc: text, extensions: [
    common, json ? languages.json() : [], cm.EditorState.readOnly.of(true), cm.EditorView.contentAttributes.of({ "aria-label": label }),
    cm.keymap.of([...cm.searchKeymap, ...cm.defaultKeymap]),
    other === undefined ? [] : cm.unifiedMergeView({ original: other, mergeControls: false, collapseUnchanged: { margin: 3, minSize: 8 } }),
  ] });
}

// differences counts the places where an output differs.
export const differences = state => cm.getChunks(state)?.chunks.length ?? 0;

export const view = (parent, state) => new cm.EditorView({ parent, state });

// synced is a state whose text is another one, as if a person had put it there.
export function synced(state, text) {
  if (state.doc.toString() === text) return state;
  return state.update({ changes: { from: 0, to: state.doc.length, insert: text }, userEvent: "sync" }).state;
}

// underline shows problems at their places in the text of a view.
export function underline(view, problems) {
  const doc = view.state.doc;
  const diagnostics = problems.filter(p => p.line > 0 && p.line <= doc.lines).map(p => {
    const line = doc.line(p.line), from = Math.min(line.from + p.column - 1, line.to);
    return { from, to: Math.min(Math.max(from + p.length, from), doc.length), severity: p.severity, message: p.message };
  });
  view.dispatch(cm.setDiagnostics(view.state, diagnostics));
}

// goTo puts the cursor of a view at a place.
export function goTo(view, place) {
  const line = view.state.doc.line(Math.min(place.line, view.state.doc.lines));
  const from = Math.min(line.from + place.column - 1, line.to);
  view.dispatch({ selection: { anchor: from }, effects: cm.EditorView.scrollIntoView(from, { y: "center" }) });
  view.focus();
}

// insert puts a text where the cursor is.
export function insert(view, text) {
  view.dispatch(view.state.replaceSelection(text), { userEvent: "input" });
  view.focus();
}
