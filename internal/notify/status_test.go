package notify

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/webhook"
)

// TestStatus has a destination answer with every status there is.
func TestStatus(t *testing.T) {
	status := 0
	r := receive(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "/elsewhere")
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(status)
	})
	s := newSet(t, map[string]config.Destination{"crm": to(r.URL)})
	for status = 200; status < 600; status++ {
		want := webhook.Verdict{Kind: webhook.Trouble, Reason: fmt.Sprintf("status %d", status)}
		switch {
		case status < 300:
			if err := s.Tell(t.Context(), "crm", telling(banned())); err != nil {
				t.Errorf("status %d: %v", status, err)
			}
			continue
		case status < 400:
			want.Reason = fmt.Sprintf("redirect %d not followed", status)
		case status == 400, status == 413, status == 422:
			want.Kind = webhook.Refused
		case status == 408, status == 425, status == 429, status >= 500:
			want.Kind = webhook.Retry
			want.RetryAfter = 7 * time.Second
		}
		verdict(t, s, "crm", want)
	}
	if n := len(r.got()); n != 400 {
		t.Errorf("%d requests for 400 attempts", n)
	}
}

// TestNoAnswer has attempts fail in each way that is easy to bring about.
func TestNoAnswer(t *testing.T) {
	quiet := func(s *httptest.Server) *httptest.Server {
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		t.Cleanup(s.Close)
		return s
	}
	handler := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	plain := quiet(httptest.NewServer(handler))
	untrusted := quiet(httptest.NewTLSServer(handler))
	modern := quiet(httptest.NewUnstartedServer(handler))
	modern.TLS = &tls.Config{MinVersion: tls.VersionTLS13 + 1}
	modern.StartTLS()
	closed := httptest.NewServer(handler)
	closed.Close()
	answer, _, release := hang()
	defer release()
	slow := to(receive(t, answer).URL)
	slow.Retry.Timeout = 50 * time.Millisecond

	say := func(text string) func(*bufio.Reader, net.Conn) {
		return func(r *bufio.Reader, c net.Conn) {
			readRequest(r)
			fmt.Fprint(c, text)
		}
	}
	s := newSet(t, map[string]config.Destination{
		"slow":      slow,
		"closed":    to(closed.URL),
		"untrusted": to(untrusted.URL),
		"modern":    to(modern.URL),
		"plain":     to(strings.Replace(plain.URL, "http:", "https:", 1)),
		"mute":      to(serve(t, say(""))),
		"cut":       to(serve(t, say("HTTP/1.1 200 OK\r\nConte"))),
		"rude":      to(serve(t, say("220 "+token+" ESMTP\r\n"))),
		"endless":   to(serve(t, say("HTTP/1.1 200 OK\r\nX: "+strings.Repeat(token, 10_000)))),
		"switching": to(serve(t, func(r *bufio.Reader, c net.Conn) {
			say("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")(r, c)
			_, _ = io.Copy(io.Discard, r)
		})),
	})
	for name, want := range map[string]webhook.Verdict{
		"slow":      {Kind: webhook.Retry, Reason: "time-out after 50ms"},
		"closed":    {Kind: webhook.Retry, Reason: "connection refused"},
		"untrusted": {Kind: webhook.Trouble, Reason: "certificate of an unknown authority"},
		"modern":    {Kind: webhook.Trouble, Reason: "TLS handshake refused"},
		"plain":     {Kind: webhook.Trouble, Reason: "no TLS where https is configured"},
		"mute":      {Kind: webhook.Retry, Reason: "connection closed without an answer"},
		"cut":       {Kind: webhook.Retry, Reason: "no answer that can be read"},
		"rude":      {Kind: webhook.Retry, Reason: "no answer that can be read"},
		"endless":   {Kind: webhook.Retry, Reason: "no answer that can be read"},
		"switching": {Kind: webhook.Trouble, Reason: "status 101"},
		"absent":    {Kind: webhook.Trouble, Reason: "destination is not configured"},
	} {
		t.Run(name, func(t *testing.T) { verdict(t, s, name, want) })
	}
}
