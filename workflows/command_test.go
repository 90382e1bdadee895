package workflows_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"holdfast/activities"
	"holdfast/internal/webhook"
	"holdfast/workflows"
)

// To begin anew, whoever tries to tell stops first. Where it cannot be done, everything goes on as before, and says so.
func TestRestartThatFailsChangesNothing(t *testing.T) {
	w := newWorld(t)
	w.routes = []string{"crm", "log"}
	w.restart = activities.ErrForgotten
	down := true
	w.answer = func(destination string, _ int) error {
		switch {
		case !down:
			return nil
		case destination == "crm":
			return &webhook.Verdict{Kind: webhook.Retry, Reason: "status 503"}
		}
		return &webhook.Verdict{Kind: webhook.Refused, Reason: "status 422"}
	}
	w.after(time.Minute, workflows.Command{Action: workflows.Restart, Reason: "a new\nversion", Actor: "ada"}, wantStage(t, workflows.StageParked))
	w.after(2*time.Minute, workflows.Command{}, func(s workflows.Status) {
		wantStage(t, workflows.StageParked)(s)
		if l := s.Last; l == nil || l.Of != 2 || l.Reason != "a new version" || l.Ignored != activities.ErrForgotten.Error() || l.At.IsZero() {
			t.Errorf("last command: %+v", l)
		}
		for _, d := range s.Deliveries {
			if want := map[string]string{"crm": workflows.StageRetrying, "log": workflows.StageParked}[d.Destination]; d.Stage != want {
				t.Errorf("%s: stage %q, want %q", d.Destination, d.Stage, want)
			}
		}
		w.mu.Lock()
		down = false
		w.mu.Unlock()
	})
	if status := w.run("a"); status.Stage != workflows.StageTold || len(w.told) != 2 {
		t.Errorf("stage %q, told %q", status.Stage, w.told)
	}
	if len(w.restarts) != 1 || !strings.Contains(w.restarts[0], "ada") || !strings.Contains(w.restarts[0], "a new version") {
		t.Errorf("restarts %q", w.restarts)
	}
}

// What an operator lets go is settled before the workflow begins anew, which would tell it otherwise.
func TestRestartWaitsForWhatIsSettled(t *testing.T) {
	w := newWorld(t)
	w.routes = []string{"crm", "log"}
	w.answer = func(string, int) error { return &webhook.Verdict{Kind: webhook.Refused, Reason: "status 422"} }
	w.restart, w.unsettling = errors.New("not now"), 2
	w.after(time.Minute, workflows.Command{Action: workflows.Restart}, func(workflows.Status) {
		w.env.SignalWorkflow(workflows.Reprocess, workflows.Command{Action: workflows.Skip, Destination: "crm"})
	})
	w.after(time.Hour, workflows.Command{Action: workflows.GiveUp}, func(workflows.Status) {
		if w.early || len(w.restarts) == 0 {
			t.Errorf("too early: %v; restarts %q", w.early, w.restarts)
		}
	})
	w.run("a")
}

// A command that cannot be followed is no secret: nobody answers a signal.
func TestIgnoredCommandIsShown(t *testing.T) {
	w := newWorld(t)
	w.refuse = true
	w.after(time.Minute, workflows.Command{Action: "frobnicate", Actor: "ada"}, wantStage(t, workflows.StageParked))
	w.after(2*time.Minute, workflows.Command{Action: workflows.Restart, Destination: "crm"}, func(s workflows.Status) {
		if s.Last == nil || !strings.Contains(s.Last.Ignored, "unknown action") {
			t.Errorf("last command: %+v", s.Last)
		}
	})
	w.after(3*time.Minute, workflows.Command{Action: workflows.GiveUp}, func(s workflows.Status) {
		if s.Last == nil || !strings.Contains(s.Last.Ignored, "concerns all destinations") {
			t.Errorf("last command: %+v", s.Last)
		}
		if s.Since.IsZero() || len(s.Parked) != 1 {
			t.Errorf("status %+v", s)
		}
	})
	w.run("a")
}

// A workflow that only has something to tell has no webhooks to begin anew with.
func TestPartedCannotBeginAnew(t *testing.T) {
	w := newWorld(t)
	w.log["evt_0"] = webhook.Event{ID: "evt_0", Type: webhook.AccountDeleted, Data: &webhook.None{}}
	w.owed["log"] = []string{"evt_0"}
	in := workflows.Group{Resume: &workflows.Remainder{Deliveries: []workflows.Parcel{{
		Notification: activities.Notification{Destination: "log", Events: []string{"evt_0"}, Horizon: time.Hour}, Stage: workflows.StageParked, Problem: "refused: status 400",
	}}}}
	w.after(time.Minute, workflows.Command{Action: workflows.Restart}, wantStage(t, workflows.StageParked))
	w.after(2*time.Minute, workflows.Command{}, func(s workflows.Status) {
		if s.Last == nil || !strings.Contains(s.Last.Ignored, "no webhooks") {
			t.Errorf("last command: %+v", s.Last)
		}
	})
	w.env.ExecuteWorkflow(workflows.ProcessWebhooks, in)
	if err := w.env.GetWorkflowError(); err != nil || len(w.restarts) > 0 || len(w.told) != 1 {
		t.Errorf("error %v, restarts %q, told %q", err, w.restarts, w.told)
	}
}

func TestFilter(t *testing.T) {
	o := workflows.NewOperator(nil, workflows.OperatorOptions{TaskQueue: "holdfast"})
	const kind = "WorkflowType = 'ProcessWebhooks' AND TaskQueue = 'holdfast' AND ExecutionStatus "
	for _, c := range []struct {
		filter workflows.Filter
		want   string
	}{
		{workflows.Filter{}, kind + "= 'Running'"},
		{workflows.Filter{Closed: true, Query: "a = 1 OR b = 2"}, kind + "!= 'Running' AND ExecutionStatus != 'ContinuedAsNew' AND (a = 1 OR b = 2)"},
		{
			workflows.Filter{Stages: []string{workflows.StageParked, workflows.StageRetrying}, Destination: "crm", Problem: "refused"},
			kind + "= 'Running' AND HoldfastStage IN ('parked', 'retrying') AND HoldfastProblem = 'refused' AND HoldfastWaiting = 'crm'",
		},
		{
			workflows.Filter{Source: `a'b\`, Account: "1022", Since: time.Unix(1, 0), Until: time.Unix(2, 5)},
			kind + `= 'Running' AND HoldfastSource = 'a\'b\\' AND HoldfastAccounts = '1022' AND StartTime >= '1970-01-01T00:00:01Z' AND StartTime < '1970-01-01T00:00:02.000000005Z'`,
		},
	} {
		if got := o.Query(c.filter); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}
