package httpcall

import (
	_ "embed" // contenttypes.txt
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/onuse"
)

// contentTypes are what Python's mimetypes knows without the files of a machine, and the
// types of offices that it leaves to those.
//
//go:embed contenttypes.txt
var contentTypes string

var contentTypeOf onuse.Value[map[string]string]

// ContentTypeOf returns the type that the extension of a file's name stands for, "" if it is
// not known. It is the same on every machine. Texts are UTF-8.
func ContentTypeOf(name string) string {
	known := contentTypeOf.Get(func() map[string]string {
		all := make(map[string]string)
		for line := range strings.Lines(contentTypes) {
			extension, kind, _ := strings.Cut(strings.TrimSpace(line), " ")
			all[extension] = kind
		}
		return all
	})
	at := strings.LastIndexByte(name, '.')
	if at < 0 {
		return ""
	}
	kind := known[strings.ToLower(name[at+1:])]
	if strings.HasPrefix(kind, "text/") {
		kind += "; charset=utf-8"
	}
	return kind
}
