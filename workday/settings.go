package workday

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/jsontemplate"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/settings"
)

// Step exports an annotation into Workday ("Workday export"). Its settings are
// those of Rossum's Workday connector; the user's name and password are the hook's
// secrets workday_username and workday_password.
//
// What [pipeline.New] compiles of it keeps the WSDLs that it has fetched, and may be
// used by any number of exports at the same time.
type Step struct {
	// Configurations are tried in order: the first that fits the annotation's queue
	// runs, and only that one.
	Configurations []Configuration `json:"configurations"`
	// Debug has the rendered mapping logged at debug level, without files. Rossum's
	// connector takes the key, too, and does nothing with it.
	Debug bool `json:"debug"`

	// WSDLLifetime is how long a WSDL is kept, an hour if 0.
	WSDLLifetime time.Duration `json:"-"`
	// CacheDir keeps WSDLs in files of a directory, which is made if it is not there, so
	// that a program that starts again neither fetches nor parses them within their
	// WSDLLifetime. Processes may share it. A file that is too old, damaged, from another
	// version of this package, or about another address is passed over and written anew;
	// where none can be written, exports go on without, and their reports say so. A WSDL
	// holds no secrets, but decides what is sent: nobody else should write there.
	CacheDir string `json:"-"`

	compiled *compiled
}

// Configuration is one way into Workday.
type Configuration struct {
	// Queues are the queues that it is for, by number or URL; nil means all.
	Queues []Queue `json:"queues"`
	// ExcludedQueues are those that it is not for.
	ExcludedQueues []Queue `json:"excluded_queues"`
	WSDL           WSDL    `json:"wsdl"`
	Request        Request `json:"request"`
	// ResultField is a field that gets the new object's ID, and
	// ResultWIDSchemaID one that gets its WID. These keys are ours.
	ResultField    string `json:"result_schema_id"`
	ResultWIDField string `json:"result_wid_schema_id"`
}

// Queue is the number of a queue. In JSON it may also be a text, or the queue's URL.
type Queue int64

