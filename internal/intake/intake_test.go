package intake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"holdfast/internal/spool"
	"holdfast/internal/webhook"
)

// A world is an intake with a Temporal that does what a test says. Time is that of a bubble: it stands still while
// anybody works.
type world struct {
	t      *testing.T
	intake *Intake
	spool  *spool.Spool
	dir    string

	mu      sync.Mutex
	groups  [][]string                                    // ids, as they were started
	answer  func(ctx context.Context, ids []string) error // of a start; nil: takes everything
	waiting sync.WaitGroup
	encode  func() // before something is written to the disk
	results map[string]result
}

type result struct {
	err  error
	took time.Duration
}

func (w *world) Encode(v any) ([]byte, error) {
	if w.encode != nil {
		w.encode() // stands for the write, which is next
	}
	return json.Marshal(v)
}

func (w *world) Decode(data []byte, v any) error { return json.Unmarshal(data, v) }

// inWorld runs a test in a bubble.
func inWorld(t *testing.T, test func(t *testing.T, w *world)) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, dir: dir, results: map[string]result{}}
		w.open()
		test(t, w)
		w.waiting.Wait()
		w.close()
	})
}

func (w *world) open() {
	var err error
	if w.spool, err = spool.Open(spool.Options{Dir: w.dir, MaxBytes: 1 << 30, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()}); err != nil {
		w.t.Fatal(err)
	}
	w.intake, err = New(Options{
		Starter: w, Spool: w.spool, Codec: w, Starts: 4,
		Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) close() {
	w.intake.Close()
	if err := w.spool.Close(); err != nil {
		w.t.Error(err)
	}
}

func (w *world) Start(ctx context.Context, group []webhook.Webhook, _ webhook.Peek) error {
	var ids []string
	for _, g := range group {
		ids = append(ids, g.ID)
	}
	w.mu.Lock()
	answer := w.answer
	w.mu.Unlock()
	if answer != nil {
		if err := answer(ctx, ids); err != nil {
			return err
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.groups = append(w.groups, ids)
	return nil
}

func (w *world) Size(group []webhook.Webhook) (size, most int, err error) {
	for _, g := range group {
		size += len(g.Body)
	}
	return size, 3 << 19, nil
}

func (w *world) answers(f func(ctx context.Context, ids []string) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answer = f
}

// send accepts a webhook in the background.
func (w *world) send(id string, more ...func(*webhook.Webhook, *webhook.Peek)) {
	hook := webhook.Webhook{ID: id, Source: "main", Received: time.Now().UTC(), Body: []byte("{}")}
	var peek webhook.Peek
	for _, f := range more {
		f(&hook, &peek)
	}
	began := time.Now()
	w.waiting.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		err := w.intake.Start(ctx, hook, peek)
		w.mu.Lock()
		defer w.mu.Unlock()
		for w.results[id].took != 0 || w.results[id].err != nil { // the same one again
			id += "'"
		}
		w.results[id] = result{err, time.Since(began) + 1}
	})
}

func urgent(_ *webhook.Webhook, p *webhook.Peek) { p.Urgent = true }

func bytes(n int) func(*webhook.Webhook, *webhook.Peek) {
	return func(w *webhook.Webhook, _ *webhook.Peek) { w.Body = []byte(strings.Repeat("x", n)) }
}

func (w *world) many(prefix string, n int, more ...func(*webhook.Webhook, *webhook.Peek)) {
	for i := range n {
		w.send(fmt.Sprintf("%s%03d", prefix, i), more...)
		synctest.Wait() // in this order
	}
}

// started lists the groups that were started, their sizes only if they are large.
func (w *world) started() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	for _, g := range w.groups {
		if len(g) > 3 {
			out = append(out, fmt.Sprintf("%s…%s (%d)", g[0], g[len(g)-1], len(g)))
		} else {
			out = append(out, strings.Join(g, " "))
		}
	}
	return out
}

// all is every id that was started, sorted, each as often as it was.
func (w *world) all() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Sorted(slices.Values(slices.Concat(w.groups...)))
}

