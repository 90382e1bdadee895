package workflows_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"holdfast/activities"
	"holdfast/internal/webhook"
	"holdfast/worker"
	"holdfast/workflows"
)

// world is what the workflow meets: the real activities on ports that can be told to misbehave.
type world struct {
	t   *testing.T
	env *testsuite.TestWorkflowEnvironment

	mu         sync.Mutex
	refuseBody string                                      // whose verification fails
	refuse     bool                                        // verification fails
	answer     func(destination string, attempt int) error // nil: told
	told       []string                                    // "destination event-type"
	tries      map[string]int                              // by destination
	log        map[string]webhook.Event                    // event log
	owed       map[string][]string                         // outbox by destination
	settled    map[string]string                           // how, by destination
	broken     error                                       // of the state
	routes     []string                                    // destinations that want everything
	held       map[string]bool                             // destinations
	handed     map[string]bool                             // destinations whose debt was handed over
	restarts   []string                                    // why
	restart    error
	early      bool // it was begun anew while crm was still owed something
	unsettling int  // times that it cannot be settled yet
}

func newWorld(t *testing.T) *world {
	w := &world{
		t: t, env: new(testsuite.WorkflowTestSuite).NewTestWorkflowEnvironment(),
		tries: map[string]int{}, log: map[string]webhook.Event{}, owed: map[string][]string{}, settled: map[string]string{},
		routes: []string{"crm"}, held: map[string]bool{}, handed: map[string]bool{},
	}
	w.env.SetWorkflowRunTimeout(1000 * time.Hour) // the test environment's own is ten minutes
	worker.Register(w.env)
	w.env.RegisterActivity(&activities.Activities{
		Sources: func(string) activities.Dialect { return w }, State: w, Notifier: w, Desk: w, Restarter: w,
		Key: []byte("key"), Dedupe: 240 * time.Hour, Size: func(any) (int, error) { return 0, nil },
		Metrics: activities.NewMetrics(prometheus.NewRegistry()),
	})
	return w
}

func (w *world) Verify(_ webhook.Evidence, body []byte, _ time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.refuse || w.refuseBody == string(body) {
		return webhook.SignatureMismatch
	}
	return nil
}

func (w *world) Normalize(body []byte, received time.Time) []webhook.Event {
	return []webhook.Event{{Type: webhook.AccountBanned, Account: "1022", Key: string(body), Time: received, Data: &webhook.Ban{State: "DISABLE"}}}
}

func (w *world) Record(_ context.Context, _ string, records []webhook.Record) (webhook.Recorded, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken != nil {
		return webhook.Recorded{}, w.broken
	}
	var out webhook.Recorded
	for _, r := range records {
		var outcomes []webhook.Outcome
		for _, c := range r.Events {
			if strings.Contains(c.Event.Data.(*webhook.Ban).State, "poison") {
				return webhook.Recorded{}, webhook.ErrUnprocessable
			}
			if _, known := w.log[c.Event.ID]; !known {
				w.log[c.Event.ID] = c.Event
				for _, route := range c.Destinations {
					d := route.Destination
					w.owed[d] = append(w.owed[d], c.Event.ID)
				}
			}
			outcomes = append(outcomes, webhook.Fresh)
		}
		out.Outcomes = append(out.Outcomes, outcomes)
	}
	for _, d := range w.routes {
		if len(w.owed[d]) > 0 {
			out.Owed = append(out.Owed, webhook.Owed{Destination: d, Events: slices.Clone(w.owed[d]), Handed: w.held[d]})
		}
	}
	return out, nil
}

func (w *world) Owed(_ context.Context, _, destination string) ([]webhook.Event, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []webhook.Event
	for _, id := range w.owed[destination] {
		out = append(out, w.log[id])
	}
	return out, nil
}

