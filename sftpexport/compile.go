package sftpexport

import (
	"fmt"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/jsontemplate"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/settings"
	"github.com/exportpipeline/exportpipeline/sftpexport/internal/naming"
)

// compiled is a checked Step, and the connections that its exports share.
type compiled struct {
	rules      []rule
	hostKeys   *hostKeys // nil for a backend
	algorithms algorithms
	shared     *shared
}

// rule is a compiled Rule.
type rule struct {
	place     string
	directory *pattern
	condition *jsontemplate.Template
	objects   []object
	done      *pattern // nil if there is none
	collision CollisionRule
	named     map[string]Variable
}

// object is a compiled Object.
type object struct {
	Object
	place     string
	name      *pattern
	extension string // that tells two formats with one name apart
	collision CollisionRule
	named     map[string]Variable
}

// Compile checks the settings and returns what runs, with connections of its own. It
// joins all faults.
func (s *Step) Compile() (pipeline.Program, error) {
	built := *s
	var err error
	built.compiled, err = s.build()
	return &built, err
}

// build checks the settings and makes what exports share.
func (s *Step) build() (*compiled, error) {
	c, err := s.compile()
	c.shared = newShared()
	if backend := s.Backends[s.Credentials.Type]; backend != nil && err == nil {
		c.shared.backend = backend(s.Credentials)
	}
	return c, err
}

// Validate checks the settings. It joins all faults.
func (s *Step) Validate() error {
	_, err := s.compile()
	return err
}

func (s *Step) compile() (*compiled, error) {
	var faults settings.Faults
	c := new(compiled)
	c.hostKeys, c.algorithms = s.Credentials.check(&faults, s)
	switch {
	case s.Commit != "" && s.Commit != CommitRename && s.Commit != CommitInPlace:
		faults.Add("commit", "%q is unknown (expected rename or in_place)", s.Commit)
	case s.Commit != "" && s.Credentials.Type == "s3":
		faults.Add("commit", "belongs to an SFTP server; objects appear whole at once")
	}
	for _, spoken := range []struct {
		place string
		v     SFTPVersion
	}{{"sftp_version", s.ProtocolVersion}, {"credentials.sftp_version", s.Credentials.ProtocolVersion}} {
		if !spoken.v.isKnown() { // which JSON says itself
			faults.Add(spoken.place, "%d is not a version of SFTP that can be spoken; expected 3 to 6", spoken.v)
		}
	}
	if s.MaxConnections < 0 {
		faults.Add("max_connections", "%d is negative", s.MaxConnections)
	}
	if s.Source != "" && s.Source != NativeLocal && s.Source != NativeRossum {
		faults.Add("annotation_content_source", "%q is unknown (expected local or rossum)", s.Source)
	}
	for i, r := range s.rules(&faults) {
		place := settings.Index("export_rules", i)
		if s.Rules == nil {
			place = ""
		}
		c.rules = append(c.rules, r.compile(&faults, place, s))
	}
	tellApart(&faults, c.rules)
	return c, faults.Err()
}

const howToTellApart = "tell them apart by another filename_template or directory, or let filename_collision number them"

// tellApart looks for objects that always get one name. Native exports in several
// formats get an extension each; others are faults.
func tellApart(faults *settings.Faults, rules []rule) {
	seen := make(map[string]*object)
	for i := range rules {
		r := &rules[i]
		for j := range r.objects {
			o := &r.objects[j]
			if r.condition != nil || o.collision == CollisionNumber {
				continue
			}
			key := r.directory.key(r.named) + "/" + o.name.key(o.named)
			if o.Type == ObjectDocument {
				key += ".*" // the original's extension
			}
			other := seen[key]
			if other != nil && o.Format != "" && other.Format != "" && o.Format != other.Format {
				o.extension, other.extension = "."+string(o.Format), "."+string(other.Format)
				key += o.extension
				other = seen[key]
			}
			if other != nil {
				faults.Add(o.name.place, "gives the same name as %s; %s", other.name.place, howToTellApart)
			}
			seen[key] = o
		}
	}
}

// rules returns the rules of either shape.
func (s *Step) rules(faults *settings.Faults) []Rule {
	older := s.Path != "" || s.Exports != nil
	switch {
	case older && s.Rules != nil:
		faults.Add("export_rules", "conflicts with path and exports, which are the older form of it; keep one of them")
	case older:
		return []Rule{{Directory: s.Path, Objects: s.Exports, FilenameCollision: s.FilenameCollision}}
	case len(s.Rules) == 0:
		faults.Add("export_rules", "is missing: there is nothing to export")
	}
	return s.Rules
}

