// Package raced tells tests whether the race detector is at work, under which large files and
// many schedules take ten times as long: such tests do a part then, and CI runs them whole
// without it, too.
package raced

import (
	"runtime/debug"
	"slices"
)

// Enabled reports whether the program was built with the race detector.
func Enabled() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.ContainsFunc(info.Settings, func(s debug.BuildSetting) bool { return s.Key == "-race" && s.Value == "true" })
}
