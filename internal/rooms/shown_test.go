package rooms

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"go/types"
	"log/slog"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unsafe"

	"github.com/exportpipeline/exportpipeline/internal/redact"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/hookserver"
	"github.com/exportpipeline/exportpipeline/pipeline/hookserver/shadow"
	"github.com/exportpipeline/exportpipeline/pipeline/send"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/formula"
	"github.com/exportpipeline/exportpipeline/workday"
)

// withSecrets has an empty value of each exported type that holds secrets.
var withSecrets = map[string]any{
	"pipeline.DryCall": &pipeline.DryCall{}, "pipeline.DryReply": &pipeline.DryReply{},
	"pipeline.JournalOptions": &pipeline.JournalOptions{}, "pipeline.Question": &pipeline.Question{},
	"pipeline.Reply": &pipeline.Reply{}, "pipeline.Request": &pipeline.Request{}, "pipeline.SealKey": &pipeline.SealKey{},
	"pipeline.TLS": &pipeline.TLS{}, "pipeline.Verdict": &pipeline.Verdict{},
	"pipeline.Export": &pipeline.Export{}, "pipeline/hookserver.Async": &hookserver.Async{},
	"pipeline/hookserver.EngineRun": &hookserver.EngineRun{},
	"pipeline/hookserver.Options":   &hookserver.Options{}, "pipeline/hookserver.Part": &hookserver.Part{},
	"pipeline/hookserver.Server":         &hookserver.Server{},
	"pipeline/hookserver/shadow.Options": &shadow.Options{}, "pipeline/hookserver/shadow.RecordedCall": &shadow.RecordedCall{},
	"pipeline/hookserver/shadow.Recording": &shadow.Recording{},
	"pipeline/send.Call":                   &send.Call{}, "pipeline/send.OAuth1": &send.OAuth1{}, "pipeline/send.Reply": &send.Reply{},
	"pipeline/send.TokenRequest": &send.TokenRequest{},
	"rossum.APIReply":            &rossum.APIReply{}, "rossum.Client": &rossum.Client{}, "rossum.Hook": &rossum.Hook{},
	"rossum.HookConfig": &rossum.HookConfig{}, "rossum.Payload": &rossum.Payload{}, "rossum.Secret": new(rossum.Secret),
	"rossum.Secrets":      &rossum.Secrets{},
	"rossum/formula.Call": &formula.Call{}, "rossum/formula.Reply": &formula.Reply{}, "workday.Client": &workday.Client{},
}

// without are exported types with fields that look as if they had secrets in them.
var without = map[string]string{
	"pipeline.MessageReport":     "its header is redacted when the report is made",
	"pipeline/organisation.Kind": "names of secrets", "pipeline/organisation.Clues": "names of secrets",
	"pipeline/organisation.Registry": "names of secrets",
	"steps/requestprocessor.Auth":    "settings, which a program shows as it likes", "steps/requestprocessor.Call": "settings",
	"steps/requestprocessor.Request": "settings",
	"steps/requestprocessor.Stage":   "settings", "steps/requestprocessor.Step": "settings", "steps.Request": "settings",
	"steps.Auth": "settings", "steps.RESTExport": "settings",
	"sftpexport.Step": "settings without secrets", "sftpexport.Credentials": "settings without secrets",
}

// encoded are types whose JSON has what was received, sent or recorded: a program encodes one in
// order to have that. The rest are held for their keys, and encode as what they show.
var encoded = map[string]string{
	"pipeline.DryCall": "a call", "pipeline.DryReply": "its reply", "pipeline.Request": "a call", "pipeline.Reply": "its reply",
	"pipeline.Question": "a call", "pipeline.Verdict": "the reply to it", "pipeline/send.Reply": "a reply",
	"pipeline/hookserver/shadow.RecordedCall": "a call of a recording", "pipeline/hookserver/shadow.Recording": "a file with recorded calls",
	"rossum.APIReply": "a reply", "rossum.HookConfig": "a part of a hook as Rossum has it",
	"rossum/formula.Call": "a call", "rossum/formula.Reply": "its reply",
}

