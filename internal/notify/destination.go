package notify

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/signature"
)

// A destination is one system that is told, ready to be used.
type destination struct {
	config   config.Destination // with defaults filled in
	template *http.Request
	keys     []signature.StandardKey
	places   chan struct{} // holds one for each attempt under way in this process, over all tables
	metrics  destinationMetrics
}

// newDestination checks again what the configuration file's reader has checked, for those who have no file. The error
// holds nothing of the settings.
func newDestination(c config.Destination, agent string) (*destination, error) {
	c.Retry.Timeout = cmp.Or(c.Retry.Timeout, config.DefaultTimeout)
	c.Retry.For = cmp.Or(c.Retry.For, config.DefaultHorizon)
	c.Concurrency = cmp.Or(c.Concurrency, config.DefaultConcurrency)
	d := &destination{config: c, places: make(chan struct{}, c.Concurrency)}

	var err error
	//nolint:noctx // never sent: each attempt is a copy with its own context
	d.template, err = http.NewRequest(http.MethodPost, string(c.URL), nil)
	if err != nil || !webURL(d.template.URL) {
		return nil, errors.New("url is not absolute with http or https, a host and no user")
	}
	d.template.Header = http.Header{
		"User-Agent":   {agent},
		"Content-Type": {contentType},
		// Not sent. It tells the transport that the request may be repeated when a connection it had kept turns out to
		// be closed: receivers know events by their id.
		"Idempotency-Key": {},
	}

	secrets := c.Secrets
	if c.Secret != "" {
		secrets = append([]signature.Secret{c.Secret}, secrets...)
	}
	for _, s := range secrets {
		key, err := signature.ParseStandardKey(s)
		if err != nil {
			return nil, err
		}
		d.keys = append(d.keys, key)
	}
	if len(d.keys) == 0 {
		return nil, errors.New("no secret to sign with")
	}
	return d, nil
}

func webURL(u *url.URL) bool {
	return (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.User == nil
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

// placeWait is how long an attempt waits for a place among those under way. Where answers come, one is free far sooner.
const placeWait = 250 * time.Millisecond

// enter takes a place among the attempts under way, and waits a moment for one if all are taken.
func (d *destination) enter(ctx context.Context) bool {
	select {
	case d.places <- struct{}{}:
		d.metrics.inFlight.Inc()
		return true
	default:
	}
	patience := time.NewTimer(placeWait)
	defer patience.Stop()
	select {
	case d.places <- struct{}{}:
		d.metrics.inFlight.Inc()
		return true
	case <-patience.C:
	case <-ctx.Done():
	}
	return false
}

func (d *destination) leave() {
	d.metrics.inFlight.Dec()
	<-d.places
}
