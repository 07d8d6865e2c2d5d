package browsertest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// exportrun builds the command-line tool once.
func exportrun(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "exportrun")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./examples/exportrun")
	build.Dir = "../../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// bench starts a workbench on a copy of the example's hooks, and returns its address and
// the folder of the hooks.
func bench(t *testing.T, payload string) (address, dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "hooks")
	if err := os.CopyFS(dir, os.DirFS("../../../examples/exportrun/hooks")); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exportrun(t), "workbench", "-hooks", dir, "-payload", payload)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the workbench did not end cleanly: %v", err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line), dir
}

const examplePayload = "../../../examples/exportrun/payload.json"

// contains waits until an element's text has a part.
func contains(selector, part string) chromedp.Action {
	return chromedp.Poll(fmt.Sprintf(`document.querySelector(%q)?.innerText.includes(%q)`, selector, part), nil)
}

// editor is where the template is edited, output where the result is shown.
const (
	editor = "#editor .cm-content"
	output = "#shown .cm-content"
)

// chord presses a key with Ctrl.
func chord(key string) chromedp.Action {
	return chromedp.KeyEvent(key, chromedp.KeyModifiers(input.ModifierCtrl))
}

func hookFile(t *testing.T, dir string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "Invoice CSV_[102].json"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestAPersonEditsATemplateSeesWhatItMakesAndSavesIt(t *testing.T) {
	ctx := browser(t)
	address, dir := bench(t, examplePayload)
	before := hookFile(t, dir)
	var url, problem, place string
	do(t, ctx,
		chromedp.Navigate(address),
		contains(output, "2026-0042,"),
		chromedp.Location(&url),
		shot("workbench-1-first"),
		// The head of the file is edited by the keyboard alone.
		chromedp.Focus(editor, chromedp.ByQuery), chord(kb.Home), chromedp.KeyEvent("No,"),
		contains(output, "No,Document ID"),
		contains("#hooks", "not saved"),
		chromedp.SetValue("#compare", "saved", chromedp.ByQuery),
		chromedp.Evaluate(`document.querySelector("#compare").dispatchEvent(new Event("change"))`, nil),
		contains("#difference", "1 place differs from the output as saved"),
		shot("workbench-2-diff"),
		chord("s"),
		contains("#status", "Saved"),
		contains("#difference", "It is the same as the output as saved."),
	)
	if strings.Contains(url, "#") || len(url) == len(address) {
		t.Errorf("the address still has the token: %s", url)
	}
	want := strings.Replace(before, `"Document ID,Item`, `"No,Document ID,Item`, 1)
	if got := hookFile(t, dir); got != want {
		t.Errorf("saved\n%s\nwant\n%s", got, want)
	}
	do(t, ctx,
		// A field that there is none of is underlined, with the nearest name.
		chord(kb.End), chromedp.KeyEvent("{{ field.docment_id }}"),
		contains("#problems", `did you mean "document_id"?`),
		chromedp.WaitVisible("#editor .cm-lintRange-warning", chromedp.ByQuery),
		chromedp.Text("#editor .cm-lintRange-warning", &problem, chromedp.ByQuery),
		shot("workbench-3-unknown-field"),
		// An error has its line, its column and a caret, and leads there.
		chord(kb.End), chromedp.KeyEvent("{{ 1/0 }}"),
		contains("#problems", "ZeroDivisionError"),
		chromedp.Text("#problems pre", &place, chromedp.ByQuery),
		shot("workbench-4-error"),
		press("#problems .place"),
		chromedp.Poll(`document.activeElement.classList.contains("cm-content")`, nil),
	)
	if problem != "docment_id" || !strings.Contains(place, "^") {
		t.Errorf("underlined is %q, the place is %q", problem, place)
	}
	if got := hookFile(t, dir); got != want {
		t.Errorf("what was not saved is in the file:\n%s", got)
	}
}

func TestTheDataAndTheWholeChainAreBesideTheEditor(t *testing.T) {
	ctx := browser(t)
	address, _ := bench(t, examplePayload)
	do(t, ctx,
		chromedp.Navigate(address),
		contains(output, "2026-0042,"),
		press("#tab-data"),
		contains("#matches", "values"),
		chromedp.SendKeys("#query", "field.document_id", chromedp.ByQuery),
		contains("#matches", "1 value."),
		shot("workbench-5-data"),
		chromedp.Focus(editor, chromedp.ByQuery), chord(kb.Home),
		press("#data button"),
		press("#tab-result"),
		contains(output, "2026-0042Document ID"),
		chord(kb.Enter),
		contains("#headline", "Open this run"),
		chromedp.WaitVisible("#page", chromedp.ByQuery),
		chromedp.Poll(`document.querySelector("#page").contentWindow.length === 0`, nil),
		shot("workbench-6-chain"),
		// Tabs are moved between by the arrow keys.
		chromedp.Focus("#tab-chain", chromedp.ByQuery), chromedp.KeyEvent(kb.ArrowLeft),
		chromedp.WaitVisible("#panel-data", chromedp.ByQuery),
	)
}

func TestTheWorkbenchKeepsTheRulesForScreenReaders(t *testing.T) {
	axe, err := os.ReadFile("testdata/axe/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	ctx := browser(t)
	address, _ := bench(t, examplePayload)
	do(t, ctx, chromedp.Navigate(address), contains(output, "2026-0042,"))
	steps := []struct {
		name string
		do   chromedp.Action
	}{
		{"result", chromedp.Tasks{}},
		{
			"compared",
			chromedp.Tasks{
				chromedp.Focus(editor, chromedp.ByQuery),
				chord(kb.Home),
				chromedp.KeyEvent("x{{ field.docment_id }}"),
				contains("#problems", "did you mean"),
				chromedp.SetValue(
					"#compare",
					"saved",
					chromedp.ByQuery,
				),
				chromedp.Evaluate(`document.querySelector("#compare").dispatchEvent(new Event("change"))`, nil),
				contains("#difference", "differs"),
			},
		},
		{
			"failed",
			chromedp.Tasks{
				chromedp.Focus(editor, chromedp.ByQuery),
				chord(kb.End),
				chromedp.KeyEvent("{{ 1/0 }}"),
				contains("#problems", "ZeroDivisionError"),
			},
		},
		{"settings", chromedp.Tasks{press("#texts [role=tab]"), contains(editor, "export_configs")}},
		{"data", chromedp.Tasks{press("#tab-data"), contains("#matches", "value")}},
		{"chain", chromedp.Tasks{chord(kb.Enter), contains("#headline", "Open this run")}},
	}
	for _, step := range steps {
		do(t, ctx, step.do)
		for _, scheme := range []string{"light", "dark"} {
			var found string
			do(t, ctx,
				emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}),
				chromedp.Evaluate(string(axe), nil),
				chromedp.Evaluate(`axe.run({ iframes: false }).then(r => JSON.stringify(r.violations))`, &found, awaited),
				shot("workbench-axe-"+step.name+"-"+scheme),
			)
			var violations []violation
			if err := json.Unmarshal([]byte(found), &violations); err != nil {
				t.Fatal(err)
			}
			for _, v := range violations {
				t.Errorf("%s, %s: %s (%s): %s\n%+v", step.name, scheme, v.ID, v.Impact, v.Help, v.Nodes)
			}
		}
	}
}

