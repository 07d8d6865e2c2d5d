package components_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/s3"
	"github.com/exportpipeline/exportpipeline/steps"
	"github.com/exportpipeline/exportpipeline/steps/requestprocessor"
	"github.com/exportpipeline/exportpipeline/workday"
)

// Whatever component calls, and through whatever client, the program's bounds hold, and
// nothing arrives at a host outside of them.
func TestEveryComponentKeepsToTheHostsThatTheProgramAllows(t *testing.T) {
	t.Parallel()
	arrived := 0
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { arrived++ }))
	defer s.Close()
	host := strings.TrimPrefix(s.URL, "http://")
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	rule := sftpexport.Rule{Directory: "/", Objects: []sftpexport.Object{{Type: "document", Name: "1"}}}
	name, port, _ := strings.Cut(host, ":")
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	for step, made := range map[string]pipeline.Step{
		"REST":       &steps.RESTExport{Request: steps.Request{URL: s.URL, Content: "x"}},
		"REST token": &steps.RESTExport{Auth: &steps.Auth{URL: s.URL}, Request: steps.Request{URL: s.URL, Content: "x"}},
		"processor": &requestprocessor.Step{Stages: []requestprocessor.Stage{{CallAPI: []requestprocessor.Call{{
			Name: "c", Request: requestprocessor.Request{URL: s.URL, Method: "GET"},
		}}}}},
		"Workday": &workday.Step{Configurations: []workday.Configuration{{
			WSDL:    workday.WSDL{Domain: host, Tenant: "t", APIVersion: "v1", Protocol: "http"},
			Request: workday.Request{Service: "S", Operation: "O", Mapping: []byte(`{}`)},
		}}},
		"S3": &sftpexport.Step{Backends: map[string]sftpexport.Backend{"s3": s3.New(s3.Options{})}, Rules: []sftpexport.Rule{rule},
			Credentials: sftpexport.Credentials{Type: "s3", Bucket: "bucket", Endpoint: s.URL, Region: "us-east-1", PathStyle: true}},
		"SFTP": &sftpexport.Step{
			Rules:       []sftpexport.Rule{rule},
			Credentials: sftpexport.Credentials{Type: "sftp", Host: name, Port: sftpexport.Port(number), Username: "u", InsecureIgnoreHostKey: true},
		},
	} {
		for bound, option := range map[string]pipeline.Option{
			"other hosts": pipeline.WithOnlyHosts("erp.example"), "no host": pipeline.WithOnlyHosts(),
			"public addresses": pipeline.WithPublicAddressesOnly(),
		} {
			for client, h := range map[string]*http.Client{"our own": nil, "the program's": {Transport: transport}} {
				call := rossumtest.Annotation(rossumtest.Offline())
				for _, secret := range []string{"password", "access_key_id", "secret_access_key", "workday_username", "workday_password"} {
					call.With(rossumtest.Secret(secret, "not-a-secret"))
				}
				chain, err := pipeline.New(made)
				if err != nil {
					t.Fatal(step, err)
				}
				var response *rossum.Response
				response, err = chain.Export(
					t.Context(),
					call.Payload(),
					option,
					pipeline.WithHTTPClient(h),
					pipeline.WithOriginal(pipeline.Bytes("x")),
				)
				said := ""
				if response != nil {
					for _, m := range response.Messages {
						said += m.Content
					}
				}
				if err != nil {
					said += err.Error()
				}
				// The Workday connector has one message for all that keeps it from its tenant.
				if !strings.Contains(said, "address is not allowed") && !strings.Contains(said, "Could not connect to Workday") || arrived > 0 {
					t.Errorf("%s, %s, client %s: %q, %d calls arrived", step, bound, client, said, arrived)
				}
			}
		}
	}
}
