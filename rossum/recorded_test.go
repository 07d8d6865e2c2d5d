package rossum_test

import (
	"testing"

	"github.com/exportpipeline/exportpipeline/rossum"
)

// TestTheContentHashStaysTheSame has hashes that programs of the same release compare:
// an older one and a newer one must take a repeated call for the same.
func TestTheContentHashStaysTheSame(t *testing.T) {
	t.Parallel()
	const content = `[{"id":2,"schema_id":"s","category":"section","children":[ ]}]`
	for body, want := range map[string]string{
		`{"request_id":"a","timestamp":"1","hook":"h","settings":{"a": 1},"schemas":[ ],"rossum_authorization_token":"t","secrets":{"s":"x"},"queues":[1],` +
			`"annotation":{"url":"u","status":"x","content":` + content + `,"id":1,"metadata":{ "a":"\u00e9"},"labels":null,"queue":"q","sch\u0065ma":"s"}}`: "4bbe0bc6e2ecf6ee3726e332f4abb183a49685707dba693fd47ed2d192421de1",
		`{"annotation":{"id":1,"content":"https://x.example/content"},"own":7}`: "a346270406c6ad7e0a05aaa9f0d0b2ab54194657faf3c14a8bc80538557f7024",
		`{"annotation" : {"id":1}}`: "2d992d9f4fa7adb0b08b57f9008aced8e64292713104578010dc3b6dd35b7126",
	} {
		p, err := rossum.ParsePayload([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		if got := p.ContentHash(); got != want {
			t.Errorf("%s\n got %s\nwant %s", body, got, want)
		}
	}
	made := &rossum.Payload{Settings: []byte(`{"a":1}`), Annotation: &rossum.Annotation{ID: 7}}
	if got := made.ContentHash(); got != "06cd9e5071ad503442af4347db494476b884f794bad3db5a4d4f6dcd1b9b3463" {
		t.Errorf("got %s for a payload that was not parsed", got)
	}
}
