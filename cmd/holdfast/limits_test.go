package main

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"holdfast/workflows"
)

// What does not fit in a workflow is refused by its size, and counted.
func TestTooLargeIsRefusedAndCounted(t *testing.T) {
	r := newRig(t)
	h := r.start(r.config(nil), both)
	noise := make([]byte, 2<<20)
	_, _ = rand.Read(noise) // never fails
	body := fmt.Appendf(nil, `{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"new","value":%q}]}]}`,
		base64.StdEncoding.EncodeToString(noise))
	if code := r.post(h, body); code != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d, want 413", code)
	}
	if text := h.scrape(t); !strings.Contains(text, `holdfast_ingress_refused_total{reason="does_not_fit",source="`+r.name+`"} 1`) {
		t.Error("it was not counted")
	}
	// The same size of ordinary text fits: it is compressed.
	plain := fmt.Appendf(nil, `{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"new","value":%q}]}]}`,
		strings.Repeat("a perfectly ordinary webhook ", 100_000))
	if code := r.post(h, plain); code != http.StatusOK {
		t.Errorf("status %d, want 200", code)
	}
	eventually(t, "it is processed", func() bool { return r.closed(plain) })
}

// A webhook may hold a thousand updates; each is told once, and the history stays short.
func TestThousandUpdates(t *testing.T) {
	r := newRig(t)
	crm := newListener(t)
	h := r.start(r.config(map[string]*listener{"crm": crm}), both)
	body := batch(1000, time.Now())
	if code := r.post(h, body); code != http.StatusOK {
		t.Fatalf("status %d", code)
	}
	eventually(t, "the workflow ends", func() bool { return r.closed(body) })
	seen := map[string]int{}
	for _, e := range crm.told() {
		seen[e.ID]++
		if seen[e.ID] > 1 {
			t.Fatalf("event %s was told again", e.ID)
		}
	}
	if len(seen) != 1000 {
		t.Errorf("%d events told, want 1000", len(seen))
	}
}

// What an operator lets go is closed, and says so where operators look.
func TestGivenUp(t *testing.T) {
	r := newRig(t)
	crm := newListener(t)
	crm.answers(status(http.StatusUnprocessableEntity))
	h := r.start(r.config(map[string]*listener{"crm": crm}), both)
	body := ban(account, time.Now())
	r.post(h, body)
	eventually(t, "it is parked", func() bool { return r.stage(body) == workflows.StageParked })
	if err := r.temporal.SignalWorkflow(t.Context(), r.workflow(body), "", workflows.Reprocess, workflows.Command{Action: workflows.GiveUp}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the workflow ends", func() bool { return r.closed(body) })
	if stage := r.stage(body); stage != workflows.StageGivenUp {
		t.Errorf("stage %q, want %q", stage, workflows.StageGivenUp)
	}
}

// One registry holds our metrics and the SDK's, as counters and with buckets of seconds.
func TestMetrics(t *testing.T) {
	r := newRig(t)
	crm := newListener(t)
	h := r.start(r.config(map[string]*listener{"crm": crm}), both)
	body := ban(account, time.Now())
	r.post(h, body)
	eventually(t, "the workflow ends", func() bool { return r.closed(body) })
	text := h.scrape(t)
	for _, want := range []string{
		`holdfast_ingress_webhooks_total{outcome="accepted",source="` + r.name + `"} 1`,
		`holdfast_events_recorded_total{outcome="fresh",type="account.banned"} 1`,
		`holdfast_notify_attempts_total{destination="crm",outcome="told"} 1`,
		"# TYPE temporal_workflow_completed_total counter",
		"# TYPE temporal_request_latency_seconds histogram",
		`le="0.025"`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
	}
	if strings.Contains(text, account) {
		t.Error("an account is in the metrics")
	}
}

func (h *running) scrape(t *testing.T) string {
	t.Helper()
	resp, err := http.Get(h.metrics + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