func (w *world) Settle(_ context.Context, _, destination string, s webhook.Settlement) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.unsettling > 0 {
		w.unsettling--
		return errors.New("connection refused")
	}
	w.owed[destination] = slices.DeleteFunc(w.owed[destination], func(id string) bool { return slices.Contains(s.Events, id) })
	w.settled[destination] = s.How
	return nil
}

func (w *world) Hold(_ context.Context, h webhook.Hold) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	news := !w.held[h.Destination]
	w.held[h.Destination] = true
	return news, nil
}

func (w *world) HandOver(_ context.Context, _, destination string, _ webhook.Cause) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.handed[destination] = w.handed[destination] || w.held[destination] && len(w.owed[destination]) > 0
	return w.handed[destination], nil
}

func (w *world) Give(_ context.Context, _, destination string) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.handed[destination] = len(w.owed[destination]) > 0
	return w.handed[destination], nil
}

func (w *world) Restart(_ context.Context, _, _, reason, _ string) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.restarts, w.early = append(w.restarts, reason), w.early || len(w.owed["crm"]) > 0
	return "", w.restart
}

func (w *world) Look(context.Context, string) error            { return nil }
func (w *world) Running(context.Context, string) (bool, error) { return true, nil }
func (w *world) Part(context.Context, activities.Parted) error { return nil }

func (w *world) Route(webhook.Event) []webhook.Route {
	routes := make([]webhook.Route, len(w.routes))
	for i, name := range w.routes {
		routes[i].Destination = name
	}
	return routes
}

func (w *world) Policy(string) (webhook.Policy, bool) {
	return webhook.Policy{Timeout: time.Second, Horizon: time.Hour, Batch: 1, Parallel: 8}, true
}

func (w *world) Tell(_ context.Context, destination string, batch []webhook.Telling) error {
	e := batch[0].Event
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tries[destination]++
	if w.answer != nil {
		if err := w.answer(destination, w.tries[destination]); err != nil {
			return err
		}
	}
	w.told = append(w.told, destination+" "+string(e.Type))
	return nil
}

func (w *world) run(bodies ...string) workflows.Status {
	w.t.Helper()
	var in workflows.Group
	for _, b := range bodies {
		in.Webhooks = append(in.Webhooks, webhook.Webhook{ID: webhook.ID("meta", []byte(b)), Source: "meta", Received: w.env.Now(), Body: []byte(b)})
	}
	w.env.ExecuteWorkflow(workflows.ProcessWebhooks, in)
	if !w.env.IsWorkflowCompleted() {
		w.t.Fatal("workflow did not complete")
	}
	if err := w.env.GetWorkflowError(); err != nil {
		w.t.Fatalf("workflow failed: %v", err)
	}
	var status workflows.Status
	if err := w.env.GetWorkflowResult(&status); err != nil {
		w.t.Fatal(err)
	}
	return status
}

// after sends a command once the workflow has waited that long.
func (w *world) after(d time.Duration, c workflows.Command, check func(workflows.Status)) {
	w.env.RegisterDelayedCallback(func() {
		value, err := w.env.QueryWorkflow(workflows.State)
		if err != nil {
			w.t.Errorf("query: %v", err)
			return
		}
		var status workflows.Status
		if err := value.Get(&status); err != nil {
			w.t.Error(err)
		}
		check(status)
		w.env.SignalWorkflow(workflows.Reprocess, c)
	}, d)
}

func wantStage(t *testing.T, want string) func(workflows.Status) {
	return func(s workflows.Status) {
		t.Helper()
		if s.Stage != want {
			t.Errorf("stage %q, want %q", s.Stage, want)
		}
	}
}

func TestTold(t *testing.T) {
	w := newWorld(t)
	w.routes = []string{"crm", "log"}
	status := w.run("a", "b")
	if status.Stage != workflows.StageTold || len(w.told) != 4 {
		t.Errorf("stage %q, told %q", status.Stage, w.told)
	}
	if w.settled["crm"] != activities.SettledTold || len(w.owed["crm"]) != 0 {
		t.Errorf("outbox of crm: %q, %q", w.settled["crm"], w.owed["crm"])
	}
}

