package activities

import (
	"context"
	"fmt"

	"go.temporal.io/sdk/activity"

	"holdfast/internal/webhook"
)

// PruneLog removes from the event log what is older than the time for which duplicates are remembered, and from the outbox
// what was settled some time ago. An attempt goes on where the one before ended.
func (a *Activities) PruneLog(ctx context.Context) (webhook.Pruned, error) {
	pruned, err := a.Log.Prune(ctx, a.Dedupe, func() { activity.RecordHeartbeat(ctx) })
	for what, n := range map[string]int64{"volumes": pruned.Volumes, "events": pruned.Events, "notifications": pruned.Notifications} {
		a.Metrics.pruned.WithLabelValues(what).Add(float64(n)) // also before an error: the next attempt does not count it
	}
	if err != nil {
		return pruned, fmt.Errorf("prune log: %w", err)
	}
	return pruned, nil
}
