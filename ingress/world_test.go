package ingress

import (
	"bufio"
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// A world is a running ingress with the sources acme (shakes hands, body limit 100 KiB) and plain (does not).
type world struct {
	*testing.T
	in      *Ingress
	starter *recorder
	reg     *prometheus.Registry
	log     *lockedBuffer
	client  *http.Client
	addr    string
}

func sources() map[string]Source {
	return map[string]Source{
		"acme":  {Name: "acme", Dialect: "test", Provider: shaking{signed{secret}}, MaxBody: 100 << 10},
		"plain": {Name: "plain", Dialect: "test", Provider: signed{secret}, MaxBody: 100 << 10},
	}
}

func newWorld(t *testing.T, change func(*Config)) *world {
	t.Helper()
	w := &world{T: t, starter: &recorder{}, reg: prometheus.NewRegistry(), log: &lockedBuffer{}}
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	w.client = &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	c := Config{
		Sources: sources(), Starter: w.starter, Registerer: w.reg,
		Logger: slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Now:    func() time.Time { return noon },
	}
	if change != nil {
		change(&c)
	}
	in, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	w.in = in
	w.addr = w.serve(in.Server("127.0.0.1:0"))
	return w
}

// serve runs a server on loopback until the test ends, and returns its address.
func (w *world) serve(srv *http.Server) string {
	w.Helper()
	l, err := net.Listen("tcp", srv.Addr)
	if err != nil {
		w.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	w.Cleanup(func() {
		_ = srv.Close()
		<-done //nolint:errcheck // http.ErrServerClosed
	})
	return l.Addr().String()
}

// do sends a request and returns the reply and its body.
func (w *world) do(method, path, body string, header map[string]string) (*http.Response, string) {
	w.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	return w.send(method, path, reader, header)
}

func (w *world) send(method, path string, body io.Reader, header map[string]string) (*http.Response, string) {
	w.Helper()
	r, err := http.NewRequestWithContext(w.Context(), method, "http://"+w.addr+path, body)
	if err != nil {
		w.Fatal(err)
	}
	for name, value := range header {
		r.Header.Add(name, value)
	}
	resp, err := w.client.Do(r)
	if err != nil {
		w.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.Fatal(err)
	}
	return resp, string(text)
}

// post sends an authentic webhook to acme and returns the status.
func (w *world) post(body string) int {
	w.Helper()
	resp, _ := w.do("POST", "/webhooks/acme", body, map[string]string{
		signature: sign(body), "Content-Type": "application/json",
	})
	return resp.StatusCode
}

// dial opens a connection that is closed when the test ends.
func (w *world) dial() net.Conn {
	w.Helper()
	conn, err := net.Dial("tcp", w.addr)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { conn.Close() })
	return conn
}

// reply reads one reply and its body from a connection.
func (w *world) reply(conn net.Conn) *http.Response {
	w.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		w.Fatal(err)
	}
	return resp
}

// metric returns the value of a series, a histogram's count, or -1 if there is none.
func (w *world) metric(name string, labels ...string) float64 {
	w.Helper()
	families, err := w.reg.Gather()
	if err != nil {
		w.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
	series:
		for _, m := range family.GetMetric() {
			if len(m.GetLabel()) != len(labels) {
				continue
			}
			for i, l := range m.GetLabel() { // in order of the labels' names
				if l.GetValue() != labels[i] {
					continue series
				}
			}
			switch {
			case m.Counter != nil:
				return m.GetCounter().GetValue()
			case m.Gauge != nil:
				return m.GetGauge().GetValue()
			default:
				return float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return -1
}

// until waits for a condition that nothing else announces.
func (w *world) until(what string, condition func() bool) {
	w.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	timeout := time.After(10 * time.Second)
	for !condition() {
		select {
		case <-tick.C:
		case <-timeout:
			w.Fatalf("waited in vain: %s", what)
		}
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
