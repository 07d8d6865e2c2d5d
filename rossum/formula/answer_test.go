package formula_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/formula"
)

// An answer of messages alone means what its JSON does.
func TestAnswerMeansWhatItsJSONDoes(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{
		"", "'messages': []", "'messages': None", "'messages': 5", "'messages': [5]", "'messages': [{}]", "'messages': ()", "'operations': []", "'operations': None",
		"'messages': [{'type': 'info', 'content': 'é\"<'}]", "'messages': [{'type': 'error', 'content': 'x', 'id': 5}], 'operations': []",
		"'messages': [{'id': True}]", "'messages': [{'id': None, 'type': None}]", "'messages': [{'type': 1}]", "'messages': [{'Type': 'info', 'CONTENT': 'x'}]",
		"'messages': [{'id': 2.0}]", "'messages': [{'id': 10 ** 30}]", "'messages': [{'id': '5'}]", "'messages': [{'type': 'info', 'content': 'x', 'more': 1}]",
		"'messages': ({'type': 'info', 'content': 'x'},)", "5: []", "'messages': {'type': 'info'}", "'operations': [{'op': 'remove', 'id': 1}]", "'messages': [{5: 'x'}]",
		"'messages': [{'type': 'info', 'content': 'a'}, {'type': 'warning'}, 7]", "'Messages': [{'type': 'info'}]",
	} {
		of := func(answer string) string {
			f, err := formula.CompileFunction("def rossum_hook_request_handler(payload):\n  return {" + answer + "}\n")
			if err != nil {
				t.Fatal(err)
			}
			said := ""
			show := func(m rossum.Message) { said += fmt.Sprintf("%+v", m) }
			err = f.Run(t.Context(), looked(t), formula.FunctionOptions{Show: show})
			return fmt.Sprint(said, err)
		}
		plain, whole := of(answer), of(strings.TrimPrefix(answer+", 'other key': 1", ", "))
		if plain != whole {
			t.Errorf("{%s}: %s, but as JSON: %s", answer, plain, whole)
		}
	}
}
