package temporalrun

import (
	"bytes"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	"google.golang.org/protobuf/proto"

	"github.com/exportpipeline/exportpipeline/pipeline"
)

// FuzzOpen reads what a workflow carries, and what a history has. What was sealed opens as it
// was; what says that it was sealed, and was not, or was changed, is refused; the rest stays as
// it is.
func FuzzOpen(f *testing.F) {
	codec, err := Sealed(pipeline.SealKey{ID: "a", Secret: bytes.Repeat([]byte{7}, 32)})
	if err != nil {
		f.Fatal(err)
	}
	e := &Engine{o: Options{Codec: codec}}
	sealed, err := e.seal([]byte(`{"api_key":"k"}`))
	if err != nil {
		f.Fatal(err)
	}
	plain, err := proto.Marshal(&commonpb.Payload{Metadata: map[string][]byte{encodingKey: []byte("json/plain")}, Data: []byte(`{"run":{}}`)})
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`{"api_key":"k"}`), sealed)
	f.Add([]byte{}, plain)
	f.Add([]byte("x"), sealed[:len(sealed)-1])
	f.Fuzz(func(t *testing.T, secrets, carried []byte) {
		own, err := e.seal(secrets)
		if err != nil {
			t.Fatal(err)
		}
		if opened, err := e.open(own); err != nil || !bytes.Equal(opened, secrets) {
			t.Fatalf("%q was sealed and opens as %q, %v", secrets, opened, err)
		}
		empty, err := e.seal(nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(secrets) > 7 && bytes.Contains(own, secrets) && !bytes.Contains(empty, secrets) { // it is a piece of the envelope
			t.Errorf("%q can be read in what is carried", secrets)
		}
		opened, err := e.open(carried)
		p := new(commonpb.Payload)
		switch {
		case proto.Unmarshal(carried, p) != nil:
			if err == nil {
				t.Errorf("%q opens as %q", carried, opened)
			}
		case string(p.GetMetadata()[encodingKey]) != sealEncoding:
			if err != nil || !bytes.Equal(opened, p.GetData()) {
				t.Errorf("%q was not sealed, and opens as %q, %v", carried, opened, err)
			}
		case err == nil && string(opened) != `{"api_key":"k"}`:
			t.Errorf("%q opens as %q, and nobody sealed it", carried, opened)
		}
	})
}
