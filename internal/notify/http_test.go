package notify

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	standard "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"holdfast/internal/config"
	"holdfast/internal/notify/signedhttp"
	"holdfast/internal/signature"
)

func TestSigned(t *testing.T) {
	r := receive(t, nil)
	d := to(r.URL)
	secrets := []signature.Secret{whsec, older}
	options := d.Options.(*signedhttp.Options)
	options.Secret, options.Secrets = "", secrets
	s := newSet(t, map[string]config.Destination{"crm": d})
	if err := s.Tell(t.Context(), "crm", telling(banned())); err != nil {
		t.Fatal(err)
	}
	got := r.got()[0]
	for _, secret := range secrets {
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

func TestEachAttemptHasItsTime(t *testing.T) {
	r := receive(t, nil)
	s := newSet(t, map[string]config.Destination{"crm": to(r.URL)})
	now := time.Unix(1761200608, 0)
	s.now = func() time.Time { now = now.Add(time.Hour); return now }
	for range 2 {
		if err := s.Tell(t.Context(), "crm", telling(banned())); err != nil {
			t.Fatal(err)
		}
	}
	one, two := r.got()[0], r.got()[1]
	if one.Header.Get("webhook-id") != two.Header.Get("webhook-id") || string(one.body) != string(two.body) {
		t.Error("another id or body at the second attempt")
	}
	if one.Header.Get("webhook-timestamp") == two.Header.Get("webhook-timestamp") ||
		one.Header.Get("webhook-signature") == two.Header.Get("webhook-signature") {
		t.Error("the same time or signature at the second attempt")
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
	answer, _, release := hang()
	defer release()
	trickle := receive(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		answer(w, r)
	})
	impatient := to(trickle.URL)
	impatient.Retry.Timeout = 200 * time.Millisecond
	s := newSet(t, map[string]config.Destination{"flood": to(flood.URL), "trickle": impatient})
	for _, name := range []string{"flood", "trickle"} {
		if err := s.Tell(t.Context(), name, telling(banned())); err != nil {
			t.Errorf("%s: %v", name, err)
		}
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
	s := newSet(t, map[string]config.Destination{"crm": to(url)})
	for range 2 {
		if err := s.Tell(t.Context(), "crm", telling(banned())); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCallersDeadline(t *testing.T) {
	answer, _, release := hang()
	defer release()
	r := receive(t, answer)
	s := newSet(t, map[string]config.Destination{"crm": to(r.URL)})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err := s.Tell(ctx, "crm", telling(banned()))
	if err == nil || !strings.HasPrefix(err.Error(), "time-out after ") || strings.Contains(err.Error(), "5s") {
		t.Errorf("got %v", err)
	}
	cancelled, cancelNow := context.WithCancel(t.Context())
	cancelNow()
	if err := s.Tell(cancelled, "crm", telling(banned())); err == nil || err.Error() != "cancelled" {
		t.Errorf("got %v", err)
	}
}
