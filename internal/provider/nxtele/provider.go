// Package nxtele speaks the webhooks of nxtele (NXCloud), a reseller that relays Meta's values in an envelope of its own
// and signs with a digest of its own.
package nxtele

import (
	"cmp"
	"embed"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/internal/optout"
	"holdfast/internal/signature"
	"holdfast/internal/webhook"
)

// Samples are the webhooks that nxtele publishes, byte for byte (NXCloud wiki: phone webhook): samples/*.json.
//
//go:embed samples
var Samples embed.FS

// Options are the settings of a source whose webhooks come from nxtele.
type Options struct {
	// AccessKeys are the secrets by access key. To rotate, name the old pair and the new.
	AccessKeys map[string]signature.Secret `yaml:"access_keys"`
	// Algorithms are the digests that are accepted: sha256 (the default if none is named) and md5. The header that names
	// the algorithm is not signed, so what is not needed should not be named.
	Algorithms []string `yaml:"algorithms"`
	// MaxClockSkew is how far a signed time may be from the arrival; 0 is any. Whether nxtele renews the time of a
	// webhook that it sends again is not known.
	MaxClockSkew time.Duration `yaml:"max_clock_skew"`
	// OptOut are the words by which people stop marketing messages.
	OptOut optout.Options `yaml:"opt_out"`
}

// A Provider speaks nxtele's dialect with the secrets of one source. It is made by [New].
type Provider struct {
	options Options
	words   optout.Words
}

// String is the dialect only, and so is GoString: what prints a struct sees through the types of secrets in it.
func (p *Provider) String() string   { return "nxtele" }
func (p *Provider) GoString() string { return p.String() }

// New makes a provider. Without any access key it is an error, unless insecure says that whoever knows the URL may
// send. With access keys configured, insecure changes nothing.
func New(options Options, insecure bool) (*Provider, error) {
	for key, secret := range options.AccessKeys {
		if !isName(key) {
			return nil, errors.New("access_keys: an access key is empty or has characters that cannot be signed safely")
		}
		if secret == "" {
			return nil, errors.New("access_keys: a secret is empty")
		}
	}
	if len(options.AccessKeys) == 0 && !insecure {
		return nil, errors.New("access_keys is empty")
	}
	for i, algorithm := range options.Algorithms {
		if digestSize(algorithm) == 0 {
			return nil, fmt.Errorf("algorithms[%d] is neither sha256 nor md5", i)
		}
	}
	if len(options.Algorithms) == 0 {
		options.Algorithms = []string{signature.SHA256}
	}
	if options.MaxClockSkew < 0 {
		return nil, errors.New("max_clock_skew is negative")
	}
	words, err := optout.New(options.OptOut)
	if err != nil {
		return nil, err
	}
	return &Provider{options, words}, nil
}

// The headers that prove a webhook authentic (NXCloud wiki: whatsapp callback verify), as they are kept.
const (
	accessKeyHeader = "accesskey"
	actionHeader    = "action"
	bizTypeHeader   = "biztype"
	tsHeader        = "ts"
	algorithmHeader = "algorithm"
	signHeader      = "sign"
)

// whatsApp is the biztype of everything about it.
const whatsApp = "2"

// Evidence wants each of the six headers exactly once and of strict form, because the digest does not separate its
// parts; an access key that is configured; and an algorithm that is allowed.
func (p *Provider) Evidence(h http.Header) (webhook.Evidence, error) {
	kept := make(map[string]string, 6)
	var refusal error
	for _, name := range []string{accessKeyHeader, actionHeader, bizTypeHeader, tsHeader, algorithmHeader, signHeader} {
		values := h.Values(name)
		if len(values) > 1 {
			refusal = cmp.Or(refusal, error(webhook.MalformedEvidence))
		}
		if len(values) == 1 {
			kept[name] = values[0]
		}
	}
	if refusal == nil {
		_, refusal = p.check(kept)
	}
	switch {
	case refusal == nil:
		return webhook.Evidence{Headers: kept}, nil
	case len(p.options.AccessKeys) == 0: // insecure
		return webhook.Evidence{}, nil
	}
	return webhook.Evidence{}, refusal
}

// signed is what the headers say, once they are known to be of the right form.
type signed struct {
	digest    signature.Digest
	algorithm string
	sign      string
	at        time.Time
}

