package workflows_test

import (
	"context"
	"testing"
	"time"

	"go.temporal.io/sdk/testsuite"

	"holdfast/activities"
	"holdfast/internal/webhook"
	"holdfast/workflows"
)

// What is let go is let go once, by an update that says how much it was; the workflow looks again after that.
func TestDropIsAnswered(t *testing.T) {
	m := newMooring(t)
	m.env.RegisterActivity(m.DropOwed)
	m.standing.Hold = &webhook.Hold{Cause: webhook.ByOperator, Since: began}
	m.standing.Handed = 7
	var rejected, completed any
	order := func(after time.Duration, o workflows.DropOrder) {
		m.env.RegisterDelayedCallback(func() {
			m.env.UpdateWorkflow(workflows.Drop, "", &testsuite.TestUpdateCallback{
				OnAccept:   func() {},
				OnReject:   func(err error) { rejected = err },
				OnComplete: func(result any, _ error) { completed = result },
			}, o)
		}, after)
	}
	order(time.Minute, workflows.DropOrder{})
	order(2*time.Minute, workflows.DropOrder{Order: workflows.Order{Reason: "gone", Actor: "ada"}})
	_ = m.run(time.Hour) // cancelled
	m.want("2:00 drop before 12:02:00")
	if rejected == nil || completed != (activities.DropResult{Notifications: 7, Events: 9}) {
		t.Errorf("without a reason: %v; with one: %+v", rejected, completed)
	}
	if m.looks != 2 {
		t.Errorf("%d looks, want one more after the drop", m.looks)
	}
}

func (m *mooring) DropOwed(_ context.Context, in activities.DropInput) (activities.DropResult, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.did("drop before " + in.Before.Format(time.TimeOnly))
	m.standing.Handed = 0
	return activities.DropResult{Notifications: 7, Events: 9}, nil
}
