package activities

import (
	"context"
	"fmt"

	"go.temporal.io/sdk/activity"
)

// Storage keeps payloads that are too large for a history.
type Storage interface {
	// Prune removes what is stored for workflows that Temporal has forgotten, and returns how much that was. It begins
	// behind after, which an earlier one told by progress, or at the beginning. Pruning twice, or by several at once,
	// removes nothing more.
	Prune(ctx context.Context, after string, progress func(after string)) (objects int, err error)
}

// PruneStorageResult says what was removed.
type PruneStorageResult struct {
	Objects int `json:"objects"` // by the last attempt
}

// PruneStorage removes what is stored for workflows that are gone. It is a regular activity, which heartbeats how far it
// is, so that the next attempt goes on there. Without a storage there is nothing to do.
func (a *Activities) PruneStorage(ctx context.Context) (PruneStorageResult, error) {
	if a.Storage == nil {
		return PruneStorageResult{}, nil
	}
	var after string
	if activity.HasHeartbeatDetails(ctx) {
		if err := activity.GetHeartbeatDetails(ctx, &after); err != nil {
			return PruneStorageResult{}, fmt.Errorf("read how far the pruning was: %w", err)
		}
	}
	objects, err := a.Storage.Prune(ctx, after, func(after string) { activity.RecordHeartbeat(ctx, after) })
	if err != nil {
		return PruneStorageResult{}, fmt.Errorf("prune storage: %w", err)
	}
	return PruneStorageResult{Objects: objects}, nil
}
