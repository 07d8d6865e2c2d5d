package pipeline_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// sftpOf puts objects by one rule.
func sftpOf(more, objects string) [2]string {
	return [2]string{"sftp", sftpTo + `{` + more + `"path_to_directory": "/in", "export_object_configurations": [` + objects + `]}]}`}
}

const (
	putsDocument = `{"type": "document", "filename_template": "a"}`
	putsFiles    = `{"type": "custom_format", "export_reference_key": "t", "filename_template": "a"}, {"type": "custom_format", "export_reference_key": "t", "filename_template": "b"}`
)

func TestSecretsAreMissedBeforeTheFirstCall(t *testing.T) {
	t.Parallel()
	noPassword := rossumtest.Secret("password", "")
	workday := workdayWith(`{"a": "b"}`, "")
	for name, tt := range map[string]struct {
		steps   [][2]string
		secrets rossumtest.Part
		want    string
	}{
		"a password or key of SFTP":                  {[][2]string{first, sftpOf("", putsDocument)}, noPassword, "credentials: the hook has neither secret password nor secret ssh_key; change the hook's secrets"},
		"a password of SFTP for files that are made": {[][2]string{templateOf("x"), first, sftpOf("", putsFiles)}, noPassword, "credentials: the hook has neither secret password nor secret ssh_key"},
		"a key of SFTP that is none":                 {[][2]string{first, sftpOf("", putsDocument)}, rossumtest.Secret("ssh_key", "canary"), "credentials: secret ssh_key"},
		"secrets of another type":                    {[][2]string{first, sftpOf("", putsDocument)}, rossumtest.Secret("type", "s3"), `credentials: secret type is "s3", and the credentials are of type sftp`},
		"the user of Workday":                        {[][2]string{first, workday}, rossumtest.Secret("workday_username", ""), "configurations[0].wsdl: "},
		"the password of Workday":                    {[][2]string{first, workday}, rossumtest.Secret("workday_password", ""), "the secret workday_password is missing"},
		"another tenant of Workday":                  {[][2]string{first, workday}, rossumtest.Secret("workday_username", "u@other"), "names a tenant after its @ that is not"},
		"a line break in a password of Workday":      {[][2]string{first, workday}, rossumtest.Secret("workday_password", "canary\n"), "control character"},
		"a token request": {[][2]string{first, {"rest", `{"auth": {"url": "ERP/token", "data": {"client_secret": "{secret.client_secret}"}}, "request": {"url": "ERP/second", "content": "x"}}`}},
			noPassword, `auth.data.client_secret: secret "client_secret": the hook has no such secret; add it to the hook's secrets`},
		"a token request of the Request Processor": {[][2]string{rp(`{"request": {"url": "ERP/a", "method": "POST"}}, {"auth": {"url": "ERP/token", "method": "POST",
			"content": {"client_secret": "{payload.secrets.client_secret}"}, "credential_key": "access_token"}, "request": {"url": "ERP/b", "method": "POST", "headers": {"Authorization": "Bearer {token}"}}}`)},
			noPassword, `stages[0].call_api[1].auth: secret "client_secret"`},
		"a signature of OAuth 1.0a": {[][2]string{rp(`{"request": {"url": "ERP/a", "method": "POST"}}, {"auth": {"type": "oauth1", "consumer_key": "{payload.secrets.consumer_key}", "consumer_secret": "c",
			"token_key": "t", "token_secret": "s"}, "request": {"url": "ERP/b", "method": "POST"}}`)}, noPassword, `stages[0].call_api[1].auth: secret "consumer_key"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, seen := recordingERP(t)
			var list []pipeline.Step
			for _, s := range tt.steps {
				list = append(list, made(t, address, s[0], s[1]))
			}
			_, report, err := exportReport(t, chainOf(t, list...), queueCall(tt.secrets))
			judgeFindings(t, "the run", report.Findings, "error", tt.want)
			if err == nil || !errors.Is(err, pipeline.ErrNoSecret) || seen.Load() != 0 || strings.Contains(fmt.Sprint(err, report.Text()), "canary") {
				t.Errorf("%v, %d calls", err, seen.Load())
			}
		})
	}
}

func TestSecretsThatNothingIsPutWithAreAWarning(t *testing.T) {
	t.Parallel()
	address, seen := recordingERP(t)
	sftp := sftpOf(`"condition": "@{erp_id}", `, putsFiles)
	template := templateOf("x")
	chain := chainOf(t, made(t, "", template[0], template[1]), made(t, address, first[0], first[1]), made(t, "", sftp[0], sftp[1]))
	_, report, err := exportReport(t, chain, queueCall(rossumtest.Secret("password", "")))
	judgeFindings(t, "the run", report.Findings, "warning", "credentials: the hook has neither secret password")
	if err != nil || seen.Load() != 1 {
		t.Errorf("%v, %d calls", err, seen.Load())
	}
}

func TestTextThatLooksLikeAPlaceholderIsNotSentInSilence(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Bearer {secrets.kye}":    `request.headers.X: {secrets.kye} is sent as it stands: nothing defines this variable; did you mean {secret.key}?`,
		"{ secret.key }":          `{ secret.key } is sent as it stands: nothing defines this variable; did you mean {secret.key}?`,
		"{payload.secrets.key}":   `did you mean {secret.key}?`,
		"{field.documentid}":      `did you mean @{document_id}?`,
		"{{ field.document_id }}": `did you mean @{document_id}?`,
		"{secret.key} {a} {b.c}":  "",
	} {
		address, seen := recordingERP(t)
		step := restWith(`"headers": {"X": "` + text + `"}, "content": "x"`)
		_, report, err := exportReport(t, chainOf(t, made(t, address, step[0], step[1])), queueCall())
		severity := "warning"
		if want == "" {
			severity = "nothing"
		}
		judgeFindings(t, text, report.Findings, severity, want)
		if err != nil || seen.Load() != 1 {
			t.Errorf("%s: %v, %d calls", text, err, seen.Load())
		}
	}
}