func TestNobodyAsked(t *testing.T) {
	w := newWorld(t)
	w.routes = nil
	if status := w.run("a", "b"); status.Stage != workflows.StageRecorded || status.Unrouted != 2 {
		t.Errorf("stage %q, unrouted %d", status.Stage, status.Unrouted)
	}
}

// What fails in the first attempt is retried by Temporal, and only what failed.
// A destination that asks to be left alone is, from the first attempt on.
func TestLeftAloneForAsLongAsItAsks(t *testing.T) {
	w := newWorld(t)
	var at []time.Time
	w.answer = func(_ string, attempt int) error {
		at = append(at, w.env.Now())
		if attempt == 1 {
			return &webhook.Verdict{Kind: webhook.Retry, Reason: "status 429", RetryAfter: 20 * time.Second}
		}
		return nil
	}
	status := w.run("a")
	if status.Stage != workflows.StageTold || len(at) != 2 || at[1].Sub(at[0]) < 20*time.Second {
		t.Errorf("stage %q, attempts at %v", status.Stage, at)
	}
}

func TestRetried(t *testing.T) {
	w := newWorld(t)
	w.answer = func(_ string, attempt int) error {
		if attempt == 2 || attempt == 3 {
			return &webhook.Verdict{Kind: webhook.Retry, Reason: "status 503"}
		}
		return nil
	}
	status := w.run("a", "b", "c")
	if status.Stage != workflows.StageTold || len(w.told) != 3 || w.tries["crm"] != 5 {
		t.Errorf("stage %q, told %d, tries %d", status.Stage, len(w.told), w.tries["crm"])
	}
}

// A destination that stays down is parked in the end (here: after the test environment's ten attempts); an operator's signal makes it go on.
func TestParkedAndReprocessed(t *testing.T) {
	w := newWorld(t)
	down := true
	w.answer = func(string, int) error {
		if down {
			return &webhook.Verdict{Kind: webhook.Retry, Reason: "status 503"}
		}
		return nil
	}
	w.after(5*time.Minute, workflows.Command{}, wantStage(t, workflows.StageRetrying)) // too early: ignored
	w.after(2*time.Hour, workflows.Command{Park: "park-9-9"}, func(s workflows.Status) {
		wantStage(t, workflows.StageParked)(s)
		if p := s.Deliveries[0].Problem; !strings.Contains(p, "status 503") {
			t.Errorf("problem %q does not say why", p)
		}
	})
	w.after(3*time.Hour, workflows.Command{}, func(s workflows.Status) {
		wantStage(t, workflows.StageParked)(s) // the command for another park changed nothing
		w.mu.Lock()
		down = false
		w.mu.Unlock()
	})
	if status := w.run("a"); status.Stage != workflows.StageTold || len(w.told) != 1 {
		t.Errorf("stage %q, told %q", status.Stage, w.told)
	}
}

func TestRefusedIsParkedAtOnceAndSkipped(t *testing.T) {
	w := newWorld(t)
	w.routes = []string{"crm", "log"}
	w.answer = func(destination string, _ int) error {
		if destination == "crm" {
			return &webhook.Verdict{Kind: webhook.Refused, Reason: "status 422"}
		}
		return nil
	}
	w.after(time.Minute, workflows.Command{Action: workflows.Skip, Destination: "crm"}, wantStage(t, workflows.StageParked))
	status := w.run("a")
	if status.Stage != workflows.StageGivenUp || w.tries["crm"] != 1 || w.settled["crm"] != activities.SettledSkipped {
		t.Errorf("stage %q, tries %d, settled %q", status.Stage, w.tries["crm"], w.settled["crm"])
	}
	if !slices.Contains(w.told, "log account.banned") {
		t.Error("the other destination was not told")
	}
}

