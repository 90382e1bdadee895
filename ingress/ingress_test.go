package ingress

import (
	"errors"
	"sync"
	"testing"

	"holdfast/internal/webhook"
)

func TestReplaceWhileServing(t *testing.T) {
	w := newWorld(t, nil)
	other := map[string]Source{"other": {Name: "other", Provider: signed{"another secret"}}}
	var posts sync.WaitGroup
	for range 4 {
		posts.Go(func() {
			for range 25 {
				if code := w.post(body); code != 200 && code != 404 {
					t.Errorf("got %d", code)
				}
			}
		})
	}
	for i := range 200 {
		next := sources()
		if i%2 == 1 {
			next = other
		}
		if err := w.in.Replace(next); err != nil {
			t.Error(err)
		}
	}
	posts.Wait()
	if code := w.post(body); code != 404 {
		t.Errorf("replaced source: %d", code)
	}
}

func TestReplaceRefuses(t *testing.T) {
	w := newWorld(t, nil)
	for name, s := range map[string]Source{
		"no name": {Provider: signed{}}, "reserved": {Name: "unknown", Provider: signed{}}, "no provider": {Name: "a"},
		"limit": {Name: "a", Provider: signed{}, MaxBody: 64 << 20}, "negative": {Name: "a", Provider: signed{}, MaxBody: -1},
	} {
		if err := w.in.Replace(map[string]Source{"a": s}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for _, path := range []string{"", "a/b"} {
		if err := w.in.Replace(map[string]Source{path: {Name: "a", Provider: signed{}}}); err == nil {
			t.Errorf("path %q: no error", path)
		}
	}
	if code := w.post(body); code != 200 {
		t.Errorf("after errors: %d", code)
	}
	if _, err := New(Config{}); err == nil {
		t.Error("no starter: no error")
	}
	if _, err := New(Config{Starter: w.starter, Registerer: w.reg}); err == nil {
		t.Error("registered twice: no error")
	}
}

func TestMetrics(t *testing.T) {
	w := newWorld(t, nil)
	if got := w.metric("holdfast_ingress_webhooks_total", "duplicate", "plain"); got != 0 {
		t.Errorf("before anything: %v, want 0", got)
	}
	if got := w.metric("holdfast_ingress_last_webhook_timestamp_seconds", "acme"); got != -1 {
		t.Errorf("last webhook before the first: %v", got)
	}
	w.post(body)
	w.starter.says(webhook.ErrDuplicate)
	w.post(body)
	w.starter.says(webhook.ErrTooLarge)
	w.post(body)
	w.starter.says(errors.New("away"))
	w.post(body)
	w.do("POST", "/webhooks/acme", body, nil)
	w.do("PUT", "/webhooks/acme", body, nil)
	for _, o := range outcomes {
		if got := w.metric("holdfast_ingress_webhooks_total", string(o), "acme"); got != 1 {
			t.Errorf("%s: %v, want 1", o, got)
		}
	}
	for name, want := range map[string]float64{
		"holdfast_ingress_ack_seconds":                    2,
		"holdfast_ingress_too_large_total":                1,
		"holdfast_ingress_last_webhook_timestamp_seconds": float64(noon.Unix()),
	} {
		if got := w.metric(name, "acme"); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	if got := w.metric("holdfast_ingress_body_bytes"); got != 4 {
		t.Errorf("bodies: %v, want 4", got)
	}
	if err := w.in.Replace(nil); err != nil {
		t.Fatal(err)
	}
	if got := w.metric("holdfast_ingress_last_webhook_timestamp_seconds", "acme"); got != -1 {
		t.Errorf("last webhook of a source that is gone: %v", got)
	}
}
