package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"holdfast/activities"
	"holdfast/workflows"
)

// holdfast runs a command as a person would, with the configuration of the rig, and returns what it said and its exit
// status. Nobody is at a terminal.
func (r *rig) holdfast(destinations map[string]*listener, args ...string) (said string, code int) {
	r.t.Helper()
	path := filepath.Join(r.t.TempDir(), "holdfast.yaml")
	if err := os.WriteFile(path, []byte(r.yaml(destinations)), 0o600); err != nil {
		r.t.Fatal(err)
	}
	args = append(args, "--config", path, "--address", r.address)
	if args[0] == "reprocess" {
		args = append(args, "--actor", "ada")
	}
	var out bytes.Buffer
	code = run(r.t.Context(), args, strings.NewReader(""), &out, &out)
	r.t.Logf("holdfast %q: %d\n%s", args, code, &out)
	return out.String(), code
}

func (r *rig) command(body []byte, c workflows.Command) {
	r.t.Helper()
	if err := r.temporal.SignalWorkflow(r.t.Context(), r.workflow(body), "", workflows.Reprocess, c); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) found(body []byte) workflows.Found {
	r.t.Helper()
	f, _, err := workflows.NewOperator(r.temporal, workflows.OperatorOptions{Namespace: "default"}).Find(r.t.Context(), r.workflow(body))
	if err != nil {
		r.t.Fatal(err)
	}
	return f
}

// What has been told is not told again when its workflow begins anew, whoever does that, and is accounted for as before.
func TestToldIsReprocessedAndToldOnce(t *testing.T) {
	r := newRig(t)
	crm := newListener(t)
	destinations := map[string]*listener{"crm": crm}
	h := r.start(r.config(destinations), both)
	body := ban(account, time.Now())
	r.post(h, body)
	eventually(t, "the workflow ends", func() bool { return r.closed(body) })
	before := r.found(body)

	said, code := r.holdfast(destinations, "reprocess", "--id", r.workflow(body), "--reason", "to be sure")
	if code != 0 || !strings.Contains(said, "begins anew") {
		t.Errorf("exit status %d: %s", code, said)
	}
	after := r.found(body)
	if after.Run == before.Run || after.Stage != workflows.StageRecorded {
		t.Errorf("run %s became %s, stage %q", before.Run, after.Run, after.Stage)
	}
	if events := crm.told(); len(events) != 1 {
		t.Errorf("told %+v, want once", events)
	}
	var why string
	events := r.temporal.GetWorkflowHistory(t.Context(), r.workflow(body), "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		if err != nil {
			t.Fatal(err)
		}
		if f := e.GetWorkflowTaskFailedEventAttributes(); f != nil {
			why = f.GetFailure().GetMessage()
		}
	}
	if !strings.Contains(why, "ada") || !strings.Contains(why, "to be sure") {
		t.Errorf("the history says %q, not who and why", why)
	}
	r.record(body, "begun-anew")
}

// A workflow that was terminated before it told anything tells what is owed when it begins anew, even if no worker had ever
// seen it.
func TestTerminatedIsReprocessed(t *testing.T) {
	r := newRig(t)
	crm := newListener(t)
	destinations := map[string]*listener{"crm": crm}
	cfg := r.config(destinations)
	door := r.start(cfg, roles{ingress: true})
	body := ban(account, time.Now())
	r.post(door, body)
	if err := r.temporal.TerminateWorkflow(t.Context(), r.workflow(body), "", "a test"); err != nil {
		t.Fatal(err)
	}
	r.start(cfg, roles{worker: true})
	if _, code := r.holdfast(destinations, "reprocess", "--id", r.workflow(body)); code != 0 {
		t.Errorf("exit status %d", code)
	}
	eventually(t, "it is told", func() bool { return len(crm.told()) == 1 })
}

