package components_test

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/canary"
	"github.com/exportpipeline/exportpipeline/internal/redact"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/organisation"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/s3"
	"github.com/exportpipeline/exportpipeline/steps"
	"github.com/exportpipeline/exportpipeline/steps/requestprocessor"
	"github.com/exportpipeline/exportpipeline/workday"
)

// hooksWithCredentials are the hooks of the components, by address and settings. The
// settings have every place that a credential may be in.
var hooksWithCredentials = map[string][2]string{
	"REST": {"https://elis.rest-api-export.rossum-ext.app/", `{
		"auth": {"url": "https://erp.example/token", "method": "POST", "data": {"client_secret": "x", "password": "x"}, "headers": {"Authorization": "Basic x"}},
		"request": {"url": "https://erp.example/x", "method": "POST", "headers": {"X-Api-Key": "x", "Authorization": "Bearer x", "Cookie": "x"}, "content": "x"}}`},
	"processor": {"https://elis.request-processor.example/", `{"stages": [{
		"evaluate": [{"name": "e", "condition": {"payload.annotation.id": {"$gt": 1}}}],
		"get_content": [{"name": "g", "source": "explicit", "query": ["https://erp.example/x"]}],
		"call_api": [
			{"name": "a", "auth": {"type": "oauth1", "consumer_key": "x", "consumer_secret": "x", "token_key": "x", "token_secret": "x", "signature_method": "HMAC-SHA256"},
			 "request": {"url": "https://erp.example/x", "method": "POST", "headers": {"X-Api-Key": "x"}, "params": {"api_key": "x"}, "content": {"password": "x"}, "content_type": "json"}},
			{"name": "b", "auth": {"type": "oauth2_private_certificate", "url": "https://erp.example/token", "client_id": "x", "certificate_id": "x", "private_certificate": "{payload.secrets.key}", "credential_key": "access_token"},
			 "request": {"url": "https://erp.example/x", "method": "GET", "headers": {"Authorization": "Bearer {token}"}}, "response_handlers": [{"target_type": "schema_id", "target_key": "found", "value": {"response.body": {"$jmespath": "id"}}}]},
			{"name": "c", "auth": {"url": "https://erp.example/token", "method": "POST", "content": {"client_secret": "x"}, "headers": {"Authorization": "x"}, "params": {"password": "x"}, "credential_key": "access_token"},
			 "request": {"url": "https://erp.example/x", "method": "GET", "headers": {"Authorization": "Bearer {token}"}}}]}]}`},
	"SFTP": {"https://elis.example/svc/file-storage-export/api/v1/export", `{
		"credentials": {"type": "sftp", "host": "files.example", "port": 22, "username": "u", "host_key": "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"},
		"export_rules": [{"path_to_directory": "/in", "export_object_configurations": [{"type": "document", "filename_template": "x"}]}]}`},
	"S3": {"https://elis.example/svc/file-storage-export/api/v1/export", `{
		"credentials": {"type": "s3", "bucket_name": "b", "endpoint": "https://store.example", "region": "eu-west-1"},
		"export_rules": [{"path_to_directory": "/in", "export_object_configurations": [{"type": "document", "filename_template": "x"}]}]}`},
	"Workday": {"https://elis.example/svc/workday/api/v1/export", `{"configurations": [{"queues": [1], 
		"wsdl": {"domain": "wd.example", "tenant": "t", "api_version": "v42.2", "protocol": "https", "hosts": ["wd.example"]},
		"request": {"service": "S", "operation": "O", "mapping": {"password": "x", "headers": {"Authorization": "x"}}}}]}`},
	"extractor": {
		"https://elis.data-value-extractor.rossum-ext.app/",
		`{"extract": [{"source_reference_key": "p", "extract_rules": [{"value_path": "id", "target_schema_id": "found"}]}]}`,
	},
	"evaluator": {"https://elis.export-evaluator.rossum-ext.app/", `{"condition": "field.found == ''", "message": "no id"}`},
	"format": {
		"https://elis.custom-format-templating.rossum-ext.app/",
		`{"export_configs": [{"export_reference_key": "p", "file_content_template": "x"}]}`,
	},
	"cleaning": {
		"https://elis.custom-format-templating-purge.rossum-ext.app/",
		`{"reference_keys": ["p"], "reset_schema_ids": ["found"]}`,
	},
}

// faultyURLs are addresses with a credential in them, most of which a setting refuses.
var faultyURLs = []string{
	"https://user:%s@erp.example/x?api_key=%s", "https://user:%s@[::1/x", "https://user:%s@erp.example%%zz/", "ht tp://user:%s@erp.example/", "user:%s@erp.example",
	"ftp://user:%s@erp.example/", "//user:%s@erp.example", "https://user:%s@erp.example:port/", "https://erp.example/?token=%s&x={{", "https://erp.example/{?token=%s",
	"https://user:%s@/@{", "https://erp.example?api_key=%s\x00",
}

// faultyCredentials are values of a setting that is a credential by its name or place.
var faultyCredentials = []any{
	"%s", "Bearer %s", "%s{", "{%s", "{{ %s", "@{%s", "%s{secret.x", "%s\x00", "%s\n", "{payload.%s",
	"-----BEGIN PRIVATE KEY-----\n%s\n-----END PRIVATE KEY-----",
	[]any{"%s"}, map[string]any{"password": "%s"},
}

