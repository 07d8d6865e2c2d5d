package egress

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/address"
)

// Every spelling of an address is that address.
func TestMetadataIsForbiddenInEverySpelling(t *testing.T) {
	t.Parallel()
	for _, host := range []string{
		"169.254.169.254", "169.254.169.254.", "2852039166", "0xa9fea9fe", "0XA9FEA9FE", "025177524776", "0251.0376.0251.0376",
		"0xa9.0xfe.0xa9.0xfe",
		"169.254.43518", "169.16689662", "0251.254.0xa9fe", "169.254.169.0376", "[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]",
		"[::169.254.169.254]",
		"[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::a9fe:a9fe]", "[2002:a9fe:a9fe::]", "[::ffff:0:a9fe:a9fe]", "[fe80::1]", "[fe80::1%25eth0]",
		"[fe80::a9fe:a9fe%25en0]", "[FE80::1]",
		"[fd00:ec2::254]", "[fd00:ec2:0:0:0:0:0:254]", "100.100.100.200", "1684301000", "168.63.129.16", "169.254.170.2", "0", "0.0.0.0",
		"0x0", "[::]", "255.255.255.255", "4294967295",
		"224.0.0.1", "[ff02::1]", "192.0.0.192", "[fd00:ec2::23]", "[fd00:ec2::fd]", "[fd00:42::42]", "3221225664", "[::ffff:192.0.0.192]",
		"169.254.170.23", "api.metadata.cloud.ibm.com",
		"①⑥⑨.②⑤④.①⑥⑨.②⑤④", "１６９.２５４.１６９.２５４", "169。254。169。254", "169．254．169．254", "169｡254｡169｡254", "169.254.169。254",
		"𝟏𝟔𝟗.𝟐𝟓𝟒.𝟏𝟔𝟗.𝟐𝟓𝟒", "¹⁶⁹.₂₅₄.169.254",
		"２８５２０３９１６６", "０ｘａ９ｆｅａ９ｆｅ", "1\u200b69.254.169.254", "169\u00ad.254.169.254", "169.254\u2060.169.254", "\ufeff169.254.169.254",
		"169.254.169.254\ufe0f", "169.254.169.254..",
		"0xA9.0xFE.0xA9.0xFE", "00000251.00000376.000251.0000376", "0x00000000a9fea9fe", "0xa9.254.0251.254", "0xa9fea9fe.", "2852039166.",
		"025177524776.", "169.254.0.0", "169.254.255.255",
		"[::FFFF:169.254.169.254]", "[0:0:0:0:0:ffff:a9fe:a9fe]", "[0000:0000:0000:0000:0000:ffff:a9fe:a9fe]",
		"[64:ff9b::169.254.169.254]", "[64:ff9b:1:ffff:ffff:ffff:169.254.169.254]",
		"[2002:a9fe:a9fe:0:0:0:0:1]", "[2001:0:a9fe:a9fe::]", "[2001:0:0:0:0:0:5601:5601]", "[fe80::5efe:169.254.169.254]",
		"[2001:db8::5efe:a9fe:a9fe]", "[2001:db8::200:5efe:a9fe:a9fe]",
		"[fd00:ec2::0254]", "[FD20:CE::254]", "[febf::1]", "[::ffff:100.100.100.200]", "[64:ff9b::6464:64c8]", "[::ffff:168.63.129.16]",
		"[::a9fe:a9fe%25lo]",
		"metadata.google.internal。", "ＭＥＴＡＤＡＴＡ.google.internal", "metadata.google.internal..", "ⓜetadata.google.internal", "metadata.",
		"instance-data..", "ｉnstance-data",
		"metadata.google.internal", "METADATA.google.internal", "metadata.google.internal.", "metadata", "instance-data", "metadata.goog",
		"metadata.azure.internal",
	} {
		u, err := url.Parse("http://" + host + ":80/latest/meta-data")
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range []Policy{{}, {Public: true}, {Hosts: address.Known{u.Hostname()}}} {
			if err := p.CheckURL(u); !errors.Is(err, ErrForbidden) {
				t.Errorf("%s with %+v: %v", host, p, err)
			}
		}
	}
}

// The ranges are those that the mapping of UTS 46 (IdnaMappingTable.txt, version 15) calls
// ignored, by which net/http writes the host of a request to a proxy.
func TestMetadataIsForbiddenWhateverCannotBeSeenIsInItsName(t *testing.T) {
	t.Parallel()
	for _, ignored := range [][2]rune{
		{0xad, 0xad}, {0x34f, 0x34f}, {0x180b, 0x180d}, {0x180f, 0x180f}, {0x200b, 0x200b}, {0x2060, 0x2060}, {0x2064, 0x2064},
		{0xfe00, 0xfe0f}, {0xfeff, 0xfeff}, {0x1bca0, 0x1bca3}, {0xe0100, 0xe01ef},
	} {
		for r := ignored[0]; r <= ignored[1]; r++ {
			for _, host := range []string{"169.254.169.254", "0xa9fea9fe", "metadata.google.internal", "instance-data"} {
				for at := range len(host) + 1 {
					u := &url.URL{Scheme: "http", Host: host[:at] + string(r) + host[at:]}
					if err := (Policy{}).CheckURL(u); !errors.Is(err, ErrForbidden) {
						t.Errorf("%+q: %v", u.Host, err)
					}
				}
			}
		}
	}
}

