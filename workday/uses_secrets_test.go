package workday_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/workday"
)

// A dry run makes up the secrets that a step lists, so that it must list both.
func TestBothCredentialsAreListed(t *testing.T) {
	t.Parallel()
	var s workday.Step
	settings := `{"configurations":[{"wsdl":{"domain":"d.example","tenant":"t","api_version":"v1"},"request":{"service":"S",` +
		`"operation":"O","mapping":{}}}]}`
	if err := json.Unmarshal([]byte(settings), &s); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, u := range s.Uses(0) {
		if u.Kind == pipeline.UseSecret {
			names = append(names, u.Name)
		}
	}
	slices.Sort(names)
	if !slices.Equal(names, []string{"workday_password", "workday_username"}) {
		t.Errorf("%q", names)
	}
}
