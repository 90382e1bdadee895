package main

import (
	"context"
	"fmt"
	"time"

	"holdfast/activities"
	"holdfast/internal/storage"
	"holdfast/internal/temporal"
	"holdfast/workflows"
)

// maxStored is how large a payload may be, as encoded; 0 if there is no storage for those that a history does not take.
func (h *house) maxStored() int {
	if h.storage == nil {
		return 0
	}
	return temporal.MaxStored
}

// probeStorage says at the start if the storage does not work. It ends nothing: what is small does not need it, and what
// does waits in the spool, or is tried again, until it works.
func (h *house) probeStorage(ctx context.Context) error {
	if err := h.storage.Probe(ctx); err != nil && ctx.Err() == nil {
		h.log.Error("The storage does not work; webhooks that need it wait until it does", "error", err)
	}
	return nil
}

// How long stored payloads stay beyond what needs them. No workflow is known for details of heartbeats: they go when the
// longest activity, which a destination's retries are, and its workflow's retention must be over.
const (
	storageGrace = 2 * 24 * time.Hour
	heartbeats   = 60 * 24 * time.Hour
)

// pruner is the storage as the activities know it; nil if there is none.
func (h *house) pruner() activities.Storage {
	if h.storage == nil {
		return nil
	}
	return storagePruner{h}
}

type storagePruner struct{ house *house }

// Prune removes what is stored for workflows that Temporal has forgotten.
func (p storagePruner) Prune(ctx context.Context, after string, progress func(after string)) (int, error) {
	h := p.house
	plan, err := temporal.Check(ctx, h.temporal, h.namespace, workflows.SearchAttributes())
	if err != nil {
		return 0, fmt.Errorf("ask for the namespace's retention: %w", err)
	}
	return h.storage.Prune(ctx, storage.Pruning{
		Namespace: h.namespace,
		Gone: func(ctx context.Context, workflow string) (bool, error) {
			return temporal.Gone(ctx, h.temporal, workflow)
		},
		Grace:    storageGrace,
		Unknown:  plan.Retention + heartbeats,
		After:    after,
		Progress: progress,
	})
}
