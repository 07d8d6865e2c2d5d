package reqproc

import (
	"fmt"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// TestConditionsOnAReplyDoNotDependOnHowItIsRead compares a body that is made into values
// as a whole with one that is an index.
func TestConditionsOnAReplyDoNotDependOnHowItIsRead(t *testing.T) {
	t.Parallel()
	const body = `{"id": 7, "a": {"b": [1, {"c": "x"}, []], "e": {}}, "list": ["p", "q"], "n": null, "t": "text", "f": 1.50, "a": {"b": [1, {"c": "y"}, []]}}`
	eager, err := pyvalue.FromReply(t.Context(), []byte(body), false)
	if err != nil {
		t.Fatal(err)
	}
	index, err := pyvalue.IndexReply(t.Context(), []byte(body), false)
	if err != nil {
		t.Fatal(err)
	}
	lefts := []string{
		"response.body", "response.body.id", "response.body.a", "response.body.a.b", "response.body.a.b[1]", "response.body.a.b[-1]", "response.body.a.b[3]",
		"response.body.a.b[1].c", "response.body.list", "response.body.list[0]", "response.body.list.x", "response.body.list.append", "response.body.missing",
		"response.body.idd", "response.body.n", "response.body.n.x", "response.body.t", "response.body.f", "response.body['a']['b']", "response.body[0]",
		"base64(response.body.a)", "base64(response.body.id)", "response.body.a.@", "response.body.list.@",
	}
	rights := []string{
		`{"$exists": true}`, `{"$exists": false}`, `{"$eq": 7}`, `{"$eq": "y"}`, `{"$ne": null}`, `{"$eq": null}`, `{"$eq": ["p", "q"]}`, `{"$eq": {"b": [1, {"c": "y"}, []]}}`,
		`{"$size": 2}`, `{"$size": {"$gt": 1}}`, `{"$in": [7, "p", ["p", "q"]]}`, `{"$in": "{response.body.list}"}`, `{"$nin": "{response.body.a.b}"}`,
		`{"$eq": "{response.body.a}"}`, `{"$eq": "{response.body.list[1]}"}`, `{"$eq": "is {response.body.a}"}`, `{"$regex": "^te"}`, `{"$gt": 1}`, `{"$lte": "z"}`,
	}
	decided := func(c *Condition, v pyvalue.Value) string {
		response := pyvalue.NewDict()
		response.SetStr("body", v)
		var notes []string
		s := &Scope{Lenient: true, Roots: map[string]pyvalue.Value{"response": response.Value()}, Note: func(format string, args ...any) {
			notes = append(notes, fmt.Sprintf(format, args...))
		}}
		ok, why, err := c.Holds(t.Context(), s)
		return fmt.Sprint(ok, "|", why, "|", err, "|", strings.Join(notes, "|"))
	}
	compared := 0
	for _, left := range lefts {
		for _, right := range rights {
			text := fmt.Sprintf(`{%q: %s}`, left, right)
			c, err := CompileCondition([]byte(text), ConditionOptions{Options: Options{Roots: []string{"response"}}})
			if err != nil {
				continue // it is refused before any reply is read
			}
			compared++
			if want, got := decided(c, eager), decided(c, index); got != want {
				t.Errorf("%s\n  index  %s\n  values %s", text, got, want)
			}
		}
	}
	if compared < 300 {
		t.Errorf("only %d conditions were compared", compared)
	}
}

func TestAReasonShowsTheBeginningOfALargeValue(t *testing.T) {
	t.Parallel()
	long := pyvalue.Str(strings.Repeat("ä\"", 1<<20))
	if got := shown(long); len(got) > 4*maxShown || !strings.HasPrefix(got, `"ä\"ä`) || !strings.HasSuffix(got, "…") {
		t.Errorf("%s", got)
	}
	items := make([]pyvalue.Value, 1<<16)
	if got := shown(pyvalue.NewList(items...)); got != "a list" {
		t.Errorf("%s", got)
	}
}
