package signedhttp

import (
	"context"
	"io"
	"net"
	"net/http"
	"time"

	"holdfast/internal/webhook"
)

// Answers are not read: a connection can be used again only after the end of one, so a little is passed over for a
// little while, and of what is longer or slower the connection is closed.
const (
	maxAnswer    = 4 << 10
	answerWithin = time.Second
)

// newTransport makes the connections of one destination.
func newTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.DialContext,
		TLSHandshakeTimeout:    10 * time.Second,
		IdleConnTimeout:        90 * time.Second,
		MaxIdleConns:           256,
		MaxIdleConnsPerHost:    32,
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true, // answers are not read
		ForceAttemptHTTP2:      true,
	}
}

// attempt sends a body once. Nil means told.
func (d *destination) attempt(parent context.Context, id string, at time.Time, body []byte) *webhook.Verdict {
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	limit := time.Duration(0)
	if deadline, ok := parent.Deadline(); ok {
		limit = time.Until(deadline)
	}
	// The transport is used without an http.Client: that would follow redirects and put the URL into its errors.
	response, err := d.transport.RoundTrip(d.request(ctx, id, at, body))
	if err != nil {
		return failed(ctx, err, limit)
	}
	verdict := answered(response.StatusCode, response.Header, time.Now())
	discard(response, cancel)
	return verdict
}

// discard is done with an answer. The status has said all, so how this ends does not matter.
func discard(response *http.Response, cancel context.CancelFunc) {
	defer response.Body.Close()
	if response.StatusCode == http.StatusSwitchingProtocols {
		return // what follows is no answer, and would not end with the context
	}
	impatience := time.AfterFunc(answerWithin, cancel)
	defer impatience.Stop()
	_, _ = io.CopyN(io.Discard, response.Body, maxAnswer)
}