// privateKeys are some that no place of the settings but those of secrets takes.
var privateKeys = []string{
	"-----BEGIN OPENSSH PRIVATE KEY-----\n%s\n%s0\n-----END OPENSSH PRIVATE KEY-----\n", "-----BEGIN RSA PRIVATE KEY-----\r\n%s\r\n-----END RSA PRIVATE KEY-----",
	`-----BEGIN ENCRYPTED PRIVATE KEY-----\n%s\n-----END ENCRYPTED PRIVATE KEY-----`, "-----BEGIN EC PRIVATE KEY-----%s",
	"PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nPrivate-Lines: 1\n%s\nPrivate-MAC: %s",
}

// sow puts other values into each place of settings in turn, and calls yield for each.
func sow(v any, name string, credential bool, yield func(any)) {
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			before := v[key]
			sow(before, key, isCredential(name, key), func(other any) {
				v[key] = other
				yield(v)
			})
			v[key] = before
		}
		for _, key := range []string{"pasword", "Authorization", "secret_acess_key"} { // which are unknown keys
			v[key] = "%s"
			yield(v)
			delete(v, key)
		}
		yield(map[string]any{"password": "%s"})
	case []any:
		for i, before := range v {
			sow(before, name, credential, func(other any) {
				v[i] = other
				yield(v)
			})
			v[i] = before
		}
		yield(map[string]any{"password": "%s"})
	default:
		for _, text := range faultyURLs {
			yield(text)
		}
		for _, text := range privateKeys { // which people paste where another key belongs
			yield(text)
		}
		for _, other := range faultyCredentials {
			if credential {
				yield(other)
			}
		}
	}
}

// isCredential reports a setting that is a credential by its name.
func isCredential(of, key string) bool {
	switch key {
	case "password", "client_secret", "consumer_secret", "token_secret", "private_certificate", "passphrase", "secret_access_key":
		return true
	}
	switch of {
	case "headers", "data", "params", "content":
		return redact.SensitiveName(key)
	}
	return false
}

// Whatever is wrong with the settings of a hook, no fault shows a credential that they have.
func TestNoFaultOfSettingsShowsACredential(t *testing.T) {
	t.Parallel()
	registry := &organisation.Registry{}
	steps.Register(registry, steps.RegisterOptions{})
	sftpexport.Register(registry, sftpexport.RegisterOptions{Backends: map[string]sftpexport.Backend{"s3": s3.New(s3.Options{})}})
	workday.Register(registry, workday.RegisterOptions{})
	for component, hook := range hooksWithCredentials {
		t.Run(component, func(t *testing.T) {
			t.Parallel()
			var settings any
			if err := json.Unmarshal([]byte(hook[1]), &settings); err != nil {
				t.Fatal(err)
			}
			if err := faultsOfHook(t, registry, component, hook[0], settings); err != nil && !errors.Is(err, pipeline.ErrNotMade) {
				t.Errorf("the settings that all others are made of: %v", err)
			}
			refused, cut := 0, 0
			sow(settings, "", false, func(changed any) {
				for _, err := range []error{faultsOfHook(t, registry, component, hook[0], changed), faultsOfStep(t, component, changed)} {
					if err == nil {
						continue
					}
					refused++
					if strings.Contains(err.Error(), redact.Placeholder) {
						cut++
					}
					for _, found := range canary.Errors(err) {
						if form := shown(found.Text); form != "" {
							t.Errorf("the %s shows %s", found.Name, form)
							return
						}
					}
				}
			})
			if refused < 5 || cut == 0 && component != "evaluator" && component != "cleaning" {
				t.Errorf("%d settings were refused, and %d of the faults would have shown a credential", refused, cut)
			}
		})
	}
}

// faultsOfHook is everything that is said of a hook with settings, in which %s stands for a
// credential.
func faultsOfHook(t *testing.T, registry *organisation.Registry, name, address string, settings any) error {
	t.Helper()
	data, err := json.Marshal(map[string]any{
		"id": 1, "name": name, "type": "webhook", "active": true, "events": []string{"annotation_content.export"},
		"queues": []string{"https://acme.rossum.app/api/v1/queues/1"}, "config": map[string]any{"url": address}, "settings": settings,
	})
	if err != nil {
		t.Fatal(err)
	}
	h, err := rossum.ParseHook([]byte(strings.ReplaceAll(string(data), "%s", canaries["literal"])))
	if err != nil {
		return err
	}
	chain, err := organisation.FromHooks([]*rossum.Hook{h}, registry, organisation.Options{})
	if err != nil {
		return err
	}
	defer chain.Close()
	var found []error
	for _, f := range chain.Check(nil) {
		shown, err := json.Marshal(f)
		found = append(found, f, err, errors.New(string(shown)))
	}
	return errors.Join(found...)
}

// faultsOfStep is what is said of settings that a program decodes itself.
func faultsOfStep(t *testing.T, component string, settings any) error {
	t.Helper()
	backends := map[string]sftpexport.Backend{"s3": s3.New(s3.Options{})}
	step := map[string]pipeline.Step{
		"REST": &steps.RESTExport{}, "processor": &requestprocessor.Step{}, "SFTP": &sftpexport.Step{},
		"S3": &sftpexport.Step{Backends: backends}, "Workday": &workday.Step{},
		"extractor": &steps.Extract{}, "evaluator": &steps.Evaluate{}, "format": &steps.CustomFormat{}, "cleaning": &steps.Purge{},
	}[component]
	data, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	err = json.Unmarshal([]byte(strings.ReplaceAll(string(data), "%s", canaries["literal"])), step)
	chain, built := pipeline.New(step)
	if built == nil {
		built = chain.Close()
	}
	return errors.Join(err, built)
}
