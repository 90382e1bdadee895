package service

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"holdfast/internal/notify/verdict"
	"holdfast/internal/webhook"
)

const token = "t0ken-in-the-path"

func TestWrongURL(t *testing.T) {
	for text, fine := range map[string]bool{
		"https://hooks.example.com/services/T/B/x": true,
		"https://10.0.0.1/x":                       true,
		"http://127.0.0.1:8080/x":                  true,
		"http://localhost/x":                       true,
		"http://[::1]/x":                           true,
		"http://hooks.example.com/x":               false,
		"http://10.0.0.1/x":                        false,
		"http://localhost.example.com/x":           false,
		"":                                         false,
		"hooks.example.com":                        false,
		"ftp://hooks.example.com":                  false,
		"https://user:pass@hooks.example.com":      false,
		"https://hooks.example.com/#x":             false,
	} {
		if got := WrongURL(text); (got == "") != fine {
			t.Errorf("%q: %q", text, got)
		}
	}
}

func post(t *testing.T, ctx context.Context, url string) (Answer, *webhook.Verdict) { //nolint:revive // t comes first in tests
	t.Helper()
	hook, err := New(url+"/"+token, "holdfast/1.2.3", 4)
	if err != nil {
		t.Fatal(err)
	}
	defer hook.Close()
	return hook.Post(ctx, map[string]string{"text": "<a & b>"})
}

// TestStatus has a service answer with every status there is.
func TestStatus(t *testing.T) {
	status := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "/elsewhere")
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(status)
	}))
	defer server.Close()
	for status = 200; status < 600; status++ {
		answer, failure := post(t, t.Context(), server.URL)
		if failure != nil {
			t.Fatal(failure)
		}
		got, want := answer.Verdict(), webhook.Trouble
		switch {
		case status < 300:
			if got != nil {
				t.Errorf("status %d: %+v", status, got)
			}
			continue
		case status == 400, status == 413, status == 422:
			want = webhook.Refused
		case status == 408, status == 425, status == 429, status >= 500:
			want = webhook.Retry
		case status == 410:
			want = webhook.Gone
		}
		if got == nil || got.Kind != want || got.Status != status || (got.RetryAfter > 0) != (want == webhook.Retry) || (want == webhook.Trouble) != (got.Advice != "") {
			t.Errorf("status %d: %+v", status, got)
		}
	}
}

func TestNoAnswer(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	untrusted := httptest.NewTLSServer(nil)
	defer untrusted.Close()
	hanging := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hanging:
		case <-r.Context().Done():
		}
	}))
	defer silent.Close()
	defer close(hanging)
	endless := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for chunk := make([]byte, 64<<10); ; {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}))
	defer endless.Close()
	impatient, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	cancelled, cancelNow := context.WithCancel(t.Context())
	cancelNow()
	for name, c := range map[string]struct {
		ctx  context.Context
		url  string
		want webhook.Kind
	}{
		"closed":    {t.Context(), closed.URL, webhook.Retry},
		"untrusted": {t.Context(), untrusted.URL, webhook.Trouble},
		"silent":    {impatient, silent.URL, webhook.Retry},
		"cancelled": {cancelled, silent.URL, webhook.Retry},
		"endless":   {t.Context(), endless.URL, ""},
	} {
		_, failure := post(t, c.ctx, c.url)
		if (failure == nil) != (c.want == "") || failure != nil && failure.Kind != c.want {
			t.Errorf("%s: got %+v, want %q", name, failure, c.want)
		}
		if failure != nil && (strings.Contains(failure.Error(), token) || strings.Contains(failure.Error(), "127.0.0.1")) {
			t.Errorf("%s: shows the address: %v", name, failure)
		}
	}
}

func TestUnencodable(t *testing.T) {
	hook, err := New("http://127.0.0.1:1", "holdfast/1.2.3", 4)
	if err != nil {
		t.Fatal(err)
	}
	if _, v := hook.Post(t.Context(), func() {}); v == nil || v.Kind != webhook.Refused {
		t.Errorf("got %+v", v)
	}
}

func TestWords(t *testing.T) {
	a := Answer{Status: 404, Text: "<html>no_service " + token}
	if v := a.Verdict("no_team", "no_service"); v == nil || !strings.HasSuffix(v.Reason, "no_service") || strings.Contains(v.Reason, token) {
		t.Errorf("got %+v", v)
	}
	if !a.Says("x", "no_service") || a.Says("x") {
		t.Error("says something else")
	}
}

func TestFailedKeepsQuiet(t *testing.T) {
	if v := Failed(t.Context(), errors.New(token), verdict.Clock{}); v.Kind != webhook.Retry || strings.Contains(v.Reason, token) {
		t.Errorf("got %+v", v)
	}
}
