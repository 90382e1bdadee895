package main

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"holdfast/workflows"
)

const account = "102290129340398"

var both = roles{ingress: true, worker: true}

func TestBanIsKnownAndToldOnce(t *testing.T) {
	r := newRig(t)
	crm := newListener(t)
	h := r.start(r.config(map[string]*listener{"crm": crm}), both)
	body := ban(account, time.Now())
	if code := r.post(h, body); code != http.StatusOK {
		t.Fatalf("status %d", code)
	}
	eventually(t, "the workflow ends", func() bool { return r.closed(body) })
	if code := r.post(h, body); code != http.StatusOK { // redelivered
		t.Errorf("redelivery: status %d", code)
	}
	// The same event in another body: a batch of which it is one.
	again := ban(account, time.Now().Add(time.Second))
	if code := r.post(h, again); code != http.StatusOK {
		t.Fatalf("status %d", code)
	}
	eventually(t, "the second ban is recorded", func() bool { return r.closed(again) })

	if events := crm.told(); len(events) != 1 || events[0].Type != "account.banned" || events[0].Subject != "account/"+account {
		t.Errorf("told %+v, want one ban", events)
	}
	if got := h.facts(t, account)["status"]; !strings.Contains(got, `"banned"`) {
		t.Errorf("status of the account: %q", got)
	}
	if stage := r.stage(body); stage != workflows.StageTold {
		t.Errorf("stage %q", stage)
	}
	if stage := r.stage(again); stage != workflows.StageRecorded {
		t.Errorf("stage of the second ban %q: a ban of a banned account is no news", stage)
	}
	r.record(body, "told")
}

func TestToldAfterTermination(t *testing.T) {
	r := newRig(t)
	crm := newListener(t)
	cfg := r.config(map[string]*listener{"crm": crm})
	door := r.start(cfg, roles{ingress: true})
	body := ban(account, time.Now())
	if code := r.post(door, body); code != http.StatusOK {
		t.Fatalf("status %d", code)
	}
	if err := r.temporal.TerminateWorkflow(t.Context(), r.workflow(body), "", "a test"); err != nil {
		t.Fatal(err)
	}
	r.start(cfg, roles{worker: true})
	if code := r.post(door, body); code != http.StatusOK {
		t.Fatalf("redelivery: status %d", code)
	}
	eventually(t, "it is told", func() bool { return len(crm.told()) == 1 })
}

func TestForgedStartsNothing(t *testing.T) {
	r := newRig(t)
	crm := newListener(t)
	h := r.start(r.config(map[string]*listener{"crm": crm}), both)
	body := ban(account, time.Now())
	forged := http.Header{"X-Hub-Signature-256": {"sha256=" + strings.Repeat("0", 64)}}
	for name, headers := range map[string]http.Header{"forged": forged, "unsigned": {}} {
		if code := r.postWith(h, headers, body); code != http.StatusUnauthorized {
			t.Errorf("%s: status %d, want 401", name, code)
		}
	}
	if _, err := r.temporal.DescribeWorkflowExecution(t.Context(), r.workflow(body), ""); err == nil {
		t.Error("a workflow was started for a forged webhook")
	}
	list, err := refusals(t.Context(), h.metrics)
	if err != nil || len(list) != 2 {
		t.Fatalf("refused list: %+v, %v", list, err)
	}
}

