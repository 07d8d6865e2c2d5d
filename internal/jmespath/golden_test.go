package jmespath

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/fuzzing"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

func TestSearchesFindWhatPythonsJMESPathFinds(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/golden/*/*.txt")
	if err != nil || len(paths) < 150 {
		t.Fatalf("%d cases, %v", len(paths), err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(strings.TrimPrefix(path, "testdata/golden/"), ".txt"), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			expression, rest, _ := strings.Cut(string(data), "\n=== document\n")
			document, want, finds := strings.Cut(rest, "\n=== result\n")
			if !finds {
				document, want, _ = strings.Cut(rest, "\n=== error\n")
			}
			got, err := search(t, expression, document)
			if finds != (err == nil) || got != want {
				t.Errorf("%s\n got %s, %v\nwant %s", expression, got, err, want)
			}
		})
	}
}

// search searches a document as a tree and as a reply that is read where it is asked for,
// which must find the same.
func search(t *testing.T, expression, document string) (string, error) {
	t.Helper()
	e, err := Compile(expression)
	if err != nil {
		return "", err
	}
	tree, err := pyvalue.FromJSON([]byte(document), true)
	if err != nil {
		t.Fatal(err)
	}
	reply, err := pyvalue.IndexReply(t.Context(), []byte(document), true)
	if err != nil {
		t.Fatal(err)
	}
	found, err := searched(t, e, tree)
	if again, fault := searched(t, e, reply); again != found || fmt.Sprint(fault) != fmt.Sprint(err) {
		t.Errorf("%s in a reply: %s, %v, want %s, %v", expression, again, fault, found, err)
	}
	return found, err
}

func searched(t *testing.T, e *Expression, v pyvalue.Value) (string, error) {
	t.Helper()
	found, err := e.Search(t.Context(), v)
	if err != nil {
		return "", err
	}
	out, err := pyvalue.JSON{Unicode: true}.Append(nil, nil, found)
	return string(out), err
}

func TestNumbersKeepTheSpellingOfTheDocument(t *testing.T) {
	t.Parallel()
	v, err := pyvalue.FromJSON([]byte(`{"a":[1.10,1e2,-0,12345678901234567890]}`), true)
	if err != nil {
		t.Fatal(err)
	}
	e, err := Compile("a[*]")
	if err != nil {
		t.Fatal(err)
	}
	found, err := e.Search(t.Context(), v)
	if err != nil {
		t.Fatal(err)
	}
	out, err := pyvalue.JSON{ItemSeparator: ",", Spelling: true}.Append(nil, nil, found)
	if err != nil || string(out) != "[1.10,1e2,-0,12345678901234567890]" {
		t.Errorf("got %s, %v", out, err)
	}
}

func TestErrorsPointAtTheCharacter(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]string{
		"a.b[?c":         `JMESPath "a.b[?c": expected ], got end of expression at character 7`,
		"nope(a)":        `JMESPath "nope(a)": unknown function nope() at character 1`,
		"a ~ b":          `JMESPath "a ~ b": unknown character "~" at character 3`,
		"a.length(b, c)": `JMESPath "a.length(b, c)": length() takes 1 argument, not 2 at character 3`,
	} {
		if _, err := Compile(expression); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestDeepExpressionsAreRefused(t *testing.T) {
	t.Parallel()
	for _, e := range []string{strings.Repeat("(", 100000), strings.Repeat("!", 100000) + "a", strings.Repeat("[", 100000), strings.Repeat("a||", 100000) + "a"} {
		if _, err := Compile(e); err == nil && !strings.HasPrefix(e, "a") {
			t.Errorf("%.10s… was taken", e)
		}
	}
}

func TestASearchEndsWithItsContext(t *testing.T) {
	t.Parallel()
	e, err := Compile("[*].[*].[*]")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.Search(ctx, pyvalue.NewList()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestASearchEndsAtItsLimit(t *testing.T) {
	t.Parallel()
	e, err := Compile("@" + strings.Repeat(" | join('', [@, @])", 40))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Search(t.Context(), pyvalue.Str("x")); !errors.Is(err, pyvalue.ErrLimit) {
		t.Errorf("got %v", err)
	}
}

func FuzzSearch(f *testing.F) {
	for _, e := range []string{"a.b[0]", "l[?v > `1`].n | [0]", "sort_by(l, &v)[*].{n: n}", "to_string(@)", "a[::-1].*"} {
		f.Add(e, `{"a":{"b":[1]},"l":[{"v":2,"n":"x"}]}`)
	}
	for _, text := range fuzzing.Files(f, "internal/jmespath/testdata/golden/*/*.txt") {
		expression, rest, _ := strings.Cut(string(text), "\n=== document\n")
		document, _, _ := strings.Cut(rest, "\n=== ")
		f.Add(expression, document)
	}
	f.Fuzz(func(t *testing.T, expression, document string) {
		v, err := pyvalue.FromJSON([]byte(document), true)
		if err != nil {
			return
		}
		before, err := pyvalue.Repr(nil, v)
		if err != nil {
			return
		}
		e, err := Compile(expression)
		if err != nil {
			return
		}
		search := func(v pyvalue.Value) (string, error) { // within less than what a real one may take
			found, err := e.SearchWith(pyvalue.NewMeter(t.Context(), pyvalue.Limits{Steps: 10_000, TotalBytes: 1 << 18}), v)
			if err != nil {
				return "", err
			}
			out, err := pyvalue.JSON{Unicode: true}.Append(nil, nil, found)
			return string(out), err
		}
		found, err := search(v)
		reply, unread := pyvalue.IndexReply(t.Context(), []byte(document), true)
		if unread != nil {
			t.Fatalf("%q is JSON, but no reply: %v", document, unread)
		}
		again, fault := search(reply)
		if errors.Is(err, pyvalue.ErrLimit) || errors.Is(fault, pyvalue.ErrLimit) {
			return // which counts the parts of a reply that are read, too
		}
		if again != found || (fault == nil) != (err == nil) {
			t.Errorf("%q in the reply %q: %s, %v, want %s, %v", expression, document, again, fault, found, err)
		}
		if after, _ := pyvalue.Repr(nil, v); after != before {
			t.Errorf("the document was changed from %s to %s", before, after)
		}
	})
}

func Example() {
	e, err := Compile("lines[?amount > `10`].number | [0]")
	if err != nil {
		fmt.Println(err)
		return
	}
	reply, _ := pyvalue.FromJSON([]byte(`{"lines":[{"number":9007199254740993,"amount":12.50}]}`), true)
	found, err := e.Search(context.Background(), reply)
	number, _ := found.Spelling()
	fmt.Println(number, err)
	// Output: 9007199254740993 <nil>
}
