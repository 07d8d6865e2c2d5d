package requestprocessor

import (
	"slices"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/settings"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// Step runs the stages of a Request Processor on an export.
//
// Fields of type any are JSON in a hook's settings; in Go they may be maps, lists, texts, or
// [json.RawMessage], which keeps the order of the keys.
//
// [pipeline.New] compiles it, and leaves the Step as it is. What was compiled serves any
// number of exports at the same time; what they share is the cache of tokens.
type Step struct {
	// Stages run one after the other.
	Stages []Stage `json:"stages"`
	// Debugging logs every reply with its status and the beginning of its body.
	Debugging bool `json:"debugging"`
	// Events are those that the step runs on, such as annotation_content.export, or
	// annotation_content for all its actions. nil means exports, and invocations by
	// hand or by a schedule. It is not a key of the settings: a hook has its own list.
	Events []string `json:"-"`
	// CompactJSON writes objects and lists of replies to fields as JSON without blanks
	// and with all characters as they are. Without it fields get what the engine gives
	// them: an object as Python's json.dumps writes it, {"a": [1, "\u00fc"]}, and a list
	// as Python prints it, ['a', 1]. It is not a key of the settings.
	CompactJSON bool `json:"-"`

	compiled *program
}

// Stage is a part of the work: conditions, what is needed, and calls. Each of the
// three may be missing.
type Stage struct {
	// Evaluate are conditions that must all be true, or the stage is skipped.
	Evaluate []Evaluate `json:"evaluate"`
	// GetContent stores what the calls need under names of property.
	GetContent []GetContent `json:"get_content"`
	// CallAPI are the calls, one after the other.
	CallAPI []Call `json:"call_api"`
}

// Evaluate is a condition with a name for the report.
type Evaluate struct {
	Name string `json:"name"`
	// Condition is an object of paths with operators ($eq, $ne, $gt, $gte, $lt, $lte,
	// $in, $nin, $exists, $regex, $size), $and and $or.
	Condition any `json:"condition"`
}

// GetContent stores something as property.<name>: one match as itself, several as a
// list, none as an empty list.
type GetContent struct {
	Name string `json:"name"`
	// Source is relation, relation_content, parent_relation, parent_relation_content,
	// document_relation, document_relation_content or explicit.
	Source ContentSource `json:"source"`
	// Query is a condition on the relations, or for explicit a list of templates.
	Query any `json:"query"`
}

// ContentSource is where a [GetContent] gets something from.
type ContentSource string

// The sources of content: the relations of the annotation and its parents, the files of its
// document relations, each as objects of Rossum's API or with what is in them, and a list
// of templates.
const (
	SourceRelation                ContentSource = "relation"
	SourceRelationContent         ContentSource = "relation_content"
	SourceParentRelation          ContentSource = "parent_relation"
	SourceParentRelationContent   ContentSource = "parent_relation_content"
	SourceDocumentRelation        ContentSource = "document_relation"
	SourceDocumentRelationContent ContentSource = "document_relation_content"
	SourceExplicit                ContentSource = "explicit"
)

// Call is an API call with what is done with its reply.
type Call struct {
	Name    string  `json:"name"`
	Auth    *Auth   `json:"auth"` // nil for none
	Request Request `json:"request"`
	// Priority are tried in order until one has handled the reply.
	Priority []Handler `json:"priority_response_handlers"`
	// Handlers all get the reply, after Priority.
	Handlers []Handler `json:"response_handlers"`
}

// Request is what is sent. All its texts are templates.
type Request struct {
	URL    string `json:"url"`
	Method string `json:"method"` // GET, POST, PUT, PATCH or DELETE
	// Content is the body; ContentType says how it is sent: json, form, files,
	// multipart, or as it is if it is "" or raw.
	Content     any               `json:"content"`
	ContentType string            `json:"content_type"`
	Headers     map[string]string `json:"headers"`
	// Params is an object of query parameters; a list repeats one, null leaves it out.
	Params any `json:"params"`
	// TimeoutS is in seconds, 10 if 0: for the connection, and between two signs of
	// life, as Python's requests has it.
	TimeoutS int `json:"timeout"`
	// IgnoreTimeout makes a time-out of the request no fault.
	IgnoreTimeout bool `json:"ignore_timeout"`
	// IterateOver is the path of a list; the request is made for each element, which
	// is called IterationItemName, "item" if that is "".
	IterateOver       string `json:"iterate_over"`
	IterationItemName string `json:"iteration_item_name"`
}

// Handler takes a value out of a reply and stores it.
type Handler struct {
	// Condition may look at response, at found_value, and at what a stage's condition
	// can; nil for none.
	Condition any `json:"condition"`
	// TargetType is schema_id, property or document_relation.
	TargetType TargetType `json:"target_type"`
	// TargetKey may have {sequence} in it.
	TargetKey string `json:"target_key"`
	// Value is one path into the reply with one of $jmespath, $xmlpath and $regex,
	// such as {"response.body": {"$jmespath": "id"}}.
	Value map[string]map[string]string `json:"value"`
}

// TargetType is where a [Handler] puts what it finds.
type TargetType string

// The targets of a [Handler].
const (
	TargetSchemaID         TargetType = "schema_id"         // a field
	TargetProperty         TargetType = "property"          // property.<target_key>, for later calls
	TargetDocumentRelation TargetType = "document_relation" // a file by reference key
)

// AuthType is how a call proves who it is from.
type AuthType string

// The types of an [Auth].
const (
	AuthBearer                   AuthType = "bearer"
	AuthOAuth1                   AuthType = "oauth1"
	AuthOAuth2PrivateCertificate AuthType = "oauth2_private_certificate"
)

// Auth says how a call proves who it is from. Which keys it may have depends on
// Type; all texts are templates.
type Auth struct {
	Type AuthType `json:"type"` // bearer if "", oauth1 or oauth2_private_certificate

	// bearer, and URL also for oauth2_private_certificate.
	URL            string            `json:"url"`
	Method         string            `json:"method"`
	ContentType    string            `json:"content_type"` // json, or else a form
	Content        any               `json:"content"`
	Headers        map[string]string `json:"headers"`
	Params         any               `json:"params"`
	CredentialPath string            `json:"credential_key"` // path of the token in the answer

	// oauth1.
	ConsumerKey     string `json:"consumer_key"`
	ConsumerSecret  string `json:"consumer_secret"`
	TokenKey        string `json:"token_key"`
	TokenSecret     string `json:"token_secret"`
	Realm           string `json:"realm"`
	SignatureMethod string `json:"signature_method"` // HMAC-SHA256 if "", or HMAC-SHA1

	// oauth2_private_certificate.
	ClientID              string `json:"client_id"`
	CertificateID         string `json:"certificate_id"`
	PrivateCertificate    string `json:"private_certificate"` // RSA key in PEM
	Scope                 any    `json:"scope"`               // text or list, ["rest_webservices"] if nil
	SignatureAlgorithm    string `json:"signature_algorithm"` // PS256 if ""
	AssertionExpiry       int    `json:"assertion_expiry"`    // seconds, 3600 if 0
	Audience              string `json:"audience"`            // URL if ""
	GrantType             string `json:"grant_type"`
	ClientAssertionType   string `json:"client_assertion_type"`
	AdditionalClaims      any    `json:"additional_claims"`
	AdditionalTokenParams any    `json:"additional_token_params"`
}

var (
	_ pipeline.Step      = (*Step)(nil)
	_ pipeline.Compiler  = (*Step)(nil)
	_ pipeline.Validator = (*Step)(nil)
	_ pipeline.Listener  = (*Step)(nil)
)

// UnmarshalJSON decodes a hook's settings strictly.
func (s *Step) UnmarshalJSON(data []byte) error { return settings.Decode(data, s) }

// Name returns "Request Processor".
func (s *Step) Name() string { return "Request Processor" }

// ListensTo reports whether the step runs on an event; see [Step.Events].
func (s *Step) ListensTo(event, action string) bool {
	if event == "" {
		return true // a payload that a test makes by hand may name none
	}
	events := s.Events
	if events == nil {
		events = []string{rossum.EventAnnotationContent + "." + rossum.ActionExport, "invocation"}
	}
	return slices.Contains(events, event) || slices.Contains(events, event+"."+action)
}

// Compile checks the settings and returns what runs, with a cache of tokens of its
// own. It joins all faults.
func (s *Step) Compile() (pipeline.Program, error) {
	compiled, err := s.compile()
	if err != nil {
		return nil, err
	}
	built := *s
	built.compiled = compiled
	return &built, nil
}

// Validate checks the settings. It joins all faults.
func (s *Step) Validate() error {
	_, err := s.compile()
	return err
}