func TestDownIsParkedAndReprocessed(t *testing.T) {
	r := newRig(t)
	r.horizon = 3 * time.Second
	crm, other := newListener(t), newListener(t)
	crm.answers(status(http.StatusServiceUnavailable))
	h := r.start(r.config(map[string]*listener{"crm": crm, "other": other}), both)
	body := ban(account, time.Now())
	r.post(h, body)
	eventually(t, "the other destination is told", func() bool { return len(other.told()) == 1 })
	eventually(t, "it is parked after its horizon", func() bool { return r.stage(body) == workflows.StageParked })
	status := r.state(body)
	if len(status.Deliveries) != 2 || !strings.Contains(status.Deliveries[0].Problem, "503") {
		t.Errorf("deliveries %+v do not say why", status.Deliveries)
	}

	crm.answers(nil)
	if err := r.temporal.SignalWorkflow(t.Context(), r.workflow(body), "", workflows.Reprocess, workflows.Command{Park: status.Park, Actor: "ada"}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the workflow ends", func() bool { return r.closed(body) })
	if a, b := crm.told(), other.told(); len(a) != 1 || len(b) != 1 || a[0].ID != b[0].ID {
		t.Errorf("told %+v and %+v, want the same event once each", a, b)
	}
	r.record(body, "parked-and-reprocessed")
}

// A destination that accepts and never answers delays nobody else.
func TestHangingDestinationDelaysNobody(t *testing.T) {
	r := newRig(t)
	hanging, prompt := newListener(t), newListener(t)
	release := make(chan struct{})
	hanging.answers(func(_ http.ResponseWriter, req *http.Request) {
		select {
		case <-release:
		case <-req.Context().Done():
		}
	})
	t.Cleanup(func() { close(release) })
	cfg := r.config(map[string]*listener{"hanging": hanging, "prompt": prompt})
	d := cfg.Destinations["hanging"]
	d.Concurrency = 4
	cfg.Destinations["hanging"] = d
	h := r.start(cfg, both)
	const n = 40
	began := time.Now()
	for i := range n {
		r.post(h, ban(account+string(rune('0'+i%10))+string(rune('0'+i/10)), began))
	}
	eventually(t, "the prompt one is told all", func() bool { return len(prompt.told()) == n })
	if len(hanging.told()) != 0 {
		t.Error("the hanging destination was told")
	}
}

func TestRotatedSecretParks(t *testing.T) {
	r := newRig(t)
	crm := newListener(t)
	destinations := map[string]*listener{"crm": crm}
	door := r.start(r.config(destinations), roles{ingress: true})
	body := ban(account, time.Now())
	if code := r.post(door, body); code != http.StatusOK {
		t.Fatalf("status %d", code)
	}
	old := r.config(destinations)
	r.secret = "secret-two"
	w := r.start(r.config(destinations), roles{worker: true})
	eventually(t, "it is parked", func() bool { return r.stage(body) == workflows.StageParked })
	if s := r.state(body); len(s.Parked) != 1 || s.Parked[0].Problem != "verify: signature_mismatch" {
		t.Errorf("parked %+v", s.Parked)
	}
	if err := w.reload(old); err != nil {
		t.Fatal(err)
	}
	handle, err := r.temporal.UpdateWorkflow(t.Context(), updateRequest(r.workflow(body), workflows.Command{Actor: "ada"}))
	if err != nil {
		t.Fatal(err)
	}
	if err := handle.Get(t.Context(), nil); err != nil {
		t.Fatalf("update: %v", err)
	}
	eventually(t, "it is told", func() bool { return len(crm.told()) == 1 })
	eventually(t, "the workflow ends", func() bool { return r.closed(body) })
	r.record(body, "unverified-and-retried")
}

// A worker that is killed while it tells a destination leaves the rest to the next one, under the same event id.
func TestKilledWorkerIsReplaced(t *testing.T) {
	r := newRig(t)
	crm := newListener(t)
	reached := make(chan struct{}, 8)
	crm.answers(func(_ http.ResponseWriter, req *http.Request) {
		reached <- struct{}{}
		<-req.Context().Done()
	})
	destinations := map[string]*listener{"crm": crm}
	door := r.start(r.config(destinations), roles{ingress: true})
	worker := r.process("worker", r.yaml(destinations))
	body := ban(account, time.Now())
	r.post(door, body)
	select {
	case <-reached:
	case <-time.After(time.Minute):
		t.Fatal("the worker did not try to tell")
	}
	if err := worker.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = worker.Wait() // killed
	crm.answers(nil)
	r.process("worker", r.yaml(destinations))
	eventually(t, "the next worker tells it", func() bool { return len(crm.told()) > 0 })
	eventually(t, "the workflow ends", func() bool { return r.closed(body) })
	if events := crm.told(); len(events) != 1 {
		t.Errorf("told %+v, want once", events)
	}
}

// What an attempt has told is not told again by the next: only the refused and the missing ones are left.
func TestPartOfABatch(t *testing.T) {
	r := newRig(t)
	crm := newListener(t)
	fails := 2
	crm.answers(func(w http.ResponseWriter, req *http.Request) {
		crm.mu.Lock()
		defer crm.mu.Unlock()
		if fails > 0 {
			fails--
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		crm.events = append(crm.events, told{ID: req.Header.Get("webhook-id")})
	})
	h := r.start(r.config(map[string]*listener{"crm": crm}), both)
	body := batch(7, time.Now())
	r.post(h, body)
	eventually(t, "the workflow ends", func() bool { return r.closed(body) })
	seen := map[string]int{}
	for _, e := range crm.told() {
		seen[e.ID]++
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("event %s was told %d times", id, n)
		}
	}
	if len(seen) != 7 {
		t.Errorf("%d events told, want 7", len(seen))
	}
	r.record(body, "retried")
}

func TestDrainFinishesWhatIsInFlight(t *testing.T) {
	r := newRig(t)
	crm := newListener(t)
	h := r.start(r.config(map[string]*listener{"crm": crm}), both)
	bodies := [][]byte{}
	for i := range 20 {
		bodies = append(bodies, ban(account+string(rune('a'+i)), time.Now()))
		if code := r.post(h, bodies[i]); code != http.StatusOK {
			t.Fatalf("status %d", code)
		}
	}
	h.stop()
	r.start(r.config(map[string]*listener{"crm": crm}), both)
	eventually(t, "all are told, by whichever worker", func() bool { return len(crm.told()) >= len(bodies) })
}

func (r *rig) state(body []byte) workflows.Status {
	r.t.Helper()
	value, err := r.temporal.QueryWorkflow(context.Background(), r.workflow(body), "", workflows.State)
	if err != nil {
		r.t.Fatal(err)
	}
	var s workflows.Status
	if err := value.Get(&s); err != nil {
		r.t.Fatal(err)
	}
	return s
}

// What a workflow does was decided when it was recorded: a worker with other destinations goes on with it all the same.
func TestChangedDestinations(t *testing.T) {
	r := newRig(t)
	crm, other := newListener(t), newListener(t)
	crm.answers(status(http.StatusUnprocessableEntity))
	h := r.start(r.config(map[string]*listener{"crm": crm}), both)
	body := ban(account, time.Now())
	r.post(h, body)
	eventually(t, "it is parked", func() bool { return r.stage(body) == workflows.StageParked })
	h.stop()

	h = r.start(r.config(map[string]*listener{"other": other}), both)
	if s := r.state(body); s.Stage != workflows.StageParked || len(s.Deliveries) != 1 || s.Deliveries[0].Destination != "crm" {
		t.Errorf("status after the change: %+v", s)
	}
	if err := r.temporal.SignalWorkflow(t.Context(), r.workflow(body), "", workflows.Reprocess, workflows.Command{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is tried again", func() bool { return r.stage(body) == workflows.StageRetrying })
	crm.answers(nil)
	if err := h.reload(r.config(map[string]*listener{"crm": crm, "other": other})); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the workflow ends", func() bool { return r.closed(body) })
	if len(crm.told()) != 1 || len(other.told()) != 0 {
		t.Errorf("told crm %d times and the other %d times, want once and never", len(crm.told()), len(other.told()))
	}
}
