package pipeline

import (
	"crypto/sha256"
	"testing"

	"github.com/exportpipeline/exportpipeline/rossum"
)

func TestASchemaThatIsReadHoldsNoOtherUp(t *testing.T) {
	t.Parallel()
	slow, other := sha256.Sum256([]byte("slow "+t.Name())), sha256.Sum256([]byte("other "+t.Name()))
	begun, release, done, reads := make(chan struct{}), make(chan struct{}), make(chan struct{}), 0
	go func() {
		defer close(done)
		_, err := sideloadedFacts(slow, func() (*rossum.Schema, error) {
			reads++
			close(begun)
			<-release
			return &rossum.Schema{}, nil
		})()
		if err != nil {
			t.Error(err)
		}
	}()
	<-begun
	if _, err := sideloadedFacts(other, func() (*rossum.Schema, error) { return &rossum.Schema{}, nil })(); err != nil {
		t.Error(err)
	}
	close(release)
	<-done
	if _, err := sideloadedFacts(slow, func() (*rossum.Schema, error) { reads++; return nil, nil })(); err != nil || reads != 1 {
		t.Errorf("the schema was read %d times, %v", reads, err)
	}
}