func TestOtherAddressesAreAllowedUnlessTheProgramWantsPublicOnes(t *testing.T) {
	t.Parallel()
	for host, private := range map[string]bool{
		"10.0.0.1": true, "167772161": true, "0x0a000001": true, "012.1": true, "192.168.1.1": true, "172.16.0.1": true,
		"100.64.0.1": true, "127.0.0.1": true, "127.1": true, "2130706433": true,
		"１０.０.０.１": true, "①⓪.0.0.1": true, "ｌocalhost": true, "[2002:a00:1::]": true, "[2001:db8::5efe:a00:1]": true,
		"bücher.example": false, "例え。テスト": false, "１０.example": false,
		"[2001:db8::1]": false, "[2001:4860:4860::8888]": false, "[2002:808:808::1]": false, "[::1]": true, "[fd12:3456::1]": true,
		"[fd00:ec2:0:1::254]": true, "[fd00:42::43]": true, "[::ffff:10.0.0.1]": true, "[64:ff9b::a00:1]": true, "localhost": true,
		"a.localhost": true, "LOCALHOST.": true,
		"8.8.8.8": false, "[2606:4700::1111]": false, "erp.example": false, "10.0.0.1.example": false, "0xcafe.example": false,
		"1.2.3.4.5": false, "169.254": false,
		"99999999999": false, "256.1": false, "3232235777.example": false, "metadata.example": false, "my-instance-data": false,
	} {
		u, err := url.Parse("https://" + host + "/")
		if err != nil {
			t.Fatal(err)
		}
		if err := (Policy{}).CheckURL(u); err != nil {
			t.Errorf("%s: %v", host, err)
		}
		if err := (Policy{Public: true}).CheckURL(u); errors.Is(err, ErrForbidden) != private {
			t.Errorf("%s where only public addresses are allowed: %v", host, err)
		}
	}
}

func TestOnlyTheHostsOfTheProgramAreAllowed(t *testing.T) {
	t.Parallel()
	p := Policy{Hosts: address.Known{"erp.example", "https://api.example:8443", "10.0.0.1"}}
	for target, allowed := range map[string]bool{
		"https://erp.example/x": true, "http://ERP.example:81/": true, "https://api.example:8443/": true, "https://api.example/": false, "http://10.0.0.1/": true,
		"https://evil.example/": false, "https://erp.example.evil.example/": false, "https://x.erp.example/": false, "http://10.0.0.2/": false,
	} {
		u, err := url.Parse(target)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.CheckURL(u); (err == nil) != allowed {
			t.Errorf("%s: %v", target, err)
		}
	}
	u, _ := url.Parse("https://erp.example/")
	if err := (Policy{Hosts: address.Known{}}).CheckURL(u); err == nil {
		t.Error("an empty list allows a host")
	}
}

// What a name resolves to is judged when the connection is made: a name that has pointed
// elsewhere a moment before changes nothing.
func TestTheAddressOfAConnectionIsJudged(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string][2]bool{
		"169.254.169.254:80": {true, true}, "[fe80::1%eth0]:80": {true, true}, "[::ffff:169.254.169.254]:80": {true, true},
		"10.0.0.1:80": {false, true}, "[::1]:80": {false, true}, "8.8.8.8:53": {false, false},
	} {
		for i, p := range []Policy{{}, {Public: true}} {
			if err := p.Control("tcp", addr, nil); errors.Is(err, ErrForbidden) != want[i] {
				t.Errorf("%s with %+v: %v", addr, p, err)
			}
		}
	}
}

// The program's proxy is most often at a private address; nothing else there is reached.
func TestTheProxyMayBePrivateWhereOnlyPublicAddressesAre(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	at := listener.Addr().String()
	ctx := With(t.Context(), Policy{Public: true})
	for name, tt := range map[string]struct {
		proxy  string
		scheme string
		is     bool
	}{
		"of all":          {"http://user:password@" + at, "", true},
		"of https":        {"http://" + at, "https", true},
		"of http":         {"socks5://" + at, "http", true},
		"another port":    {"http://127.0.0.1", "", false},
		"another address": {"http://10.0.0.1:3128", "", false},
		"none":            {"", "", false},
	} {
		proxy := func(r *http.Request) (*url.URL, error) {
			if tt.proxy == "" || tt.scheme != "" && r.URL.Scheme != tt.scheme {
				return nil, nil
			}
			return url.Parse(tt.proxy)
		}
		conn, err := dial(ctx, "tcp", at, proxy)
		if err == nil {
			_ = conn.Close()
		}
		if (err == nil) != tt.is || err != nil && !errors.Is(err, ErrForbidden) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err = dial(ctx, "tcp", "169.254.169.254:80", func(*http.Request) (*url.URL, error) { return url.Parse("http://169.254.169.254") })
	if !errors.Is(err, ErrForbidden) {
		t.Errorf("metadata as the proxy: %v", err)
	}
}

// A host is an address in no more than one way, and asking twice changes nothing.
func FuzzParseHost(f *testing.F) {
	for _, seed := range []string{"2852039166", "0xa9.1", "[::1]", "erp.example", "1.2.3", "0", "00.0x0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, host string) {
		addr, ok := ParseHost(host)
		if !ok {
			return
		}
		again, ok := ParseHost(addr.String())
		if !ok || again != addr {
			t.Errorf("%q is %s, which is %s", host, addr, again)
		}
		if std, err := netip.ParseAddr(host); err == nil && std != addr {
			t.Errorf("%q is %s, and %s for netip", host, addr, std)
		}
	})
}
