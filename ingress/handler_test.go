package ingress

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/webhook"
)

const body = `{"entry":[{"account":"1"}]}`

func TestReplies(t *testing.T) {
	authentic := map[string]string{signature: sign(body), "Content-Type": "application/json"}
	with := func(name, value string) map[string]string {
		h := map[string]string{signature: sign(body), "Content-Type": "application/json"}
		h[name] = value
		if value == "" {
			delete(h, name)
		}
		return h
	}
	long := strings.Repeat("x", 100<<10+1)
	tests := []struct {
		name         string
		method, path string
		body         string
		header       map[string]string
		starter      error
		code         int
		text         string
		reason       string
		started      bool
		allow        string
	}{
		{name: "authentic", body: body, header: authentic, code: 200, text: answer, started: true},
		{name: "no handshake", path: "/webhooks/plain", body: body, header: authentic, code: 200, text: answer, started: true},
		{name: "parameters", body: body, header: with("Content-Type", "Application/JSON; charset=utf-8"), code: 200, text: answer, started: true},
		{name: "old type", body: body, header: with("Content-Type", "text/json"), code: 200, text: answer, started: true},
		{name: "no type", body: body, header: with("Content-Type", ""), code: 200, text: answer, started: true},
		{name: "identity", body: body, header: with("Content-Encoding", "identity"), code: 200, text: answer, started: true},
		{name: "empty", header: map[string]string{signature: sign("")}, code: 200, text: answer, started: true},
		{name: "invalid utf-8", body: "\xff\x00", header: map[string]string{signature: sign("\xff\x00")}, code: 200, text: answer, started: true},

		{name: "duplicate", body: body, header: authentic, starter: fmt.Errorf("start: %w", webhook.ErrDuplicate), code: 200, text: answer, started: true},
		{name: "does not fit", body: body, header: authentic, starter: fmt.Errorf("start: %w", webhook.ErrTooLarge), code: 413, text: "too large\n", reason: "does_not_fit", started: true},
		{name: "away", body: body, header: authentic, starter: errors.New("away"), code: 503, text: "try again later\n", reason: "unavailable", started: true},
		{name: "starter passes on a refusal", body: body, header: authentic, starter: webhook.SignatureMismatch, code: 503, text: "try again later\n", reason: "unavailable", started: true},

		{name: "no signature", body: body, header: with(signature, ""), code: 401, text: "not authentic\n", reason: "missing_evidence"},
		{name: "malformed signature", body: body, header: with(signature, "sha1=00"), code: 401, text: "not authentic\n", reason: "malformed_evidence"},
		{name: "forged", body: body, header: with(signature, strings.Repeat("0", 64)), code: 401, text: "not authentic\n", reason: "signature_mismatch"},
		{name: "tampered", body: body + " ", header: authentic, code: 401, text: "not authentic\n", reason: "signature_mismatch"},
		{name: "form", body: body, header: with("Content-Type", "application/x-www-form-urlencoded"), code: 415, text: "content type must be application/json\n", reason: "wrong_content_type"},
		{name: "malformed type", body: body, header: with("Content-Type", ";"), code: 415, text: "content type must be application/json\n", reason: "wrong_content_type"},
		{name: "gzip", body: body, header: with("Content-Encoding", "gzip"), code: 415, text: "content must not be encoded\n", reason: "encoded_body"},
		{name: "over the limit", body: long, header: map[string]string{signature: sign(long)}, code: 413, text: "too large\n", reason: "body_too_large"},

		{name: "put", method: "PUT", body: body, header: authentic, code: 405, text: "method not allowed\n", reason: "wrong_method", allow: "GET, POST"},
		{name: "head", method: "HEAD", code: 405, reason: "wrong_method", allow: "GET, POST"},
		{name: "options", method: "OPTIONS", code: 405, text: "method not allowed\n", reason: "wrong_method", allow: "GET, POST"},
		{name: "get without handshake", method: "GET", path: "/webhooks/plain", code: 405, text: "method not allowed\n", reason: "wrong_method", allow: "POST"},

		{name: "handshake", method: "GET", path: "/webhooks/acme?token=" + token + "&challenge=1158201444", code: 200, text: "1158201444"},
		{name: "wrong token", method: "GET", path: "/webhooks/acme?token=x&challenge=1", code: 403, text: "refused\n", reason: "handshake_refused"},
		{name: "no challenge", method: "GET", path: "/webhooks/acme?token=" + token, code: 403, text: "refused\n", reason: "handshake_refused"},
		{name: "two challenges", method: "GET", path: "/webhooks/acme?challenge=1&challenge=2&token=" + token, code: 403, text: "refused\n", reason: "handshake_refused"},
		{name: "malformed query", method: "GET", path: "/webhooks/acme?token=" + token + "&challenge=%zz", code: 400, text: "malformed request\n", reason: "malformed_query"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.method == "" {
				tt.method = "POST"
			}
			if tt.path == "" {
				tt.path = "/webhooks/acme"
			}
			w := newWorld(t, nil)
			if tt.starter != nil {
				w.starter.says(tt.starter)
			}
			resp, text := w.do(tt.method, tt.path, tt.body, tt.header)
			if resp.StatusCode != tt.code || text != tt.text {
				t.Errorf("got %d %q, want %d %q", resp.StatusCode, text, tt.code, tt.text)
			}
			retry := ""
			if tt.code == 503 {
				retry = "10"
			}
			want := map[string]string{
				"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff",
				"Allow": tt.allow, "Retry-After": retry, "Location": "",
			}
			for name, value := range want {
				if got := resp.Header.Get(name); got != value {
					t.Errorf("%s: %q, want %q", name, got, value)
				}
			}
			if got := w.starter.count() == 1; got != tt.started {
				t.Errorf("started: %v, want %v", got, tt.started)
			}
			source := strings.TrimPrefix(strings.SplitN(tt.path, "?", 2)[0], "/webhooks/")
			if tt.reason != "" {
				if got := w.metric("holdfast_ingress_refused_total", tt.reason, source); got != 1 {
					t.Errorf("counted as %s: %v", tt.reason, got)
				}
				list := w.in.refused.list()
				if len(list) != 1 || list[0].Reason != tt.reason || list[0].Status != tt.code {
					t.Errorf("remembered: %+v", list)
				}
			} else if list := w.in.refused.list(); len(list) != 0 {
				t.Errorf("remembered: %+v", list)
			}
			if got := w.in.held.used.Load(); got != 0 {
				t.Errorf("%d bytes still in flight", got)
			}
		})
	}
}

