package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/expression"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// closed is a call that is not made: the field is empty.
var closed = [2]string{"rest", `{"condition": "@{erp_body}", "request": {"url": "ERP/closed", "content": "x"}, "response_payload_reference_key": "c"}`}

// sets is a function that writes a field.
func sets(schemaID, value string) [2]string {
	return [2]string{"function", fmt.Sprintf(`from txscript import TxScript

def rossum_hook_request_handler(payload):
    t = TxScript.from_payload(payload)
    t.field.%s = %q
    return t.hook_response()
`, schemaID, value)}
}

func restIf(condition, more string) [2]string {
	return [2]string{"rest", fmt.Sprintf(`{"condition": %q, "request": {"url": "ERP/second", "content": "x"}, "response_payload_reference_key": "c"%s}`, condition, more)}
}

func branchOn(value, mapping string) [2]string {
	return restWith(`"data": {"a": {"$IF_DATAPOINT_VALUE$": {"schema_id": "gate", "value": "` + value + `", "mapping": "` + mapping + `"}}}`)
}

func rpIf(gate, handler string) [2]string {
	return [2]string{"rp", `{"stages": [{"call_api": [{"request": {"url": "ERP/a", "method": "POST"}}]}, {"evaluate": [{"name": "n", "condition": {"field.gate.value": {"$eq": "` + gate + `"}}}],
		"call_api": [{"request": {"url": "ERP/b", "method": "POST"}, "response_handlers": [{` + handler + `"target_type": "schema_id", "target_key": "erp_ids", "value": {"response.text": {"$regex": "x"}}}]}]}]}`}
}