// check looks at the form of the headers. Without access keys any access key will do: insecure keeps what it gets.
func (p *Provider) check(headers map[string]string) (signed, error) {
	for _, name := range []string{accessKeyHeader, actionHeader, bizTypeHeader, tsHeader, algorithmHeader, signHeader} {
		if headers[name] == "" {
			return signed{}, webhook.MissingEvidence
		}
	}
	s := signed{
		digest:    signature.Digest{AccessKey: headers[accessKeyHeader], Action: headers[actionHeader], BizType: headers[bizTypeHeader], TS: headers[tsHeader]},
		algorithm: strings.ToLower(headers[algorithmHeader]),
		sign:      headers[signHeader],
	}
	ms, err := strconv.ParseInt(s.digest.TS, 10, 64)
	if err != nil || len(s.digest.TS) != 13 || s.digest.TS[0] < '0' {
		return signed{}, webhook.MalformedEvidence
	}
	s.at = time.UnixMilli(ms)
	if !isName(s.digest.AccessKey) || !isName(s.digest.Action) || !isName(s.digest.BizType) || !isName(s.algorithm) || !isHex(s.sign) {
		return signed{}, webhook.MalformedEvidence
	}
	if _, known := p.options.AccessKeys[s.digest.AccessKey]; !known && len(p.options.AccessKeys) > 0 {
		return signed{}, webhook.UnknownCredential
	}
	if !slices.Contains(p.options.Algorithms, s.algorithm) {
		return signed{}, webhook.AlgorithmRefused
	}
	if len(s.sign) != 2*digestSize(s.algorithm) {
		return signed{}, webhook.MalformedEvidence
	}
	return s, nil
}

// Verify checks the digest over the very bytes and, if it is enforced, the signed time.
func (p *Provider) Verify(ev webhook.Evidence, body []byte, received time.Time) error {
	if len(p.options.AccessKeys) == 0 { // insecure
		return nil
	}
	s, err := p.check(ev.Headers)
	if err != nil {
		return err
	}
	if !s.digest.Verify(s.sign, s.algorithm, p.options.AccessKeys[s.digest.AccessKey], body) {
		return webhook.SignatureMismatch
	}
	if skew := p.options.MaxClockSkew; skew > 0 && received.Sub(s.at).Abs() > skew {
		return webhook.TimestampOutOfSkew
	}
	return nil
}

// Answer satisfies both of nxtele's styles: products that go by the status and products that want this word.
func (p *Provider) Answer() (contentType, body string) { return "text/plain; charset=utf-8", "success" }

// Sign returns the headers that nxtele would send with the body, made with the first access key in order of names and
// the first algorithm; none if there is no access key. The value of action on WhatsApp webhooks is not documented.
func (p *Provider) Sign(body []byte, at time.Time) http.Header {
	return p.SignRequest("callback", body, at)
}

// SignRequest returns the headers of a request to nxtele's API, which are made like those of its webhooks (NXCloud wiki:
// API Interface Invocation Convention). The action is what the page of the call says.
func (p *Provider) SignRequest(action string, body []byte, at time.Time) http.Header {
	h := http.Header{}
	if len(p.options.AccessKeys) == 0 {
		return h
	}
	key := slices.Sorted(maps.Keys(p.options.AccessKeys))[0]
	algorithm := p.options.Algorithms[0]
	d := signature.Digest{AccessKey: key, Action: action, BizType: whatsApp, TS: strconv.FormatInt(at.UnixMilli(), 10)}
	h.Set(accessKeyHeader, d.AccessKey)
	h.Set(actionHeader, d.Action)
	h.Set(bizTypeHeader, d.BizType)
	h.Set(tsHeader, d.TS)
	h.Set(algorithmHeader, algorithm)
	h.Set(signHeader, d.Sign(algorithm, p.options.AccessKeys[key], body))
	return h
}

// Advise says where nxtele's console decides what a digest depends on.
func (p *Provider) Advise(refusal webhook.Refusal) string {
	switch refusal {
	case webhook.MissingEvidence:
		return "nxtele signs only where the signing of receipts (回执加签算法) is switched on for the app."
	case webhook.MalformedEvidence:
		return "ts is 13 digits, sign is hex, and the others are at most 64 letters, digits, or . _ -, as the digest does not separate its parts."
	case webhook.UnknownCredential:
		return "Add the pair of accesskey and secret to access_keys of the source; the old pair may stay beside it."
	case webhook.AlgorithmRefused:
		return "Choose SHA-256 for the app at nxtele. If it can only do MD5, name md5 in algorithms of the source."
	case webhook.SignatureMismatch:
		return "The secret is the access secret that belongs to the accesskey in the request."
	default:
		return ""
	}
}

// digestSize is that of an algorithm's digest in bytes, 0 for one that we do not know.
func digestSize(algorithm string) int {
	switch algorithm {
	case signature.SHA256:
		return 32
	case signature.MD5:
		return 16
	}
	return 0
}

// isName reports whether a text can stand in the signed string without running into its neighbours.
func isName(text string) bool {
	for i := range len(text) {
		c := text[i]
		if c != '_' && c != '-' && c != '.' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return len(text) > 0 && len(text) <= 64
}

func isHex(text string) bool {
	for i := range len(text) {
		c := text[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
			return false
		}
	}
	return true
}
