package hostile

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/s3"
	"github.com/exportpipeline/exportpipeline/steps"
	"github.com/exportpipeline/exportpipeline/steps/requestprocessor"
	"github.com/exportpipeline/exportpipeline/workday"
	"github.com/exportpipeline/exportpipeline/workday/workdaytest"
)

// component is what an export calls, and whom.
type component struct {
	name string
	kind string // the media type of what it expects
	body string // what it expects
	well func(c *conn, r *http.Request) bool
	make func(t *testing.T, p *peer, base string) ([]pipeline.Step, []pipeline.Option)
	// repeats is how often a request that changes something may be made: those for tokens
	// change nothing.
	repeats int32
	// says are other words for faults, by their name or a part of it; the first one counts.
	says []saying
}

type saying struct {
	part  string // of the fault's name
	words []string
	// passes means that the export succeeds, and that its report has one of the words.
	passes bool
}

// saying returns what must be said of a fault.
func (c component) saying(f fault) saying {
	for _, s := range c.says {
		if strings.Contains(f.name, s.part) {
			return s
		}
	}
	return saying{words: f.says, passes: f.says == nil}
}

func step(s ...pipeline.Step) ([]pipeline.Step, []pipeline.Option) { return s, nil }

// accepted answers the call that a token was for.
func accepted(c *conn, r *http.Request) bool {
	if r.URL.Path != "/api" {
		return false
	}
	c.reply("201 Created", "", "{}")
	return true
}

func token(c *conn, r *http.Request) bool {
	if r.URL.Path != "/token" {
		return false
	}
	c.kind = "application/json"
	c.reply("200 OK", "", `{"access_token":"token-of-the-test"}`)
	return true
}

func processor(t *testing.T, text string) *requestprocessor.Step {
	s := new(requestprocessor.Step)
	if err := json.Unmarshal([]byte(text), s); err != nil {
		t.Error(err)
	}
	return s
}

func workdayStep(_ *testing.T, p *peer, base string) ([]pipeline.Step, []pipeline.Option) {
	protocol, _, _ := strings.Cut(base, ":")
	return step(&workday.Step{Configurations: []workday.Configuration{{
		WSDL: workday.WSDL{Domain: p.address, Tenant: workdaytest.TenantName, APIVersion: workdaytest.APIVersion, Protocol: protocol},
		Request: workday.Request{
			Service: "Resource_Management", Operation: "Submit_Supplier_Invoice", Mapping: json.RawMessage(`{"Supplier_Invoice_Data":{"Company_Reference":{}}}`),
		},
	}}})
}

const envelope = `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><r:Submit_Supplier_Invoice_Response ` +
	`xmlns:r="urn:com.workday/bsvc"/></e:Body></e:Envelope>`

var location = regexp.MustCompile(`(address location=")[^"]*(")`)

var notS3 = []string{"is not S3"}