func (r Rule) compile(faults *settings.Faults, place string, s *Step) rule {
	pathKey, objectsKey := "path_to_directory", "export_object_configurations"
	if s.Rules == nil {
		pathKey, objectsKey = "path", "exports"
	}
	c := rule{place: place, named: make(map[string]Variable)}
	addVariables(faults, c.named, "template_variables", s.Variables)
	addVariables(faults, c.named, settings.Join(place, "template_variables"), r.Variables)
	collision := r.FilenameCollision
	if collision == nil {
		collision = s.FilenameCollision
	}
	collision.check(faults, settings.Join(place, "filename_collision"))
	c.collision = collision.rule()
	c.directory = compilePattern(faults, settings.Join(place, pathKey), r.Directory)
	if c.directory.counts(c.named) {
		faults.Add(settings.Join(place, pathKey), "{seq} counts within a directory, as every sequence does, and cannot name one")
	}
	if r.Condition != "" {
		t, err := jsontemplate.CompileString(r.Condition, jsontemplate.Options{Place: settings.Join(place, "condition")})
		faults.AddErr("", err)
		c.condition = t
	}
	if len(r.Objects) == 0 {
		faults.Add(settings.Join(place, objectsKey), "is missing: there is nothing to export")
	}
	for i, o := range r.Objects {
		c.objects = append(c.objects, o.compile(faults, settings.Index(settings.Join(place, objectsKey), i), c))
	}
	if r.DoneFile != "" {
		c.done = compilePattern(faults, settings.Join(place, "done_file"), r.DoneFile, fileName)
		if c.done.uses(fileName) && slices.ContainsFunc(c.objects, func(o object) bool { return o.collision == CollisionNumber }) {
			faults.Add(settings.Join(place, "done_file"), "{filename} is not the name that a numbered file gets; use {annotation.id} or {seq}")
		}
		if strings.Contains(r.DoneFile, "/") {
			faults.Add(settings.Join(place, "done_file"), "names a directory; the done file is always in the same directory as the others")
		}
	}
	return c
}

func (c *Collision) check(faults *settings.Faults, place string) {
	if c != nil && c.Replace && c.Number {
		faults.Add(place, "has both replace and number; keep one")
	}
}

func addVariables(faults *settings.Faults, to map[string]Variable, place string, list []Variable) {
	for i, v := range list {
		at := settings.Index(place, i)
		isNumber := v.Type == VariableSequence
		switch {
		case v.Name == "":
			faults.Add(settings.Join(at, "name"), "is missing")
		case slices.Contains(builtin, v.Name):
			faults.Add(settings.Join(at, "name"), "%q is the name of a built-in variable", v.Name)
		case v.Type != "" && v.Type != VariableDatapoint && !isNumber:
			faults.Add(settings.Join(at, "type"), "%q is unknown (expected datapoint or sequence)", v.Type)
		case v.Field == "" && !isNumber:
			faults.Add(settings.Join(at, "schema_id"), "is missing")
		case v.Field != "" && isNumber:
			faults.Add(settings.Join(at, "schema_id"), "belongs to a datapoint, not to a sequence")
		case !isNumber && (v.Start != nil || v.Increment != nil || v.Digits != nil):
			faults.Add(settings.Join(at, "start"), "start, increment and digits belong to a sequence, not to a datapoint")
		case v.Start != nil && *v.Start < 0:
			faults.Add(settings.Join(at, "start"), "%d is negative", *v.Start)
		case v.Increment != nil && *v.Increment < 1:
			faults.Add(settings.Join(at, "increment"), "%d would hand out the same number more than once; it must be 1 or more", *v.Increment)
		case v.Digits != nil && (*v.Digits < 1 || *v.Digits > 18):
			faults.Add(settings.Join(at, "digits"), "%d is not between 1 and 18", *v.Digits)
		default:
			to[v.Name] = v
		}
	}
}

// types and formats of an [Object].
var (
	objectTypes = []string{"annotation_content", "document", "custom_format"}
	formats     = []string{"csv", "xml", "json", "xlsx"}
)

func (o Object) compile(faults *settings.Faults, place string, r rule) object {
	c := object{Object: o, place: place, collision: r.collision, named: r.named}
	if o.FilenameCollision != nil {
		o.FilenameCollision.check(faults, settings.Join(place, "filename_collision"))
		c.collision = o.FilenameCollision.rule()
	}
	if len(o.Variables) > 0 {
		c.named = maps.Clone(r.named)
		addVariables(faults, c.named, settings.Join(place, "template_variables"), o.Variables)
	}
	names := settings.Join(place, "filename_template")
	switch {
	case o.Name == "":
		faults.Add(names, "is missing")
	case strings.HasSuffix(o.Name, "/"):
		faults.Add(names, "ends in a slash, so it does not name a file")
	}
	c.name = compilePattern(faults, names, o.Name)
	o.checkType(faults, place)
	return c
}

