package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/console"
	"holdfast/internal/webhook"
	"holdfast/workflows"
)

// order runs a command with the configuration of a house, and returns what it printed and how it ended.
func (r *rig) order(t *testing.T, destinations map[string]*listener, args ...string) (said string, code int) {
	t.Helper()
	var out bytes.Buffer
	args = append(args, "--config", r.file(t, r.yaml(destinations)))
	code = run(t.Context(), args, strings.NewReader(""), &out, &out)
	return out.String(), code
}

// must is order for a command that succeeds.
func (r *rig) must(t *testing.T, destinations map[string]*listener, args ...string) string {
	t.Helper()
	said, code := r.order(t, destinations, args...)
	if code != 0 {
		t.Fatalf("%v ended with %d: %s", args, code, said)
	}
	return said
}

func contains(t *testing.T, what, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%s does not say %q:\n%s", what, part, text)
		}
	}
}

// An operator pauses a destination and resumes it, and sees that it is so; also without Temporal.
func TestOperatorPausesAndResumes(t *testing.T) {
	r := newRig(t)
	crm := newListener(t)
	all := map[string]*listener{"crm": crm}
	h := r.start(r.config(all), both)
	contains(t, "list", r.must(t, all, "destination", "list", "--address", r.address), "OF\ncrm   http  flowing")
	said := r.must(t, all, "destination", "pause", "crm", "--reason", "maintenance", "--actor", "ada", "--address", r.address)
	contains(t, "pause", said, "crm   http  paused  20", "    by ada: maintenance")
	body := ban(account, time.Now())
	r.post(h, body)
	eventually(t, "it is left to it", func() bool { return r.stage(body) == workflows.StageOwed })
	contains(t, "list without Temporal", r.must(t, all, "destination", "list", "--address", nobody), "Temporal does not answer", "crm   http  paused")
	said = r.must(t, all, "destination", "list", "--json", "--address", nobody)
	var list []console.Destination
	if err := json.Unmarshal([]byte(said), &list); err != nil || len(list) != 1 || list[0].Owed != 1 || list[0].Handed != 1 || list[0].Actor != "ada" {
		t.Errorf("as JSON: %+v, %v", list, err)
	}
	paused := func() float64 {
		h.gauges.poll(t.Context())
		v, _ := h.metric(t, `holdfast_destination_paused{destination="crm"}`)
		return v
	}
	if paused() != 1 {
		t.Error("the gauge does not say that it is paused")
	}
	contains(t, "resume", r.must(t, all, "destination", "resume", "crm", "--actor", "bob", "--address", r.address), "crm   http  flowing")
	if paused() != 0 {
		t.Error("the gauge says that it is paused still")
	}
	eventually(t, "it is told", func() bool { return len(crm.told()) == 1 })
	if said, code := r.order(t, all, "destination", "pause", "nobody", "--address", r.address); code != 1 || !strings.Contains(said, `there is no destination "nobody"`) {
		t.Errorf("pause of a stranger ended with %d: %s", code, said)
	}
}

// An operator who resumes a destination that is held sees what came of asking it, not how it was before.
func TestResumeShowsWhatCameOfIt(t *testing.T) {
	r := newRig(t)
	crm := newListener(t)
	var asked atomic.Int64
	crm.answers(func(w http.ResponseWriter, req *http.Request) {
		select { // somebody who does not wait for the answer is caught
		case <-time.After(200 * time.Millisecond):
		case <-req.Context().Done():
		}
		asked.Add(1)
		w.WriteHeader(http.StatusUnauthorized)
	})
	all := map[string]*listener{"crm": crm}
	h := r.start(r.config(all), both)
	r.post(h, ban(account, time.Now()))
	eventually(t, "it is held, and was asked", func() bool {
		return r.stageOf(r.destination("crm")) == workflows.StageHeld && r.standing("crm").Hold.Probes > 0
	})
	before := asked.Load()
	contains(t, "resume", r.must(t, all, "destination", "resume", "crm", "--address", r.address), "crm   http  held", "    asked 1 time in vain; again at ")
	if asked.Load() == before {
		t.Error("it was not asked")
	}
}

// A destination that is tried says how it answers; nothing of that is recorded.
func TestOperatorTriesADestination(t *testing.T) {
	r := newRig(t)
	crm := newListener(t)
	all := map[string]*listener{"crm": crm}
	contains(t, "test", r.must(t, all, "destination", "test", "crm"), "event    evt_", "verdict  told, status 204, in ")
	if got := crm.told(); len(got) != 1 || got[0].Type != string(webhook.AccountAlert) {
		t.Errorf("told %+v", got)
	}
	crm.answers(status(http.StatusUnauthorized))
	said, code := r.order(t, all, "destination", "test", "crm")
	contains(t, "test of one that refuses", said, "verdict  trouble\nreason   status 401\ntook     ", "crm was not told")
	if code != 1 {
		t.Errorf("ended with %d", code)
	}
}

