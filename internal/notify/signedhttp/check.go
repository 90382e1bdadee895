package signedhttp

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"holdfast/internal/cloudevent"
	"holdfast/internal/notify/sender"
	"holdfast/internal/notify/trust"
	"holdfast/internal/signature"
)

// A list collects what is wrong.
type list []sender.Problem

func (l *list) add(setting, text string) {
	if text != "" {
		*l = append(*l, sender.Problem{Setting: setting, Text: text})
	}
}

func check(o *Options) []sender.Problem {
	var l list
	l.add("url", o.wrongURL())
	o.checkSecrets(&l)
	switch o.format() {
	case cloudevent.ModeStructured, cloudevent.ModeBinary:
		if o.Batch != 0 {
			l.add("batch", "is for format batch only")
		}
	case cloudevent.ModeBatch:
		if o.Batch != 0 && (o.Batch < 2 || o.Batch > 1000) {
			l.add("batch", "want 2 to 1000")
		}
	default:
		l.add("format", "want structured, binary or batch")
	}
	o.checkHeaders(&l)
	l = append(l, o.TLS.Check()...)
	if o.Proxy != noProxy && o.Proxy != "" {
		l.add("proxy", wrongProxy(string(o.Proxy)))
	}
	if h := o.Handshake; h.Origin == "" && h.Rate != 0 {
		l.add("handshake.origin", "is required: the DNS name that we are known by")
	} else if h.Origin != "" && !trust.IsHost(h.Origin) {
		l.add("handshake.origin", "want a DNS name such as hooks.example.com")
	}
	if o.Handshake.Rate < 0 {
		l.add("handshake.rate", "want requests a minute, at least 1")
	}
	return l
}

func (o *Options) checkSecrets(l *list) {
	if o.Secret == "" && len(o.Secrets) == 0 {
		l.add("secret", "is required: whsec_ and the base64 of 24 to 64 random bytes")
	} else if o.Secret != "" && len(o.Secrets) > 0 {
		l.add("secrets", "want secret or secrets, not both")
	}
	if o.Secret != "" {
		if _, err := signature.ParseStandardKey(o.Secret); err != nil {
			l.add("secret", err.Error())
		}
	}
	if len(o.Secrets) > 4 {
		l.add("secrets", "want at most 4")
	}
	for i, s := range o.Secrets {
		if _, err := signature.ParseStandardKey(s); err != nil {
			l.add("secrets["+strconv.Itoa(i)+"]", err.Error())
		}
	}
}

// wrongURL says what is wrong with the URL; "" if nothing is.
func (o *Options) wrongURL() string {
	if o.URL == "" {
		return "is required"
	}
	u, err := url.Parse(string(o.URL))
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return "want an absolute URL with http or https and a host"
	case u.User != nil:
		return "want a URL without user and password: other programs show them"
	case u.Fragment != "":
		return "want a URL without #: what follows it is never sent"
	case oddAddress(u.Hostname()):
		return "want an address such as 192.0.2.1, or a name that does not end in a number"
	case !o.Private && privateHost(u.Hostname()):
		return "is at a private address: set private: true if it is meant"
	}
	return ""
}

func wrongProxy(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" ||
		!slices.Contains([]string{"http", "https", "socks5", "socks5h"}, u.Scheme) {
		return "want a URL such as http://user:password@proxy.example.com:3128, with http, https or socks5, or none"
	}
	return ""
}

// ours are headers that we set, or that belong to the connection (RFC 9110, sections 7.6.1 and 10.1.1), by canonical name.
// Beside them are those that begin in one of ourPrefixes.
var (
	ours = []string{
		"Accept-Encoding", "Connection", "Content-Encoding", "Content-Length", "Content-Type", "Expect", "Host", "Idempotency-Key",
		"Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "User-Agent",
	}
	ourPrefixes = []string{"Ce-", "Proxy-", "Webhook-"}
)

func (o *Options) checkHeaders(l *list) {
	seen := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(o.Headers)) {
		canonical := http.CanonicalHeaderKey(name)
		setting, value := "headers."+name, string(o.Headers[name])
		switch {
		case !isHeaderName(name):
			l.add("headers", "has a name that is not one of a header")
		case slices.Contains(ours, canonical), slices.ContainsFunc(ourPrefixes, func(p string) bool { return strings.HasPrefix(canonical, p) }):
			l.add(setting, "cannot be set: it is one of ours, or of the connection's")
		case seen[canonical]:
			l.add(setting, "is there twice, in other letters")
		case value == "":
			l.add(setting, "is empty")
		case strings.Trim(value, " \t") != value || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
			l.add(setting, "cannot be the value of a header: it has spaces around it, or control characters")
		}
		seen[canonical] = true
	}
}

// isHeaderName reports whether a text is a token (RFC 9110, section 5.6.2).
func isHeaderName(text string) bool {
	for i := range len(text) {
		c := text[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return text != "" && len(text) <= 128
}
