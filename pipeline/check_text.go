package pipeline

import (
	"fmt"

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

// locate says which hook a finding is about.
func (f *Finding) locate(h *rossum.Hook) {
	if h != nil {
		f.Hook = h.String()
	}
}