// No verb of fmt and no handler of slog shows a secret that a type of the API holds. The types are
// found by their fields; a new one needs a value above.
func TestNoTypeShowsItsSecrets(t *testing.T) {
	t.Parallel()
	all, err := published()
	if err != nil {
		t.Fatal(err)
	}
	missing := maps.Clone(withSecrets)
	for room, p := range all {
		if strings.HasSuffix(room, "test") {
			continue // doubles, whose secrets are made up
		}
		for _, id := range p.Scope().Names() {
			o, isType := p.Scope().Lookup(id).(*types.TypeName)
			if !isType || !o.Exported() || o.IsAlias() {
				continue
			}
			name := room + "." + id
			place := secretIn(o.Type(), "", make(map[types.Type]bool))
			if place != "" && withSecrets[name] == nil && without[name] == "" {
				t.Errorf("%s has a secret at %s; say above how it is shown", name, place)
			}
			delete(missing, name)
		}
	}
	for name := range missing {
		t.Errorf("there is no type %s", name)
	}
	if len(withSecrets) < 25 {
		t.Errorf("only %d types are looked at", len(withSecrets))
	}
	for name, v := range withSecrets {
		if n := fill(reflect.ValueOf(v).Elem(), "", 0); n == 0 {
			t.Errorf("%s: no secret was put into it, so that none can be found", name)
		}
		if text := shows(v); text != "" {
			t.Errorf("%s: %.300s", name, text)
		}
		if text := encodes(v); (text != "") != (encoded[name] != "") {
			t.Errorf("%s: its JSON shows %.300q; it is listed as having %q", name, text, encoded[name])
		}
	}
}

const canary = "c4nary-of-a-type-0123"

// shows returns a text in which a value shows the canary, "" if none does.
func shows(v any) string {
	var texts []string
	values := []any{v}
	if _, pointer := v.(fmt.Formatter); !pointer || reflect.TypeOf(v).Elem().Implements(reflect.TypeFor[fmt.Formatter]()) {
		values = append(values, reflect.ValueOf(v).Elem().Interface()) // a value that is printed itself
	}
	for _, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			texts = append(texts, fmt.Sprintf(verb, v), fmt.Sprintf(verb, []any{v}), fmt.Sprintf(verb, struct{ V any }{v}))
		}
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", v, slog.Group("g", "v", v))
		{
			slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", v, slog.Group("g", "v", v))
		}
		texts = append(texts, log.String())
	}
	hexed, listed := fmt.Sprintf("%x", canary), strings.Trim(fmt.Sprint([]byte(canary)), "[]")
	for _, text := range texts {
		lower := strings.ToLower(text)
		if strings.Contains(lower, canary) || strings.Contains(lower, hexed) || strings.Contains(text, listed) ||
			strings.Contains(text, strings.Trim(fmt.Sprintf("%#v", []byte(canary)), "[]byte{}")) {
			return text
		}
	}
	return ""
}

// encodes returns JSON of a value that shows the canary, "" if none does.
func encodes(v any) string {
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", []any{v}, "w", map[string]any{"v": reflect.ValueOf(v).Elem().Interface()})
	if strings.Contains(log.String(), canary) || strings.Contains(log.String(), base64.StdEncoding.EncodeToString([]byte(canary))) {
		return log.String()
	}
	return ""
}

func TestATypeThatShowsASecretIsFound(t *testing.T) {
	t.Parallel()
	type leaks struct {
		Name   string
		secret string
	}
	l, h, b := &leaks{}, new(rossum.Secret), &struct{ PrivateKey []byte }{}
	for _, v := range []any{l, h, b} {
		if fill(reflect.ValueOf(v).Elem(), "", 0) != 1 {
			t.Errorf("%#v is not filled", v)
		}
	}
	if shows(l) == "" || shows(b) == "" || shows(h) != "" || l.secret == "" {
		t.Errorf("%q, %q, %q", shows(l), shows(b), shows(h))
	}
}

