package storage

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// MinGrace is how old an object must be to be pruned: it is stored before its workflow is started, and the clocks of
// processes differ.
const MinGrace = 24 * time.Hour

// Pruning says what may go.
type Pruning struct {
	Namespace string // whose objects; those of other namespaces stay
	// Gone reports whether Temporal has forgotten a workflow: closed, and past its retention. An error ends the pruning.
	Gone func(ctx context.Context, workflow string) (bool, error)
	// Grace is how old an object must be, whatever became of its workflow. Less than MinGrace counts as that.
	Grace time.Duration
	// Unknown is how old an object must be of which nobody knows the workflow: longer than any workflow that could refer to
	// it is kept. Zero: these stay.
	Unknown time.Duration
	// After is where an earlier pruning came to, as it told by Progress; empty: the beginning.
	After string
	// Progress is told from time to time how far the pruning has come. It may be nil.
	Progress func(after string)
}

// Prune removes the objects of workflows that are gone, and returns how many it removed. Several may prune at the same
// time. A workflow of the same id may begin again meanwhile: what is stored for it is of another day, and stays.
func (d *Driver) Prune(ctx context.Context, p Pruning) (int, error) {
	p.Grace = max(p.Grace, MinGrace)
	if p.Progress == nil {
		p.Progress = func(string) {}
	}
	pruned := 0
	if p.Unknown > 0 {
		n, err := d.pruneFolder(ctx, p, unknown, "")
		if pruned += n; err != nil {
			return pruned, err
		}
	}
	n, err := d.pruneFolder(ctx, p, segment(p.Namespace), p.After)
	return pruned + n, err
}

// pruneFolder goes through the objects of a namespace, workflow by workflow.
func (d *Driver) pruneFolder(ctx context.Context, p Pruning, folder, after string) (pruned int, err error) {
	var group []string // the keys of one workflow, as far as they were listed
	finish := func() error {
		if len(group) == 0 {
			return nil
		}
		n, err := d.pruneWorkflow(ctx, p, group)
		pruned += n
		if err == nil && folder != unknown {
			p.Progress(group[len(group)-1])
		}
		group = group[:0]
		return err
	}
	for key, err := range d.objects.list(ctx, folder, after) {
		if err != nil {
			return pruned, fmt.Errorf("list %s: %w", d.objects.where(), err)
		}
		if len(group) > 0 && !sameWorkflow(group[0], key) {
			if err := finish(); err != nil {
				return pruned, err
			}
		}
		group = append(group, key)
	}
	return pruned, finish()
}

func sameWorkflow(a, b string) bool {
	return a[:strings.LastIndexByte(a, '/')+1] == b[:strings.LastIndexByte(b, '/')+1]
}

// pruneWorkflow removes what is old of the objects of one workflow, if that is gone.
func (d *Driver) pruneWorkflow(ctx context.Context, p Pruning, keys []string) (pruned int, err error) {
	_, folder, _, ok := split(keys[0])
	if !ok {
		return 0, nil // not ours
	}
	least := p.Grace
	if folder == unknown {
		if p.Unknown == 0 {
			return 0, nil
		}
		least = max(p.Grace, p.Unknown)
	}
	var old []string
	for _, key := range keys {
		if _, _, stored, ok := split(key); ok && d.now().Sub(stored) >= least {
			old = append(old, key)
		}
	}
	if len(old) == 0 {
		return 0, nil
	}
	if folder != unknown {
		workflow, err := d.workflow(ctx, folder, keys)
		if err != nil || workflow == "" {
			return 0, err
		}
		if gone, err := p.Gone(ctx, workflow); err != nil {
			return 0, fmt.Errorf("ask for workflow %s: %w", workflow, err)
		} else if !gone {
			return 0, nil
		}
	}
	for _, key := range old {
		began := time.Now()
		err := d.objects.remove(ctx, key)
		d.metrics.observe(opPrune, 0, began, err)
		if err != nil {
			return pruned, fmt.Errorf("remove %s from %s: %w", key, d.objects.where(), err)
		}
		pruned++
	}
	return pruned, nil
}

// longestID is more than the id of a workflow may have.
const longestID = 64 << 10

// workflow is the id of the workflow that a folder belongs to; empty if nothing tells it: such objects stay.
func (d *Driver) workflow(ctx context.Context, folder string, keys []string) (string, error) {
	if id, ok := plain(folder); ok {
		return id, nil
	}
	for _, key := range keys {
		if !strings.HasSuffix(key, idSuffix) {
			continue
		}
		id, err := d.objects.get(ctx, key, longestID)
		if errors.Is(err, ErrMissing) {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("get %s from %s: %w", key, d.objects.where(), err)
		}
		if segment(string(id)) == folder {
			return string(id), nil
		}
	}
	return "", nil
}
