package rossum

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
)

func TestChangesAreWrittenAsEncodingJSONWritesThem(t *testing.T) {
	t.Parallel()
	hidden := true
	for _, value := range []string{"", "ERP-1", "ü", "a\"b", `a\b`, "<a>&", "\x7f", "\u2028", "\x00", "\xff", "~ !"} {
		for _, ch := range []change{
			{value: value, hasValue: true}, {}, {value: value, hasValue: true, normal: true}, {value: value, hasValue: true, rest: &changeRest{hidden: &hidden}},
			{value: value, hasValue: true, rest: &changeRest{normalized: "other"}},
			{value: value, hasValue: true, computed: true}, {value: value, hasValue: true, rest: &changeRest{options: json.RawMessage(`[ 1 ]`)}},
			{value: value, hasValue: true, removed: true}, {value: value, hasValue: true, added: true},
		} {
			n := &Node{id: -7, schemaID: "x", category: CategoryDatapoint, parent: &Node{id: 8}, change: &ch}
			want, err := json.Marshal(n.savedChange())
			if err != nil {
				t.Fatal(err)
			}
			if got, err := n.appendChange(nil); err != nil || string(got) != string(want) {
				t.Errorf("got %s, %v, want %s", got, err, want)
			}
		}
	}
}

// Changes are kept until something changes: what is kept must be what would be written anew.
func TestKeptChangesAreThoseThatWouldBeWrittenAnew(t *testing.T) {
	t.Parallel()
	c, err := ParseContent([]byte(`[{"category":"section","id":1,"schema_id":"s","children":[
		{"category":"datapoint","id":2,"schema_id":"a","content":{"value":"x"}},
		{"category":"multivalue","id":3,"schema_id":"rows","children":[
			{"category":"tuple","id":4,"schema_id":"row","children":[{"category":"datapoint","id":5,"schema_id":"b","content":{"value":"1"}}]}]}]}]`))
	if err != nil {
		t.Fatal(err)
	}
	a, table, cell := c.ByID(2), c.ByID(3), c.ByID(5)
	var added *Node
	for i, do := range []func() error{
		func() error { return a.SetValue("y") },
		func() error { return a.SetNormalized("y", "z") },
		func() error { return cell.setComputed("2", "2") },
		func() error { return cell.SetValue("2") },
		func() error { a.SetHidden(true); return nil },
		func() error { a.SetHidden(false); return nil },
		func() error { return a.SetOptions(json.RawMessage(`[1]`)) },
		func() (err error) { added, err = table.AddRow(Cell{"b", "3"}); return err },
		func() error { return added.children[0].SetValue("4") },
		func() error { added.children[0].SetHidden(true); return nil },
		func() error { return added.Remove() },
		func() error { return cell.Row().Remove() },
		func() error { return c.restore(json.RawMessage(`[{"id":2,"value":"restored"}]`)) },
		func() error {
			return c.Apply([]Operation{{Op: "replace", ID: 2, Value: json.RawMessage(`{"content":{"value":"applied"}}`)}})
		},
		func() error { return c.Clone().ByID(2).SetValue("only in the clone") },
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
		kept, err := c.changes()
		if err != nil {
			t.Fatal(err)
		}
		again, _ := c.changes() // it has just been written
		if &again[0] != &kept[0] {
			t.Errorf("after %d: changes are written twice", i)
		}
		c.recorded = nil
		if anew, err := c.changes(); err != nil || string(anew) != string(kept) {
			t.Errorf("after %d: kept %s\nwould be %s (%v)", i, kept, anew, err)
		}
	}
}

func TestAFieldThatIsWrittenAgainIsToldAgain(t *testing.T) {
	t.Parallel()
	c, err := ParseContent([]byte(`[{"category":"section","id":1,"schema_id":"s","children":[
		{"category":"datapoint","id":2,"schema_id":"a","content":{"value":"x"}}]}]`))
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range []string{"1", "2", "3"} {
		if err := c.ByID(2).SetValue(value); err != nil {
			t.Fatal(err)
		}
		if ids := c.takeWritten(); len(ids) != 1 || ids[0] != "a" {
			t.Errorf("after %s: %v", value, ids)
		}
	}
	if ids := c.takeWritten(); ids != nil {
		t.Errorf("nothing was written: %v", ids)
	}
}

// A clone's changes are its own, also those that few fields have.
func TestChangesOfACloneStayThere(t *testing.T) {
	t.Parallel()
	c, err := ParseContent([]byte(`[{"category":"section","id":1,"schema_id":"s","children":[
		{"category":"datapoint","id":2,"schema_id":"a","content":{"value":"x"}}]}]`))
	if err != nil {
		t.Fatal(err)
	}
	a := c.ByID(2)
	change := func(n *Node, value, normalized, options string, hidden bool) {
		t.Helper()
		n.SetHidden(hidden)
		if err := errors.Join(n.SetNormalized(value, normalized), n.SetOptions(json.RawMessage(options))); err != nil {
			t.Fatal(err)
		}
	}
	change(a, "1,5", "1.5", `[1]`, true)
	twin := c.Clone().ByID(2)
	change(twin, "2,5", "2.5", `[2]`, false)
	got := fmt.Sprint(a.Value(), " ", a.Normalized(), " ", string(a.Options()), " ", a.Hidden(), "; ", twin.Value(), " ", twin.Normalized(), " ", string(twin.Options()), " ", twin.Hidden())
	if want := "1,5 1.5 [1] true; 2,5 2.5 [2] false"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for _, normalized := range []string{"", "3", "other", ""} {
		if err := a.SetNormalized("3", normalized); err != nil || a.Normalized() != normalized {
			t.Errorf("got %q, %v, want %q", a.Normalized(), err, normalized)
		}
	}
}
