package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/activities"
	"holdfast/internal/webhook"
	"holdfast/workflows"
)

// turn is the webhook of an account that is banned, or reinstated: each is news after the other.
func turn(n int) []byte {
	body := ban(account, time.Now().Add(-time.Hour).Add(time.Duration(n)*time.Second))
	if n%2 == 1 {
		return []byte(strings.Replace(string(body), "DISABLE\"", "REINSTATE\"", 1))
	}
	return body
}

func (r *rig) destination(name string) string { return workflows.DestinationID(r.name, name) }

// stageOf is what the search attribute says of a workflow; empty if there is none.
func (r *rig) stageOf(workflow string) string {
	d, err := r.temporal.DescribeWorkflowExecution(context.Background(), workflow, "")
	if err != nil {
		return ""
	}
	var stage string
	_ = json.Unmarshal(d.GetWorkflowExecutionInfo().GetSearchAttributes().GetIndexedFields()["HoldfastStage"].GetData(), &stage) // absent is empty
	return stage
}

func (r *rig) standing(name string) activities.Standing {
	r.t.Helper()
	value, err := r.temporal.QueryWorkflow(context.Background(), r.destination(name), "", workflows.State)
	if err != nil {
		r.t.Fatal(err)
	}
	var s activities.Standing
	if err := value.Get(&s); err != nil {
		r.t.Fatal(err)
	}
	return s
}

func (r *rig) signal(name, signal string, o workflows.Order) {
	r.t.Helper()
	if err := r.temporal.SignalWorkflow(context.Background(), r.destination(name), "", signal, o); err != nil {
		r.t.Fatal(err)
	}
}

// owedIDs are the ids of what a destination is owed by a webhook's workflow.
func (r *rig) owedIDs(h *running, body []byte) []string {
	r.t.Helper()
	events, err := h.store.Load().Owed(context.Background(), r.workflow(body), "crm")
	if err != nil {
		r.t.Fatal(err)
	}
	var ids []string
	for _, e := range events {
		ids = append(ids, e.ID)
	}
	return ids
}

func ids(events []told) []string {
	var out []string
	for _, e := range events {
		out = append(out, e.ID)
	}
	return out
}