func (w *world) result(id string) result {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	r, ok := w.results[id]
	if !ok {
		w.t.Fatalf("%s has no answer yet", id)
	}
	return r
}

func (w *world) accepted(ids ...string) {
	w.t.Helper()
	for _, id := range ids {
		if r := w.result(id); r.err != nil {
			w.t.Errorf("%s: %v", id, r.err)
		}
	}
}

func same[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// hold answers starts when it is told to, in the order in which they began.
type hold struct{ go_ chan error }

func newHold() *hold { return &hold{make(chan error)} }

func (h *hold) start(ctx context.Context, _ []string) error {
	select {
	case err := <-h.go_:
		return err
	case <-ctx.Done():
		return context.DeadlineExceeded
	}
}

func TestQuietSystemStartsEachAtOnce(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.many("a", 3)
		w.send("b", urgent)
		w.waiting.Wait()
		same(t, "groups", w.started(), []string{"a000", "a001", "a002", "b"})
		w.accepted("a000", "a001", "a002", "b")
	})
}

// While a start is under way, what comes waits and goes with the next. A second one begins only for many.
func TestBusySystemGroups(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		h := newHold()
		w.answers(h.start)
		w.many("a", 1+groupStep) // the first goes alone, the others are too few for a second start
		h.go_ <- nil
		synctest.Wait()
		same(t, "first", w.started(), []string{"a000"})
		w.many("b", groupStep+1) // with one under way, these are enough for the second
		h.go_ <- nil
		synctest.Wait()
		h.go_ <- nil
		synctest.Wait()
		same(t, "groups", w.started(), []string{"a000", "a001…a050 (50)", "b000…b050 (51)"})
	})
}

func TestGroupIsBounded(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.intake.bulk.slots = 1
		h := newHold()
		w.answers(h.start)
		w.many("a", 1+groupCap+20)
		for range 3 {
			h.go_ <- nil
			synctest.Wait()
		}
		same(t, "by number", w.started(), []string{"a000", "a001…a100 (100)", "a101…a120 (20)"})
		w.groups = nil

		w.many("b", 1+6, bytes(250<<10)) // incompressible, so far as Size knows
		for range 3 {
			h.go_ <- nil
			synctest.Wait()
		}
		same(t, "by bytes", w.started(), []string{"b000", "b001 b002 b003", "b004 b005 b006"})
		w.answers(nil)
	})
}

func TestUrgentNeverWaitsForOthers(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		h := newHold()
		w.answers(func(ctx context.Context, ids []string) error {
			if strings.HasPrefix(ids[0], "ban") {
				return nil
			}
			return h.start(ctx, ids)
		})
		w.many("a", 10)
		w.many("ban", 5, urgent)
		same(t, "groups", w.started(), []string{"ban000", "ban001", "ban002", "ban003", "ban004"})
		w.answers(nil)
		h.go_ <- nil
	})
}

// The same webhook twice at the same time is started once, and both callers know that it is durable.
func TestSameWebhookAtOnce(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		h := newHold()
		w.answers(h.start)
		w.send("a")
		synctest.Wait()
		w.send("a")
		synctest.Wait()
		h.go_ <- nil
		w.waiting.Wait()
		same(t, "groups", w.started(), []string{"a"})
		got := []error{w.result("a").err, w.result("a'").err}
		if !slices.Contains(got, nil) || !slices.Contains(got, webhook.ErrDuplicate) {
			t.Errorf("results: %v", got)
		}
	})
}

// Temporal answers, but slower than webhooks come: nobody waits long, and all is started in the end, once.
func TestOverloadGoesToTheSpool(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.answers(func(context.Context, []string) error { time.Sleep(300 * time.Millisecond); return nil })
		w.many("a", 5)
		w.send("ban", urgent)
		w.waiting.Wait()
		for id, most := range map[string]time.Duration{"a000": hedgeAfter, "a001": patience, "a004": patience, "ban": hedgeAfter} {
			if r := w.result(id); r.err != nil || r.took > most+10*time.Millisecond {
				t.Errorf("%s: %v after %v", id, r.err, r.took)
			}
		}
		time.Sleep(time.Minute)
		same(t, "started", w.all(), []string{"a000", "a001", "a002", "a003", "a004", "ban"})
		if n := w.spool.Bulk.Stats().Entries + w.spool.Urgent.Stats().Entries; n != 0 || len(w.intake.bulk.hedged) != 0 {
			t.Errorf("%d are left on disk, %d are remembered", n, len(w.intake.bulk.hedged))
		}
	})
}

