package txscript

import (
	"time"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// libStructTime makes a struct_time of a datetime, or of nine numbers.
func libStructTime(_ *run, c *pyvalue.Call) (value, error) {
	if err := c.Exactly("struct_time", 2); err != nil {
		return value{}, err
	}
	if items, ok := c.Args[1].Items(); ok {
		return structTimeClass.of(items...), nil
	}
	d, ok := c.Args[0].Object().(*dateValue)
	if !ok {
		return value{}, pyvalue.Raise("TypeError", "a datetime is required, not %s", pyvalue.TypeName(c.Args[0]))
	}
	dst, _ := c.Args[1].Int64()
	return structTime(d.t.Truncate(time.Second), dst), nil
}
