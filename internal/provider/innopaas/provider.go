// Package innopaas speaks the webhooks of InnoPaaS (Chuanglan), a reseller that writes Meta's words in bodies of its own, one
// event each, and sends headers of the customer's choice.
package innopaas

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

// Samples are webhooks in InnoPaaS's shapes, composed from its pages (Webhook: message status, inbound messages, template
// status, number quality status) with invented ids: samples/*.json.
//
//go:embed samples
var Samples embed.FS

// Options are the settings of a source whose webhooks come from InnoPaaS. Only POST is understood: how another request
// method, which can be chosen there, carries the body is not documented.
type Options struct {
	// Credentials are the pairs of headers by which InnoPaaS is known, as entered beside the callback URL. To rotate, add
	// the new pair, enter it, and take the old one away when nobody sends it any more.
	Credentials []Credential `yaml:"credentials"`
	// Phone is the business number, digits only with the country code, if the URL is told of one number only. Statuses of
	// messages do not name it, and without it an opt-out that a failed message reports (error 131050) is of no number: the
	// failure is told, but the person is not remembered. Default none.
	Phone string `yaml:"phone"`
	// TimeZone is that of times without one ("2023-02-22 12:00:00"), such as Asia/Shanghai (IANA). Default UTC; events
	// with such a time are then marked, because no page says which zone it is.
	TimeZone string `yaml:"time_zone"`
	// OptOut are the words by which people stop marketing messages: InnoPaaS reports it in no other way.
	OptOut optout.Options `yaml:"opt_out"`
}

// A Credential is a pair of headers. They prove who sends, and nothing of the body: long random texts are best.
type Credential struct {
	// Name is what a history calls the pair instead of its values: letters, digits and . _ -, at most 32, different for
	// each pair. A new pair needs a new name.
	Name          string           `yaml:"name"`
	UserName      signature.Secret `yaml:"user_name"`     // the whole value of the header UserName
	Authorization signature.Secret `yaml:"authorization"` // the whole value of the header Authorization, free text
}

// A Provider speaks InnoPaaS's dialect with the secrets of one source. It is made by [New].
type Provider struct {
	headers signature.FixedHeaders
	phone   webhook.Phone
	clock   clock
	words   optout.Words
}

// String is the dialect only, and so is GoString: what prints a struct sees through the types of secrets in it.
func (p *Provider) String() string   { return "innopaas" }
func (p *Provider) GoString() string { return p.String() }

// New makes a provider. Without any credential it is an error, unless insecure says that whoever knows the URL may send.
// With one configured, insecure changes nothing.
func New(options Options, insecure bool) (*Provider, error) {
	p := &Provider{phone: webhook.Phone{Number: options.Phone}, clock: clock{time.UTC, true}}
	if len(options.Credentials) == 0 && !insecure {
		return nil, errors.New("credentials is empty")
	}
	var err error
	if p.headers, err = headers(options.Credentials); err != nil {
		return nil, err
	}
	if options.Phone != "" && !webhook.ValidNumber(options.Phone) {
		return nil, errors.New("phone: want the digits of a number with its country code, at most 15")
	}
	if options.TimeZone != "" {
		zone, err := time.LoadLocation(options.TimeZone)
		if err != nil || zone == time.Local { // that of the machine, which the next one need not have
			return nil, errors.New("time_zone is not known; want a name such as UTC or Asia/Shanghai")
		}
		p.clock = clock{zone, false}
	}
	if p.words, err = optout.New(options.OptOut); err != nil {
		return nil, err
	}
	return p, nil
}

// The headers as InnoPaaS spells them.
const (
	userNameHeader      = "UserName"
	authorizationHeader = "Authorization"
)

func headers(credentials []Credential) (signature.FixedHeaders, error) {
	if len(credentials) == 0 {
		return signature.FixedHeaders{}, nil
	}
	var sets []signature.HeaderSet
	for i, c := range credentials {
		switch "" {
		case string(c.UserName):
			return signature.FixedHeaders{}, fmt.Errorf("credentials[%d].user_name is empty", i)
		case string(c.Authorization):
			return signature.FixedHeaders{}, fmt.Errorf("credentials[%d].authorization is empty", i)
		}
		sets = append(sets, signature.HeaderSet{
			Name: c.Name, Headers: map[string]signature.Secret{userNameHeader: c.UserName, authorizationHeader: c.Authorization},
		})
	}
	fixed, err := signature.NewFixedHeaders(sets)
	if err != nil {
		return signature.FixedHeaders{}, fmt.Errorf("credentials%w", err)
	}
	return fixed, nil
}

// Evidence wants both headers of a pair. Which pair it was is kept, and nothing of its values.
func (p *Provider) Evidence(h http.Header) (webhook.Evidence, error) {
	if !p.headers.Any() { // insecure
		return webhook.Evidence{}, nil
	}
	return p.headers.Evidence(h)
}

// Verify asks whether the pair is still accepted. The body may be anybody's who has seen one request: nothing signs it.
func (p *Provider) Verify(ev webhook.Evidence, _ []byte, _ time.Time) error {
	if !p.headers.Any() { // insecure
		return nil
	}
	return p.headers.Verify(ev)
}

// Answer is what InnoPaaS's relatives want to read. What it wants itself is not documented.
func (p *Provider) Answer() (contentType, body string) { return "text/plain; charset=utf-8", "success" }

// Sign returns the headers that InnoPaaS would send: the first pair; none if there is no pair.
func (p *Provider) Sign(_ []byte, _ time.Time) http.Header {
	h := http.Header{}
	for name, value := range p.headers.First() {
		h.Set(name, string(value))
	}
	return h
}
