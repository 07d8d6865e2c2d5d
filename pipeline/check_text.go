package pipeline

import (
	"fmt"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/settings"
	"github.com/exportpipeline/exportpipeline/rossum"
)

func nearestOf(word string, known []string) string { return settings.Nearest(word, known) }

// didYouMean suggests the known name that a wrong one most likely meant, "" for none.
func didYouMean(name string, known []string) string {
	if near := settings.Nearest(name, known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return ""
}

// locate says which hook a finding is about, and where in its file.
func (f *Finding) locate(h *rossum.Hook) {
	if h == nil {
		return
	}
	f.Hook, f.File = h.String(), h.File
	switch {
	case f.Place == "config.code" && h.CodeFile != "":
		f.File, f.Line, f.TextLine = h.CodeFile, f.TextLine, 0
	case strings.HasPrefix(f.Place, "config."):
		f.Line, _ = h.Position(f.Place)
	default:
		f.Place = settings.Join("settings", f.Place)
		f.Line, _ = h.Position(f.Place)
	}
}
