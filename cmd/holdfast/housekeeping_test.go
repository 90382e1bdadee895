package main

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"holdfast/internal/state/statetest"
	"holdfast/workflows"
)

// A worker schedules housekeeping. It removes what is old and told; what is old and still owed is told all the same.
func TestHousekeeping(t *testing.T) {
	r := newRig(t)
	r.stateURL = statetest.Postgres(t)
	crm := newListener(t)
	h := r.start(r.config(map[string]*listener{"crm": crm}), both)
	settled, owed := ban(account, time.Now()), ban(account+"1", time.Now())
	r.post(h, settled)
	eventually(t, "the first workflow ends", func() bool { return r.closed(settled) })
	crm.answers(status(http.StatusServiceUnavailable))
	r.post(h, owed)
	eventually(t, "the second one is retried", func() bool { return r.stage(owed) == workflows.StageRetrying })
	logged := func(account string) int {
		events, err := h.store.Load().EventsOf(t.Context(), account, 10)
		if err != nil {
			t.Fatal(err)
		}
		return len(events)
	}
	if logged(account) != 1 || logged(account+"1") != 1 {
		t.Fatal("the events are not in the log")
	}

	if _, err := h.store.Load().Prune(t.Context(), 0, func() {}); err != nil { // opens the next volume
		t.Fatal(err)
	}
	db, err := pgx.Connect(t.Context(), r.stateURL)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(t.Context())
	if _, err := db.Exec(t.Context(), "UPDATE volumes SET opened_at = volume; UPDATE outbox SET created_at = 0"); err != nil {
		t.Fatal(err)
	}

	id := workflows.HousekeepingID(r.name)
	schedule := r.temporal.ScheduleClient().GetHandle(t.Context(), id)
	t.Cleanup(func() { _ = schedule.Delete(t.Context()) })
	eventually(t, "it is scheduled", func() bool {
		_, err := schedule.Describe(t.Context())
		return err == nil
	})
	if err := schedule.Trigger(t.Context(), client.ScheduleTriggerOptions{}); err != nil {
		t.Fatal(err)
	}
	var run client.ScheduleActionResult
	eventually(t, "it is started", func() bool {
		d, err := schedule.Describe(t.Context())
		if err != nil || len(d.Info.RecentActions) == 0 {
			return false
		}
		run = d.Info.RecentActions[0]
		return true
	})
	var done workflows.Housekept
	started := run.StartWorkflowResult
	if err := r.temporal.GetWorkflow(t.Context(), started.WorkflowID, started.FirstExecutionRunID).Get(t.Context(), &done); err != nil {
		t.Fatal(err)
	}
	if done.Log.Volumes != 1 || !done.Log.Opened {
		t.Errorf("done: %+v", done)
	}
	if n := logged(account); n != 0 {
		t.Errorf("%d events of the settled account are left", n)
	}
	if n := logged(account + "1"); n != 1 {
		t.Errorf("%d events of the account that is owed are left", n)
	}
	if n, _ := h.metric(t, `holdfast_pruned_total{what="volumes"}`); n != 1 {
		t.Errorf("the metric says %v", n)
	}

	crm.answers(nil)
	if err := r.temporal.SignalWorkflow(t.Context(), r.workflow(owed), "", workflows.Reprocess, workflows.Command{Destination: "crm"}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "what is owed is told", func() bool {
		return slices.ContainsFunc(crm.told(), func(e told) bool { return e.Subject == "account/"+account+"1" })
	})
}

// Workers bring the schedule up to date when they start; what operators have done to it stays.
func TestPausedHousekeepingStaysPaused(t *testing.T) {
	r := newRig(t)
	schedule := r.temporal.ScheduleClient().GetHandle(t.Context(), workflows.HousekeepingID(r.name))
	t.Cleanup(func() { _ = schedule.Delete(t.Context()) })
	// The server takes changes as signals, and of two that come at once it may do the second first.
	shows := func(what func(client.Schedule) bool) {
		t.Helper()
		eventually(t, "the schedule is changed", func() bool {
			d, err := schedule.Describe(t.Context())
			return err == nil && what(d.Schedule)
		})
	}
	for range 2 {
		if err := workflows.ScheduleHousekeeping(t.Context(), r.temporal, r.name); err != nil {
			t.Fatal(err)
		}
	}
	change := client.ScheduleUpdateOptions{DoUpdate: func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
		s := in.Description.Schedule
		s.Policy.Overlap = enums.SCHEDULE_OVERLAP_POLICY_ALLOW_ALL // as an older version had it
		return &client.ScheduleUpdate{Schedule: &s}, nil
	}}
	if err := schedule.Update(t.Context(), change); err != nil {
		t.Fatal(err)
	}
	shows(func(s client.Schedule) bool { return s.Policy.Overlap == enums.SCHEDULE_OVERLAP_POLICY_ALLOW_ALL })
	if err := schedule.Pause(t.Context(), client.SchedulePauseOptions{Note: "a test"}); err != nil {
		t.Fatal(err)
	}
	shows(func(s client.Schedule) bool { return s.State.Paused })
	if err := workflows.ScheduleHousekeeping(t.Context(), r.temporal, r.name); err != nil {
		t.Fatal(err)
	}
	d, err := schedule.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if s := d.Schedule.State; !s.Paused || s.Note != "a test" {
		t.Errorf("state %+v", s)
	}
	if d.Schedule.Policy.Overlap != enums.SCHEDULE_OVERLAP_POLICY_SKIP {
		t.Errorf("policy %+v", d.Schedule.Policy)
	}
}
