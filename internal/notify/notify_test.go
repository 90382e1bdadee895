package notify

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/notify/signedhttp"
	"holdfast/internal/signature"
	"holdfast/internal/webhook"
)

const (
	whsec = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	token = "t0ken-in-the-path"
)

func banned() webhook.Event {
	return webhook.Event{
		ID:       "0123456789abcdef",
		Type:     webhook.AccountBanned,
		Time:     time.Date(2025, 10, 23, 8, 23, 27, 0, time.FixedZone("CEST", 7200)),
		Source:   "meta-main",
		Provider: "meta",
		Webhook:  "fedcba9876543210",
		Account:  "100000000000001",
		Phone:    webhook.Phone{ID: "200000000000002", Number: "15550001111"},
		Field:    "account_update",
		Data:     &webhook.Ban{State: "DISABLE", Date: "October 23, 2025"},
	}
}

// A receiver is a destination that remembers what it was told.
type receiver struct {
	*httptest.Server
	mu       sync.Mutex
	requests []request
}

type request struct {
	*http.Request
	body []byte
}

// receive starts a destination that answers with answer, or with 204 if that is nil.
func receive(t *testing.T, answer http.HandlerFunc) *receiver {
	t.Helper()
	r := new(receiver)
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			t.Error(err)
		}
		r.mu.Lock()
		r.requests = append(r.requests, request{req, body})
		r.mu.Unlock()
		if answer == nil {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		answer(w, req)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) got() []request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.requests
}

// to configures a destination at a server; its URL holds a token.
func to(url string) config.Destination {
	return config.Destination{
		Options: &signedhttp.Options{URL: signature.Secret(url + "/" + token + "?key=" + token), Secret: whsec, Private: true},
		Default: true,
		Retry:   config.Retry{Timeout: 5 * time.Second},
	}
}

func newSet(t *testing.T, destinations map[string]config.Destination) *Set {
	t.Helper()
	s, err := New(destinations, Options{Version: "1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// verdict tells a destination, and wants the verdict to be this one.
func verdict(t *testing.T, s *Set, destination string, want webhook.Verdict) {
	t.Helper()
	err := s.Tell(t.Context(), destination, telling(banned()))
	var got *webhook.Verdict
	if !errors.As(err, &got) {
		t.Fatalf("got %v, want a verdict", err)
	}
	what := *got
	what.Status, what.Advice = 0, "" // the senders' tests look at these
	if what != want {
		t.Errorf("got %+v, want %+v", what, want)
	}
	if strings.Contains(err.Error(), token) || strings.Contains(err.Error(), "127.0.0.1") {
		t.Errorf("shows the address: %v", err)
	}
}

// hang is an answer that does not come: it ends with the request, or when the test says so. Each request is announced.
func hang() (answer http.HandlerFunc, arrived <-chan struct{}, release context.CancelFunc) {
	announce := make(chan struct{}, 100)
	released, release := context.WithCancel(context.Background())
	return func(w http.ResponseWriter, r *http.Request) {
		announce <- struct{}{}
		select {
		case <-released.Done():
		case <-r.Context().Done():
		}
	}, announce, release
}

// telling is one event on its way.
func telling(e webhook.Event) []webhook.Telling { return []webhook.Telling{{Event: e}} }

func TestUntellable(t *testing.T) {
	r := receive(t, nil)
	s := newSet(t, map[string]config.Destination{"crm": to(r.URL)})
	nameless, odd := banned(), banned()
	nameless.ID = ""
	odd.Data = func() {}
	for want, e := range map[string]webhook.Event{"event has no id": nameless, "event cannot be encoded": odd} {
		err := s.Tell(t.Context(), "crm", telling(e))
		if v, ok := err.(*webhook.Verdict); !ok || v.Kind != webhook.Refused || v.Reason != want { //nolint:errorlint // the contract is the type itself
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if len(r.got()) > 0 {
		t.Error("it was told")
	}
}
