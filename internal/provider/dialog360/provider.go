// Package dialog360 speaks the webhooks of 360dialog, a reseller that relays Meta's bodies, signs them with a secret of its
// partner's, and tells partners of its own events besides.
package dialog360

import (
	"embed"
	"errors"
	"fmt"
	"net/http"
	"time"

	"holdfast/internal/optout"
	"holdfast/internal/signature"
	"holdfast/internal/webhook"
)

// Samples are webhooks of 360dialog's, composed from its pages and Meta's reference with invented ids: samples/*.json.
//
//go:embed samples
var Samples embed.FS

// Options are the settings of a source whose webhooks come from 360dialog: the partner's webhook, or that of a number. What
// is configured of platform secrets and credentials must be shown; of both, both.
type Options struct {
	// PlatformSecrets are the secrets that the Partner Hub makes, of which one signs every webhook that a partner is sent.
	// To rotate, name the old and the new. The webhook of a number that belongs to no partner is not signed.
	PlatformSecrets []signature.Secret `yaml:"platform_secrets"`
	// Credentials are sets of headers that were given to 360dialog beside the URL. To rotate, add a set with another name.
	Credentials []signature.HeaderSet `yaml:"credentials"`
	// OptOut are the words by which people stop marketing messages.
	OptOut optout.Options `yaml:"opt_out"`
}

// A Provider speaks 360dialog's dialect with the secrets of one source. It is made by [New].
type Provider struct {
	secrets []signature.Secret
	headers signature.FixedHeaders
	words   optout.Words
}

// String is the dialect only, and so is GoString: what prints a struct sees through the types of secrets in it.
func (p *Provider) String() string   { return "360dialog" }
func (p *Provider) GoString() string { return p.String() }

// New makes a provider. Without any secret or credential it is an error, unless insecure says that whoever knows the URL may
// send. With one configured, insecure changes nothing.
func New(options Options, insecure bool) (*Provider, error) {
	p := &Provider{secrets: options.PlatformSecrets}
	for i, secret := range p.secrets {
		if secret == "" {
			return nil, fmt.Errorf("platform_secrets[%d] is empty", i)
		}
	}
	if len(p.secrets)+len(options.Credentials) == 0 && !insecure {
		return nil, errors.New("platform_secrets and credentials are empty")
	}
	var err error
	if len(options.Credentials) > 0 {
		if p.headers, err = signature.NewFixedHeaders(options.Credentials); err != nil {
			return nil, fmt.Errorf("credentials%w", err)
		}
	}
	if p.words, err = optout.New(options.OptOut); err != nil {
		return nil, err
	}
	return p, nil
}

const (
	signatureHeader = "X-360dialog-Signature"
	signatureKept   = "x-360dialog-signature"
)

// Evidence wants exactly one signature that can be an HMAC-SHA256, and a whole set of headers, as far as they are
// configured.
func (p *Provider) Evidence(h http.Header) (ev webhook.Evidence, err error) {
	if p.headers.Any() {
		if ev, err = p.headers.Evidence(h); err != nil {
			return webhook.Evidence{}, err
		}
	}
	if len(p.secrets) == 0 {
		return ev, nil
	}
	values := h.Values(signatureHeader)
	switch {
	case len(values) == 0, len(values) == 1 && values[0] == "":
		return webhook.Evidence{}, webhook.MissingEvidence
	case len(values) > 1, !signature.AnyHMACForm(values[0]):
		return webhook.Evidence{}, webhook.MalformedEvidence
	}
	ev.Headers = map[string]string{signatureKept: values[0]}
	return ev, nil
}

// Verify asks whether the set of headers is still accepted, and checks the signature over the very bytes (360dialog:
// Signature validation). It signs no time: a replay verifies too.
func (p *Provider) Verify(ev webhook.Evidence, body []byte, _ time.Time) error {
	if p.headers.Any() {
		if err := p.headers.Verify(ev); err != nil {
			return err
		}
	}
	if len(p.secrets) == 0 {
		return nil
	}
	kept := ev.Headers[signatureKept]
	switch {
	case kept == "":
		return webhook.MissingEvidence
	case !signature.AnyHMACForm(kept):
		return webhook.MalformedEvidence
	case !signature.VerifyAnyHMAC(kept, body, p.secrets):
		return webhook.SignatureMismatch
	}
	return nil
}

// Answer is anything: 360dialog wants the status 200 within five seconds.
func (p *Provider) Answer() (contentType, body string) { return "text/plain; charset=utf-8", "ok" }

// Sign returns the headers that 360dialog would send with the body: the first set, and the signature in hex, made with the
// first secret.
func (p *Provider) Sign(body []byte, _ time.Time) http.Header {
	h := http.Header{}
	for name, value := range p.headers.First() {
		h.Set(name, string(value))
	}
	if len(p.secrets) > 0 {
		h.Set(signatureHeader, signature.BareHMAC(p.secrets[0], body))
	}
	return h
}
