package main

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"holdfast/internal/webhook"
)

const (
	// orphanAge leaves a workflow the time to tell what it has recorded.
	orphanAge = 2 * time.Minute
	// overdue is how late a destination's workflow may be before a worker reminds it.
	overdue = time.Minute
)

// tend sees to it that every destination that is configured, held or owed something has its workflow, and that it looks
// where it has something to do that it may not know of. So a destination that is told as it should be costs its workflow
// nothing, and one that was terminated, or comes from a backup, goes on.
func (h *house) tend(ctx context.Context, standings map[string]webhook.Standing) error {
	h.reloading.Lock()
	names := slices.Collect(maps.Keys(h.current.Destinations))
	h.reloading.Unlock()
	for name := range standings {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	var errs []error
	for _, name := range names {
		s := standings[name]
		policy := webhook.Policy{}
		if h.told != nil {
			policy, _ = h.told.Policy(name)
		}
		// What only its workflow tells is told all the time: nobody signals that there is more. While it tells, perhaps for
		// hours, it finds by itself what it has to tell, and each signal would make its history longer.
		look := unseen(s) || policy.Own && s.Hold == nil
		if look {
			draining, err := h.desk.Draining(ctx, name)
			errs = append(errs, err)
			look = err == nil && (!draining || policy.Own && s.Orphan)
		}
		if look {
			errs = append(errs, h.desk.Look(ctx, name))
		} else {
			errs = append(errs, h.desk.Ensure(ctx, name))
		}
	}
	return errors.Join(errs...)
}

// unseen reports whether the workflow of a destination may not know of something that it has to do.
func unseen(s webhook.Standing) bool {
	switch {
	case s.Orphan:
		return true
	case s.Hold == nil:
		return s.Handed > 0
	case s.Hold.Cause == webhook.ByOperator:
		return false
	}
	return time.Since(s.Hold.Next) > overdue
}
