package spool

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// Many append, read and take out at once; everything is taken out, nothing comes up that was not appended, and nothing is
// left on disk.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	s := open(t, Options{Dir: t.TempDir(), SegmentBytes: 8 << 10, Registerer: reg})
	const appenders, each = 16, 100
	var working, emptying sync.WaitGroup
	for a := range appenders {
		working.Go(func() {
			for i := range each {
				body := fmt.Appendf(nil, "%d/%d", a, i)
				if err := s.Bulk.Append(body, body); err != nil {
					t.Error(err)
				}
				_, _ = s.Bulk.Stats(), s.Err()
			}
		})
	}
	var seen sync.Map
	var left atomic.Int64
	left.Store(appenders * each * 2)
	for range 3 {
		emptying.Go(func() {
			for left.Load() > 0 {
				entries, err := s.Bulk.Peek(1+rand.IntN(50), 1<<20)
				if err != nil {
					t.Error(err)
					return
				}
				rand.Shuffle(len(entries), func(i, j int) { entries[i], entries[j] = entries[j], entries[i] })
				entries = entries[:(len(entries)+1)/2]
				for _, e := range entries {
					if _, again := seen.LoadOrStore([2]int64{int64(e.segment), e.offset}, string(e.Data)); !again {
						left.Add(-1)
					}
				}
				if err := s.Bulk.Done(entries); err != nil {
					t.Error(err)
				}
			}
		})
	}
	working.Wait()
	emptying.Wait()
	count := make(map[string]int)
	seen.Range(func(_, text any) bool { count[text.(string)]++; return true })
	for a := range appenders {
		for i := range each {
			if n := count[fmt.Sprintf("%d/%d", a, i)]; n != 2 {
				t.Errorf("entry %d of %d was read %d times, was appended twice", i, a, n)
			}
		}
	}
	if len(count) != appenders*each {
		t.Errorf("%d different entries, want %d", len(count), appenders*each)
	}
	wantQueue(t, s.Bulk)
	if got := files(t, s.Bulk); len(got) > 0 || s.used.Load() != 0 {
		t.Errorf("left: %v, %d bytes", got, s.used.Load())
	}
	series := gather(t, reg)
	appended, syncs := series["holdfast_spool_appended_total bulk"], series["holdfast_spool_fsync_seconds"]
	if appended != appenders*each*2 || syncs >= appended/2 {
		t.Errorf("%v entries took %v syncs: they are not shared", appended, syncs)
	}
}

// What waits while the spool is closed fails, or is there afterwards.
func TestCloseWhileAppending(t *testing.T) {
	t.Parallel()
	s := open(t, Options{Dir: t.TempDir()})
	var appending sync.WaitGroup
	var taken atomic.Int64
	begun := make(chan struct{}, 1000)
	for range 16 {
		appending.Go(func() {
			for s.Bulk.Append([]byte("x")) == nil {
				taken.Add(1)
				select {
				case begun <- struct{}{}:
				default:
				}
			}
		})
	}
	for range 100 {
		<-begun
	}
	next := reopen(t, s)
	appending.Wait()
	if got := next.Bulk.Stats().Entries; int64(got) != taken.Load() {
		t.Errorf("%d entries are there, %d were acknowledged", got, taken.Load())
	}
}

// A single sync serves all who wait for one: with a disk on which each takes until everybody has come, two are enough.
func TestGroupCommit(t *testing.T) {
	t.Parallel()
	d := &frail{}
	s := open(t, Options{Dir: t.TempDir(), disk: d})
	add(t, s.Bulk, "before")
	began, goOn := make(chan struct{}, 100), make(chan struct{})
	d.set(func(operation, _ string) error {
		if operation == "sync" {
			began <- struct{}{}
			<-goOn
		}
		return nil
	})
	const callers = 50
	var waiting sync.WaitGroup
	appendOne := func() {
		if err := s.Bulk.Append(bytes.Repeat([]byte("x"), 100)); err != nil {
			t.Error(err)
		}
	}
	waiting.Go(appendOne)
	<-began
	for range callers {
		waiting.Go(appendOne)
	}
	for gathered := 0; gathered < callers; {
		s.Bulk.mu.Lock()
		if s.Bulk.gathering != nil {
			gathered = len(s.Bulk.gathering.entries)
		}
		s.Bulk.mu.Unlock()
	}
	close(goOn)
	waiting.Wait()
	if extra := len(began); extra != 1 {
		t.Errorf("%d callers took %d syncs, want 1", callers, extra)
	}
	if n := s.Bulk.Stats().Entries; n != callers+2 {
		t.Errorf("%d entries", n)
	}
}
