package workflows_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"holdfast/activities"
	"holdfast/internal/webhook"
	"holdfast/worker"
	"holdfast/workflows"
)

// A shelf is what a replay meets: so many runs of the activity until all is handed over, ten events each.
type shelf struct {
	env    *testsuite.TestWorkflowEnvironment
	runs   int
	did    []string // "minutes: after, until"
	during func(run int)
}

func newShelf(runs int) *shelf {
	s := &shelf{env: new(testsuite.WorkflowTestSuite).NewTestWorkflowEnvironment(), runs: runs}
	s.env.SetWorkflowRunTimeout(100 * time.Hour)
	s.env.SetStartTime(began)
	worker.Register(s.env)
	s.env.RegisterActivity(s.CountSelected)
	s.env.RegisterActivity(s.HandOverSelected)
	return s
}

func (s *shelf) CountSelected(context.Context, webhook.Selection) (int, error) {
	return 10 * s.runs, nil
}

func (s *shelf) HandOverSelected(_ context.Context, in activities.HandOverInput) (activities.HandOverResult, error) {
	n := len(s.did) + 1
	at := int(s.env.Now().Sub(began).Minutes())
	s.did = append(s.did, fmt.Sprintf("%d: %q, %s", at, in.After, in.Selection.Until.Format(time.TimeOnly)))
	if s.during != nil {
		s.during(n)
	}
	r := activities.HandOverResult{Events: 10, After: fmt.Sprint("portion ", n), Done: n == s.runs}
	if r.Done {
		r.After = ""
	}
	return r, nil
}

func (s *shelf) run(in workflows.ReplayInput) (workflows.Replayed, error) {
	s.env.ExecuteWorkflow(workflows.Replay, in)
	if err := s.env.GetWorkflowError(); err != nil {
		return workflows.Replayed{}, err
	}
	var r workflows.Replayed
	return r, s.env.GetWorkflowResult(&r)
}

func (s *shelf) want(t *testing.T, did ...string) {
	t.Helper()
	if diff := cmp.Diff(did, s.did); diff != "" {
		t.Errorf("did (-want +got):\n%s", diff)
	}
}

var toCRM = workflows.ReplayInput{Destination: "crm", Selection: webhook.Selection{Types: []string{"account.*"}}}

// Each run of the activity goes on where the one before ended, and none hands over what was recorded after the start.
func TestReplayHandsOver(t *testing.T) {
	s := newShelf(3)
	done, err := s.run(toCRM)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(workflows.Replayed{Stage: workflows.StageOwed, Selected: 30, Events: 30, Until: began}, done); diff != "" {
		t.Errorf("done (-want +got):\n%s", diff)
	}
	s.want(t, `0: "", 12:00:00`, `0: "portion 1", 12:00:00`, `0: "portion 2", 12:00:00`)
}

func TestReplayIsPaused(t *testing.T) {
	s := newShelf(2)
	s.during = func(run int) {
		if run == 1 {
			s.env.SignalWorkflow(workflows.Pause, workflows.Order{Actor: "ada"})
		}
	}
	s.env.RegisterDelayedCallback(func() {
		value, err := s.env.QueryWorkflow(workflows.State)
		var r workflows.Replayed
		if err == nil {
			err = value.Get(&r)
		}
		if err != nil || r.Stage != workflows.StagePaused || r.Events != 10 || r.Last != "pause by ada" {
			t.Errorf("while it is paused: %+v, %v", r, err)
		}
		s.env.SignalWorkflow(workflows.Resume, workflows.Order{Actor: "bob"})
	}, time.Hour)
	done, err := s.run(toCRM)
	if err != nil || done.Events != 20 || done.Last != "resume by bob" {
		t.Errorf("done %+v, %v", done, err)
	}
	s.want(t, `0: "", 12:00:00`, `60: "portion 1", 12:00:00`)
}

// Who cancels it learns how far it came.
func TestReplayIsCancelled(t *testing.T) {
	s := newShelf(5)
	s.during = func(run int) {
		if run == 2 {
			s.env.CancelWorkflow()
		}
	}
	_, err := s.run(toCRM)
	if !temporal.IsCanceledError(err) {
		t.Errorf("ended with %v", err)
	}
	value, err := s.env.QueryWorkflow(workflows.State)
	var r workflows.Replayed
	if err == nil {
		err = value.Get(&r)
	}
	if err != nil || r.Stage != workflows.StageGivenUp || r.Events != 10 || r.After != "portion 1" {
		t.Errorf("in the end: %+v, %v", r, err)
	}
}

// However many there are, no history grows without bound: the next run goes on where this one ended, up to the same time.
func TestReplayContinuesAsNew(t *testing.T) {
	s := newShelf(5)
	s.env.SetContinueAsNewSuggested(true)
	_, err := s.run(toCRM)
	var next *workflow.ContinueAsNewError
	if !errors.As(err, &next) {
		t.Fatalf("ended with %v", err)
	}
	var in workflows.ReplayInput
	if err := converter.GetDefaultDataConverter().FromPayloads(next.Input, &in); err != nil {
		t.Fatal(err)
	}
	s = newShelf(1)
	s.env.SetStartTime(began.Add(time.Hour))
	done, err := s.run(in)
	if err != nil || done.Events != 20 || done.Selected != 50 {
		t.Errorf("done %+v, %v", done, err)
	}
	s.want(t, `60: "portion 1", 12:00:00`)
}

func TestReplayNeedsADestination(t *testing.T) {
	s := newShelf(1)
	if _, err := s.run(workflows.ReplayInput{}); err == nil || !strings.Contains(err.Error(), "names no destination") || len(s.did) > 0 {
		t.Errorf("ended with %v, did %q", err, s.did)
	}
}