// What a destination is owed that is gone for good is let go, by its own workflow and by those that are parked for it.
func TestOperatorDropsWhatIsOwed(t *testing.T) {
	r := newRig(t)
	crm := newListener(t)
	all := map[string]*listener{"crm": crm}
	crm.answers(status(http.StatusUnprocessableEntity))
	h := r.start(r.config(all), both)
	parked := ban(account, time.Now())
	r.post(h, parked)
	eventually(t, "it is parked", func() bool { return r.stage(parked) == workflows.StageParked })
	if _, text := get(t, h.metrics+"/metrics"); !regexp.MustCompile(`(?m)^holdfast_parked_total\{.*problem="refused".*\} 1$`).MatchString(text) {
		t.Error("what alerts ask for is not counted: holdfast_parked_total of what is refused")
	}
	r.must(t, all, "destination", "pause", "crm", "--address", r.address)
	for i := range 3 {
		body := ban(fmt.Sprint(account, i), time.Now())
		r.post(h, body)
		eventually(t, "it is left to it", func() bool { return r.stage(body) == workflows.StageOwed })
	}
	drop := func(args ...string) (string, int) {
		return r.order(t, nil, append([]string{"destination", "drop-owed", "crm", "--address", r.address}, args...)...)
	}
	if said, code := drop(); code != 2 || !strings.Contains(said, "--reason is required") {
		t.Errorf("without a reason it ended with %d: %s", code, said)
	}
	eventually(t, "Temporal lists what is parked", func() bool {
		said, code := drop("--reason", "gone")
		return code == 1 && strings.Contains(said, "Left to its workflow: 3 notifications") && strings.Contains(said, "parked: 1 workflows") &&
			strings.Contains(said, "let go what crm is owed; --yes does it")
	})
	said, code := drop("--reason", "gone", "--actor", "ada", "--yes")
	if code != 0 || !strings.Contains(said, "dropped: 3 notifications of 3 events that were left to its workflow; 1 workflows of webhooks were told to let it go") {
		t.Errorf("ended with %d: %s", code, said)
	}
	eventually(t, "what was parked ends", func() bool { return r.stage(parked) == workflows.StageGivenUp })
	if said := r.run(t, "owed"); !strings.HasSuffix(said, "nothing is owed\n") {
		t.Errorf("owed:\n%s", said)
	}
	if n := len(crm.told()); n != 0 {
		t.Errorf("told %d events", n)
	}
	r.recordWorkflow(r.destination("crm"), "dropped")
}

