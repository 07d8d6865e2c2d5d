package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/exportpipeline/exportpipeline/rossum"
)

const signHelp = `
exportrun sign signs a payload as Rossum does and writes the curl line that calls a hook
server with it. The hook's secret comes from a variable of the environment, and does not
stand in the line.

  exportrun sign -payload FILE -url URL [-secret-env NAME]

Exit codes: 0 the line is written; 2 the arguments are unusable.

Example
  ROSSUM_HOOK_SECRET=… exportrun sign -payload call.json -url http://localhost:8080/export
`

func signCommand(_ context.Context, args []string, out *terminal) int {
	f := newFlags("sign", signHelp)
	payload := f.String("payload", "", "the body of a hook call in this `file`")
	address := f.String("url", "", "the `URL` of the hook server")
	variable := f.String("secret-env", hookSecret, "the `name` of the variable that has the hook's secret")
	rest, err := parseFlags(f, args, out)
	switch {
	case err != nil:
	case len(rest) > 0:
		err = fmt.Errorf("%q is not a flag", rest[0])
	case *payload == "":
		err = errors.New("-payload is missing; exportrun sign -help shows how to call it")
	case *address == "":
		err = errors.New("-url is missing; exportrun sign -help shows how to call it")
	case !isHTTP(*address):
		err = fmt.Errorf("-url: %q is not an address such as http://localhost:8080/export", *address)
	case os.Getenv(*variable) == "":
		err = fmt.Errorf("the variable %s is not set; it must have the hook's secret", *variable)
	}
	if err != nil {
		return code(err, out)
	}
	body, err := os.ReadFile(*payload)
	if err != nil {
		return out.fail(err)
	}
	if _, err := readPayload(*payload); err != nil {
		return out.fail(err)
	}
	header := make(http.Header)
	rossum.Sign(header, body, os.Getenv(*variable))
	fmt.Fprintf(out.stdout, "curl -sS -H 'Content-Type: application/json' -H %s --data-binary %s %s\n",
		quote(rossum.SignatureHeader+": "+header.Get(rossum.SignatureHeader)), quote("@"+*payload), quote(*address))
	return answered
}

func isHTTP(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https")
}

// quote quotes a text for a shell.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// hookSecret is the variable that has the hook's secret.
const hookSecret = "ROSSUM_HOOK_SECRET"