// conditionRows are faults that depend on a condition. The run ends with an error if the
// condition holds, and before the call that would have been made in vain.
var conditionRows = []struct {
	name  string
	steps [][2]string
	want  string // "error" or "warning", and what the finding says
	calls int32  // of the ERP
}{
	// The condition is decided when the run begins.
	{"a later call whose condition does not hold", [][2]string{first, closed, extractTo("c", "erp_ids")}, `warning: field "erp_ids"`, 1},
	{"a condition that compares in a template, true", [][2]string{first, branchOn("yes", "@{documentid}")}, `error: field "documentid"`, 0},
	{"a condition that compares in a template, false", [][2]string{first, branchOn("no", "@{documentid}")}, `warning: field "documentid"`, 2},
	{"a row of a table that compares", [][2]string{first, restWith(`"data": {"a": {"$FOR_EACH_SCHEMA_ID$": {"schema_id": "line_items", "mapping":
		{"$IF_DATAPOINT_VALUE$": {"schema_id": "item_code", "value": "B", "mapping": "@{documentid}"}}}}}`)}, `error: field "documentid"`, 0},
	{"no row of a table that compares", [][2]string{first, restWith(`"data": {"a": {"$FOR_EACH_SCHEMA_ID$": {"schema_id": "line_items", "mapping":
		{"$IF_DATAPOINT_VALUE$": {"schema_id": "item_code", "value": "C", "mapping": "@{documentid}"}}}}}`)}, `warning: field "documentid"`, 2},
	{"a stage that is due", [][2]string{first, rpIf("yes", "")}, `error: stages[1].call_api[0].response_handlers[0].target_key: field "erp_ids"`, 0},
	{"a stage that is not due", [][2]string{first, rpIf("no", "")}, `warning: target_key: field "erp_ids"`, 2},
	{"a handler that looks at the reply", [][2]string{first, rpIf("yes", `"condition": {"response.ok": {"$eq": false}}, `)}, `warning: target_key: field "erp_ids"`, 3},
	{"a rule of SFTP that is due", [][2]string{first, {"sftp", sftpTo +
		`{"condition": "@{gate}", "path_to_directory": "/in", "export_object_configurations": [{"type": "document", "filename_template": "{documentid}"}]}]}`}},
		`error: filename_template: field "documentid"`, 0},
	{"the right side of a condition in Python", [][2]string{first, {"evaluate", `{"condition": "field.gate == 'yes' and field.gates == 'x'", "type": "info"}`}}, `error: condition: field "gates"`, 0},
	{"the right side that Python does not come to", [][2]string{first, {"evaluate", `{"condition": "field.gate == 'no' and field.gates == 'x'", "type": "info"}`}}, `warning: condition: field "gates"`, 1},
	{"a secret behind a condition", [][2]string{first, restIf("@{gate}", `, "auth": {"url": "ERP/token", "data": {"k": "{secret.nope}"}}`)}, `error: auth.data.k: secret "nope"`, 0},
	{"an artefact whose maker is not due", [][2]string{first, closed,
		{"rest", `{"export_reference_key": "c", "request": {"url": "ERP/third", "content": "#{file_content}"}}`}},
		`error: export_reference_key: file "c": the step that makes it is not due; give this step the condition of REST API export that makes it`, 0},
	{"an artefact whose maker is due", [][2]string{first, gated, {"rest", `{"export_reference_key": "g", "request": {"url": "ERP/third", "content": "#{file_content}"}}`}}, "nothing", 3},

	// The condition is decided by a step of the run.
	{"a condition that a function makes true", [][2]string{sets("erp_body", "x"), first, closed, extractTo("c", "erp_ids")}, `error: field "erp_ids"`, 0},
	{"a condition that a function makes false", [][2]string{sets("gate", ""), first, gated, extractTo("g", "erp_ids")}, `warning: field "erp_ids"`, 1},
	{"a condition that cleaning makes false", [][2]string{{"purge", `{"reset_schema_ids": ["gate"]}`}, first, gated, extractTo("g", "erp_ids")}, `warning: field "erp_ids"`, 1},
	{"a condition that a reply makes true", [][2]string{first, extractTo("p", "erp_body"), closed, extractTo("c", "erp_ids")}, `error: field "erp_ids"`, 1},
	{"an artefact whose maker a function makes idle", [][2]string{sets("gate", ""), first, gated, {"rest", `{"condition": "@{erp_id}", "export_reference_key": "g", "request": {"url": "ERP/third", "content": "#{file_content}"}}`}}, "nothing", 1},
	{"an artefact whose maker was idle", [][2]string{sets("gate", ""), gated, extractTo("g", "erp_id"), first, restIf("@{erp_body}", ""),
		{"rest", `{"export_reference_key": "g", "request": {"url": "ERP/third", "content": "#{file_content}"}}`}}, `error: file "g": the step that makes it is not due`, 0},
	{"a condition of the chain that a reply makes true", [][2]string{first, extractTo("p", "erp_body"), {"when", `field.erp_body == "4711"` + "\n" + `{"request": {"url": "ERP/a", "content": "@{documentid}"}}`}},
		`error: request.content: field "documentid"`, 1},
	{"a condition of the chain that a reply leaves false", [][2]string{first, extractTo("p", "erp_body"), {"when", `field.erp_body == "0"` + "\n" + `{"request": {"url": "ERP/a", "content": "@{documentid}"}}`}},
		`warning: request.content: field "documentid"`, 1},
	{"a branch that a reply chooses", [][2]string{first, extractTo("p", "gate"), branchOn("4711", "@{documentid}")}, `error: field "documentid"`, 1},
	{"a stage that a reply makes due", [][2]string{first, extractTo("p", "gate"), rpIf("4711", "")}, `error: target_key: field "erp_ids"`, 1},
	{"a later step that a reply makes fail", [][2]string{first, extractTo("p", "erp_body"), closed, sets("tag", "x"), extractTo("c", "erp_ids")}, `error: field "erp_ids"`, 1},
}

// madeIf is made, for a step under a condition of the chain, too.
func madeIf(t *testing.T, erp string, s [2]string) pipeline.Step {
	t.Helper()
	if s[0] != "when" {
		return made(t, erp, s[0], s[1])
	}
	condition, rest, _ := strings.Cut(s[1], "\n")
	return expression.When(condition, made(t, erp, "rest", rest))
}

