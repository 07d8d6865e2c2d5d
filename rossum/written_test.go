package rossum_test

import (
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

func TestTheValuesOfARunAreBounded(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("x", 1<<20)
	c := rossumtest.Annotation(rossumtest.Field("a", ""), rossumtest.Table("items", rossumtest.Row("code", "1"))).Payload().Annotation.Content
	refused := func(err error) bool { return err != nil && strings.Contains(err.Error(), "no more than 16 MB") }
	field, table := c.Find("a")[0], c.Find("items")[0]
	for range 100 { // a value that replaces another takes its place
		if err := field.SetValue(strings.Repeat("y", 15<<20)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := table.AddRow(rossum.Cell{SchemaID: "code", Value: large}); err != nil {
		t.Fatal(err)
	}
	if _, err := table.AddRow(rossum.Cell{SchemaID: "code", Value: "x"}); !refused(err) {
		t.Errorf("a row: %v", err)
	}
	if got := len(table.Children()); got != 2 {
		t.Errorf("%d rows, although the third was refused", got)
	}
	code := c.Find("code")[0]
	if err := code.SetValue(large); !refused(err) || code.Value() != "1" {
		t.Errorf("a value: %v, and it is %.20q", err, code.Value())
	}
	if err := c.Clone().Find("code")[0].SetValue(large); !refused(err) {
		t.Errorf("a value of a clone: %v", err)
	}
	if err := field.SetValue(""); err != nil {
		t.Error(err)
	}
	if err := code.SetValue(large); err != nil {
		t.Errorf("after the large value is gone: %v", err)
	}
}
