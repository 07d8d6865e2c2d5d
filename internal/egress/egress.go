// Package egress says where calls may go: never to addresses at which clouds answer with
// credentials, however they are spelled, and where the program wants it only to some hosts,
// or to no private address.
//
// An address is looked at twice. A host that is written as an address in a URL is judged
// before anything is sent, since behind a proxy nobody else would. And every address that a
// connection is made to is judged after its name was resolved, so that no name can point
// where an address may not, whatever it pointed to a moment before.
package egress

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/exportpipeline/exportpipeline/internal/address"
)

// ErrForbidden means that an address or a host is not allowed.
var ErrForbidden = errors.New("address is not allowed")

// Policy is what a program allows. The zero Policy allows every host but those of clouds'
// metadata.
type Policy struct {
	// Hosts are the only ones that calls may go to; nil for no such bound.
	Hosts address.Known
	// Public forbids private addresses, and this machine's own.
	Public bool
}

type key struct{}

// With returns a context whose calls are bound by a policy.
func With(ctx context.Context, p Policy) context.Context { return context.WithValue(ctx, key{}, p) }

// Of returns the policy of a context.
func Of(ctx context.Context) Policy {
	p, _ := ctx.Value(key{}).(Policy)
	return p
}

// names at which clouds answer with credentials.
var names = []string{
	"metadata", "metadata.google.internal", "metadata.goog", "instance-data", "instance-data.ec2.internal",
	"metadata.azure.internal", "metadata.azure.com", "metadata.packet.net", "metadata.platformequinix.com", "metadata.tencentyun.com",
	"api.metadata.cloud.ibm.com", "metadata.exoscale.com",
}

// CheckURL returns an error that wraps [ErrForbidden] if a call to the URL is not allowed.
func (p Policy) CheckURL(u *url.URL) error {
	host := plain(u.Hostname())
	if slices.Contains(names, host) {
		return fmt.Errorf("%w: %s belongs to a cloud", ErrForbidden, host)
	}
	if addr, ok := ParseHost(host); ok {
		if err := p.CheckAddr(addr); err != nil {
			return err
		}
	} else if p.Public && (host == "localhost" || strings.HasSuffix(host, ".localhost")) {
		return fmt.Errorf("%w: %s is this machine, and the program allows public addresses only", ErrForbidden, host)
	}
	if p.Hosts != nil && !p.Hosts.Allows(u) {
		return fmt.Errorf("%w: %s is not among the hosts that the program allows", ErrForbidden, u.Host)
	}
	return nil
}

// plain returns a host as a resolver or a proxy gets it: clients write names by the rules
// of IDNA, which know digits, letters and dots in many shapes, and leave out what cannot be
// seen.
func plain(host string) string {
	if isASCII(host) {
		return strings.TrimRight(strings.ToLower(host), ".")
	}
	host = strings.Map(func(r rune) rune {
		switch {
		case r == '。': // which is still one in NFKC; the others become dots or this
			return '.'
		case unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point):
			return -1
		}
		return r
	}, norm.NFKC.String(host))
	return strings.TrimRight(strings.ToLower(host), ".")
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// CheckAddr returns an error that wraps [ErrForbidden] if a connection to the address is
// not allowed.
func (p Policy) CheckAddr(addr netip.Addr) error {
	if isMetadata(addr.WithZone("")) {
		return fmt.Errorf("%w: %s is link-local or belongs to a cloud", ErrForbidden, addr)
	}
	if p.Public && isPrivate(addr.WithZone("")) {
		return fmt.Errorf("%w: %s is private, and the program allows public addresses only", ErrForbidden, addr)
	}
	return nil
}

// Control is for [net.Dialer]: it judges the address that a name was resolved to.
func (p Policy) Control(_, address string, _ syscall.RawConn) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return err
	}
	return p.CheckAddr(addr)
}

// Bounds of making a connection.
const (
	dialTimeout = 30 * time.Second
	keepAlive   = 30 * time.Second
)

// Dial makes a connection, to an address that the policy of the context allows. The proxy of
// the environment may be at a private one, since the program has chosen it.
func Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return dial(ctx, network, address, http.ProxyFromEnvironment)
}

func dial(ctx context.Context, network, address string, proxy func(*http.Request) (*url.URL, error)) (net.Conn, error) {
	allowed := Of(ctx)
	allowed.Public = allowed.Public && !isProxy(address, proxy)
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: keepAlive, Control: allowed.Control}
	return dialer.DialContext(ctx, network, address)
}

// isProxy reports whether an address is that of the proxy for any scheme.
func isProxy(address string, proxy func(*http.Request) (*url.URL, error)) bool {
	ports := map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}
	for _, scheme := range []string{"http", "https"} {
		u, err := proxy(&http.Request{URL: &url.URL{Scheme: scheme, Host: "proxied.invalid"}})
		if err == nil && u != nil && net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), ports[u.Scheme])) == address {
			return true
		}
	}
	return false
}

