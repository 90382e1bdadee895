package signedhttp

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/internal/signature"
	"holdfast/internal/webhook"
)

const credentials = "eve:s3cret-of-the-proxy"

// A proxy connects whoever has the credentials to one receiver, whatever host he asks for.
type proxy struct {
	*httptest.Server
	receiver string // its address
	status   int    // of its answer, if it does not want to connect anybody

	mu    sync.Mutex
	asked []string
}

func openProxy(t *testing.T, r *receiver, config *tls.Config) *proxy {
	t.Helper()
	p := &proxy{receiver: r.Listener.Addr().String()}
	p.Server = httptest.NewUnstartedServer(p)
	p.Config.ErrorLog = log.New(io.Discard, "", 0)
	if config == nil {
		p.Start()
	} else {
		p.TLS = config
		p.StartTLS()
	}
	t.Cleanup(p.Close)
	return p
}

// with is its URL with these credentials.
func (p *proxy) with(credentials string) signature.Secret {
	return signature.Secret(strings.Replace(p.URL, "://", "://"+credentials+"@", 1))
}

func (p *proxy) hosts() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.asked = append(p.asked, r.Method+" "+r.Host)
	p.mu.Unlock()
	switch {
	case r.Header.Get("Proxy-Authorization") != "Basic "+base64.StdEncoding.EncodeToString([]byte(credentials)):
		w.WriteHeader(http.StatusProxyAuthRequired)
		return
	case p.status != 0:
		w.WriteHeader(p.status)
		return
	case r.TLS != nil && len(r.TLS.PeerCertificates) > 0:
		w.WriteHeader(http.StatusTeapot) // the certificate is not for proxies
		return
	}
	there, err := net.Dial("tcp", p.receiver)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer there.Close()
	if r.Method != http.MethodConnect {
		r.Header.Del("Proxy-Authorization")
		r.Close = true
		_ = r.Write(there)
		if response, err := http.ReadResponse(bufio.NewReader(there), r); err == nil {
			defer response.Body.Close()
			w.WriteHeader(response.StatusCode)
		}
		return
	}
	w.WriteHeader(http.StatusOK)
	here, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	join(here, buffered, there)
}

// join passes on what both sides say until one of them has no more.
func join(here net.Conn, buffered io.Reader, there net.Conn) {
	defer here.Close()
	go func() {
		defer there.Close()
		_, _ = io.Copy(there, buffered)
	}()
	_, _ = io.Copy(here, there)
}

// TestProxy goes through proxies to receivers with and without TLS. The receiver has a name that only the proxy can resolve,
// and is not private as far as anybody can tell; the proxy is.
func TestProxy(t *testing.T) {
	ours := newAuthority(t)
	certificate := func(host string) *tls.Config {
		return &tls.Config{Certificates: []tls.Certificate{ours.server(host, time.Time{})}}
	}
	wanting := certificate("inner.example.com")
	wanting.ClientAuth, wanting.ClientCAs = tls.RequireAndVerifyClientCert, ours.pool()
	asking := certificate("127.0.0.1")
	asking.ClientAuth = tls.RequestClientCert
	plain, secured := receive(t, nil), receiveTLS(t, wanting)
	for name, c := range map[string]struct {
		proxy *proxy
		url   string
		host  string
		to    *receiver
	}{
		"http, then http":   {openProxy(t, plain, nil), "http://hooks.example.com/x", "POST hooks.example.com", plain},
		"http, then https":  {openProxy(t, secured, nil), "https://hooks.example.com/x", "CONNECT hooks.example.com:443", secured},
		"https, then http":  {openProxy(t, plain, asking), "http://hooks.example.com/x", "POST hooks.example.com", plain},
		"https, then https": {openProxy(t, secured, asking), "https://hooks.example.com/x", "CONNECT hooks.example.com:443", secured},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(c.to.got())
			o := &Options{URL: signature.Secret(c.url), Secret: whsec, Proxy: c.proxy.with(credentials)}
			o.TLS.CA, o.TLS.ServerName = ours.pem(), "inner.example.com"
			o.TLS.Cert, o.TLS.Key = ours.client()
			told(t, opened(t, o))
			if hosts := c.proxy.hosts(); len(hosts) != 1 || hosts[0] != c.host {
				t.Errorf("the proxy was asked for %v", hosts)
			}
			got := c.to.got()[before:]
			if len(got) != 1 || got[0].Host != "hooks.example.com" || got[0].Header.Get("Proxy-Authorization") != "" {
				t.Errorf("the receiver got %v", got)
			}
		})
	}
}

