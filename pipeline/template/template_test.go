package template_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/settings"
	"github.com/exportpipeline/exportpipeline/pipeline/template"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

func invoice(t testing.TB) *pipeline.Export {
	x, err := pipeline.NewExport(
		rossumtest.Annotation(
			rossumtest.Offline(),
			rossumtest.Field("number", "7"),
			rossumtest.Secret("api_key", "k-123456"),
			rossumtest.Table(
				"items",
				rossumtest.Row("code", "a", "amount", "1"),
				rossumtest.Row("code", "b", "amount", "2"),
			),
		).Payload(),
		pipeline.WithOriginal(pipeline.Bytes("%PDF")),
	)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestTemplatesRenderAnExport(t *testing.T) {
	t.Parallel()
	x := invoice(t)
	j, err := template.CompileJinja(
		`{{ field.number }}{% for i in field['items'] %},{{ i.code }}{% endfor %} {{ file.original_file|b64encode }}`,
		template.Options{},
	)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := j.Render(t.Context(), x); err != nil || got != "7,a,b JVBERg==" {
		t.Errorf("got %q, %v", got, err)
	}
	for _, tt := range []struct{ source, want string }{
		{`{"number":"@{number}","file":"#{file_content}","items":{"$FOR_EACH_SCHEMA_ID$":{"schema_id":"items","mapping":{"c":"@{code}"}}}}`, `{"number":"7","file":"invoice","items":[{"c":"a"},{"c":"b"}]}`},
		{`["{secret.api_key}", 1.50]`, `["k-123456",1.50]`},
	} {
		c, err := template.CompileJSON([]byte(tt.source), template.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.Render(t.Context(), x, pipeline.Bytes("invoice")); err != nil || string(got) != tt.want {
			t.Errorf("got %s, %v", got, err)
		}
	}
	c, err := template.CompileText("#{original_file}", template.Options{})
	if err != nil {
		t.Fatal(err)
	}
	content, err := c.RenderContent(t.Context(), x, nil)
	if err != nil || content.Size() != 4 {
		t.Errorf("got %v, %v", content, err)
	}
}

func TestWhatIsWrongWithATemplateIsSaidWithItsPlace(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		compile func() error
		want    string
	}{
		{func() error { _, err := template.CompileJinja("a\n{{ x", template.Options{Place: "body"}); return err }, "body: line 2, column"},
		{func() error {
			_, err := template.CompileJSON([]byte(`{"a": {"$NOPE$": {}}}`), template.Options{Place: "mapping"})
			return err
		}, "mapping.a.$NOPE$: unknown operator"},
	} {
		err := tt.compile()
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("got %v, want %s", err, tt.want)
		}
	}
	_, err := template.CompileJSON([]byte(`{"$NOPE$": {}}`), template.Options{Place: "mapping"})
	var f *settings.Fault
	if !errors.As(err, &f) || !strings.HasPrefix(f.Place, "mapping") {
		t.Errorf("got %v", err)
	}
}

func TestARenderingIsBounded(t *testing.T) {
	t.Parallel()
	j, err := template.CompileJinja(`{% for i in range(100000) %}x{% endfor %}`, template.Options{Limits: template.Limits{Steps: 1000}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.RenderData(t.Context(), nil); !errors.Is(err, template.ErrLimit) {
		t.Errorf("got %v", err)
	}
}

func TestUsesAreWhatTheTemplateReads(t *testing.T) {
	t.Parallel()
	j, err := template.CompileJinja("{{ field.number }}\n{{ fields.x }}", template.Options{Place: "body"})
	if err != nil {
		t.Fatal(err)
	}
	c, err := template.CompileText("https://erp/@{number}?key={secret.api_key}", template.Options{Place: "url"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, u := range append(j.Uses(pipeline.Use{}), c.Uses(pipeline.Use{Steers: true})...) {
		got = append(got, fmt.Sprint(u.Kind, " ", u.Name, " ", u.Place, " ", u.Line, " ", u.Steers))
	}
	want := "reads number body 1 false; needs variable fields body 2 false; reads number url 0 true; needs secret api_key url 0 true"
	if strings.Join(got, "; ") != want {
		t.Errorf("got %s", strings.Join(got, "; "))
	}
	if (*template.Jinja)(nil).Uses(pipeline.Use{}) != nil || (*template.JSON)(nil).Uses(pipeline.Use{}) != nil {
		t.Error("no template reads something")
	}
}

func TestAConditionIsFalseWhenItIsEmptyOrSaysSo(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"": false, " ": false, "false": false, " FALSE ": false, "0": true, "true": true, "no": true} {
		if template.IsTrue(text) != want {
			t.Errorf("%q is %v", text, !want)
		}
	}
}

func ExampleCompileJinja() {
	t, err := template.CompileJinja("{{ vendor|upper }}{% for i in items %} {{ i }}{% endfor %}", template.Options{Place: "body"})
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := t.RenderData(context.Background(), map[string]any{"vendor": "Acme", "items": []int{1, 2}})
	fmt.Println(text, err)
	// Output: ACME 1 2 <nil>
}

func ExampleCompileJSON() {
	t, err := template.CompileJSON([]byte(`{
		"number": "@{number}",
		"lines": {"$FOR_EACH_SCHEMA_ID$": {"schema_id": "items", "mapping": {"code": "@{code}", "at": "{schema_loop.index}"}}}
	}`), template.Options{Place: "mapping"})
	if err != nil {
		fmt.Println(err)
		return
	}
	body, err := t.RenderData(context.Background(), map[string]any{"number": "7", "items": []map[string]string{{"code": "a"}, {"code": "b"}}})
	fmt.Println(string(body), err)
	// Output: {"number":"7","lines":[{"code":"a","at":1},{"code":"b","at":2}]} <nil>
}

func ExampleCompileText() {
	t, err := template.CompileText("https://erp.example/invoices/@{number}", template.Options{Place: "url"})
	if err != nil {
		fmt.Println(err)
		return
	}
	address, err := t.RenderData(context.Background(), map[string]any{"number": "7"})
	fmt.Println(string(address), err)
	// Output: "https://erp.example/invoices/7" <nil>
}

func ExampleIsTrue() {
	fmt.Println(template.IsTrue("true"), template.IsTrue("False"), template.IsTrue(""))
	// Output: true false false
}
