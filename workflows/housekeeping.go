package workflows

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"holdfast/activities"
	"holdfast/internal/webhook"
)

// Housekept is what [Housekeeping] has done.
type Housekept struct {
	Log     webhook.Pruned                `json:"log"`
	Storage activities.PruneStorageResult `json:"storage"`
}

// Housekeeping removes what nobody needs any more. A schedule starts it: see [ScheduleHousekeeping]. The chores do not
// wait for each other, and one that cannot be done does not keep the others from being done; the workflow then fails, so
// that somebody sees it, and the next one goes on.
func Housekeeping(ctx workflow.Context) (Housekept, error) {
	var done Housekept
	chores := []workflow.Future{
		chore(ctx, "prune the event log", deeds.PruneLog),
		chore(ctx, "prune the storage", deeds.PruneStorage),
	}
	results := []any{&done.Log, &done.Storage}
	var failed error
	for i, future := range chores {
		failed = errors.Join(failed, future.Get(ctx, results[i]))
	}
	workflow.SetCurrentDetails(ctx, done.details())
	if failed != nil {
		return done, fmt.Errorf("housekeeping: %w", failed)
	}
	return done, nil
}

// chore starts a regular activity, which may take long and shows that it is alive. It is given up before the next turn but
// one of the schedule is missed.
func chore(ctx workflow.Context, summary string, deed any) workflow.Future {
	return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout:    time.Hour,
		ScheduleToCloseTimeout: 2 * time.Hour,
		HeartbeatTimeout:       time.Minute,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: 10 * time.Second, MaximumInterval: 10 * time.Minute},
		Summary:                summary,
	}), deed)
}

func (h Housekept) details() string {
	text := fmt.Sprintf("Event log: %d volumes with %d events removed. Outbox: %d settled notifications removed.",
		h.Log.Volumes, h.Log.Events, h.Log.Notifications)
	if h.Storage.Objects > 0 {
		text += fmt.Sprintf(" Storage: %d payloads of workflows that are gone removed.", h.Storage.Objects)
	}
	if h.Log.Opened {
		text += " A new volume of the log was opened."
	}
	return text
}

const housekeepingEvery = time.Hour

// HousekeepingID is the id of the schedule of those who work at a task queue, and begins the ids of its workflows. At the
// usual [TaskQueue] it is holdfast-housekeeping.
func HousekeepingID(taskQueue string) string { return taskQueue + "-housekeeping" }

// ScheduleHousekeeping makes sure that [Housekeeping] is started every hour. Whoever calls it again, as every worker does
// when it starts, brings the schedule up to date; a schedule that somebody has paused stays paused.
func ScheduleHousekeeping(ctx context.Context, c client.Client, taskQueue string) error {
	id := HousekeepingID(taskQueue)
	action := &client.ScheduleWorkflowAction{
		ID: id, Workflow: Housekeeping, TaskQueue: taskQueue,
		StaticSummary: "Removes what nobody needs any more",
		Priority:      temporal.Priority{PriorityKey: 5},
	}
	spec := client.ScheduleSpec{
		Intervals: []client.ScheduleIntervalSpec{{Every: housekeepingEvery}},
		Jitter:    housekeepingEvery / 4,
	}
	policy := client.SchedulePolicies{Overlap: enums.SCHEDULE_OVERLAP_POLICY_SKIP, CatchupWindow: housekeepingEvery / 4}
	_, err := c.ScheduleClient().Create(ctx, client.ScheduleOptions{
		ID: id, Spec: spec, Action: action, Overlap: policy.Overlap, CatchupWindow: policy.CatchupWindow,
		Note: "Removes old volumes of the event log, what is settled, and stored payloads of workflows that are gone. May be paused: all these then grow.",
	})
	if !errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		if err != nil {
			return fmt.Errorf("create schedule %s: %w", id, err)
		}
		return nil
	}
	err = c.ScheduleClient().GetHandle(ctx, id).Update(ctx, client.ScheduleUpdateOptions{
		DoUpdate: func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
			schedule := in.Description.Schedule
			schedule.Action, schedule.Spec, schedule.Policy = action, &spec, &policy
			return &client.ScheduleUpdate{Schedule: &schedule}, nil
		},
	})
	if err != nil {
		return fmt.Errorf("update schedule %s: %w", id, err)
	}
	return nil
}
