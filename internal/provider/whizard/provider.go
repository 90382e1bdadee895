// Package whizard speaks the webhooks of Whizard, a reseller that sends headers of the customer's choice and, as far as
// anybody has published, either Meta's bodies or those of Meta's old on-premises client.
package whizard

import (
	"embed"
	"errors"
	"fmt"
	"net/http"
	"time"

	"holdfast/internal/optout"
	"holdfast/internal/provider/meta"
	"holdfast/internal/signature"
	"holdfast/internal/webhook"
)

// Samples are webhooks in both shapes, composed with invented ids from Meta's references: Whizard publishes none.
//
//go:embed samples
var Samples embed.FS

// Options are the settings of a source whose webhooks come from Whizard. Each WHIZARD-KEY is of one number, and so is the
// webhook that is configured with it: a number, a source.
type Options struct {
	// Credentials are the sets of headers by which Whizard is known, as they were given to it beside the URL (`holdfast
	// whizard webhook set` gives it the first). To rotate, put the new set first and set it, and take the old one away
	// when `get` shows the new. Many proxies drop headers with an underscore in their name.
	Credentials []signature.HeaderSet `yaml:"credentials"`
	// AppSecrets are those of the Meta app behind the number, if they are known. With them X-Hub-Signature-256 is verified
	// where it is sent, and without credentials it must be.
	AppSecrets []signature.Secret `yaml:"app_secrets"`
	// Phone is the business number, digits only with the country code: bodies of the on-premises client do not name it.
	// Required, unless format is meta or the source is insecure.
	Phone string `yaml:"phone"`
	// PhoneID is Meta's id of the number. Where the number has another source as well, it makes both speak of the same
	// phone. It is part of what tells events apart, so it should be there from the beginning or never.
	PhoneID string `yaml:"phone_id"`
	// Account is the WhatsApp business account of the number, for events of bodies that do not name it. Default none.
	Account string `yaml:"account"`
	// Format is the shape of bodies: meta, onprem, or auto, the default, which looks at each.
	Format string `yaml:"format"`
	// OptOut are the words by which people stop marketing messages.
	OptOut optout.Options `yaml:"opt_out"`
}

// The values of [Options.Format].
const (
	formatAuto   = "auto"
	formatMeta   = "meta"
	formatOnPrem = "onprem"
)

// A Provider speaks Whizard's dialect with the secrets of one source. It is made by [New].
type Provider struct {
	format  string
	account string
	phone   webhook.Phone
	words   optout.Words

	headers signature.FixedHeaders
	signed  bool           // perhaps, by an app
	meta    *meta.Provider // reads what has Meta's shape, and its signature
}

// String is the dialect only, and so is GoString: what prints a struct sees through the types of secrets in it.
func (p *Provider) String() string   { return "whizard" }
func (p *Provider) GoString() string { return p.String() }

// New makes a provider. Without any credential or app secret it is an error, unless insecure says that whoever knows the
// URL may send. With one configured, insecure changes nothing but that a phone may be missing.
func New(options Options, insecure bool) (*Provider, error) {
	p := &Provider{
		account: options.Account, phone: webhook.Phone{ID: options.PhoneID, Number: options.Phone},
		signed: len(options.AppSecrets) > 0,
	}
	var err error
	switch {
	case len(options.Credentials) > 0:
		if p.headers, err = signature.NewFixedHeaders(options.Credentials); err != nil {
			return nil, fmt.Errorf("credentials%w", err)
		}
	case !p.signed && !insecure:
		return nil, errors.New("credentials is empty")
	}
	switch p.format = options.Format; p.format {
	case "":
		p.format = formatAuto
	case formatAuto, formatMeta, formatOnPrem:
	default:
		return nil, errors.New("format is none of auto, meta and onprem")
	}
	switch {
	case options.Phone == "" && p.format != formatMeta && !insecure:
		return nil, errors.New("phone is empty")
	case options.Phone != "" && !webhook.ValidNumber(options.Phone):
		return nil, errors.New("phone: want the digits of a number with its country code, at most 15")
	case options.PhoneID != "" && !webhook.ValidID(options.PhoneID):
		return nil, errors.New("phone_id cannot be an id")
	case options.Account != "" && !webhook.ValidID(options.Account):
		return nil, errors.New("account cannot be an id")
	}
	if p.words, err = optout.New(options.OptOut); err != nil {
		return nil, err
	}
	// It knows that it is not alone: without app secrets it believes everything.
	if p.meta, err = meta.New(meta.Options{AppSecrets: options.AppSecrets, OptOut: options.OptOut}, true); err != nil {
		return nil, err
	}
	return p, nil
}

const (
	signatureHeader = "X-Hub-Signature-256"
	signatureKept   = "x-hub-signature-256"
)

// Evidence wants a whole set of headers. A signature of Meta's is kept where app secrets are configured and it is there.
func (p *Provider) Evidence(h http.Header) (ev webhook.Evidence, err error) {
	if p.headers.Any() {
		if ev, err = p.headers.Evidence(h); err != nil {
			return webhook.Evidence{}, err
		}
	}
	if p.signed && (!p.headers.Any() || len(h.Values(signatureHeader)) > 0) {
		by, err := p.meta.Evidence(h)
		if err != nil {
			return webhook.Evidence{}, err
		}
		ev.Headers = by.Headers
	}
	return ev, nil
}

// Verify asks whether the set of headers is still accepted, and checks the signature over the very bytes if one was kept.
// The headers say nothing of the body, and nothing of the time: who has seen one request can send others.
func (p *Provider) Verify(ev webhook.Evidence, body []byte, received time.Time) error {
	if p.headers.Any() {
		if err := p.headers.Verify(ev); err != nil {
			return err
		}
	}
	if p.signed && (!p.headers.Any() || ev.Headers[signatureKept] != "") {
		return p.meta.Verify(ev, body, received)
	}
	return nil
}

// Answer is anything: Whizard wants the status 200 (Whizard: Webhooks).
func (p *Provider) Answer() (contentType, body string) { return "text/plain; charset=utf-8", "ok" }

// Sign returns the headers that Whizard would send with the body: the first credential, and Meta's signature made with
// the first app secret.
func (p *Provider) Sign(body []byte, at time.Time) http.Header {
	h := p.meta.Sign(body, at)
	for name, value := range p.headers.First() {
		h.Set(name, string(value))
	}
	return h
}

// Headers returns those to be given to Whizard beside the URL: the first credential, by name as configured; none if there
// is no credential.
func (p *Provider) Headers() map[string]signature.Secret { return p.headers.First() }

// Knows reports whether requests with these headers would be taken for Whizard's.
func (p *Provider) Knows(h http.Header) bool {
	_, err := p.headers.Evidence(h)
	return err == nil
}
