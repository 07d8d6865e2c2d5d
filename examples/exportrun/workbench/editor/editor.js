// What the workbench uses of CodeMirror; build.sh makes ../codemirror.min.js of it.
export { Compartment, EditorState } from "@codemirror/state";
export { EditorView, drawSelection, highlightActiveLine, highlightActiveLineGutter, keymap, lineNumbers } from "@codemirror/view";
export { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
export { HighlightStyle, StreamLanguage, bracketMatching, syntaxHighlighting } from "@codemirror/language";
export { lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
export { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
export { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
export { getChunks, unifiedMergeView } from "@codemirror/merge";
export { json } from "@codemirror/lang-json";
export { jinja2 } from "@codemirror/legacy-modes/mode/jinja2";
export { python } from "@codemirror/legacy-modes/mode/python";
export { tags } from "@lezer/highlight";