// isSecret reports whether a field has a secret by its name.
func isSecret(name string) bool {
	var words strings.Builder // api_key of ApiKey
	for i, c := range name {
		if i > 0 && unicode.IsUpper(c) && unicode.IsLower(rune(name[i-1])) {
			words.WriteByte('_')
		}
		words.WriteRune(unicode.ToLower(c))
	}
	switch words.String() {
	case "code", "key", "raw": // of a file, or of a run; bytes of these names are secrets
		return false
	case "token_owner", "secrets_schema", "credential_path", "credentials", "certificates", "token_key", "consumer_key":
		return false
	}
	return redact.SensitiveName(words.String()) || words.String() == "refused" || words.String() == "private_certificate"
}

// secretIn returns where a type holds a secret as fmt goes through it, which is not through
// pointers.
func secretIn(t types.Type, name string, seen map[types.Type]bool) string {
	if n, is := types.Unalias(t).(*types.Named); is {
		if seen[t] {
			return ""
		}
		seen[t] = true
		switch n.String() {
		case module + "/rossum.Secret", module + "/rossum.Secrets", "net/http.Header", "crypto/tls.Certificate":
			return "." + name
		}
	}
	switch u := t.Underlying().(type) {
	case *types.Struct:
		for f := range u.Fields() {
			if at := secretIn(f.Type(), f.Name(), seen); at != "" {
				return "." + name + at
			}
		}
	case *types.Basic:
		if u.Kind() == types.String && isSecret(name) {
			return "." + name
		}
	case *types.Slice:
		if b, is := u.Elem().Underlying().(*types.Basic); is && b.Kind() == types.Byte {
			if isSecret(name) || strings.EqualFold(name, "key") {
				return "." + name
			}
			return ""
		}
		return secretIn(u.Elem(), name, seen)
	case *types.Map:
		return secretIn(u.Elem(), name, seen)
	}
	return ""
}

// fill puts the canary into every place of a value that holds a secret, fields that are not
// exported included, and returns how many there are.
func fill(v reflect.Value, name string, depth int) (n int) {
	if !v.CanSet() && v.CanAddr() {
		v = reflect.NewAt(v.Type(), unsafe.Pointer(v.UnsafeAddr())).Elem()
	}
	if depth > 6 {
		return 0
	}
	isBytes := v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8
	switch {
	case v.Type() == reflect.TypeFor[http.Header]():
		v.Set(reflect.ValueOf(http.Header{"Authorization": {canary}, "X-Api-Key": {canary}}))
		return 1
	case v.Type() == reflect.TypeFor[rossum.Secrets]():
		v.Set(reflect.ValueOf(rossum.Secrets{"key": canary}))
		return 1
	case v.Type() == reflect.TypeFor[[][2]string](): // a header
		v.Set(reflect.ValueOf([][2]string{{"Authorization", canary}}))
		return 1
	case v.Type() == reflect.TypeFor[rossum.Secret](), v.Kind() == reflect.String && isSecret(name):
		v.SetString(canary)
		return 1
	case v.Kind() == reflect.String && strings.HasSuffix(name, "URL"):
		v.SetString("https://user:" + canary + "@erp.example/?api_key=" + canary)
		return 1
	case isBytes && (isSecret(name) || slices.Contains([]string{"key", "raw", "body", "replybody", "settings", "privatekey"}, strings.ToLower(name))):
		v.SetBytes([]byte(canary))
		return 1
	case v.Kind() == reflect.Interface && name == "PrivateKey":
		v.Set(reflect.ValueOf([]byte(canary)))
		return 1
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).Type.PkgPath() != "sync" {
				n += fill(v.Field(i), v.Type().Field(i).Name, depth+1)
			}
		}
	case reflect.Slice:
		if isBytes {
			return 0
		}
		one := reflect.MakeSlice(v.Type(), 1, 1)
		if n = fill(one.Index(0), name, depth+1); n > 0 {
			v.Set(one)
		}
	}
	return n
}