func TestProxyFails(t *testing.T) {
	r := receive(t, nil)
	closed := openProxy(t, r, nil)
	closed.Close()
	untrusted := openProxy(t, r, &tls.Config{Certificates: []tls.Certificate{newAuthority(t).server("127.0.0.1", time.Time{})}})
	forbids, fails := openProxy(t, r, nil), openProxy(t, r, nil)
	forbids.status, fails.status = http.StatusForbidden, http.StatusBadGateway
	for name, c := range map[string]struct {
		proxy signature.Secret
		want  webhook.Verdict
	}{
		"credentials": {openProxy(t, r, nil).with("eve:wrong"), webhook.Verdict{Kind: webhook.Trouble, Reason: "proxy: status 407", Advice: advised}},
		"forbidden":   {forbids.with(credentials), webhook.Verdict{Kind: webhook.Trouble, Reason: "proxy: status 403", Advice: advised}},
		"gateway":     {fails.with(credentials), webhook.Verdict{Kind: webhook.Retry, Reason: "proxy: status 502"}},
		"closed":      {closed.with(credentials), webhook.Verdict{Kind: webhook.Retry, Reason: "proxy: connection refused", Advice: advised}},
		"untrusted":   {untrusted.with(credentials), webhook.Verdict{Kind: webhook.Trouble, Reason: "proxy: certificate of an unknown authority", Advice: advised}},
	} {
		t.Run(name, func(t *testing.T) {
			judged(t, opened(t, &Options{URL: "https://hooks.example.com/x", Secret: whsec, Proxy: c.proxy}), c.want)
		})
	}
	// In the clear it is the proxy's answer that looks like the receiver's.
	judged(t, opened(t, &Options{URL: "http://hooks.example.com/x", Secret: whsec, Proxy: openProxy(t, r, nil).with("eve:wrong")}),
		webhook.Verdict{Kind: webhook.Trouble, Reason: "status 407", Status: 407, Advice: advised})
	if len(r.got()) > 0 {
		t.Error("it was told")
	}
}

// serveSOCKS starts a SOCKS5 proxy (RFC 1928, 1929) that connects whoever has the credentials to one receiver.
func serveSOCKS(t *testing.T, receiver string, hosts chan<- string) (url string) {
	t.Helper()
	one := func(r *bufio.Reader, c net.Conn) {
		read := func(n int) []byte {
			b := make([]byte, n)
			if _, err := io.ReadFull(r, b); err != nil {
				return make([]byte, n)
			}
			return b
		}
		read(int(read(2)[1])) // the methods that the client knows
		_, _ = c.Write([]byte{5, 2})
		read(1)
		user := read(int(read(1)[0]))
		password := read(int(read(1)[0]))
		if string(user)+":"+string(password) != credentials {
			_, _ = c.Write([]byte{1, 1})
			return
		}
		_, _ = c.Write([]byte{1, 0})
		read(4) // connect to a name
		host := read(int(read(1)[0]))
		hosts <- fmt.Sprintf("%s:%d", host, binary.BigEndian.Uint16(read(2)))
		there, err := net.Dial("tcp", receiver)
		if err != nil {
			return
		}
		_, _ = c.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
		join(c, r, there)
	}
	return strings.Replace(serve(t, one, one), "http:", "socks5:", 1)
}

func TestSOCKS(t *testing.T) {
	r := receive(t, nil)
	hosts := make(chan string, 2)
	url := serveSOCKS(t, r.Listener.Addr().String(), hosts)
	with := func(credentials string) *Options {
		return &Options{URL: "http://hooks.example.com/x", Secret: whsec, Proxy: signature.Secret(strings.Replace(url, "://", "://"+credentials+"@", 1))}
	}
	told(t, opened(t, with(credentials)))
	if host := <-hosts; host != "hooks.example.com:80" {
		t.Errorf("the proxy was asked for %s", host)
	}
	judged(t, opened(t, with("eve:wrong")), webhook.Verdict{Kind: webhook.Retry, Reason: "proxy: no connection through it", Advice: advised})
	if n := len(r.got()); n != 1 {
		t.Errorf("told %d times, want once", n)
	}
}

// TestEnvironment runs itself as another process, because net/http reads the environment once.
func TestEnvironment(t *testing.T) {
	const child = "SIGNEDHTTP_TEST_CHILD"
	o := &Options{URL: "http://hooks.example.com/x", Secret: whsec}
	if os.Getenv(child) != "" {
		told(t, opened(t, o))
		o.Proxy = noProxy
		d := opened(t, o)
		if u, err := d.transport.Proxy(d.template); u != nil || err != nil {
			t.Error("none, and there is one")
		}
		return
	}
	r := receive(t, nil)
	p := openProxy(t, r, nil)
	url := string(p.with(credentials))
	c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestEnvironment$")
	c.Env = append(os.Environ(), child+"=1", "NO_PROXY=", "no_proxy=", "HTTP_PROXY="+url, "http_proxy="+url)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if len(p.hosts()) != 1 || len(r.got()) != 1 {
		t.Errorf("the proxy was asked for %v", p.hosts())
	}
}
