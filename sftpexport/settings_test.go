package sftpexport_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/exportpipeline/exportpipeline/sftpexport"
)

func decoded(t *testing.T, settings string) *sftpexport.Step {
	t.Helper()
	s := &sftpexport.Step{}
	if err := json.Unmarshal([]byte(settings), s); err != nil {
		t.Fatalf("%s: %v", settings, err)
	}
	return s
}

func TestOlderNamesOfSettingsMeanTheSame(t *testing.T) {
	t.Parallel()
	for older, name := range map[string]string{
		`{"export_rules":[{"path":"/out"}]}`:                                `{"export_rules":[{"path_to_directory":"/out"}]}`,
		`{"export_rules":[{"exports":[{"type":"document"}]}]}`:              `{"export_rules":[{"export_object_configurations":[{"type":"document"}]}]}`,
		`{"exports":[{"export_id":"csv"}]}`:                                 `{"exports":[{"export_reference_key":"csv"}]}`,
		`{"template_variables":[{"type":"sequence","step":5}]}`:             `{"template_variables":[{"type":"sequence","increment":5}]}`,
		`{"template_variables":[{"type":"sequence","start_number":7}]}`:     `{"template_variables":[{"type":"sequence","start":7}]}`,
		`{"template_variables":[{"type":"sequence","padding":4}]}`:          `{"template_variables":[{"type":"sequence","digits":4}]}`,
		`{"template_variables":[{"type":"sequence","length":4}]}`:           `{"template_variables":[{"type":"sequence","digits":4}]}`,
		`{"template_variables":[{"type":"sequence","number_of_digits":4}]}`: `{"template_variables":[{"type":"sequence","digits":4}]}`,
	} {
		if got, want := decoded(t, older), decoded(t, name); !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %+v, expected %+v", older, got, want)
		}
	}
}

// What these settings do is tested with steps that are written in Go.
func TestSettingsFillTheStepThatTheyMean(t *testing.T) {
	t.Parallel()
	conditional, digits, start, increment := true, 4, int64(7), int64(5)
	got := decoded(t, `{"commit":"in_place","filename_collision":{"number":true},
		"credentials":{"algorithms":["ssh-rsa"],"conditional_put":true,"path_style":true,"region":"eu-west-1"},
		"exports":[{"type":"document","filename_collision":{"replace":true}}],
		"template_variables":[{"name":"n","type":"sequence","digits":4,"start":7,"increment":5}]}`)
	want := &sftpexport.Step{
		Commit:            sftpexport.CommitInPlace,
		FilenameCollision: &sftpexport.Collision{Number: true},
		Credentials: sftpexport.Credentials{
			Algorithms: []string{"ssh-rsa"}, ConditionalPut: &conditional, PathStyle: true, Region: "eu-west-1",
		},
		Exports: []sftpexport.Object{{Type: sftpexport.ObjectDocument, FilenameCollision: &sftpexport.Collision{Replace: true}}},
		Variables: []sftpexport.Variable{
			{Name: "n", Type: sftpexport.VariableSequence, Digits: &digits, Start: &start, Increment: &increment},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, expected %+v", got, want)
	}
}