// UnmarshalJSON reads a number, a text of digits, or a URL that ends in one.
func (q *Queue) UnmarshalJSON(data []byte) error {
	text := strings.TrimSpace(string(data))
	var quoted string
	if json.Unmarshal(data, &quoted) == nil {
		text = strings.TrimRight(quoted, "/")
		text = text[strings.LastIndexByte(text, '/')+1:]
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n <= 0 {
		return fmt.Errorf("%s is not a queue: give its number or URL", data)
	}
	*q = Queue(n)
	return nil
}

// WSDL says where a tenant's services are.
type WSDL struct {
	Domain     string `json:"domain"` // of the web services, such as wd3-impl-services1.workday.com
	Tenant     string `json:"tenant"`
	APIVersion string `json:"api_version"` // such as v42.2
	Protocol   string `json:"protocol"`    // "https" if ""
	// Hosts are further hosts that the WSDL may send calls to. Without them it must
	// be the domain itself. The key is ours.
	Hosts []string `json:"hosts"`
}

// Request is the call.
//
// In Go a mapping may be a map, or [json.RawMessage] or []byte with the text.
type Request struct {
	Service   string `json:"service"`   // such as Resource_Management
	Operation string `json:"operation"` // such as Submit_Supplier_Invoice
	// Mapping is the body as a JSON template; see the package documentation.
	Mapping any `json:"mapping"`
	// TimeoutS bounds the call in seconds, 900 if 0; the hook's own time-out holds
	// besides. The key is ours.
	TimeoutS float64 `json:"timeout_s"`
}

var (
	_ pipeline.Step      = (*Step)(nil)
	_ pipeline.Compiler  = (*Step)(nil)
	_ pipeline.Validator = (*Step)(nil)
	_ pipeline.Namer     = (*Step)(nil)
)

// compiled is a checked Step.
type compiled struct {
	configurations []*configuration
	documents      *documents
}

type configuration struct {
	*Configuration
	place   string
	mapping *jsontemplate.Template
}

// UnmarshalJSON decodes settings strictly.
func (s *Step) UnmarshalJSON(data []byte) error { return settings.Decode(data, s) }

// Name returns "Workday export".
func (s *Step) Name() string { return "Workday export" }

// Compile checks the settings and returns what runs, with WSDLs of its own. It joins
// all faults.
func (s *Step) Compile() (pipeline.Program, error) {
	built := *s
	var err error
	built.compiled, err = s.compile()
	return &built, err
}

// Validate checks the settings. It joins all faults.
func (s *Step) Validate() error {
	_, err := s.compile()
	return err
}

func (s *Step) compile() (*compiled, error) {
	var faults settings.Faults
	c := &compiled{documents: newDocuments(s.WSDLLifetime, s.CacheDir)}
	if len(s.Configurations) == 0 {
		faults.Add("configurations", "is missing or empty: there is nothing to export with")
	}
	if s.WSDLLifetime < 0 {
		faults.Add("WSDLLifetime", "is negative")
	}
	for i := range s.Configurations {
		c.configurations = append(c.configurations, s.Configurations[i].compile(&faults, settings.Index("configurations", i)))
	}
	return c, faults.Err()
}

func (c *Configuration) compile(faults *settings.Faults, place string) *configuration {
	at := func(key string) string { return settings.Join(place, key) }
	for _, q := range c.Queues {
		if slices.Contains(c.ExcludedQueues, q) {
			faults.Add(at("excluded_queues"), "queue %d is in queues, too", q)
		}
	}
	if c.Queues != nil && len(c.Queues) == 0 {
		faults.Add(at("queues"), "is empty, so no queue ever fits; leave it out for all queues")
	}
	c.WSDL.check(faults, at("wsdl"))
	checkName(faults, at("request.service"), c.Request.Service)
	checkName(faults, at("request.operation"), c.Request.Operation)
	if c.Request.TimeoutS < 0 || c.Request.TimeoutS > 86400 {
		faults.Add(at("request.timeout_s"), "%v is not a number of seconds up to a day", c.Request.TimeoutS)
	}
	if c.ResultField != "" && c.ResultField == c.ResultWIDField {
		faults.Add(at("result_wid_schema_id"), "is the same as result_schema_id")
	}
	made := &configuration{Configuration: c, place: place}
	mapping, err := settings.JSON(c.Request.Mapping)
	switch {
	case err != nil:
		faults.AddErr(at("request.mapping"), err)
		return made
	case mapping == nil:
		faults.Add(at("request.mapping"), "is missing")
		return made
	}
	made.mapping, err = jsontemplate.Compile(mapping, jsontemplate.Options{Place: at("request.mapping"), Resources: true})
	faults.AddErr("", err)
	return made
}

// check checks the parts that make up the URL: none may change another.
func (w *WSDL) check(faults *settings.Faults, place string) {
	at := func(key string) string { return settings.Join(place, key) }
	switch u, err := url.Parse("https://" + w.Domain); {
	case w.Domain == "":
		faults.Add(at("domain"), "is missing")
	case strings.Contains(w.Domain, "://"):
		faults.Add(at("domain"), "%q has a protocol; give the host alone", w.Domain)
	case err != nil || u.Host != w.Domain || u.Hostname() == "":
		faults.Add(at("domain"), "%q is not a host", w.Domain)
	}
	checkName(faults, at("tenant"), w.Tenant)
	checkName(faults, at("api_version"), w.APIVersion)
	if w.Protocol != "" && w.Protocol != "https" && w.Protocol != "http" {
		faults.Add(at("protocol"), "%q is unknown (expected https or http)", w.Protocol)
	}
	for i, host := range w.Hosts {
		if u, err := url.Parse("https://" + host); err != nil || u.Host != host || host == "" {
			faults.Add(settings.Index(at("hosts"), i), "%q is not a host", host)
		}
	}
}

func checkName(faults *settings.Faults, place, value string) {
	switch {
	case value == "":
		faults.Add(place, "is missing")
	case strings.Trim(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") != "" || strings.Trim(value, ".") == "":
		faults.Add(place, "%q is not a name of letters, digits, _, - and points", value)
	}
}

// address is where a service's WSDL is.
func (w *WSDL) address(service string) string {
	protocol := w.Protocol
	if protocol == "" {
		protocol = "https"
	}
	return protocol + "://" + w.Domain + "/ccx/service/" + w.Tenant + "/" + service + "/" + w.APIVersion + "?wsdl"
}

// fits reports whether a configuration is for a queue.
func (c *Configuration) fits(queue int64) bool {
	return (c.Queues == nil || slices.Contains(c.Queues, Queue(queue))) && !slices.Contains(c.ExcludedQueues, Queue(queue))
}

func (r *Request) timeout() time.Duration {
	if r.TimeoutS == 0 {
		return defaultTimeout
	}
	return time.Duration(r.TimeoutS * float64(time.Second))
}
