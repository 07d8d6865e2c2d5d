package hostile

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// fault is what a peer does instead of answering.
type fault struct {
	name string
	// does answers a request, and closes the connection by returning.
	does func(c *conn, r *http.Request)
	// says is what the export must say, by one of these words at least. Several stand for
	// one thing that shows in several ways.
	says []string
	// lasts means that only the export's own time ends it.
	lasts bool
	// dial has the peer do something before there is any request.
	dial func(net.Conn)
	// secure has the component call the peer by https.
	secure bool
	// tls has it do so, and is how the peer secures its connections.
	tls *tls.Config
	// moved is how many requests more than one may change something, since the peer says of
	// each that it was made at the wrong address.
	moved int32
	// host replaces the peer's host and port in the address.
	host string
}

// conn is a connection of a peer that writes what it wants.
type conn struct {
	net.Conn
	p    *peer
	body string // that the component would understand
	kind string // its media type
}

func (c *conn) say(text string) bool {
	n, err := io.WriteString(c.Conn, text)
	c.p.written.Add(int64(n))
	return err == nil
}

// reply writes a reply with a length.
func (c *conn) reply(status, header, body string) {
	c.say(
		fmt.Sprintf(
			"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n%s\r\n%s",
			status,
			c.kind,
			len(body),
			header,
			body,
		),
	)
}

// forever writes a text until nobody takes it.
func (c *conn) forever(head, text string) {
	for ok := c.say(head); ok; {
		ok = c.say(text)
	}
}

// waits until the other side has gone.
func (c *conn) waits() { _, _ = io.Copy(io.Discard, c.Conn) }

const ok = "HTTP/1.1 200 OK\r\nConnection: close\r\n"

// Words by which an export says what was wrong. Each must be one that no other fault, and
// nothing that every message has, brings about.
var (
	lost     = []string{"EOF", "reset by peer", "broken pipe", "closed", "connection lost"}
	late     = []string{"deadline", "took longer", "timed out"}
	tooLarge = []string{"too large"}
	headers  = []string{"headers exceeded", "1xx"}
	strange  = []string{
		"not JSON", "not a JSON object", "invalid character", "access_token", "not XML", "cannot be read as XML", "needs an XML reply",
		"XML syntax error",
		"DOCTYPE",
	}
	empty   = append(strange, "end of JSON input")
	deep    = append(strange, "nested", "max depth")
	wide    = []string{"too large to be read", "access_token", "bytes; at most"}
	away    = append(status(301, 302, 307), "redirect that is not followed", "it redirects to")
	blocked = append(unreached, "address is not allowed")
	unmade  = append(lost, unreached...)
)

// unreached is what Workday's export says when it cannot connect, whatever the cause.
var unreached = []string{"Could not connect to Workday"}

// status returns how messages name the status of a reply.
func status(codes ...int) (words []string) {
	for _, code := range codes {
		for _, before := range []string{"status ", "answers ", "answered ", "StatusCode: "} {
			words = append(words, before+strconv.Itoa(code))
		}
	}
	return words
}

func gzipped(text string) string {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = io.WriteString(z, text) // into memory
	_ = z.Close()
	return out.String()
}

var bomb = func() string {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	zeros := make([]byte, 1<<20)
	for range 150 {
		_, _ = z.Write(zeros) // into memory
	}
	_ = z.Close()
	return out.String()
}()

// deep and wide are replies that are nested deeply, and that have many parts.
func (c *conn) deep() string {
	if strings.Contains(c.kind, "xml") {
		return strings.Repeat("<a>", 200_000) + strings.Repeat("</a>", 200_000)
	}
	return strings.Repeat("[", 500_000) + strings.Repeat("]", 500_000)
}

func (c *conn) wide() string {
	if strings.Contains(c.kind, "xml") {
		return wideXML()
	}
	return wideJSON()
}

var (
	wideXML  = sync.OnceValue(func() string { return manyParts(true) })
	wideJSON = sync.OnceValue(func() string { return manyParts(false) })
)