// DialMetadata makes a connection to any address. It is for what asks this machine's cloud
// for credentials because the program wants it to, and sends nothing of an export.
func DialMetadata(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: keepAlive}
	return dialer.DialContext(ctx, network, address)
}

// ParseHost returns the address that a host is, if it is one in any spelling that a
// resolver takes: 169.254.169.254, 2852039166, 0xA9.0376.43518, [::ffff:a9fe:a9fe],
// fe80::1%eth0.
func ParseHost(host string) (netip.Addr, bool) {
	if inner, ok := strings.CutPrefix(host, "["); ok && strings.HasSuffix(inner, "]") {
		host = strings.TrimSuffix(inner, "]")
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr, true
	}
	parts := strings.Split(strings.TrimSuffix(host, "."), ".")
	if len(parts) > 4 {
		return netip.Addr{}, false
	}
	var sum uint64
	for i, part := range parts {
		n, err := parseNumber(part)
		most := uint64(0xff)
		if i == len(parts)-1 { // the last number fills the rest
			most = 1<<(8*(5-len(parts))) - 1
		}
		if err != nil || n > most {
			return netip.Addr{}, false
		}
		if i == len(parts)-1 {
			sum |= n
		} else {
			sum |= n << (8 * (3 - i))
		}
	}
	return netip.AddrFrom4([4]byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)}), true
}

// parseNumber reads a number as C's inet_aton does: decimal, octal after 0, hexadecimal
// after 0x.
func parseNumber(text string) (uint64, error) {
	switch {
	case len(text) > 2 && (text[:2] == "0x" || text[:2] == "0X"):
		return strconv.ParseUint(text[2:], 16, 32)
	case len(text) > 1 && text[0] == '0':
		return strconv.ParseUint(text[1:], 8, 32)
	}
	return strconv.ParseUint(text, 10, 32)
}

// metadata are the addresses outside of the link-local range at which clouds
// answer with credentials: Google over IPv6, Scaleway, Alibaba, Azure, Oracle; and the prefixes that
// carry an IPv4 address within an IPv6 one (RFC 6052, 8215, 3056, 4291, 4380, 2765); ISATAP
// (RFC 5214) carries one in any prefix.
var (
	metadata = []netip.Addr{
		netip.MustParseAddr("fd20:ce::254"), netip.MustParseAddr("fd00:42::42"),
		netip.MustParseAddr("100.100.100.200"), netip.MustParseAddr("168.63.129.16"), netip.MustParseAddr("192.0.0.192"), netip.MustParseAddr("255.255.255.255"),
	}
	amazon      = netip.MustParsePrefix("fd00:ec2::/64") // with ::254 and, for pods, ::23
	thisNetwork = netip.MustParsePrefix("0.0.0.0/8")
	carrier     = netip.MustParsePrefix("100.64.0.0/10")
	nat64       = netip.MustParsePrefix("64:ff9b::/96")
	localNAT64  = netip.MustParsePrefix("64:ff9b:1::/48")
	sixToFour   = netip.MustParsePrefix("2002::/16")
	teredo      = netip.MustParsePrefix("2001::/32")
	compatible  = netip.MustParsePrefix("::/96")
	translated  = netip.MustParsePrefix("::ffff:0:0:0/96")
)

// isMetadata reports addresses that no ERP lives at, but a cloud's metadata
// service does.
func isMetadata(addr netip.Addr) bool {
	addr = addr.Unmap()
	if addr.IsLoopback() {
		return false
	}
	if slices.ContainsFunc(within(addr), isMetadata) {
		return true
	}
	return addr.IsLinkLocalUnicast() || addr.IsLinkLocalMulticast() || addr.IsMulticast() || thisNetwork.Contains(addr) || amazon.Contains(addr) || slices.Contains(metadata, addr)
}

// isPrivate reports addresses that only a network of one's own has.
func isPrivate(addr netip.Addr) bool {
	addr = addr.Unmap()
	if addr.IsLoopback() || addr.IsPrivate() || carrier.Contains(addr) {
		return true
	}
	return slices.ContainsFunc(within(addr), isPrivate)
}

// within returns the IPv4 addresses that an IPv6 one carries.
func within(addr netip.Addr) []netip.Addr {
	if !addr.Is6() {
		return nil
	}
	b := addr.As16()
	last := netip.AddrFrom4([4]byte(b[12:]))
	switch {
	case nat64.Contains(addr), localNAT64.Contains(addr), compatible.Contains(addr), translated.Contains(addr):
		return []netip.Addr{last}
	case sixToFour.Contains(addr):
		return []netip.Addr{netip.AddrFrom4([4]byte(b[2:6]))}
	case teredo.Contains(addr): // of the server, and of the client with its bits turned
		return []netip.Addr{netip.AddrFrom4([4]byte(b[4:8])), netip.AddrFrom4([4]byte{^b[12], ^b[13], ^b[14], ^b[15]})}
	case b[8]&^2 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe: // ISATAP
		return []netip.Addr{last}
	}
	return nil
}