func (o Object) checkType(faults *settings.Faults, place string) {
	switch {
	case o.Type == "":
		faults.Add(settings.Join(place, "type"), "is missing (expected one of %s)", strings.Join(objectTypes, ", "))
	case !slices.Contains(objectTypes, string(o.Type)):
		faults.Add(settings.Join(place, "type"), "%q is unknown (expected one of %s)", o.Type, strings.Join(objectTypes, ", "))
	}
	isContent, isCustom := o.Type == ObjectAnnotationContent, o.Type == ObjectCustomFormat
	switch {
	case isContent && !slices.Contains(formats, string(o.Format)):
		faults.Add(settings.Join(place, "format"), "%q is unknown (expected one of %s)", o.Format, strings.Join(formats, ", "))
	case !isContent && o.Format != "":
		faults.Add(settings.Join(place, "format"), "belongs to annotation_content, not to %s", o.Type)
	}
	switch {
	case isCustom && o.Key == "":
		faults.Add(settings.Join(place, "export_reference_key"), "is missing; it names the artefact to export")
	case !isCustom && o.Key != "":
		faults.Add(settings.Join(place, "export_reference_key"), "belongs to custom_format, not to %s", o.Type)
	}
}

// check looks at the credentials, and compiles the keys that the server may have.
func (c *Credentials) check(faults *settings.Faults, s *Step) (*hostKeys, algorithms) {
	switch c.Type {
	case "sftp":
		c.unused(faults, "an S3 bucket", map[string]bool{
			"bucket_name": c.Bucket != "", "region": c.Region != "", "endpoint": c.Endpoint != "", "path_style": c.PathStyle,
			"conditional_put":        c.ConditionalPut != nil,
			"server_side_encryption": c.ServerSideEncryption != "", "metadata": c.Metadata != nil,
		})
		if c.Host == "" {
			faults.Add("credentials.host", "is missing")
		} else if strings.ContainsAny(c.Host, " /@") || strings.Contains(c.Host, ":") && !strings.Contains(c.Host, "::") {
			faults.Add("credentials.host", "%q is not a host name; the port has a key of its own", c.Host)
		}
		if c.Username == "" {
			faults.Add("credentials.username", "is missing")
		}
		return c.compileHostKeys(faults, s.HostKeys, s.KnownHostsFile), c.compileAlgorithms(faults)
	case "s3":
		c.unused(faults, "an SFTP server", map[string]bool{
			"host": c.Host != "", "port": c.Port != 0, "username": c.Username != "", "host_key": c.HostKey != "",
			"known_hosts": c.KnownHosts != "", "insecure_ignore_host_key": c.InsecureIgnoreHostKey,
			"algorithms": c.Algorithms != nil, "sftp_version": c.ProtocolVersion != 0,
		})
		c.checkS3(faults)
		if s.Backends["s3"] == nil {
			faults.Add("credentials.type", howToSpeakS3)
		}
	case "":
		faults.Add("credentials.type", "is missing (expected sftp or s3)")
	default:
		if s.Backends[c.Type] != nil {
			break
		}
		faults.Add("credentials.type", "%q is unknown (expected sftp or s3)", c.Type)
	}
	return nil, algorithms{}
}

func (c *Credentials) unused(faults *settings.Faults, owner string, given map[string]bool) {
	for _, key := range slices.Sorted(maps.Keys(given)) {
		if given[key] {
			faults.Add(settings.Join("credentials", key), "belongs to %s, but type is %s", owner, c.Type)
		}
	}
}

func (c *Credentials) checkS3(faults *settings.Faults) {
	if c.Bucket == "" {
		faults.Add("credentials.bucket_name", "is missing")
	}
	if c.Endpoint != "" {
		if u, err := url.Parse(c.Endpoint); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
			faults.Add("credentials.endpoint", "is not an address such as https://s3.example.com")
		} else if u.User != nil {
			faults.Add("credentials.endpoint", "has a user or password; those belong in the secrets")
		}
	}
	if e := c.ServerSideEncryption; e != "" && !slices.Contains([]string{"AES256", "aws:kms", "aws:kms:dsse"}, e) {
		faults.Add("credentials.server_side_encryption", "%q is unknown (expected AES256, aws:kms or aws:kms:dsse)", e)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Metadata)) {
		if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?={}`, r) }) {
			faults.Add("credentials.metadata", "%q is not a valid header name", name)
		}
		if strings.ContainsFunc(c.Metadata[name], func(r rune) bool { return r < ' ' || r >= 0x7f }) {
			faults.Add(settings.Join("credentials.metadata", name), "may contain only ASCII characters")
		}
	}
}

// address is where the files go, without anything secret.
func (c *Credentials) address() string {
	switch c.Type {
	case "s3":
		return "s3://" + c.Bucket
	case "sftp":
		return fmt.Sprintf("sftp://%s@%s", c.Username, c.hostPort())
	}
	return c.Type
}

// extension is that of a file name, "" if what stands behind its last dot is
// none.
func extension(name string) string {
	e := path.Ext(name)
	if len(e) < 2 || len(e) > naming.MaxExtension || e == name || strings.ContainsAny(e, " /\\") {
		return ""
	}
	return e
}
