// Package signedhttp tells destinations by HTTP: as CloudEvents, signed as Standard Webhooks prescribes.
package signedhttp

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"holdfast/internal/cloudevent"
	"holdfast/internal/notify/sender"
	"holdfast/internal/signature"
	"holdfast/internal/webhook"
)

// Type is signed HTTP, as holdfast.yaml knows it. What it says of Options is a *[Options].
func Type() sender.Type { return sender.TypeOf("http", Options{}, check, open) }

// A destination is one receiver, ready to be told.
type destination struct {
	format    string
	batch     int
	template  *http.Request // what all requests have
	keys      []signature.StandardKey
	transport *http.Transport
	consent   *consent // nil: nobody is asked
}

func open(o *Options, c sender.Context) (*destination, error) {
	d := &destination{format: o.format(), batch: 1}
	if d.format == cloudevent.ModeBatch {
		d.batch = cmp.Or(o.Batch, defaultBatch)
	}
	for _, s := range o.secrets() {
		key, err := signature.ParseStandardKey(s)
		if err != nil {
			return nil, err
		}
		d.keys = append(d.keys, key)
	}
	var err error
	//nolint:noctx // never sent: each attempt is a copy with its own context
	if d.template, err = http.NewRequest(http.MethodPost, string(o.URL), nil); err != nil {
		return nil, errors.New("url cannot be read")
	}
	d.template.Header = http.Header{
		"User-Agent": {c.Agent},
		// Not sent. It tells the transport that the request may be repeated when a connection it had kept turns out to
		// be closed: receivers know events by their id.
		"Idempotency-Key": {},
	}
	for name, value := range o.Headers {
		d.template.Header.Set(name, string(value))
	}
	if o.Handshake.Origin != "" {
		d.consent = newConsent(o.Handshake)
		d.template.Header.Set("WebHook-Request-Origin", o.Handshake.Origin)
	}
	if d.transport, err = newTransport(o, d.template, c.Concurrency); err != nil {
		return nil, err
	}
	return d, nil
}

// Close gives up the connections that nobody uses.
func (d *destination) Close() { d.transport.CloseIdleConnections() }

// Batch is how many events a request may have.
func (d *destination) Batch() int { return d.batch }

// Send makes one attempt.
func (d *destination) Send(ctx context.Context, m sender.Message) *webhook.Verdict {
	l, err := d.write(m)
	if err != nil { // it quotes what it cannot encode
		return &webhook.Verdict{Kind: webhook.Refused, Reason: "event cannot be encoded"}
	}
	return d.attempt(ctx, l, m)
}

// SendBatch makes one attempt for all of them. They are refused together, and may be told one by one.
func (d *destination) SendBatch(ctx context.Context, batch []sender.Message) *webhook.Verdict {
	l, err := writeBatch(batch)
	if err != nil {
		return &webhook.Verdict{Kind: webhook.Refused, Reason: "event cannot be encoded"}
	}
	return d.attempt(ctx, l, batch[0])
}

// request makes the request of one attempt: the id stays the same, time and signature are its own.
func (d *destination) request(ctx context.Context, l letter, at time.Time) *http.Request {
	r := d.template.Clone(ctx)
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(l.body)), nil }
	r.Body, _ = r.GetBody()
	r.ContentLength = int64(len(l.body))
	maps.Copy(r.Header, l.header)
	r.Header.Set("webhook-id", l.id)
	r.Header.Set("webhook-timestamp", strconv.FormatInt(at.Unix(), 10))
	r.Header.Set("webhook-signature", d.sign(l.id, at, l.body))
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