// What the ingress accepted is never dropped by the second verification.
func TestUnverifiedIsParked(t *testing.T) {
	for _, c := range []struct {
		name    string
		command workflows.Command
		mend    bool
		stage   string
		told    int
	}{
		{"mended and retried", workflows.Command{}, true, workflows.StageTold, 1},
		{"accepted as it is", workflows.Command{Action: workflows.Accept}, false, workflows.StageTold, 1},
		{"given up", workflows.Command{Action: workflows.GiveUp}, false, workflows.StageGivenUp, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.refuse = true
			w.after(time.Minute, c.command, func(s workflows.Status) {
				wantStage(t, workflows.StageParked)(s)
				if len(s.Parked) != 1 || s.Parked[0].Problem != "verify: signature_mismatch" {
					t.Errorf("parked %+v", s.Parked)
				}
				w.mu.Lock()
				w.refuse = !c.mend
				w.mu.Unlock()
			})
			if status := w.run("a"); status.Stage != c.stage || len(w.told) != c.told {
				t.Errorf("stage %q, told %q", status.Stage, w.told)
			}
		})
	}
}

// While the database is away nothing is lost and nothing is parked: it is tried until it is back.
func TestDatabaseAway(t *testing.T) {
	w := newWorld(t)
	w.broken = errors.New("connection refused")
	w.env.RegisterDelayedCallback(func() {
		w.mu.Lock()
		w.broken = nil
		w.mu.Unlock()
	}, 2*time.Minute) // the test environment makes ten attempts at most
	if status := w.run("a"); status.Stage != workflows.StageTold || len(w.told) != 1 {
		t.Errorf("stage %q, told %q", status.Stage, w.told)
	}
}

func TestUpdateAnswers(t *testing.T) {
	w := newWorld(t)
	w.answer = func(_ string, attempt int) error {
		if attempt == 1 {
			return &webhook.Verdict{Kind: webhook.Refused, Reason: "status 400"}
		}
		return nil
	}
	var rejected, accepted bool
	w.env.RegisterDelayedCallback(func() {
		w.env.UpdateWorkflow(workflows.Reprocess, "one", &testsuite.TestUpdateCallback{
			OnReject:   func(error) { rejected = true },
			OnAccept:   func() { t.Error("an update for another park was accepted") },
			OnComplete: func(any, error) {},
		}, workflows.Command{Park: "park-7-7"})
	}, time.Minute)
	w.env.RegisterDelayedCallback(func() {
		w.env.UpdateWorkflow(workflows.Reprocess, "two", &testsuite.TestUpdateCallback{
			OnReject:   func(err error) { t.Errorf("rejected: %v", err) },
			OnAccept:   func() { accepted = true },
			OnComplete: func(any, error) {},
		}, workflows.Command{Actor: "ada"})
	}, 2*time.Minute)
	status := w.run("a")
	if !rejected || !accepted || status.Stage != workflows.StageTold {
		t.Errorf("rejected %v, accepted %v, stage %q", rejected, accepted, status.Stage)
	}
}

func TestIDHoldsNothingOfTheBody(t *testing.T) {
	body := []byte(`{"from":"15550001111"}`)
	w := webhook.Webhook{ID: webhook.ID("meta", body), Source: "meta", Body: body}
	if id := workflows.ID([]webhook.Webhook{w}); id != "wh/meta/"+w.ID || strings.Contains(id, "1555") {
		t.Errorf("id %q", id)
	}
	if id := workflows.ID([]webhook.Webhook{w, w}); !strings.HasPrefix(id, "wg/") || len(id) != 3+32 {
		t.Errorf("group id %q", id)
	}
}