func TestACallIsNotMadeWhoseConditionMakesALaterStepFail(t *testing.T) {
	t.Parallel()
	for _, tt := range conditionRows {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			address, seen := recordingERP(t)
			var list []pipeline.Step
			for _, s := range tt.steps {
				list = append(list, madeIf(t, address, s))
			}
			chain := chainOf(t, list...)
			_, report, err := exportReport(t, chain, queueCall())
			severity, want, _ := strings.Cut(tt.want, ": ")
			judgeFindings(t, "the run", report.Findings, severity, want)
			var refused *pipeline.CheckError
			if errors.As(err, &refused) != (severity == "error") || seen.Load() != tt.calls {
				t.Errorf("the ERP has seen %d calls, want %d; the error is %v", seen.Load(), tt.calls, err)
			}
			if refused != nil && (refused.Started != (tt.calls > 0) || strings.Contains(err.Error(), "nothing was sent") == refused.Started) {
				t.Errorf("started: %v, after %d calls: %v", refused.Started, tt.calls, err)
			}
			schema, schemaErr := queueCall().Payload().Schema()
			if schemaErr != nil {
				t.Fatal(schemaErr)
			}
			if found := chain.Check(schema); found.Err() != nil {
				t.Errorf("Check cannot know a value, but says %v", found.Err())
			}
		})
	}
}

func TestAConditionIsLookedAtInABranchAndInAChainWithin(t *testing.T) {
	t.Parallel()
	for name, arrange := range map[string]func(before, call, after pipeline.Step) *pipeline.Chain{
		"in a branch": func(before, call, after pipeline.Step) *pipeline.Chain {
			return chainOf(t, pipeline.Parallel(chainOf(t, before, call), made(t, "", "purge", `{}`)), after)
		},
		"in a chain within a chain": func(before, call, after pipeline.Step) *pipeline.Chain {
			return chainOf(t, chainOf(t, before, chainOf(t, call)), after)
		},
		"in a conditional chain": func(before, call, after pipeline.Step) *pipeline.Chain {
			return chainOf(t, expression.When(`field.gate == "yes"`, chainOf(t, before, call, after)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, seen := recordingERP(t)
			do := func(s [2]string) pipeline.Step { return made(t, address, s[0], s[1]) }
			chain := arrange(do(sets("erp_body", "x")), do(closed), do(extractTo("c", "erp_ids")))
			_, report, err := exportReport(t, chain, queueCall())
			var refused *pipeline.CheckError
			if !errors.As(err, &refused) || seen.Load() != 0 || refused.Started {
				t.Errorf("%d calls, %v\n%s", seen.Load(), err, report.Text())
			}
		})
	}
}

// A branch does not know how far another one has come, and what the other one makes is
// there for the steps after both.
func TestABranchKnowsWhatAnotherOneMakes(t *testing.T) {
	t.Parallel()
	address, seen := recordingERP(t)
	one := chainOf(t, made(t, address, first[0], first[1]), made(t, "", "function", sets("erp_status", "x")[1]))
	other := chainOf(t, made(t, "", "function", sets("gate", "")[1]), made(t, address, gated[0], gated[1]), made(t, "", "extract", extractTo("g", "erp_ids")[1]))
	_, report, err := exportReport(t, chainOf(t, pipeline.Parallel(one, other), made(t, "", "extract", extractTo("p", "erp_id")[1])), queueCall())
	if err != nil || seen.Load() != 1 || report.Findings.Err() != nil {
		t.Errorf("%v, %d calls, %v", err, seen.Load(), report.Findings)
	}
}

// What always runs in the end is not kept from it.
func TestAFinalStepRunsAfterARefusal(t *testing.T) {
	t.Parallel()
	address, seen := recordingERP(t)
	ran := false
	final := pipeline.Finally(pipeline.Named("final", claimsAfter(func(context.Context, *pipeline.Export) error { ran = true; return nil })))
	do := func(s [2]string) pipeline.Step { return made(t, address, s[0], s[1]) }
	chain := chainOf(t, do(sets("erp_body", "x")), do(closed), do(extractTo("c", "erp_ids")), final)
	if _, report, err := exportReport(t, chain, queueCall(rossumtest.Secret("x", "y"))); err == nil || !ran || seen.Load() != 0 {
		t.Errorf("%v, ran %v, %d calls\n%s", err, ran, seen.Load(), report.Text())
	}
}

// claimsAfter is a step that says that it uses nothing.
type claimsAfter func(context.Context, *pipeline.Export) error

func (c claimsAfter) Run(ctx context.Context, x *pipeline.Export) error { return c(ctx, x) }
func (claimsAfter) Uses(int64) []pipeline.Use                           { return nil }