// A destination that is gone is held for all workers: workflows leave to its own what it is owed, and complete. Only that
// one asks it. When it is back it is told everything once, in the order in which it was recorded.
func TestDeadDestinationIsHeld(t *testing.T) {
	r := newRig(t)
	crm, other := newListener(t), newListener(t)
	var attempts atomic.Int64
	crm.answers(func(w http.ResponseWriter, _ *http.Request) {
		attempts.Add(1)
		w.WriteHeader(http.StatusUnauthorized)
	})
	cfg := r.config(map[string]*listener{"crm": crm, "other": other})
	h := r.start(cfg, both)
	second := r.start(cfg, roles{worker: true})
	var bodies [][]byte
	var want []string
	post := func(n int) {
		t.Helper()
		for range n {
			body := turn(len(bodies))
			bodies = append(bodies, body)
			if code := r.post(h, body); code != http.StatusOK {
				t.Fatalf("status %d", code)
			}
			eventually(t, "it is recorded", func() bool { return len(r.owedIDs(h, body)) == 1 })
			want = append(want, r.owedIDs(h, body)...)
		}
	}
	post(4)
	eventually(t, "it is held", func() bool { return r.stageOf(r.destination("crm")) == workflows.StageHeld })
	for _, body := range bodies {
		eventually(t, "what was retried is left to it", func() bool { return r.closed(body) })
	}
	r.signal("crm", workflows.Pause, workflows.Order{Actor: "ada", Reason: "so that nothing but the test asks it"})
	eventually(t, "it is paused", func() bool { return r.stageOf(r.destination("crm")) == workflows.StagePaused })
	before := attempts.Load()
	post(20)
	for _, body := range bodies {
		eventually(t, "it is left to it", func() bool { return r.closed(body) })
		if stage := r.stage(body); stage != workflows.StageOwed {
			t.Errorf("stage %q, want owed", stage)
		}
	}
	if n := attempts.Load() - before; n != 0 {
		t.Errorf("%d attempts while it was paused", n)
	}
	if n := len(other.told()); n != len(bodies) {
		t.Errorf("the other was told %d events, want %d", n, len(bodies))
	}
	if s := r.standing("crm"); s.Hold == nil || s.Hold.Actor != "ada" || !s.Configured {
		t.Errorf("standing %+v", s)
	}
	r.signal("crm", workflows.Resume, workflows.Order{Actor: "ada"})
	eventually(t, "it is asked, and held", func() bool {
		s := r.standing("crm")
		return s.Hold != nil && s.Hold.Cause == webhook.ByTrouble && s.Hold.Probes > 0
	})
	probes := int64(r.standing("crm").Hold.Probes)
	if n := attempts.Load() - before; n < 1 || n > 3*(probes+1) {
		t.Errorf("%d attempts by %d probes, want at most three each", n, probes)
	}
	for _, p := range []*running{h, second} {
		p.gauges.poll(t.Context())
		if v, _ := p.metric(t, `holdfast_destination_held{destination="crm"}`); v != 1 {
			t.Errorf("gauge %v, want 1", v)
		}
	}
	if said := r.run(t, "owed"); !strings.HasPrefix(said, "crm is held since 20") || !strings.Contains(said, "because: status 401") || !strings.Contains(said, "; asked again at ") {
		t.Errorf("owed:\n%s", said)
	}

	crm.answers(nil)
	r.signal("crm", workflows.Resume, workflows.Order{Actor: "ada"})
	eventually(t, "all is told", func() bool { return len(crm.told()) >= len(want) })
	eventually(t, "it flows", func() bool { return r.stageOf(r.destination("crm")) == workflows.StageFlowing })
	if got := ids(crm.told()); !slices.Equal(got, want) {
		t.Errorf("told %d events, %d of them once; want %d, in recorded order:\n%q\n%q", len(got), len(slices.Compact(slices.Sorted(slices.Values(got)))), len(want), got, want)
	}
	if said := r.run(t, "owed"); said != "nothing is owed\n" {
		t.Errorf("owed:\n%s", said)
	}
	last := turn(len(bodies))
	r.post(h, last)
	eventually(t, "what is new is told at once", func() bool { return r.stage(last) == workflows.StageTold })
	r.record(bodies[len(bodies)-1], "owed")
	r.recordWorkflow(r.destination("crm"), "held-and-released")
}