// A disk that hangs holds nobody whose start succeeds.
func TestDiskHangs(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.answers(func(context.Context, []string) error { time.Sleep(300 * time.Millisecond); return nil })
		disk := make(chan struct{})
		w.encode = func() { <-disk }
		for i := range 3 {
			w.send(fmt.Sprint("ban", i), urgent)
			w.waiting.Wait()
			if r := w.result(fmt.Sprint("ban", i)); r.err != nil || r.took > 310*time.Millisecond {
				t.Errorf("%d: %v after %v", i, r.err, r.took)
			}
		}
		close(disk)
	})
}

// What was put on disk because its start was slow is started from there if that start fails.
func TestSlowStartFails(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		fails := true
		w.answers(func(context.Context, []string) error {
			time.Sleep(500 * time.Millisecond)
			if fails {
				fails = false
				return errors.New("unavailable")
			}
			return nil
		})
		w.send("a")
		w.waiting.Wait()
		w.accepted("a")
		time.Sleep(time.Minute)
		same(t, "started", w.all(), []string{"a"})
	})
}

// A start that hangs is given up after a second, for which nobody waits; until Temporal answers again, all go to disk at
// once, and nothing is lost.
func TestTemporalHangs(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.answers(func(ctx context.Context, _ []string) error { <-ctx.Done(); return ctx.Err() })
		w.send("first")
		w.send("ban", urgent)
		w.waiting.Wait()
		for _, id := range []string{"first", "ban"} {
			if r := w.result(id); r.err != nil || r.took > hedgeAfter+10*time.Millisecond {
				t.Errorf("%s: %v after %v", id, r.err, r.took)
			}
		}
		time.Sleep(startDeadline)
		w.many("a", 200)
		w.waiting.Wait()
		for id, r := range w.results {
			if strings.HasPrefix(id, "a") && (r.err != nil || r.took > time.Millisecond) {
				t.Errorf("%s, while Temporal is known to hang: %v after %v", id, r.err, r.took)
			}
		}
		if w.intake.breaker.reason() == "" || w.intake.Ask(t.Context()) != nil {
			t.Error("the breaker should be open, and webhooks acceptable nevertheless")
		}
		w.answers(nil)
		time.Sleep(time.Minute)
		if got := w.all(); len(got) != 202 {
			t.Errorf("%d webhooks were started, want 202", len(got))
		}
		if got := w.started(); got[0] != "ban" {
			t.Errorf("the urgent one should be drained first: %v", got)
		}
		w.send("after")
		w.waiting.Wait()
		if r := w.result("after"); r.err != nil || r.took > time.Millisecond {
			t.Errorf("after the outage: %v after %v", r.err, r.took)
		}
	})
}

// One failure is an accident; the webhooks are spooled, and the next start is tried as ever.
func TestFailedStart(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		fails := 1
		w.answers(func(context.Context, []string) error {
			if fails--; fails >= 0 {
				return errors.New("unavailable")
			}
			return nil
		})
		w.send("a")
		w.waiting.Wait()
		w.send("b")
		w.waiting.Wait()
		w.accepted("a", "b")
		time.Sleep(time.Minute)
		same(t, "started", w.all(), []string{"a", "b"})
	})
}

