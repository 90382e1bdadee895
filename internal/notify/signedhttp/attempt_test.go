package signedhttp

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	standard "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"holdfast/internal/cloudevent"
	"holdfast/internal/signature"
)

func TestSigned(t *testing.T) {
	r := receive(t, nil)
	o := to(r.URL)
	shared := []signature.Secret{whsec, older}
	private, err := signature.ParseStandardKey(whsk)
	if err != nil {
		t.Fatal(err)
	}
	o.Secret, o.Secrets = "", slices.Concat(shared, []signature.Secret{whsk})
	told(t, opened(t, o))
	got := r.got()[0]
	for _, secret := range shared {
		check, err := standard.NewWebhook(string(secret))
		if err != nil {
			t.Fatal(err)
		}
		if err := check.Verify(got.body, got.Header); err != nil {
			t.Error(err)
		}
		if err := check.Verify(append(got.body, ' '), got.Header); err == nil {
			t.Error("another body has the same signature")
		}
	}
	public, err := signature.ParseStandardPublicKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	h := got.Header
	if err := signature.VerifyStandard([]signature.StandardKey{public}, h.Get("webhook-id"), h.Get("webhook-timestamp"), h.Get("webhook-signature"),
		got.body, time.Now(), time.Minute); err != nil {
		t.Error(err)
	}
	if got.Method != http.MethodPost || got.URL.Path != "/"+token || got.URL.RawQuery != "key="+token {
		t.Errorf("got %s %s", got.Method, got.URL)
	}
	for name, want := range map[string]string{
		"User-Agent":      "holdfast/1.2.3",
		"Content-Type":    "application/cloudevents+json; charset=utf-8",
		"Content-Length":  strconv.Itoa(len(got.body)),
		"Webhook-Id":      banned().ID,
		"Accept-Encoding": "",
		"Idempotency-Key": "",
	} {
		if value := got.Header.Get(name); value != want {
			t.Errorf("%s: got %q, want %q", name, value, want)
		}
	}
}

func TestHeaders(t *testing.T) {
	r := receive(t, nil)
	o := to(r.URL)
	o.Headers = map[string]signature.Secret{"authorization": "Bearer " + token, "X-Tenant": "b\u00e4r"}
	for _, o.Format = range []string{cloudevent.ModeStructured, cloudevent.ModeBinary, cloudevent.ModeBatch} {
		told(t, opened(t, o))
	}
	for _, got := range r.got() {
		if got.Header.Get("Authorization") != "Bearer "+token || got.Header.Get("X-Tenant") != "b\u00e4r" {
			t.Errorf("got %v", got.Header)
		}
	}
}

// TestHTTP2 has attempts share a connection.
func TestHTTP2(t *testing.T) {
	r := &receiver{}
	r.Server = httptest.NewUnstartedServer(r.handler(t, nil))
	r.EnableHTTP2 = true
	r.StartTLS()
	t.Cleanup(r.Close)
	o := to(r.URL)
	o.TLS.CA = pemOf("CERTIFICATE", r.Certificate().Raw)
	d := opened(t, o)
	told(t, d)
	told(t, d)
	one, two := r.got()[0], r.got()[1]
	if one.ProtoMajor != 2 || one.RemoteAddr != two.RemoteAddr {
		t.Errorf("%s from %s, then from %s", one.Proto, one.RemoteAddr, two.RemoteAddr)
	}
}

// TestAnswersAreNotRead has a destination answer without end.
func TestAnswersAreNotRead(t *testing.T) {
	var written atomic.Int64
	flood := receive(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusOK)
		for chunk := make([]byte, 64<<10); ; {
			n, err := w.Write(chunk)
			if written.Add(int64(n)); err != nil {
				return
			}
		}
	})
	answer, release := hang()
	defer release()
	trickle := receive(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		answer(w, r)
	})
	told(t, opened(t, to(flood.URL)))
	if v := sendWithin(t, opened(t, to(trickle.URL)), 200*time.Millisecond); v != nil {
		t.Errorf("trickle: %v", v)
	}
	flood.Close() // waits for the handler
	if n := written.Load(); n > 32<<20 {
		t.Errorf("%d bytes of an answer were taken", n)
	}
}

// serve answers the connections to a listener, one function each, with raw bytes.
func serve(t *testing.T, connections ...func(*bufio.Reader, net.Conn)) (url string) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for _, handle := range connections {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				handle(bufio.NewReader(c), c)
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

func readRequest(r *bufio.Reader) {
	if request, err := http.ReadRequest(r); err == nil {
		_, _ = io.Copy(io.Discard, request.Body)
	}
}

// TestClosedConnectionIsReplaced has a server close a connection that it had promised to keep, as servers do when they
// are restarted: that costs no attempt.
func TestClosedConnectionIsReplaced(t *testing.T) {
	url := serve(t,
		func(r *bufio.Reader, c net.Conn) {
			readRequest(r)
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			readRequest(r)
		},
		func(r *bufio.Reader, c net.Conn) {
			readRequest(r)
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		})
	d := opened(t, to(url))
	told(t, d)
	told(t, d)
}
