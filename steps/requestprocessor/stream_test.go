package requestprocessor_test

import (
	"bytes"
	"encoding/base64"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
)

// The base64 of a large document is made while it is sent, and the JSON is the same as that
// of a small one, byte for byte.
func TestALargeDocumentInBase64LeavesAsASmallOneDoes(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 10_000, 1 << 20, 3<<20 + 1} {
		a := serve(t, nil)
		document := bytes.Repeat([]byte{'%', 0xff, 0, 'x', '"'}, size/5+1)[:size]
		r := run(t, a, invoice(madeUpToken), `{"stages":[{"call_api":[{"name":"c","request":{"url":"API/x","method":"POST","content_type":"json","content":
			{"a":"ü","files":[{"name":"1","data":"{base64(payload.document.content.@)}"},{"data":"{base64(payload.document.content.@)}","n":1.5}],"text":"<{base64(payload.document.content.@)}>"}}}]}]}`,
			pipeline.WithOriginal(pipeline.Bytes(document)))
		text := base64.StdEncoding.EncodeToString(document)
		want := `{"a": "\u00fc", "files": [{"name": "1", "data": "` + text + `"}, {"data": "` + text + `", "n": 1.5}], "text": "<` + text + `>"}`
		if r.Err != nil || len(a.seen) != 1 || a.seen[0].body != want {
			t.Errorf("%d bytes: %v, %d calls, the body differs", size, r.Err, len(a.seen))
		}
	}
}