func TestUnknownPaths(t *testing.T) {
	w := newWorld(t, nil)
	paths := []string{
		"/", "/webhooks", "/webhooks/", "/webhooks/nobody", "/webhooks/acme/", "/webhooks/acme/x", "//webhooks/acme",
		"/webhooks//acme", "/webhooks/../webhooks/acme", "/webhooks/./acme", "/webhooks/acme%2f..", "/webhooks/%2e%2e",
		"/WEBHOOKS/acme", "/webhooks/Acme", "/metrics", "/refused", "/readyz/", "/webhooks/acme%00",
	}
	for _, path := range paths {
		for _, method := range []string{"GET", "POST", "PUT"} {
			resp, text := w.do(method, path, "", map[string]string{signature: sign("")})
			if resp.StatusCode != 404 || text != "not found\n" || resp.Header.Get("Location") != "" {
				t.Errorf("%s %s: %d %q", method, path, resp.StatusCode, text)
			}
		}
	}
	if w.starter.count() != 0 {
		t.Error("started")
	}
	if got := w.metric("holdfast_ingress_webhooks_total", "refused", "unknown"); got != float64(len(paths)) {
		t.Errorf("counted %v posts, want %d", got, len(paths))
	}
	list := w.in.refused.list()
	if len(list) != 1 || list[0].Source != "unknown" || list[0].Count != int64(3*len(paths)) {
		t.Errorf("remembered: %+v", list)
	}
}

func TestWhatIsStarted(t *testing.T) {
	w := newWorld(t, func(c *Config) {
		c.Now = func() time.Time { return noon.In(time.FixedZone("", 3600)) }
	})
	if code := w.post(body); code != 200 {
		t.Fatal(code)
	}
	want := webhook.Webhook{
		ID: webhook.ID("acme", []byte(body)), Source: "acme", Provider: "test", Received: noon,
		Evidence: webhook.Evidence{Headers: map[string]string{"x-test-signature": sign(body)}}, Body: webhook.Body(body),
	}
	if diff := cmp.Diff(want, w.starter.started[0]); diff != "" {
		t.Error(diff)
	}
	if w.starter.started[0].Received.Location() != time.UTC {
		t.Error("not UTC")
	}
	if !w.starter.peeks[0].Urgent {
		t.Error("peek is not passed on")
	}
}

// watched serves the ingress and tells of the context of each request.
func (w *world) watched() <-chan context.Context {
	contexts := make(chan context.Context, 10)
	srv := w.in.Server("127.0.0.1:0")
	handler := srv.Handler
	srv.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		contexts <- r.Context()
		handler.ServeHTTP(rw, r)
	})
	w.addr = w.serve(srv)
	return contexts
}

func TestClientLeavesDuringStart(t *testing.T) {
	w := newWorld(t, nil)
	contexts := w.watched()
	conn := w.dial()
	got := make(chan error, 1)
	w.starter.say = func(ctx context.Context) error {
		conn.Close()
		<-(<-contexts).Done()
		got <- ctx.Err()
		return ctx.Err()
	}
	fmt.Fprint(conn, head(len(body), "")+body)
	if err := <-got; err != nil {
		t.Errorf("context of the start: %v", err)
	}
	w.until("it is counted", func() bool { return w.metric("holdfast_ingress_webhooks_total", "accepted", "acme") == 1 })
}

func TestStartIsLimited(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.StartTimeout = 10 * time.Millisecond })
	w.starter.say = func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}
	if code := w.post(body); code != 503 {
		t.Error(code)
	}
}
