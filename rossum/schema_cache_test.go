package rossum

import (
	"fmt"
	"testing"
)

func TestASchemaIsReadOnceForAllCallsThatCarryIt(t *testing.T) {
	t.Parallel()
	body := func(label string) []byte {
		return fmt.Appendf(nil, `{"annotation":{"id":1,"schema":"s"},"schemas":[{"id":1,"url":"s","name":%q,"content":[]}]}`, label)
	}
	schema := func(label string) *Schema {
		p, err := ParsePayload(body(label))
		if err != nil {
			t.Fatal(err)
		}
		s, err := p.Schema()
		if err != nil || s == nil {
			t.Fatal(s, err)
		}
		return s
	}
	first := schema(t.Name())
	if again := schema(t.Name()); again != first {
		t.Error("the same schema was read twice")
	}
	if other := schema("another"); other == first || other.Name != "another" {
		t.Error("another schema was taken for the first")
	}
}

func TestASchemaThatIsBeingReadHoldsNoOtherUp(t *testing.T) {
	t.Parallel()
	var c schemaCache
	c.seed = sideloaded.seed
	begun, release, done, reads := make(chan struct{}), make(chan struct{}), make(chan struct{}), 0
	slow := func([]byte, string) (*Schema, error) {
		reads++
		close(begun)
		<-release
		return &Schema{}, nil
	}
	go func() {
		defer close(done)
		_, _ = c.get("s", []byte("slow"), slow)
	}()
	<-begun
	quick := func([]byte, string) (*Schema, error) { return &Schema{}, nil }
	for i := range maxSchemas {
		if _, err := c.get("s", fmt.Append(nil, i), quick); err != nil {
			t.Error(err)
		}
	}
	if len(c.byHash) > maxSchemas {
		t.Errorf("%d schemas are kept", len(c.byHash))
	}
	close(release)
	<-done
	for range 3 {
		if _, err := c.get("s", make([]byte, maxSchemaBytes/2+1), quick); err != nil {
			t.Error(err)
		}
		if _, err := c.get("s", make([]byte, maxSchemaBytes/2+2), quick); err != nil {
			t.Error(err)
		}
	}
	if reads != 1 || len(c.byHash) != 1 {
		t.Errorf("read %d times, %d large ones are kept", reads, len(c.byHash))
	}
}
