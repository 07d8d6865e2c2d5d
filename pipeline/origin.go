package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/exportpipeline/exportpipeline/rossum"
)

// WithRossumOrigin names the addresses of Rossum, such as https://acme.rossum.app, that
// this program works for. A hook call whose base_url is another one is refused, so that
// nothing is sent to an address that a stranger has written into a call.
//
// Without it, the runs of a chain that was made from hooks keep tokens only with the
// Rossum that the hooks' own URLs name; other runs do so if the call's signature was
// checked, or base_url is on this machine, as in tests.
func WithRossumOrigin(baseURLs ...string) Option {
	origins := make([]string, len(baseURLs))
	for i, u := range baseURLs {
		origins[i] = originOf(u)
	}
	return func(c *config) {
		c.origins = append(slices.Clip(c.origins), origins...)
		for i, origin := range origins {
			if origin == "" {
				c.fault("WithRossumOrigin", "%q is not an address of Rossum; write it as https://%s", baseURLs[i], cmp.Or(baseURLs[i], "acme.rossum.app"))
			}
		}
	}
}

// originOf is scheme, host and port of a URL; "" if there is no host.
func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	return strings.ToLower(u.Scheme + "://" + u.Host)
}

// expected refuses a payload of another Rossum than the program's.
func (c *config) expected(p *rossum.Payload) error {
	if len(c.origins) == 0 || p.BaseURL == "" || slices.Contains(c.origins, originOf(p.BaseURL)) {
		return nil
	}
	return fmt.Errorf("%w: base_url is %q, and this program works for %s (pipeline.WithRossumOrigin, exportrun -rossum-origin)", rossum.ErrPayload, p.BaseURL, strings.Join(c.origins, ", "))
}

// keepers decides what may be kept where; one for each run.
type keepers struct {
	learnt []string // origins that the hooks' URLs name

	mu     sync.Mutex
	owners map[string]string // of tokens in the secrets
}

// learn notes where the hooks of a chain live.
func (k *keepers) learn(hooks []*rossum.Hook) {
	for _, h := range hooks {
		if origin := originOf(h.URL); origin != "" && !slices.Contains(k.learnt, origin) {
			k.learnt = append(k.learnt, origin)
		}
	}
}

// trustsRossum reports whether the run's Rossum is the one that the program expects.
func (x *Export) trustsRossum() bool {
	c := &x.run.config
	if c.client != nil || len(c.origins) > 0 {
		return true // the program's own, or checked when the run began
	}
	base := originOf(x.Rossum.BaseURL())
	if len(x.run.keepers.learnt) > 0 {
		return slices.Contains(x.run.keepers.learnt, base)
	}
	u, err := url.Parse(base)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return c.signed || u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// keepToken keeps an access token that a step has got as a secret of its hook: in this
// run, and in Rossum, so that the next process need not ask for it again. It goes only to the Rossum that the program expects; see [WithRossumOrigin].
// That it can't be kept there fails nothing; the report and the log say so.
func (x *Export) keepToken(ctx context.Context, name, value string) {
	x.Hide(value)
	x.Secrets[name] = value
	id := rossum.IDOf(x.Payload.Hook)
	if x.Rossum == nil || !x.Allows(http.MethodPatch, x.Rossum.BaseURL()) || id == 0 {
		return
	}
	if !x.trustsRossum() {
		x.Decide("the access token was not saved in the hook's secrets: nothing in the program's configuration names %s as its Rossum; allow it by pipeline.WithRossumOrigin(%q) (exportrun -rossum-origin)",
			x.Rossum.BaseURL(), originOf(x.Rossum.BaseURL()))
		return
	}
	if err := x.Rossum.SetHookSecrets(ctx, id, rossum.Secrets{name: value}); err != nil {
		x.Log.WarnContext(ctx, "the access token could not be saved in the hook's secrets", "error", err)
		x.Decide("the access token could not be saved in the hook's secrets; its secrets_schema must allow further keys: %v", err)
	}
}

// ownToken returns the token that an owner, such as a token request, has kept as a
// secret, or "" if in this run the same value belongs to another owner: steps of one chain may use one
// name for the tokens of different systems.
func (x *Export) ownToken(name, owner string) string {
	value := x.Secrets[name]
	if value == "" || !x.own(value, owner) {
		return ""
	}
	x.Hide(value)
	return value
}

// own says that a token belongs to an owner. The result is false if it belongs to
// another one already.
func (x *Export) own(value, owner string) bool {
	k := &x.run.keepers
	k.mu.Lock()
	defer k.mu.Unlock()
	if first, taken := k.owners[value]; taken {
		return first == owner
	}
	if k.owners == nil {
		k.owners = make(map[string]string)
	}
	k.owners[value] = owner
	return true
}
