// Package signedhttp tells destinations by HTTP: as CloudEvents, signed as Standard Webhooks prescribes.
package signedhttp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"holdfast/internal/cloudevent"
	"holdfast/internal/notify/sender"
	"holdfast/internal/signature"
	"holdfast/internal/webhook"
)

// Options are the settings of a destination of type http.
type Options struct {
	// URL takes the events by POST: absolute, http or https, without user and password. Required. It is never shown,
	// because its path or query may hold a token.
	URL signature.Secret `yaml:"url"`

	// Secret signs what is sent: whsec_ and the base64 of 24 to 64 random bytes. Either it or secrets is required. Each
	// destination should have its own, or one could pass off its events to another as ours.
	Secret signature.Secret `yaml:"secret"`

	// Secrets are several instead, for rotation: each event carries a signature by each, and a receiver accepts the one
	// it knows. At most 4.
	Secrets []signature.Secret `yaml:"secrets"`
}

// Type is signed HTTP, as holdfast.yaml knows it. What it says of Options is a *[Options].
func Type() sender.Type {
	return sender.Type{
		Name:    "http",
		Options: func() any { return new(Options) },
		Check:   func(options any) []sender.Problem { return check(options.(*Options)) },
		Open:    func(options any, c sender.Context) (sender.Sender, error) { return open(options.(*Options), c) },
	}
}

func check(o *Options) []sender.Problem {
	var list []sender.Problem
	problem := func(setting, text string) { list = append(list, sender.Problem{Setting: setting, Text: text}) }
	if text := wrongURL(string(o.URL)); text != "" {
		problem("url", text)
	}
	if o.Secret == "" && len(o.Secrets) == 0 {
		problem("secret", "is required: whsec_ and the base64 of 24 to 64 random bytes")
	} else if o.Secret != "" && len(o.Secrets) > 0 {
		problem("secrets", "want secret or secrets, not both")
	}
	if o.Secret != "" {
		if _, err := signature.ParseStandardKey(o.Secret); err != nil {
			problem("secret", err.Error())
		}
	}
	if len(o.Secrets) > 4 {
		problem("secrets", "want at most 4")
	}
	for i, s := range o.Secrets {
		if _, err := signature.ParseStandardKey(s); err != nil {
			problem("secrets["+strconv.Itoa(i)+"]", err.Error())
		}
	}
	return list
}

// wrongURL says what is wrong with a URL; "" if nothing is.
func wrongURL(text string) string {
	if text == "" {
		return "is required"
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return "want an absolute URL with http or https and a host"
	case u.User != nil:
		return "want a URL without user and password: other programs show them"
	case u.Fragment != "":
		return "want a URL without #: what follows it is never sent"
	}
	return ""
}

// A destination is one receiver, ready to be told.
type destination struct {
	template  *http.Request
	keys      []signature.StandardKey
	transport *http.Transport
}

func open(o *Options, c sender.Context) (*destination, error) {
	if problems := check(o); len(problems) > 0 {
		return nil, errors.New(problems[0].Setting + " " + problems[0].Text)
	}
	d := &destination{transport: newTransport()}
	var err error
	//nolint:noctx // never sent: each attempt is a copy with its own context
	if d.template, err = http.NewRequest(http.MethodPost, string(o.URL), nil); err != nil {
		return nil, errors.New("url cannot be read")
	}
	d.template.Header = http.Header{
		"User-Agent":   {c.Agent},
		"Content-Type": {cloudevent.ContentType},
		// Not sent. It tells the transport that the request may be repeated when a connection it had kept turns out to
		// be closed: receivers know events by their id.
		"Idempotency-Key": {},
	}
	secrets := o.Secrets
	if o.Secret != "" {
		secrets = []signature.Secret{o.Secret}
	}
	for _, s := range secrets {
		key, err := signature.ParseStandardKey(s)
		if err != nil {
			return nil, err
		}
		d.keys = append(d.keys, key)
	}
	return d, nil
}

// Close gives up the connections that nobody uses.
func (d *destination) Close() { d.transport.CloseIdleConnections() }

// Send makes one attempt.
func (d *destination) Send(ctx context.Context, m sender.Message) *webhook.Verdict {
	body, err := m.CloudEvent.JSON()
	if err != nil { // it quotes what it cannot encode
		return &webhook.Verdict{Kind: webhook.Refused, Reason: "event cannot be encoded"}
	}
	return d.attempt(ctx, m.Event.ID, m.At, body)
}

// request makes the request of one attempt: the id stays the same, time and signature are its own.
func (d *destination) request(ctx context.Context, id string, at time.Time, body []byte) *http.Request {
	r := d.template.Clone(ctx)
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	r.Body, _ = r.GetBody()
	r.ContentLength = int64(len(body))
	r.Header.Set("webhook-id", id)
	r.Header.Set("webhook-timestamp", strconv.FormatInt(at.Unix(), 10))
	r.Header.Set("webhook-signature", d.sign(id, at, body))
	return r
}

// sign is the value of the webhook-signature header: a signature by each key, of which a receiver knows at least one.
func (d *destination) sign(id string, at time.Time, body []byte) string {
	var list []string
	for _, key := range d.keys {
		list = append(list, key.Sign(id, at, body))
	}
	return strings.Join(list, " ")
}
