// Package service has what the services by which people are told have in common: how JSON is posted to them, which URLs they
// may have, and what it means that no answer comes.
package service

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"holdfast/internal/notify/verdict"
	"holdfast/internal/webhook"
)

// Of an answer so much is read, for so long: enough for the words of an error. Of what is longer or slower the connection is
// closed.
const (
	maxAnswer    = 4 << 10
	answerWithin = time.Second
)

// WrongURL says what is wrong with the URL of a service; "" if nothing is. It wants https, because the URL or what is posted
// there proves who we are; on this machine http will do. Private addresses are fine: some run such services themselves, and
// what is posted says nothing of a person.
func WrongURL(text string) string {
	if text == "" {
		return "is required"
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return "want an absolute URL with https and a host"
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return "want https: what is sent has to stay secret on its way"
	case u.User != nil:
		return "want a URL without user and password: other programs show them"
	case u.Fragment != "":
		return "want a URL without #: what follows it is never sent"
	}
	return ""
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.IsLoopback()
}

// A Hook is a URL that takes JSON by POST. It is safe for concurrent use.
type Hook struct {
	template  *http.Request
	transport *http.Transport
}

// New makes a hook of a URL that is not a [WrongURL]. The error holds nothing of it.
func New(address, agent string, concurrency int) (*Hook, error) {
	//nolint:noctx // never sent: each attempt is a copy with its own context
	template, err := http.NewRequest(http.MethodPost, address, nil)
	if err != nil {
		return nil, errors.New("url cannot be read")
	}
	template.Header = http.Header{
		"User-Agent":   {agent},
		"Content-Type": {"application/json; charset=utf-8"},
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	return &Hook{template: template, transport: &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.DialContext,
		TLSHandshakeTimeout:    10 * time.Second,
		IdleConnTimeout:        90 * time.Second,
		MaxIdleConnsPerHost:    max(2, min(concurrency, 32)),
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true,
		ForceAttemptHTTP2:      true,
		// A connection that all attempts share is given up when nothing comes from it any more.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 10 * time.Second},
	}}, nil
}

// Close gives up the connections that nobody uses.
func (h *Hook) Close() { h.transport.CloseIdleConnections() }

// An Answer is what a service answered.
type Answer struct {
	Status     int
	RetryAfter time.Duration // how long it asks us to wait; 0 if it does not
	Text       string        // what the body begins with, to look for known words in; never to be shown
}

// Post makes one attempt to post a body. The verdict says why no answer came.
func (h *Hook) Post(parent context.Context, body any) (Answer, *webhook.Verdict) {
	text, err := json.Marshal(body)
	if err != nil { // it quotes what it cannot encode
		return Answer{}, &webhook.Verdict{Kind: webhook.Refused, Reason: "message cannot be encoded"}
	}
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	clock := verdict.Start(ctx)
	request := h.template.Clone(ctx)
	request.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil }
	request.Body, _ = request.GetBody()
	request.ContentLength = int64(len(text))
	// The transport is used without an http.Client: that would follow redirects and put the URL into its errors.
	response, err := h.transport.RoundTrip(request)
	if err != nil {
		return Answer{}, Failed(ctx, err, clock)
	}
	return read(response, cancel), nil
}

// read takes the beginning of an answer. How that ends does not matter: the status has been said.
func read(response *http.Response, cancel context.CancelFunc) Answer {
	defer response.Body.Close()
	a := Answer{Status: response.StatusCode, RetryAfter: verdict.RetryAfter(response.Header.Get("Retry-After"), time.Now())}
	if a.Status == http.StatusSwitchingProtocols {
		return a // what follows is no answer, and would not end with the context
	}
	impatience := time.AfterFunc(answerWithin, cancel)
	defer impatience.Stop()
	text, _ := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	a.Text = string(text)
	return a
}