func manyParts(isXML bool) string {
	var out strings.Builder
	out.WriteString(map[bool]string{true: "<a", false: "{"}[isXML])
	for i := range 100_000 {
		if isXML {
			fmt.Fprintf(&out, ` k%d="1"`, i)
		} else {
			fmt.Fprintf(&out, `"k%d":[{}],`, i)
		}
	}
	out.WriteString(map[bool]string{true: "/>", false: `"k":1}`}[isXML])
	return out.String()
}

// httpFaults are those of every peer that speaks HTTP.
var httpFaults = []fault{
	{name: "sends a body without end", says: tooLarge, does: func(c *conn, _ *http.Request) {
		c.forever(ok+"Content-Type: "+c.kind+"\r\n\r\n"+c.body[:min(1, len(c.body))], strings.Repeat(" ", 64<<10))
	}},
	{name: "sends a body of chunks without end", says: tooLarge, does: func(c *conn, _ *http.Request) {
		c.forever(ok+"Transfer-Encoding: chunked\r\n\r\n", "10000\r\n"+strings.Repeat(" ", 64<<10)+"\r\n")
	}},
	{name: "sends a byte now and then", says: late, lasts: true, does: func(c *conn, _ *http.Request) {
		for alive := c.say(ok + "Content-Length: 100000\r\n\r\n"); alive; time.Sleep(10 * time.Millisecond) {
			alive = c.say(" ")
		}
	}},
	{name: "sends the head byte by byte", says: late, lasts: true, does: func(c *conn, _ *http.Request) {
		for alive := c.say(ok + "X: "); alive; time.Sleep(10 * time.Millisecond) {
			alive = c.say("x")
		}
	}},
	{name: "never answers", says: late, lasts: true, does: func(c *conn, _ *http.Request) { c.waits() }},
	{name: "hangs up", says: lost, does: func(*conn, *http.Request) {}},
	{name: "resets the connection", says: lost, does: func(c *conn, _ *http.Request) { c.resets() }},
	{name: "resets the connection within the body", says: lost, does: func(c *conn, _ *http.Request) {
		c.say(ok + "Content-Length: 100000\r\n\r\n" + c.body)
		c.resets()
	}},
	{
		name: "breaks off within the head",
		says: []string{"malformed MIME header", "EOF"},
		does: func(c *conn, _ *http.Request) { c.say("HTTP/1.1 200 OK\r\nContent-") },
	},
	{
		name: "breaks off within the body",
		says: lost,
		does: func(c *conn, _ *http.Request) { c.say(ok + "Content-Length: 100000\r\n\r\n" + c.body) },
	},
	{
		name: "breaks off within a chunk",
		says: lost,
		does: func(c *conn, _ *http.Request) { c.say(ok + "Transfer-Encoding: chunked\r\n\r\nff\r\n{") },
	},
	{
		name: "sends chunks of a negative size",
		says: []string{"invalid byte in chunk length"},
		does: func(c *conn, _ *http.Request) { c.say(ok + "Transfer-Encoding: chunked\r\n\r\n-1\r\n{}\r\n") },
	},
	{name: "sends chunks of a huge size", says: []string{"chunk length too large"}, does: func(c *conn, _ *http.Request) {
		c.say(ok + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n{}\r\n")
	}},
	{
		name: "breaks off within a trailer",
		says: []string{"long trailer"}, // net/http has one error for both
		does: func(c *conn, _ *http.Request) {
			c.say(ok + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-Name: a")
		},
	},
	{name: "sends a trailer without end", says: []string{"long trailer", "too large"}, does: func(c *conn, _ *http.Request) {
		c.forever(ok+"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", "X-Name: "+strings.Repeat("x", 1<<10)+"\r\n")
	}},
	{
		name: "sends chunks with extensions without end",
		says: []string{"chunk", "too large", "too much overhead"},
		does: func(c *conn, _ *http.Request) {
			c.forever(ok+"Transfer-Encoding: chunked\r\n\r\n", "1;"+strings.Repeat("x", 2<<10)+"\r\n{\r\n")
		},
	},
	{name: "announces both a length and chunks", does: func(c *conn, _ *http.Request) {
		c.say(
			fmt.Sprintf(
				"%sContent-Type: %s\r\nContent-Length: 999\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n",
				ok,
				c.kind,
				len(c.body),
				c.body,
			),
		)
	}},
	{
		name: "announces two lengths",
		says: []string{"multiple Content-Length"},
		does: func(c *conn, _ *http.Request) { c.say(ok + "Content-Length: 2\r\nContent-Length: 4\r\n\r\n{}{}") },
	},
	{
		name: "announces a negative length",
		says: []string{"bad Content-Length"},
		does: func(c *conn, _ *http.Request) { c.say(ok + "Content-Length: -1\r\n\r\n{}") },
	},
	{name: "announces a length beyond any memory", says: tooLarge, does: func(c *conn, _ *http.Request) {
		c.say(ok + "Content-Length: 9223372036854775807\r\n\r\n{}")
	}},
	{
		name: "sends a gzip bomb",
		says: tooLarge,
		does: func(c *conn, _ *http.Request) { c.reply("200 OK", "Content-Encoding: gzip\r\n", bomb) },
	},
	{name: "sends a gzip bomb within gzip", says: tooLarge, does: func(c *conn, _ *http.Request) {
		c.reply("200 OK", "Content-Encoding: gzip, gzip\r\n", gzipped(bomb))
	}},
	{
		name: "sends something else as gzip",
		says: []string{"unexpected EOF", "gzip"},
		does: func(c *conn, _ *http.Request) { c.reply("200 OK", "Content-Encoding: gzip\r\n", "not gzip") },
	},
	{name: "sends gzip that is cut short", says: []string{"unexpected EOF"}, does: func(c *conn, _ *http.Request) {
		packed := gzipped(c.body + strings.Repeat(" ", 1000))
		c.reply("200 OK", "Content-Encoding: gzip\r\n", packed[:len(packed)-6])
	}},
	{name: "sends an encoding that nobody asked for", says: strange, does: func(c *conn, _ *http.Request) {
		c.reply("200 OK", "Content-Encoding: br\r\n", "\x0b\x02\x80{}\x03")
	}},
	{
		name: "nests half a million levels",
		says: deep,
		does: func(c *conn, _ *http.Request) { c.reply("200 OK", "", c.deep()) },
	},
	{name: "sends 100,000 keys", says: wide, does: func(c *conn, _ *http.Request) { c.reply("200 OK", "", c.wide()) }},
	{name: "sends a header of 20 MB", says: headers, does: func(c *conn, _ *http.Request) {
		c.say(ok + "X: " + strings.Repeat("x", 20<<20) + "\r\n\r\n{}")
	}},
	{name: "sends headers without end", says: headers, does: func(c *conn, _ *http.Request) {
		c.forever(ok, strings.Repeat("X-Name: value\r\n", 1000))
	}},
	{name: "says early hints without end", says: headers, does: func(c *conn, _ *http.Request) {
		c.forever("", strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", 1000))
	}},
	{name: "says to continue without end", says: headers, does: func(c *conn, _ *http.Request) {
		c.forever("", strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 1000))
	}},
	{name: "switches protocols", says: status(101), does: func(c *conn, _ *http.Request) {
		c.say("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
		c.waits() // as whoever has switched them
	}},
	{
		name: "speaks another protocol",
		says: []string{"malformed HTTP response"},
		does: func(c *conn, _ *http.Request) { c.say("SSH-2.0-OpenSSH_9.9\r\n") },
	},
	{
		name: "speaks HTTP of a version to come",
		says: nil,
		does: func(c *conn, _ *http.Request) { c.say("HTTP/9.9 200 OK\r\n\r\n" + c.body) },
	},
	{
		name: "answers with an impossible status",
		says: []string{"malformed HTTP status"},
		does: func(c *conn, _ *http.Request) { c.say("HTTP/1.1 2000 OK\r\n\r\n") },
	},
	{
		name: "answers with invalid header bytes",
		says: []string{"malformed MIME header"},
		does: func(c *conn, _ *http.Request) { c.say(ok + "X\x00Y: 1\r\n\r\n{}") },
	},
	{name: "answers twice", says: nil, does: func(c *conn, _ *http.Request) {
		c.reply("200 OK", "", c.body)
		c.reply("200 OK", "", c.body)
	}},
	{name: "redirects to itself without end", says: away, moved: 10, does: func(c *conn, r *http.Request) {
		c.reply("307 Temporary Redirect", "Location: "+r.URL.Path+"\r\n", "")
	}},
	{name: "redirects to a cloud's metadata", says: away, does: func(c *conn, _ *http.Request) {
		c.reply("302 Found", "Location: http://0xa9fea9fe/latest/meta-data/\r\n", "")
	}},
	{
		name: "redirects to a file",
		says: away,
		does: func(c *conn, _ *http.Request) { c.reply("302 Found", "Location: file:///etc/passwd\r\n", "") },
	},
	{name: "redirects to nowhere", says: away, does: func(c *conn, _ *http.Request) { c.reply("302 Found", "", "") }},
	{name: "names an unknown charset", says: nil, does: func(c *conn, _ *http.Request) {
		c.kind += "; charset=klingon-8"
		c.reply("200 OK", "", c.body)
	}},
	{name: "says success and sends an error page", says: strange, does: func(c *conn, _ *http.Request) {
		c.kind = "text/html"
		c.reply("200 OK", "", "<!DOCTYPE html><h1>Your session has ended")
	}},
	{
		name: "says success and sends nothing",
		says: empty,
		does: func(c *conn, _ *http.Request) { c.reply("200 OK", "", "") },
	},
	{
		name: "sends bytes that are not text",
		says: strange,
		does: func(c *conn, _ *http.Request) { c.reply("200 OK", "", "\xff\xfe\x00\xd8\x00\x00") },
	},
	{name: "refuses every token", says: status(401), does: func(c *conn, _ *http.Request) {
		c.reply("401 Unauthorized", "WWW-Authenticate: Bearer\r\n", `{"error":"no"}`)
	}},
	{name: "asks to come back in a hundred years", says: append(status(429), late...), lasts: true, does: func(c *conn, _ *http.Request) {
		c.reply("429 Too Many Requests", "Retry-After: 3153600000\r\n", "{}")
	}},
	{
		name:  "is never available",
		says:  append(status(503), late...),
		lasts: true,
		does:  func(c *conn, _ *http.Request) { c.reply("503 Service Unavailable", "Retry-After: 0\r\n", "{}") },
	},
	{name: "is a cloud's metadata, as a number", says: blocked, host: "2852039166:80"},
	{name: "is a cloud's metadata, within IPv6", says: blocked, host: "[::ffff:a9fe:a9fe]:80"},
	{
		name:   "shows a certificate of nobody",
		says:   append(unreached, "TLS.Authorities"),
		secure: true,
		does:   func(c *conn, _ *http.Request) { c.reply("200 OK", "", c.body) },
	},
	{
		name:   "answers TLS in the clear",
		says:   append(unreached, "does not speak TLS at this port"),
		secure: true,
		dial: func(c net.Conn) {
			_, _ = c.Read(make([]byte, 1000))
			_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
		},
	},
	{
		name:   "hangs up within the TLS handshake",
		says:   unmade,
		secure: true,
		dial:   func(c net.Conn) { _, _ = c.Read(make([]byte, 10)) },
	},
	{name: "never ends the TLS handshake", says: late, lasts: true, secure: true, dial: func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }},
	{name: "hangs up when it is dialled", says: unmade, dial: func(net.Conn) {}},
}

// resets ends the connection so that the other side gets an error instead of an end.
func (c *conn) resets() {
	if tcp, isTCP := c.Conn.(*net.TCPConn); isTCP {
		_ = tcp.SetLinger(0)
		_ = tcp.Close()
	}
}