// largePayload is the example's payload with 1,000 rows.
func largePayload(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(examplePayload)
	if err != nil {
		t.Fatal(err)
	}
	var payload map[string]any
	if err := json.Unmarshal(data, &payload); err != nil {
		t.Fatal(err)
	}
	rows := tableOf(t, payload)
	children := rows["children"].([]any)
	row, err := json.Marshal(children[0])
	if err != nil {
		t.Fatal(err)
	}
	next := 900_000_000
	for len(children) < 1000 {
		var copied map[string]any
		if err := json.Unmarshal(row, &copied); err != nil {
			t.Fatal(err)
		}
		for _, n := range append([]any{copied}, copied["children"].([]any)...) {
			next++
			n.(map[string]any)["id"] = next
			n.(map[string]any)["url"] = fmt.Sprint("https://example.rossum.app/api/v1/x/", next)
		}
		children = append(children, copied)
	}
	rows["children"] = children
	file := filepath.Join(t.TempDir(), "large.json")
	if data, err = json.Marshal(payload); err == nil {
		err = os.WriteFile(file, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func tableOf(t *testing.T, payload map[string]any) map[string]any {
	t.Helper()
	for _, section := range payload["annotation"].(map[string]any)["content"].([]any) {
		for _, n := range section.(map[string]any)["children"].([]any) {
			if node := n.(map[string]any); node["schema_id"] == "line_items" {
				return node
			}
		}
	}
	t.Fatal("the payload has no line_items")
	return nil
}

func TestAThousandRowsCanBeWorkedOn(t *testing.T) {
	ctx := browser(t)
	address, _ := bench(t, largePayload(t))
	var drawn int
	do(t, ctx,
		chromedp.Navigate(address),
		contains(output, "2026-0042,"),
		chromedp.Focus(editor, chromedp.ByQuery), chord(kb.Home), chromedp.KeyEvent("No,"),
		contains(output, "No,Document ID"),
		chromedp.Evaluate(`document.querySelectorAll("#shown .cm-line").length`, &drawn),
		chromedp.Focus(output, chromedp.ByQuery), chord(kb.End),
		chromedp.Poll(`[...document.querySelectorAll("#shown .cm-lineNumbers .cm-gutterElement")].some(e => e.innerText === "1001")`, nil),
		press("#tab-data"),
		chromedp.SendKeys("#query", "line_items[999]", chromedp.ByQuery),
		contains("#data", "field.line_items[999]"),
	)
	if drawn > 300 {
		t.Errorf("%d lines are drawn, though few can be seen", drawn)
	}
}
