package workday_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/workday"
)

func TestTheMappingIsLoggedIfTheSettingsAskForIt(t *testing.T) {
	t.Parallel()
	tenant := tenant(t)
	for debug, want := range map[string]bool{"true": true, "false": false} {
		settings := &workday.Step{}
		if err := json.Unmarshal([]byte(`{"debug":`+debug+`}`), settings); err != nil {
			t.Fatal(err)
		}
		s := step(t, tenant)
		s.Debug = settings.Debug
		var log bytes.Buffer
		logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		if _, err := export(t, s, numbered("INV-"+debug), pipeline.WithLogger(logger)); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(log.String(), "mapping for Workday"); got != want {
			t.Errorf("debug %s: the mapping is logged: %v", debug, got)
		}
	}
}