// A new destination is told what was recorded before it was there, under the ids that others know, and in order.
func TestReplayToANewDestination(t *testing.T) {
	r := newRig(t)
	crm, fresh := newListener(t), newListener(t)
	h := r.start(r.config(map[string]*listener{"crm": crm}), both)
	var want []string
	for i := range 6 {
		body := turn(i)
		r.post(h, body)
		eventually(t, "it is told", func() bool { return len(crm.told()) == i+1 })
	}
	want = ids(crm.told())
	all := map[string]*listener{"crm": crm, "fresh": fresh}
	if err := h.reload(r.config(all)); err != nil {
		t.Fatal(err)
	}
	replay := func(args ...string) string {
		return r.must(t, all, append([]string{"replay", "--to", "fresh", "--address", r.address}, args...)...)
	}
	if said := replay("--type", "account.banned", "--dry-run"); said != "3 events are chosen for fresh\n" {
		t.Errorf("dry run: %s", said)
	}
	contains(t, "replay", replay("--type", "account.*", "--since", "1h", "--name", "new", "--reason", "it is new", "--yes", "--wait"),
		"6 events are chosen for fresh\nworkflow replay/"+r.name+"/fresh/new\n", "handed over 6 of 6 events (100 %)\n", "all was told")
	if got := ids(fresh.told()); !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
	if n := len(crm.told()); n != len(want) {
		t.Errorf("the other was told %d events, want %d", n, len(want))
	}
	id := workflows.ReplayID(r.name, "fresh", "new")
	if stage := r.stageOf(id); stage != workflows.StageOwed {
		t.Errorf("stage %q", stage)
	}
	r.recordWorkflow(id, "replayed")

	// The same again, from the command line of Temporal, under the same id of a workflow: it is told again.
	if _, err := r.temporal.ExecuteWorkflow(t.Context(), startOptions(id, r.name), "Replay",
		json.RawMessage(`{"destination": "fresh", "types": ["account.banned"], "reason": "a test"}`)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is told again", func() bool { return len(fresh.told()) == len(want)+3 })
}

// Who has enough of watching ends the command, and not the replay.
func TestReplayGoesOnWithoutItsCommand(t *testing.T) {
	r := newRig(t)
	crm := newListener(t)
	all := map[string]*listener{"crm": crm}
	h := r.start(r.config(all), both)
	r.post(h, turn(0))
	eventually(t, "it is told", func() bool { return len(crm.told()) == 1 })
	h.stop()
	ctx, cancel := context.WithCancel(t.Context())
	var out bytes.Buffer
	ended := make(chan int)
	args := []string{"replay", "--to", "crm", "--yes", "--name", "alone", "--address", r.address, "--config", r.file(t, r.yaml(all))}
	go func() { ended <- run(ctx, args, nil, &out, &out) }()
	id := workflows.ReplayID(r.name, "crm", "alone")
	eventually(t, "it is started", func() bool {
		_, err := r.temporal.DescribeWorkflowExecution(context.Background(), id, "")
		return err == nil
	})
	cancel()
	if code := <-ended; code != 0 || !strings.Contains(out.String(), "it goes on without this command") {
		t.Errorf("ended with %d: %s", code, &out)
	}
	r.start(r.config(all), both)
	eventually(t, "it is told again", func() bool { return len(crm.told()) == 2 })
}

// What is replayed to a destination that is paused waits for it.
func TestReplayToAPausedDestination(t *testing.T) {
	r := newRig(t)
	crm := newListener(t)
	all := map[string]*listener{"crm": crm}
	h := r.start(r.config(all), both)
	for i := range 2 {
		r.post(h, turn(i))
		eventually(t, "it is told", func() bool { return len(crm.told()) == i+1 })
	}
	r.must(t, all, "destination", "pause", "crm", "--address", r.address)
	said := r.must(t, all, "replay", "--to", "crm", "--yes", "--address", r.address)
	contains(t, "replay", said, "handed over 2 of 2 events", "crm is paused: it is told once it is resumed")
	if n := len(crm.told()); n != 2 {
		t.Errorf("told %d events while paused", n)
	}
	contains(t, "resume", r.must(t, all, "destination", "resume", "crm", "--address", r.address), "crm   http  flowing")
	eventually(t, "it is told again", func() bool { return len(crm.told()) == 4 })
	if got := ids(crm.told()); !slices.Equal(got[:2], got[2:]) {
		t.Errorf("told %q: want the same twice", got)
	}
}

// Attempts can be looked up by the event, the workflow, the webhook and the destination, by command and over HTTP.
func TestAttemptsCanBeLookedUp(t *testing.T) {
	r := newRig(t)
	crm := newListener(t)
	all := map[string]*listener{"crm": crm}
	crm.answers(status(http.StatusUnprocessableEntity))
	h := r.start(r.config(all), both)
	body := ban(account, time.Now())
	r.post(h, body)
	eventually(t, "it is parked", func() bool { return r.stage(body) == workflows.StageParked })
	id := r.owedIDs(h, body)[0]
	noted := webhook.Attempt{
		Event: id, At: time.Now().Add(time.Minute), Took: 1500 * time.Millisecond, Number: 4711, Outcome: webhook.Retry, Status: 503,
		Reason: "status 503", Next: time.Now().Add(time.Hour),
	}
	if err := h.store.Load().Settle(t.Context(), r.workflow(body), "crm", webhook.Settlement{Attempts: []webhook.Attempt{noted}}); err != nil {
		t.Fatal(err)
	}
	for _, by := range [][2]string{{"event", id}, {"workflow", r.workflow(body)}, {"webhook", webhook.ID(r.name, body)}, {"destination", "crm"}} {
		code, text := get(t, h.metrics+"/api/attempts?"+by[0]+"="+by[1])
		var list []console.Attempt
		if err := json.Unmarshal([]byte(text), &list); code != http.StatusOK || err != nil || len(list) == 0 || list[0].Number != 4711 || list[0].Event != id {
			t.Errorf("by %s: %d, %v: %s", by[0], code, err, text)
		}
		contains(t, "attempts", r.must(t, all, "attempts", "--"+by[0], by[1]), "TIME", id+"  4711     retry", "503     1.5s", "status 503")
	}
	code, text := get(t, h.metrics+"/api/events/"+id)
	var e console.Event
	if err := json.Unmarshal([]byte(text), &e); code != http.StatusOK || err != nil || e.Workflow != r.workflow(body) || !slices.Equal(e.Routes, []string{"crm"}) {
		t.Errorf("event: %d, %+v, %v", code, e, err)
	}
	if code, text := get(t, h.metrics+"/api/parked"); code != http.StatusOK || !strings.Contains(text, `"by_destination":{`) {
		t.Errorf("parked: %d: %s", code, text)
	}
	if code, text := get(t, h.metrics+"/api/destinations"); code != http.StatusOK || !strings.Contains(text, `"name":"crm"`) {
		t.Errorf("destinations: %d, %s", code, text)
	}
	for what, url := range map[string]string{
		"the door of the providers": h.ingress, "an ingress without a worker": r.start(r.config(all), roles{ingress: true}).metrics,
	} {
		if code, _ := get(t, url+"/api/destinations"); code != http.StatusNotFound {
			t.Errorf("%s answers %d", what, code)
		}
	}
}