// unverified starts a house that does not believe a webhook, which it returns, and waits until that is parked.
func (r *rig) unverified(destinations map[string]*listener) (worker *running, mend func(), body []byte) {
	r.t.Helper()
	good := r.config(destinations)
	door := r.start(good, roles{ingress: true})
	body = ban(account, time.Now())
	if code := r.post(door, body); code != http.StatusOK {
		r.t.Fatalf("status %d", code)
	}
	r.secret = "secret-two"
	worker = r.start(r.config(destinations), roles{worker: true})
	eventually(r.t, "it is parked", func() bool { return r.stage(body) == workflows.StageParked })
	return worker, func() {
		if err := worker.reload(good); err != nil {
			r.t.Fatal(err)
		}
	}, body
}

// The commands of before are not given again to a workflow that begins anew.
func TestOldCommandsAreNotRepeated(t *testing.T) {
	r := newRig(t)
	crm := newListener(t)
	destinations := map[string]*listener{"crm": crm}
	_, mend, body := r.unverified(destinations)
	r.command(body, workflows.Command{Action: workflows.GiveUp})
	eventually(t, "the workflow ends", func() bool { return r.closed(body) })
	if said, code := r.holdfast(destinations, "reprocess", "--id", r.workflow(body)); code != 1 || !strings.Contains(said, "parked again") {
		t.Errorf("exit status %d: %s", code, said)
	}
	if s := r.state(body); s.Stage != workflows.StageParked || s.Last != nil {
		t.Errorf("status %+v: want it parked, as if nobody had said anything", s)
	}
	mend()
	if said, code := r.holdfast(destinations, "reprocess", "--id", r.workflow(body), "--reason", "the secret is back"); code != 0 || !strings.Contains(said, "told") {
		t.Errorf("exit status %d: %s", code, said)
	}
	if len(crm.told()) != 1 {
		t.Errorf("told %+v, want once", crm.told())
	}
}

// A signal has an open workflow begin anew: all steps of all of its webhooks are done again.
func TestRestartBySignal(t *testing.T) {
	r := newRig(t)
	crm := newListener(t)
	_, mend, body := r.unverified(map[string]*listener{"crm": crm})
	before := r.found(body)
	mend()
	r.command(body, workflows.Command{Action: workflows.Restart, Actor: "ada"})
	eventually(t, "the workflow ends", func() bool {
		f := r.found(body)
		return f.Run != before.Run && !f.Open
	})
	if f := r.found(body); f.Stage != workflows.StageTold || len(crm.told()) != 1 {
		t.Errorf("stage %q, told %+v", f.Stage, crm.told())
	}
	r.recordRun(r.workflow(body), before.Run, "restarted-by-signal")
}

// A workflow that begins anew while it tells somebody tells the others nothing again.
func TestRestartWhileRetrying(t *testing.T) {
	r := newRig(t)
	crm, other := newListener(t), newListener(t)
	crm.answers(status(http.StatusServiceUnavailable))
	destinations := map[string]*listener{"crm": crm, "other": other}
	h := r.start(r.config(destinations), both)
	body := ban(account, time.Now())
	r.post(h, body)
	eventually(t, "it is retried", func() bool { return r.stage(body) == workflows.StageRetrying })
	before := r.found(body)
	if said, code := r.holdfast(destinations, "reprocess", "--id", r.workflow(body), "--action", "restart", "--wait", "0s"); code != 0 {
		t.Errorf("exit status %d: %s", code, said)
	}
	eventually(t, "it has begun anew", func() bool { return r.found(body).Run != before.Run })
	crm.answers(nil)
	eventually(t, "the workflow ends", func() bool { return r.closed(body) })
	if a, b := crm.told(), other.told(); len(a) != 1 || len(b) != 1 || a[0].ID != b[0].ID {
		t.Errorf("told %+v and %+v, want the same event once each", a, b)
	}
}