// A webhook that Temporal refuses is found, set aside, and harms nobody else.
func TestPoison(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		h := newHold()
		poisoned := func(_ context.Context, ids []string) error {
			if slices.Contains(ids, "a005") {
				return fmt.Errorf("start: %w", webhook.ErrUnprocessable)
			}
			return nil
		}
		w.answers(h.start)
		w.send("first")
		synctest.Wait()
		w.many("a", 10)
		w.answers(poisoned)
		h.go_ <- nil
		w.waiting.Wait()
		for i := range 10 {
			w.accepted(fmt.Sprintf("a00%d", i))
		}
		if got := w.all(); len(got) != 10 || slices.Contains(got, "a005") {
			t.Errorf("started: %v", got)
		}
		if n := w.spool.Aside.Stats().Entries; n != 1 {
			t.Errorf("%d set aside, want 1", n)
		}

		// The next process tries it again, and finds it refused again.
		w.close()
		w.open()
		time.Sleep(time.Minute)
		if n := w.spool.Aside.Stats().Entries; n != 1 {
			t.Errorf("%d set aside after a restart, want 1", n)
		}
		w.close()
		w.answers(nil)
		w.open()
		time.Sleep(time.Minute)
		if n := w.spool.Aside.Stats().Entries; n != 0 || !slices.Contains(w.all(), "a005") {
			t.Errorf("mended: %d still aside; started: %v", n, w.all())
		}
	})
}

// While the storage that large webhooks need is away, they wait on disk, and nobody else does.
func TestStorageAway(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.answers(func(_ context.Context, ids []string) error {
			for _, id := range ids {
				if strings.HasPrefix(id, "large") {
					return fmt.Errorf("start: %w", webhook.ErrStorage)
				}
			}
			return nil
		})
		for i := range 5 { // more than a breaker tolerates
			w.send(fmt.Sprint("large", i))
			w.waiting.Wait()
			w.send(fmt.Sprint("small", i))
			w.waiting.Wait()
			if err := w.intake.Ask(t.Context()); err != nil {
				t.Error(err)
			}
		}
		time.Sleep(time.Minute)
		if n := w.spool.Bulk.Stats().Entries; n != 5 {
			t.Errorf("%d in the spool, want 5", n)
		}
		if started := w.all(); len(started) != 5 {
			t.Errorf("started %v", started)
		}
		// A queue with large ones in front lets others through as well.
		w.close()
		record, err := w.Encode(record{Webhook: webhook.Webhook{ID: "behind", Source: "main", Body: []byte("{}")}})
		if err != nil {
			t.Fatal(err)
		}
		w.open()
		if err := w.spool.Bulk.Append(record); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if !slices.Contains(w.all(), "behind") {
			t.Error("it waits behind the large ones")
		}
		w.answers(nil)
		time.Sleep(time.Minute)
		if n := w.spool.Bulk.Stats().Entries; n != 0 || len(w.all()) != 11 {
			t.Errorf("mended: %d in the spool, started %v", n, w.all())
		}
	})
}

// What is on disk when a process ends is started by the next one.
func TestRestart(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.answers(func(context.Context, []string) error { return errors.New("unavailable") })
		w.many("a", 20)
		w.send("ban", urgent)
		w.waiting.Wait()
		w.close()
		w.groups, w.answer = nil, nil
		w.open()
		time.Sleep(time.Minute)
		same(t, "groups", w.started(), []string{"ban", "a000…a019 (20)"})
	})
}

// Who cannot wait any longer is told so, and what he waited for is not started behind his back later, unless it is being
// started already.
func TestCallerLeaves(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		h := newHold()
		w.answers(h.start)
		w.send("first")
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		w.waiting.Go(func() {
			if err := w.intake.Start(ctx, webhook.Webhook{ID: "left", Source: "main"}, webhook.Peek{}); !errors.Is(err, context.Canceled) {
				t.Errorf("left: %v", err)
			}
		})
		synctest.Wait()
		cancel()
		synctest.Wait()
		h.go_ <- nil
		time.Sleep(time.Minute)
		same(t, "groups", w.started(), []string{"first"})
	})
}

func TestTooLarge(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.send("a", bytes(2<<20))
		w.waiting.Wait()
		if err := w.result("a").err; !errors.Is(err, webhook.ErrTooLarge) {
			t.Errorf("got %v", err)
		}
	})
}
