package requestprocessor

import "testing"

func TestOnlyHostsOfRossumAreOfTheSameDomain(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		host, base string
		want       bool
	}{
		{"api.elis.rossum.ai", "elis.rossum.ai", true}, {"elis.rossum.ai", "acme.rossum.ai", true}, {"elis.rossum.app", "acme.rossum.app", true},
		{"elis.rossum.ai", "acme.rossum.app", false}, {"evilrossum.ai", "elis.rossum.ai", false}, {"rossum.ai.thief.example", "elis.rossum.ai", false},
		{"files.proxy.example", "proxy.example", true}, {"other.example", "proxy.example", false}, {"thief.co.uk", "rossum-proxy.co.uk", false}, {"x.127.0.0.1", "127.0.0.1", false},
	} {
		if got := sameDomain(tt.host, tt.base); got != tt.want {
			t.Errorf("%s for %s: got %v", tt.host, tt.base, got)
		}
	}
}
