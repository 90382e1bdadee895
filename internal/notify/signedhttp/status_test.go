package signedhttp

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
	d := opened(t, to(r.URL))
	for status = 200; status < 600; status++ {
		want := webhook.Verdict{Kind: webhook.Trouble, Reason: fmt.Sprintf("status %d", status), Status: status, Advice: advised}
		switch {
		case status < 300:
			told(t, d)
			continue
		case status < 400:
			want.Reason = fmt.Sprintf("redirect %d not followed", status)
		case status == 400, status == 413, status == 422:
			want.Kind, want.Advice = webhook.Refused, ""
		case status == 410:
			want.Kind = webhook.Gone
		case status == 408, status == 425, status == 429, status >= 500:
			want.Kind, want.Advice = webhook.Retry, ""
			want.RetryAfter = 7 * time.Second
		}
		judged(t, d, want)
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

	say := func(text string) func(*bufio.Reader, net.Conn) {
		return func(r *bufio.Reader, c net.Conn) {
			readRequest(r)
			fmt.Fprint(c, text)
		}
	}
	for name, c := range map[string]struct {
		url  string
		want webhook.Verdict
	}{
		"closed":    {closed.URL, webhook.Verdict{Kind: webhook.Retry, Reason: "connection refused"}},
		"untrusted": {untrusted.URL, webhook.Verdict{Kind: webhook.Trouble, Reason: "certificate of an unknown authority", Advice: advised}},
		"modern":    {modern.URL, webhook.Verdict{Kind: webhook.Trouble, Reason: "TLS handshake refused", Advice: advised}},
		"plain":     {strings.Replace(plain.URL, "http:", "https:", 1), webhook.Verdict{Kind: webhook.Trouble, Reason: "no TLS where TLS is configured", Advice: advised}},
		"mute":      {serve(t, say("")), webhook.Verdict{Kind: webhook.Retry, Reason: "connection closed without an answer"}},
		"cut":       {serve(t, say("HTTP/1.1 200 OK\r\nConte")), webhook.Verdict{Kind: webhook.Retry, Reason: "no answer that can be read"}},
		"rude":      {serve(t, say("220 "+token+" ESMTP\r\n")), webhook.Verdict{Kind: webhook.Retry, Reason: "no answer that can be read"}},
		"endless":   {serve(t, say("HTTP/1.1 200 OK\r\nX: "+strings.Repeat(token, 10_000))), webhook.Verdict{Kind: webhook.Retry, Reason: "no answer that can be read"}},
		"switching": {serve(t, func(r *bufio.Reader, c net.Conn) {
			say("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")(r, c)
			_, _ = io.Copy(io.Discard, r)
		}), webhook.Verdict{Kind: webhook.Trouble, Reason: "status 101", Status: 101, Advice: advised}},
	} {
		t.Run(name, func(t *testing.T) { judged(t, opened(t, to(c.url)), c.want) })
	}
}

func TestTimeOut(t *testing.T) {
	answer, release := hang()
	defer release()
	v := sendWithin(t, opened(t, to(receive(t, answer).URL)), 50*time.Millisecond)
	if v == nil || v.Kind != webhook.Retry || !strings.HasPrefix(v.Reason, "time-out after ") {
		t.Errorf("got %+v", v)
	}
}
