package signedhttp

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"time"

	"holdfast/internal/notify/trust"
)

// maxIdle bounds the connections that are kept for later, however many attempts may be under way.
const maxIdle = 64

// newTransport makes the connections of one destination. The error holds nothing of the settings.
func newTransport(o *Options, r *http.Request, concurrency int) (*http.Transport, error) {
	proxy, err := o.proxy(r)
	if err != nil {
		return nil, err
	}
	config := o.TLS.Config()
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	if !o.Private && proxy == nil {
		dialer.Control = guard
	}
	idle := min(max(concurrency, 1), maxIdle)
	t := &http.Transport{
		Proxy:                  http.ProxyURL(proxy),
		DialContext:            dialer.DialContext,
		TLSClientConfig:        config,
		TLSHandshakeTimeout:    10 * time.Second,
		IdleConnTimeout:        90 * time.Second,
		MaxIdleConns:           idle,
		MaxIdleConnsPerHost:    idle,
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true, // answers are not read
		ForceAttemptHTTP2:      true,
		// A connection that all attempts share is given up when nothing comes from it any more.
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 10 * time.Second},
		OnProxyConnectResponse: proxyAnswered,
	}
	if proxy != nil && proxy.Scheme == "https" {
		// The first of two TLS connections, to the proxy: neither our certificate nor server_name are meant for it.
		t.DialTLSContext = (&tls.Dialer{NetDialer: dialer, Config: trust.TLS{CA: o.TLS.CA}.Config()}).DialContext
	}
	return t, nil
}

// proxy is what requests go through; nil if nothing. It is the same for all requests, because they have one URL.
func (o *Options) proxy(r *http.Request) (*url.URL, error) {
	switch o.Proxy {
	case noProxy:
		return nil, nil //nolint:nilnil // as net/http has it: nil is none
	case "":
		u, err := http.ProxyFromEnvironment(r)
		if err != nil { // it quotes it
			return nil, errors.New("the proxy that the environment names cannot be read")
		}
		return u, nil
	}
	u, err := url.Parse(string(o.Proxy))
	if err != nil {
		return nil, errors.New("proxy cannot be read")
	}
	return u, nil
}

// A proxyRefusal is a proxy's answer that it does not connect us.
type proxyRefusal int

func (r proxyRefusal) Error() string { return http.StatusText(int(r)) }

func proxyAnswered(_ context.Context, _ *url.URL, _ *http.Request, response *http.Response) error {
	if response.StatusCode != http.StatusOK {
		return proxyRefusal(response.StatusCode)
	}
	return nil
}
