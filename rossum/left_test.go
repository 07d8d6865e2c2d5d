package rossum

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

func tableOf(t *testing.T, rows int) *Node {
	t.Helper()
	var b strings.Builder
	b.WriteString(`[{"id":1,"schema_id":"s","category":"section","children":[{"id":2,"schema_id":"t","category":"multivalue","children":[`)
	for i := range rows {
		if i > 0 {
			b.WriteByte(',')
		}
		id := 10 * (i + 1)
		fmt.Fprintf(&b, `{"id":%d,"schema_id":"r","category":"tuple","children":[{"id":%d,"schema_id":"c","category":"datapoint","content":{"value":"%d"}}]}`, id, id+1, i)
	}
	b.WriteString("]}]}]")
	c, err := ParseContent([]byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	return c.ByID(2)
}

// What removing rows takes is counted in the bytes of the lists that it makes.
func TestRemovingRowsTakesNoTimeOfItsSquare(t *testing.T) {
	bytesFor := func(rows int) uint64 {
		table := tableOf(t, rows)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for i, row := range table.Children() {
			if i%3 == 0 {
				continue
			}
			if err := row.Remove(); err != nil {
				t.Fatal(err)
			}
		}
		if left := len(table.Children()); left != (rows+2)/3 || len(table.tree.Find("c")) != left {
			t.Errorf("%d rows are left of %d, with %d cells", left, rows, len(table.tree.Find("c")))
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	if few, many := bytesFor(10_000), bytesFor(20_000); many > few*5/2 {
		t.Errorf("%d bytes for 10,000 rows, %d for 20,000", few, many)
	}
}

func TestRemovedRowsAreGoneWhereverOneLooks(t *testing.T) {
	t.Parallel()
	table := tableOf(t, 6)
	c := table.tree
	values := func(c *Content) (all string) {
		for _, n := range c.Find("c") {
			all += n.Value()
		}
		all += " "
		for _, row := range c.ByID(2).Children() {
			all += row.Cell("c").Value()
		}
		return all
	}
	expect := func(c *Content, want string) {
		t.Helper()
		if got := values(c); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	rows := table.Children()
	remove := func(i int) {
		t.Helper()
		if err := rows[i].Remove(); err != nil {
			t.Fatal(err)
		}
	}
	remove(1)
	remove(4)
	expect(c, "0235 0235")
	remove(0) // after the lists were read
	expect(c.Clone(), "235 235")
	remove(5)
	if _, err := table.AddRow(Cell{"c", "9"}); err != nil { // before they are read
		t.Fatal(err)
	}
	expect(c, "239 239")
	copied := c.Clone()
	if err := copied.ByID(40).Remove(); err != nil {
		t.Fatal(err)
	}
	expect(copied, "29 29")
	expect(c, "239 239")
	if len(rows) != 6 || rows[1].Cell("c").Value() != "1" {
		t.Error("a list that was read before has changed")
	}
	if c.Len() != 2+2*3 {
		t.Errorf("%d nodes", c.Len())
	}
}