// It comes back by itself: nobody needs to say so. One event that it does not want parks alone.
func TestRecoversByItself(t *testing.T) {
	r := newRig(t)
	crm := newListener(t)
	crm.answers(status(http.StatusNotFound))
	h := r.start(r.config(map[string]*listener{"crm": crm}), both)
	bodies := [][]byte{}
	for i := range 5 {
		bodies = append(bodies, ban(fmt.Sprint(account, i), time.Now())) // of one account, some might be no news
		r.post(h, bodies[i])
	}
	for _, body := range bodies {
		eventually(t, "it is left to it", func() bool { return r.closed(body) })
	}
	poison := r.owedIDs(h, bodies[2])[0]
	crm.answers(func(w http.ResponseWriter, req *http.Request) {
		id := req.Header.Get("webhook-id")
		if id == poison {
			w.WriteHeader(http.StatusUnprocessableEntity)
			return
		}
		crm.mu.Lock()
		defer crm.mu.Unlock()
		crm.events = append(crm.events, told{ID: id})
	})
	eventually(t, "the others are told", func() bool { return len(crm.told()) >= len(bodies)-1 })
	if got := ids(crm.told()); len(slices.Compact(slices.Sorted(slices.Values(got)))) != len(got) || len(got) != len(bodies)-1 {
		t.Errorf("told %q, want each of the others once; standing %+v", got, r.standing("crm"))
	}
	own := "owed/crm/" + poison
	eventually(t, "what is refused is parked", func() bool { return r.stageOf(own) == workflows.StageParked })
	eventually(t, "it flows", func() bool { return r.stageOf(r.destination("crm")) == workflows.StageFlowing })
	crm.answers(nil)
	if err := r.temporal.SignalWorkflow(t.Context(), own, "", workflows.Reprocess, workflows.Command{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is told as well", func() bool { return slices.Contains(ids(crm.told()), poison) })
	eventually(t, "its workflow ends", func() bool { return r.stageOf(own) == workflows.StageTold })
	if said := r.run(t, "owed"); said != "nothing is owed\n" {
		t.Errorf("owed:\n%s", said)
	}
	r.recordWorkflow(own, "parted")
}

// What a terminated workflow owed is found and told, and what a running one owes is left to it.
func TestTerminatedIsFoundAndTold(t *testing.T) {
	r := newRig(t)
	r.orphanAge = time.Millisecond
	crm, other := newListener(t), newListener(t)
	crm.answers(status(http.StatusServiceUnavailable))
	other.answers(status(http.StatusUnprocessableEntity))
	h := r.start(r.config(map[string]*listener{"crm": crm, "other": other}), both)
	doomed, parked := ban(account, time.Now()), ban(account+"1", time.Now())
	for _, body := range [][]byte{doomed, parked} {
		r.post(h, body)
		eventually(t, "it is parked", func() bool { return r.stage(body) == workflows.StageParked })
	}
	if err := r.temporal.TerminateWorkflow(t.Context(), r.workflow(doomed), "", "a test"); err != nil {
		t.Fatal(err)
	}
	// Nobody looks after its destinations either.
	eventually(t, "the destination has a workflow", func() bool { return r.stageOf(r.destination("crm")) != "" })
	if err := r.temporal.TerminateWorkflow(t.Context(), r.destination("crm"), "", "a test"); err != nil {
		t.Fatal(err)
	}
	crm.answers(nil)
	other.answers(nil)
	for name, l := range map[string]*listener{"crm": crm, "other": other} {
		eventually(t, name+" is told", func() bool {
			h.gauges.poll(t.Context())
			return slices.ContainsFunc(l.told(), func(e told) bool { return e.Subject == "account/"+account })
		})
	}
	if n := len(other.told()); n != 1 {
		t.Errorf("the other was told %d events: what is parked is not for others to tell", n)
	}
	if stage := r.stage(parked); stage != workflows.StageParked {
		t.Errorf("stage %q, want parked", stage)
	}
}

// A workflow that is telling what is owed, perhaps for hours, is not told again and again that there is something to tell.
func TestNobodyRemindsAWorkflowThatTells(t *testing.T) {
	r := newRig(t)
	crm := newListener(t)
	asked, answer := make(chan struct{}, 1), make(chan struct{})
	crm.answers(func(http.ResponseWriter, *http.Request) {
		asked <- struct{}{}
		<-answer
	})
	defer close(answer)
	h := r.start(r.config(map[string]*listener{"crm": crm}), both)
	eventually(t, "the destination has a workflow", func() bool { return r.stageOf(r.destination("crm")) == workflows.StageFlowing })
	r.signal("crm", workflows.Pause, workflows.Order{Actor: "ada"})
	eventually(t, "it is paused", func() bool { return r.stageOf(r.destination("crm")) == workflows.StagePaused })
	body := ban(account, time.Now())
	r.post(h, body)
	eventually(t, "it is left to it", func() bool { return r.stage(body) == workflows.StageOwed })
	r.signal("crm", workflows.Resume, workflows.Order{Actor: "ada"})
	<-asked
	before := r.lengthOf(r.destination("crm"))
	for _, s := range []webhook.Standing{
		{Owed: 1, Handed: 1},
		{Owed: 1, Handed: 1, Orphan: true},
		{Owed: 1, Handed: 1, Hold: &webhook.Hold{Cause: webhook.ByTrouble, Next: time.Now().Add(-time.Hour)}},
	} {
		if err := h.tend(t.Context(), map[string]webhook.Standing{"crm": s}); err != nil {
			t.Fatal(err)
		}
	}
	if n := r.lengthOf(r.destination("crm")) - before; n != 0 {
		t.Errorf("%d more events in its history", n)
	}
}

func (r *rig) lengthOf(workflow string) int64 {
	r.t.Helper()
	d, err := r.temporal.DescribeWorkflowExecution(context.Background(), workflow, "")
	if err != nil {
		r.t.Fatal(err)
	}
	return d.GetWorkflowExecutionInfo().GetHistoryLength()
}

// An operator holds a destination, whatever becomes of its workflow, until he resumes it.
func TestPaused(t *testing.T) {
	r := newRig(t)
	crm := newListener(t)
	h := r.start(r.config(map[string]*listener{"crm": crm}), both)
	eventually(t, "the destination has a workflow", func() bool { return r.stageOf(r.destination("crm")) == workflows.StageFlowing })
	r.signal("crm", workflows.Pause, workflows.Order{Actor: "ada", Reason: "maintenance"})
	eventually(t, "it is paused", func() bool { return r.stageOf(r.destination("crm")) == workflows.StagePaused })
	body := ban(account, time.Now())
	r.post(h, body)
	eventually(t, "it is left to it", func() bool { return r.stage(body) == workflows.StageOwed })
	if err := r.temporal.TerminateWorkflow(t.Context(), r.destination("crm"), "", "a test"); err != nil {
		t.Fatal(err)
	}
	h.gauges.poll(t.Context())
	eventually(t, "it is paused still", func() bool { return r.stageOf(r.destination("crm")) == workflows.StagePaused })
	if n := len(crm.told()); n != 0 {
		t.Errorf("told %d events while paused", n)
	}
	if said := r.run(t, "owed"); !strings.Contains(said, "by ada, because: maintenance\n") {
		t.Errorf("owed:\n%s", said)
	}
	r.signal("crm", workflows.Resume, workflows.Order{Actor: "bob"})
	eventually(t, "it is told", func() bool { return len(crm.told()) == 1 })
}

// What hangs is held after a few seconds, and those who are told as they should be are settled meanwhile.
func TestHangingDestinationIsHeld(t *testing.T) {
	r := newRig(t)
	hanging, prompt := newListener(t), newListener(t)
	hanging.answers(func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() })
	cfg := r.config(map[string]*listener{"crm": hanging, "prompt": prompt})
	d := cfg.Destinations["crm"]
	d.Concurrency = 4
	cfg.Destinations["crm"] = d
	h := r.start(cfg, both)
	const n = 30
	for i := range n {
		r.post(h, ban(fmt.Sprint(account, i), time.Now()))
	}
	eventually(t, "the prompt one is told and settled", func() bool {
		standing, err := h.store.Load().Standing(t.Context(), "prompt", time.Hour)
		return err == nil && standing.Owed == 0 && len(prompt.told()) == n
	})
	eventually(t, "the other is held", func() bool { return r.stageOf(r.destination("crm")) == workflows.StageHeld })
	late := ban(account+"late", time.Now())
	r.post(h, late)
	eventually(t, "nobody waits for it any more", func() bool { return r.stage(late) == workflows.StageOwed })
	hanging.answers(nil)
	hanging.CloseClientConnections()
	r.signal("crm", workflows.Resume, workflows.Order{})
	eventually(t, "it is told all", func() bool {
		seen := map[string]bool{}
		for _, id := range ids(hanging.told()) {
			seen[id] = true
		}
		return len(seen) == n+1
	})
}