var components = []component{
	{
		name: "REST API export: the API", kind: "application/json", body: `{"id":"7"}`, repeats: 1,
		says: []saying{
			{part: "sends nothing", words: []string{"file reply: 0 bytes"}, passes: true},
			{part: "100,000 keys", words: []string{"Data value extractor"}, passes: true}, // it makes those that are asked for
		},
		make: func(_ *testing.T, _ *peer, base string) ([]pipeline.Step, []pipeline.Option) {
			return step(
				&steps.RESTExport{
					Request:     steps.Request{URL: base + "/x", Content: "x"},
					PayloadKey:  "reply",
					StatusCodes: &steps.StatusCodes{Error: []int{101, 302, 307, 401, 429, 503}},
				},
				&steps.Extract{Sources: []steps.Source{{Format: "json", Key: "reply", Rules: []steps.ExtractRule{{Path: "id", TargetField: "found"}}}}},
			)
		},
	},
	{
		name: "REST API export: the token server", kind: "application/json", body: `{"access_token":"token-of-the-test"}`, repeats: 99, well: accepted,
		make: func(_ *testing.T, _ *peer, base string) ([]pipeline.Step, []pipeline.Option) {
			return step(
				&steps.RESTExport{Auth: &steps.Auth{URL: base + "/t", Data: json.RawMessage(`{"a":"b"}`)}, Request: steps.Request{URL: base + "/api"}},
			)
		},
	},
	{
		name: "Request Processor: the API", kind: "application/json", body: `{"id":"7"}`, repeats: 1, well: token,
		says: []saying{
			// The status of a reply alone does not fail the export.
			{part: "sends nothing", words: []string{"is empty"}, passes: true}, {part: "switches protocols", words: status(101), passes: true},
			{part: "to nowhere", words: status(302), passes: true}, {part: "error page", words: []string{"finds nothing"}, passes: true},
			{part: "refuses", words: status(401), passes: true}, {part: "hundred years", words: status(429), passes: true},
			{part: "never available", words: status(503), passes: true}, {part: "100,000 keys", words: []string{"finds nothing"}, passes: true},
		},
		make: func(t *testing.T, _ *peer, base string) ([]pipeline.Step, []pipeline.Option) {
			return step(
				processor(
					t,
					`{"stages":[{"call_api":[{"name":"c","request":{"url":"`+
						base+`/x","method":"POST","timeout":60,"content_type":"json","content":{"a":1}},
				"response_handlers":[{"target_type":"schema_id","target_key":"found","value":{"response.body":{"$jmespath":"id"}}}]}]}]}`,
				),
			)
		},
	},
	{
		name: "Request Processor: an API that answers in XML", kind: "application/xml", body: `<r><id>7</id></r>`, repeats: 1,
		says: []saying{
			{part: "version to come", words: []string{"Content-Type"}}, {part: "100,000 keys", words: []string{"too large to be read"}},
		},
		make: func(t *testing.T, _ *peer, base string) ([]pipeline.Step, []pipeline.Option) {
			return step(processor(t, `{"stages":[{"call_api":[{"name":"c","request":{"url":"`+base+`/x","method":"POST","timeout":60,"content":"a"},
				"response_handlers":[{"target_type":"schema_id","target_key":"found","value":{"response.body":{"$xmlpath":"./id"}}}]}]}]}`))
		},
	},
	{
		name: "Request Processor: the token server", kind: "application/json", body: `{"access_token":"token-of-the-test"}`, repeats: 99, well: accepted,
		make: func(t *testing.T, _ *peer, base string) ([]pipeline.Step, []pipeline.Option) {
			return step(
				processor(
					t,
					`{"stages":[{"call_api":[{"name":"c","auth":{"url":"`+base+`/t","method":"POST","credential_key":"access_token","content":{"p":"x"}},
				"request":{"url":"`+base+`/api","method":"POST","headers":{"Authorization":"Bearer {token}"}}}]}]}`,
				),
			)
		},
	},
	{
		name: "Workday: the WSDL", kind: "text/xml", body: string(workdaytest.WSDL()), repeats: 0, make: workdayStep,
		// What keeps from the tenant is said in Workday's own words.
		says: []saying{
			{part: "never available", words: []string{"Internal Workday server error", "waiting for the WSDL"}},
			{words: append(unreached, "the WSDL ")},
		},
	},
	{
		name: "Workday: the service", kind: "text/xml", body: envelope, repeats: 1, make: workdayStep,
		well: func(c *conn, r *http.Request) bool {
			if r.Method != http.MethodGet {
				return false
			}
			at := c.p.scheme() + "://" + c.p.address + "/ccx/service/" + workdaytest.TenantName + "/Resource_Management/" + workdaytest.APIVersion
			c.reply("200 OK", "", string(location.ReplaceAll(workdaytest.WSDL(), []byte("${1}"+at+"${2}"))))
			return true
		},
		says: []saying{{part: "100,000 keys", words: []string{"too large to be read"}}},
	},
	{
		name: "S3: the bucket", kind: "application/xml", body: ``, repeats: 9,
		// It must name what it has taken, and its client tries again.
		says: []saying{
			{part: "secured, and does nothing", words: notS3}, {part: "of unknown length", words: notS3}, {part: "of known length", words: notS3},
			{part: "wants a certificate of the client", words: append(lost, "TLS.Certificates", "certificate required")}, {part: "handshake again", words: []string{"no renegotiation"}},
			// It speaks HTTP/2; whether it knows of the end before it has sent its request is chance.
			{part: "HTTP/2 only", words: []string{"GOAWAY", "client conn could not be established"}},
			{part: "both a length and chunks", words: notS3},
			{part: "charset", words: notS3}, {part: "answers twice", words: notS3}, {part: "version to come", words: notS3}, {part: "something else as gzip", words: notS3},
			{part: "100,000 keys", words: notS3}, {part: "levels", words: notS3}, {part: "says success", words: notS3},
			{part: "gzip", words: []string{"XML syntax error"}}, {part: "beyond any memory", words: []string{"unexpected EOF"}},
		},
		make: func(_ *testing.T, _ *peer, base string) ([]pipeline.Step, []pipeline.Option) {
			return step(&sftpexport.Step{
				Backends:    map[string]sftpexport.Backend{"s3": s3.New(s3.Options{})},
				Credentials: sftpexport.Credentials{Type: "s3", Bucket: "bucket", Endpoint: base, Region: "us-east-1", PathStyle: true},
				Rules: []sftpexport.Rule{
					{Directory: "/", FilenameCollision: &sftpexport.Collision{Replace: true}, Objects: []sftpexport.Object{{Type: "document", Name: "1"}}},
				},
			})
		},
	},
	{
		name: "Rossum's API", kind: "application/json", body: `{"pagination":{"total":0},"results":[]}`, repeats: 0,
		says: []saying{{part: "100,000 keys", passes: true}}, // it reads those that it knows
		make: func(t *testing.T, _ *peer, base string) ([]pipeline.Step, []pipeline.Option) {
			client, err := rossum.NewClient(base, "token-of-the-test", rossum.ClientOptions{})
			if err != nil {
				return nil, nil // it refuses the address
			}
			return []pipeline.Step{&steps.Purge{}}, []pipeline.Option{pipeline.WithRossum(client), pipeline.WithStore(pipeline.InRossum())}
		},
	},
}
