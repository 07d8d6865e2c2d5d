package formula_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/formula"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// A function pays for each row that it reads, so that the end of the run is noticed within
// one of its statements.
func TestAFunctionThatReadsManyRowsEndsWithTheRun(t *testing.T) {
	t.Parallel()
	const begin = "from txscript import *\ndef rossum_hook_request_handler(payload):\n    t = TxScript.from_payload(payload)\n    t.show_info('begun')\n"
	for name, body := range map[string]string{
		"rows":   "    t.field.line_items.append({'code': 'x'})\n",
		"column": "    t.field.code.all_values\n",
	} {
		rows := slices.Repeat([]rossumtest.TableRow{rossumtest.Row("code", "a")}, 10_000)
		f, err := formula.CompileFunction(begin + body + "    return t.hook_response()\n")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		err = f.Run(
			ctx,
			rossumtest.Annotation(rossumtest.Table("line_items", rows...)).Payload(),
			formula.FunctionOptions{Show: func(rossum.Message) { cancel() }},
		)
		cancel()
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