// Many that are parked go on by one command, which says how many there were; and those that were terminated begin anew.
func TestReprocessMany(t *testing.T) {
	r := newRig(t)
	crm, other := newListener(t), newListener(t)
	crm.answers(status(http.StatusUnprocessableEntity))
	destinations := map[string]*listener{"crm": crm, "other": other}
	h := r.start(r.config(destinations), both)
	const n = 12
	var bodies [][]byte
	for i := range n {
		bodies = append(bodies, ban(fmt.Sprintf("90%d", i), time.Now()))
		r.post(h, bodies[i])
	}
	list := func(args ...string) (l parkedList) {
		said, code := r.holdfast(destinations, append([]string{"parked", "--json"}, args...)...)
		if err := json.Unmarshal([]byte(said), &l); err != nil || code != 0 {
			t.Fatalf("exit status %d, %v: %s", code, err, said)
		}
		return l
	}
	eventually(t, "all are parked", func() bool { return h.count(t, workflows.StageParked) == n })
	l := list("--limit", "5")
	if l.Total != n || len(l.Workflows) != 5 || l.ByProblem["refused"] != n || l.ByDestination["crm"] != n || l.ByDestination["other"] != 0 {
		t.Errorf("parked: %+v", l)
	}
	if s := l.Workflows[0].State; s == nil || s.Park == "" || len(s.Deliveries) == 0 {
		t.Errorf("the first one says of itself %+v", s)
	}
	if l := list("--account", "903"); l.Total != 1 || l.Workflows[0].ID != r.workflow(bodies[3]) {
		t.Errorf("parked of one account: %+v", l)
	}
	if l := list("--since", "1h", "--until", "59m"); l.Total != 0 {
		t.Errorf("parked an hour ago: %+v", l)
	}

	if said, code := r.holdfast(destinations, "reprocess", "--destination", "crm", "--dry-run"); code != 0 || !strings.Contains(said, "would retry 12 workflows") {
		t.Errorf("exit status %d: %s", code, said)
	}
	if said, code := r.holdfast(destinations, "reprocess", "--destination", "crm"); code != 1 || !strings.Contains(said, "--yes") {
		t.Errorf("without anybody to ask: exit status %d: %s", code, said)
	}
	// Three are terminated, and the rest retried.
	crm.answers(nil)
	for _, body := range bodies[:3] {
		if err := r.temporal.TerminateWorkflow(t.Context(), r.workflow(body), "", "a test"); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the others are parked", func() bool { return h.count(t, workflows.StageParked) == n-3 })
	said, code := r.holdfast(destinations, "reprocess", "--destination", "crm", "--yes", "--reason", "crm is mended")
	if code != 0 || !strings.Contains(said, "9 matched, 9 signalled, 0 failed") || !strings.Contains(said, "none of them is left") {
		t.Errorf("exit status %d: %s", code, said)
	}
	said, code = r.holdfast(destinations, "reprocess", "--closed", "--query", "ExecutionStatus = 'Terminated'", "--yes")
	if code != 0 || !strings.Contains(said, "3 matched, 3 begun anew, 0 failed") {
		t.Errorf("exit status %d: %s", code, said)
	}
	eventually(t, "all are told", func() bool { return len(crm.told()) == n })
	seen := map[string]bool{}
	for _, e := range append(crm.told(), other.told()...) {
		seen[e.ID] = true
	}
	if len(other.told()) != n || len(seen) != n {
		t.Errorf("the other was told %d times, of %d events", len(other.told()), len(seen))
	}
}

// count counts the open workflows of the rig in a stage.
func (h *running) count(t *testing.T, stage string) int64 {
	t.Helper()
	o := h.operate()
	n, err := o.Count(t.Context(), o.Query(workflows.Filter{Stages: []string{stage}}))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Sent from here, at a rate, it is the same.
func TestReprocessAtARate(t *testing.T) {
	r := newRig(t)
	destinations := map[string]*listener{"crm": newListener(t)}
	h, mend, _ := r.unverified(destinations)
	mend()
	eventually(t, "it is listed", func() bool { return h.count(t, workflows.StageParked) == 1 })
	said, code := r.holdfast(destinations, "reprocess", "--all", "--rate", "50", "--yes")
	if code != 0 || !strings.Contains(said, "1 matched, 1 signalled, 0 failed") || !strings.Contains(said, "none of them is left") {
		t.Errorf("exit status %d: %s", code, said)
	}
}

// A command that can do nothing is refused in words, and a webhook leads to its workflow.
func TestReprocessSaysWhatItCannotDo(t *testing.T) {
	r := newRig(t)
	crm := newListener(t)
	crm.answers(status(http.StatusUnprocessableEntity))
	destinations := map[string]*listener{"crm": crm}
	h := r.start(r.config(destinations), both)
	body := ban(account, time.Now())
	r.post(h, body)
	eventually(t, "it is parked", func() bool { return r.stage(body) == workflows.StageParked })
	hash := r.workflow(body)[strings.LastIndex(r.workflow(body), "/")+1:]
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--webhook", hash, "--action", "accept"}, "nothing is parked that the command speaks of"},
		{[]string{"--webhook", "00000000000000000000000000000000"}, "no workflow has recorded webhook"},
		{[]string{"--id", "wh/nobody/0"}, "Temporal knows no workflow"},
	} {
		if said, code := r.holdfast(destinations, append([]string{"reprocess"}, c.args...)...); code != 1 || !strings.Contains(said, c.want) {
			t.Errorf("%q: exit status %d: %s", c.args, code, said)
		}
	}
	said, code := r.holdfast(destinations, "reprocess", "--webhook", hash, "--action", "skip", "--destination", "crm", "--reason", "not\nwanted")
	if code != 0 || !strings.Contains(said, "given_up") || !strings.Contains(said, "skip of 1, only crm, by ada") || !strings.Contains(said, "because: not wanted") {
		t.Errorf("exit status %d: %s", code, said)
	}
	if said, code := r.holdfast(destinations, "reprocess", "--id", r.workflow(body), "--action", "accept"); code != 1 || !strings.Contains(said, "has ended") {
		t.Errorf("of one that has ended: exit status %d: %s", code, said)
	}
}

// A long history is cut, and what comes after the cut has not all of the webhooks: to begin anew is to go back to the first.
func TestRestartGoesBackBehindTheCut(t *testing.T) {
	r := newRig(t)
	w := worker.New(r.temporal, r.name, worker.Options{})
	cut := func(ctx workflow.Context, left int) error {
		if left > 0 {
			return workflow.NewContinueAsNewError(ctx, "Cut", left-1)
		}
		workflow.GetSignalChannel(ctx, "end").Receive(ctx, nil)
		return nil
	}
	w.RegisterWorkflowWithOptions(cut, workflow.RegisterOptions{Name: "Cut"})
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	first, err := r.temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: r.name, TaskQueue: r.name}, "Cut", 2)
	if err != nil {
		t.Fatal(err)
	}
	o := workflows.NewOperator(r.temporal, workflows.OperatorOptions{Namespace: "default", TaskQueue: r.name})
	began := func(run string) (left int) { // with what
		e, err := r.temporal.GetWorkflowHistory(t.Context(), r.name, run, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT).Next()
		if err == nil {
			err = converter.GetDefaultDataConverter().FromPayloads(e.GetWorkflowExecutionStartedEventAttributes().GetInput(), &left)
		}
		if err != nil {
			t.Fatal(err)
		}
		return left
	}
	last := ""
	eventually(t, "it was cut twice", func() bool {
		f, _, err := o.Find(t.Context(), r.name)
		last = f.Run
		return err == nil && began(last) == 0
	})
	anew, err := o.Restart(t.Context(), r.name, last, "a test", "once")
	if err != nil {
		t.Fatal(err)
	}
	if left := began(anew); left != 2 {
		t.Errorf("begun anew with %d, want what run %s began with", left, first.GetRunID())
	}
	if _, err := o.Restart(t.Context(), r.name, "00000000-0000-4000-8000-000000000000", "a test", ""); !errors.Is(err, activities.ErrForgotten) {
		t.Errorf("of a run that is gone: %v", err)
	}
}

// What is printed to be pasted is read by a shell as it was meant.
func TestQuoted(t *testing.T) {
	for _, word := range []string{"plain", "Stage = 'parked' AND Waiting = 'crm'", `{"reason": "x"}`, `it's "$HOME" \\ ` + "`id`!", ""} {
		out, err := exec.CommandContext(t.Context(), "sh", "-c", "printf %s "+quoted(word)).Output()
		if err != nil || string(out) != word {
			t.Errorf("%q is read as %q, %v", word, out, err)
		}
	}
}
