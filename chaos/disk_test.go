package chaos

import (
	"os"
	"strings"
	"testing"
)

// smallDisks gives the spool of each ingress a disk of its own, which is soon full.
func smallDisks(t *testing.T, _ *site) *options {
	needsRoot(t)
	return &options{room: func(name string, r *room) {
		if !strings.HasPrefix(name, "ingress") {
			return
		}
		if err := os.Mkdir(r.spool, 0o700); err != nil {
			t.Fatal(err)
		}
		mustRun(t, "mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", r.spool)
		t.Cleanup(func() { mustRun(t, "umount", "--lazy", r.spool) })
	}}
}

// fillDisks takes Temporal away until both disks are full and webhooks are refused, and gives them space again before it
// brings Temporal back.
func fillDisks(w *world) {
	w.after(0.1)
	mended := w.broken("Temporal")
	defer func() { mended() }()
	w.temporal.stop()
	eventually(w.t, patience, "the disks are full", func() bool {
		w.provider.mu.Lock()
		defer w.provider.mu.Unlock()
		return w.provider.refused >= 20
	})
	release := w.provider.hold()
	for _, r := range w.rooms[:2] {
		mustRun(w.t, "mount", "-o", "remount,size=64m", r.spool)
	}
	eventually(w.t, patience, "what was refused is taken once there is space", func() bool { return w.provider.waiting() == 0 })
	release()
	w.temporalUp()
}
