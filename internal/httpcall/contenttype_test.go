package httpcall

import (
	"encoding/json"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/oracle"
)

func TestTheContentTypeOfANameIsFixed(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"a.csv": "text/csv; charset=utf-8", "A.CSV": "text/csv; charset=utf-8", "a.b.xml": "text/xml; charset=utf-8", "a.json": "application/json",
		"a.xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "a.pdf": "application/pdf", "a.tif": "image/tiff", ".txt": "text/plain; charset=utf-8",
		"a.msg": "", "a.edi": "", "a": "", "": "", "a.": "", "csv": "", "a.csv ": "", "a.csv.": "", "dir.csv/name": "",
	} {
		if got := ContentTypeOf(name); got != want {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
	}
}

// Python's own table has nothing else, but for what its later versions call JavaScript.
func TestContentTypesAreThoseOfPython(t *testing.T) {
	t.Parallel()
	python := oracle.Need(t)
	out, err := python.Command("-c", "import json, mimetypes; print(json.dumps(mimetypes.MimeTypes(filenames=()).types_map[True]))").Output()
	if err != nil {
		t.Fatal(err)
	}
	var known map[string]string
	if err := json.Unmarshal(out, &known); err != nil {
		t.Fatal(err)
	}
	if len(known) < 100 {
		t.Fatalf("%d types", len(known))
	}
	for extension, want := range known {
		if extension == ".js" || extension == ".mjs" {
			continue
		}
		if len(want) > 5 && want[:5] == "text/" {
			want += "; charset=utf-8"
		}
		if got := ContentTypeOf("name" + extension); got != want {
			t.Errorf("%s is %q, Python says %q", extension, got, want)
		}
	}
}