// However often an operator tries again, no history grows without bound: the next run has what is parked, and nothing
// else.
func TestLongHistoryIsCut(t *testing.T) {
	w := newWorld(t)
	w.refuseBody = "a"
	w.routes = nil
	w.env.SetContinueAsNewSuggested(true)
	w.env.ExecuteWorkflow(workflows.ProcessWebhooks, workflows.Group{Webhooks: []webhook.Webhook{
		{ID: "1", Source: "meta", Received: w.env.Now(), Body: []byte("a")}, {ID: "2", Source: "meta", Received: w.env.Now(), Body: []byte("b")},
	}})
	var next *workflow.ContinueAsNewError
	if err := w.env.GetWorkflowError(); !errors.As(err, &next) {
		t.Fatalf("workflow ended with %v", err)
	}
	var in workflows.Group
	if err := converter.GetDefaultDataConverter().FromPayloads(next.Input, &in); err != nil {
		t.Fatal(err)
	}
	if len(in.Webhooks) != 1 || in.Resume == nil || in.Resume.Problems[0] != "verify: signature_mismatch" || in.Resume.Unrouted != 1 {
		t.Fatalf("handed on: %+v", in)
	}

	w = newWorld(t)
	in.Resume.Deliveries = []workflows.Parcel{{Notification: activities.Notification{Destination: "log", Events: []string{"evt_0"}, Horizon: time.Hour}, Stage: workflows.StageParked, Problem: "refused: status 400"}}
	in.Resume.Unrouted = 3
	w.log["evt_0"] = webhook.Event{ID: "evt_0", Type: webhook.AccountDeleted, Data: &webhook.None{}}
	w.owed["log"] = []string{"evt_0"}
	w.after(time.Minute, workflows.Command{}, func(s workflows.Status) {
		wantStage(t, workflows.StageParked)(s)
		if len(s.Parked) != 1 || len(s.Deliveries) != 1 || s.Park == "" || s.Unrouted != 3 {
			t.Errorf("status of the next run: %+v", s)
		}
	})
	w.env.ExecuteWorkflow(workflows.ProcessWebhooks, in)
	if err := w.env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(w.told)
	if want := []string{"crm account.banned", "log account.deleted"}; !slices.Equal(w.told, want) {
		t.Errorf("told %q, want %q", w.told, want)
	}
}

// A destination that will never answer again need not be waited for: named, it can be let go while it is retried.
func TestSkippedWhileRetried(t *testing.T) {
	w := newWorld(t)
	w.answer = func(string, int) error { return &webhook.Verdict{Kind: webhook.Retry, Reason: "status 503"} }
	w.after(30*time.Second, workflows.Command{Action: workflows.Skip}, wantStage(t, workflows.StageRetrying)) // names nobody
	w.after(time.Minute, workflows.Command{Action: workflows.Skip, Destination: "crm"}, wantStage(t, workflows.StageRetrying))
	status := w.run("a")
	if status.Stage != workflows.StageGivenUp || w.settled["crm"] != activities.SettledSkipped || len(w.owed["crm"]) != 0 {
		t.Errorf("stage %q, settled %q, owed %q", status.Stage, w.settled["crm"], w.owed["crm"])
	}
}

// To let go what is owed to a destination does not let go what becomes owed to it at the same moment.
func TestSkippedWhileMoreIsOwed(t *testing.T) {
	w := newWorld(t)
	w.refuseBody = "b"
	w.answer = func(_ string, attempt int) error {
		if attempt == 1 {
			return &webhook.Verdict{Kind: webhook.Refused, Reason: "status 422"}
		}
		return nil
	}
	w.after(time.Minute, workflows.Command{Action: workflows.Skip, Destination: "crm"}, func(s workflows.Status) {
		if len(s.Parked) != 1 || len(s.Deliveries) != 1 {
			t.Errorf("status %+v", s)
		}
		w.mu.Lock()
		w.refuseBody = ""
		w.mu.Unlock()
		w.env.SignalWorkflow(workflows.Reprocess, workflows.Command{})
	})
	status := w.run("a", "b")
	if len(w.told) != 1 || len(w.owed["crm"]) != 0 {
		t.Errorf("stage %q, told %q, owed %q: want b told and a skipped", status.Stage, w.told, w.owed["crm"])
	}
}
