package components_test

import (
	"net"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/sftpexport"
)

// No component so much as connects to a private address behind a name, where the program
// allows public ones only; and the same component does without that option. The test has the
// resolver of the process, so that nothing runs beside it.
func TestNoComponentConnectsToAPrivateAddressBehindAName(t *testing.T) { //nolint:paralleltest // see above
	before := net.DefaultResolver
	net.DefaultResolver = newNameServer(t, map[string][][]netip.Addr{"inside": {{netip.MustParseAddr("127.0.0.1")}}})
	defer func() { net.DefaultResolver = before }()

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var accepted atomic.Int32
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted.Add(1)
			_ = c.Close()
		}
	})
	defer accepting.Wait()
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	number, _ := strconv.Atoi(port)
	for component, chained := range map[string][]pipeline.Step{
		"REST": nil, "REST token": nil, "processor": nil, "Workday": nil, "S3": nil,
		"SFTP": {&sftpexport.Step{
			Rules:       []sftpexport.Rule{{Directory: "/", Objects: []sftpexport.Object{{Type: "document", Name: "1"}}}},
			Credentials: sftpexport.Credentials{Type: "sftp", Host: "inside.test", Port: sftpexport.Port(number), Username: "u", InsecureIgnoreHostKey: true},
		}},
	} {
		if chained == nil {
			chained = canarySteps(t, "http://inside.test:"+port)[component]
		}
		for _, public := range []bool{true, false} {
			accepted.Store(0)
			chain, err := pipeline.New(chained...)
			if err != nil {
				t.Fatal(component, err)
			}
			options := []pipeline.Option{
				pipeline.WithRossum(nil),
				pipeline.WithOriginal(pipeline.Bytes("x")),
				pipeline.WithLogger(nil),
				pipeline.WithTimeout(2 * time.Second),
			}
			if public {
				options = append(options, pipeline.WithPublicAddressesOnly())
			}
			_, _ = chain.Export(
				t.Context(),
				exported("t", "hook-secret", "login-secret").With(rossumtest.Secret("password", "pass-word")).Payload(),
				options...)
			if err := chain.Close(); err != nil {
				t.Error(err)
			}
			if connected := accepted.Load() > 0; connected == public {
				t.Errorf("%s, public addresses only %v: %d connections", component, public, accepted.Load())
			}
		}
	}
}
