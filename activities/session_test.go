package activities

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/internal/state"
	"holdfast/internal/webhook"
)

// own runs a test with a yard that only a session tells, in time that passes only where everybody waits.
func own(t *testing.T, p webhook.Policy, test func(t *testing.T, y *yard)) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t)
		if err := y.Release(t.Context(), "crm"); err != nil {
			t.Fatal(err)
		}
		p.Own, p.Horizon, p.Batch, p.Parallel = true, max(p.Horizon, time.Minute), max(p.Batch, 1), max(p.Parallel, 1)
		y.policy = p
		test(t, y)
	})
}

// A watchman is a session under way.
type watchman struct {
	*session
	cancel context.CancelFunc
	ended  chan error
}

func (y *yard) begin(changes ...func(*session)) *watchman {
	d := newDrain(y.destinations(), "crm", y.policy)
	d.warn = func(message string, keyvals ...any) { y.t.Log(message, keyvals) }
	stop := make(chan struct{})
	d.stop = stop
	w := &watchman{session: newSession(d, time.Time{}), ended: make(chan error, 1)}
	for _, change := range changes {
		change(w.session)
	}
	ctx, cancel := context.WithCancel(context.Background())
	w.cancel = cancel
	go func() { w.ended <- w.run(ctx) }()
	y.t.Cleanup(func() { // it is over, or ends now
		cancel()
		synctest.Wait()
	})
	return w
}

// end ends a session and returns how.
func (w *watchman) end() error {
	w.cancel()
	return <-w.ended
}

// saw is what was told, and what was tried.
func (y *yard) saw() (told, tries []string) {
	y.mu.Lock()
	defer y.mu.Unlock()
	return slices.Clone(y.told), slices.Clone(y.tries)
}

func (y *yard) change(f func(*webhook.Policy)) {
	y.mu.Lock()
	defer y.mu.Unlock()
	f(&y.policy)
}

func (y *yard) answers(f func(event string) *webhook.Verdict) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.answer = f
}

// after waits, and then until everybody waits.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func answered(code int) *webhook.Verdict {
	v := &webhook.Verdict{Kind: webhook.Retry, Reason: fmt.Sprint("status ", code), Status: code}
	switch code {
	case 422:
		v.Kind = webhook.Refused
	case 401:
		v.Kind, v.Advice = webhook.Trouble, "Look at its secret."
	case 410:
		v.Kind, v.Advice = webhook.Gone, "Take it out of the configuration."
	}
	return v
}

// What is recorded is told soon, and settled.
func TestToldSoonAfterItWasRecorded(t *testing.T) {
	own(t, webhook.Policy{Parallel: 8}, func(t *testing.T, y *yard) {
		w := y.begin()
		for i := range 20 {
			after(777 * time.Millisecond)
			y.record(fmt.Sprint("w", i), fmt.Sprint(i))
			after(300 * time.Millisecond)
			if told, _ := y.saw(); len(told) != i+1 {
				t.Fatalf("told %q after 300ms, want %d events", told, i+1)
			}
		}
		err := w.end()
		if left, hold := y.left(); err != nil || len(left) > 0 || hold != nil || w.reported().Told != 20 {
			t.Errorf("%v, left %q, held %+v, reported %+v", err, left, hold, w.reported())
		}
	})
}

// Several accounts at once, each in order, while others record and some of it fails for a while.
func TestOrderOfEachAccount(t *testing.T) {
	for _, batch := range []int{1, 4} {
		t.Run(fmt.Sprint("batches of ", batch), func(t *testing.T) {
			own(t, webhook.Policy{Ordered: true, Parallel: 3, Batch: batch}, func(t *testing.T, y *yard) {
				const accounts, each = 7, 12
				failures := map[string]int{}
				busy, most := 0, 0
				y.answers(func(event string) *webhook.Verdict {
					y.mu.Lock()
					busy++
					most = max(most, busy)
					failures[event]++
					n := failures[event]
					y.mu.Unlock()
					time.Sleep(10 * time.Millisecond)
					y.mu.Lock()
					busy--
					y.mu.Unlock()
					if event == "a-03" && n <= 4 || event == "c-07" && n <= 2 {
						return answered(500)
					}
					return nil
				})
				w := y.begin()
				var all sync.WaitGroup
				for a := range accounts {
					all.Go(func() {
						for n := range each {
							y.record(fmt.Sprintf("%c", 'a'+a), fmt.Sprintf("%c-%02d", 'a'+a, n))
							time.Sleep(time.Duration(37*(a+1)) * time.Millisecond)
						}
					})
				}
				all.Wait()
				after(time.Minute)
				if err := w.end(); err != nil {
					t.Error(err)
				}
				told, _ := y.saw()
				for a := range accounts {
					name := fmt.Sprintf("%c", 'a'+a)
					got := slices.DeleteFunc(slices.Clone(told), func(id string) bool { return id[:1] != name })
					if len(got) != each || !slices.IsSorted(got) {
						t.Errorf("account %s was told %q", name, got)
					}
				}
				if left, hold := y.left(); len(left) > 0 || hold != nil || most > 3 || most < 2 {
					t.Errorf("left %q, held %+v, %d at once", left, hold, most)
				}
			})
		})
	}
}

// An event that fails is tried again, ever more rarely; nothing of its account overtakes it, and the others go on. When its horizon
// is over it is parked, and its account goes on.
func TestFailingEventHoldsUpItsAccount(t *testing.T) {
	own(t, webhook.Policy{Ordered: true, Parallel: 2, Horizon: 2 * time.Minute}, func(t *testing.T, y *yard) {
		began := time.Now()
		var at []int // seconds
		y.answers(func(event string) *webhook.Verdict {
			if event != "bad" {
				return nil
			}
			y.mu.Lock()
			defer y.mu.Unlock()
			at = append(at, int(time.Since(began).Seconds()))
			return answered(500)
		})
		w := y.begin()
		y.record("a", "good", "bad")
		y.record("a", "behind")
		for i := range 110 {
			y.record("b", fmt.Sprint(i))
			after(time.Second)
			if told, _ := y.saw(); slices.Contains(told, "behind") {
				t.Fatal("it was overtaken")
			} else if len(told) != i+2 {
				t.Fatalf("told %d events, want %d", len(told), i+2)
			}
		}
		if p := w.reported(); p.Blocked != 1 || p.Waiting != 2 || p.Because != "status 500" {
			t.Errorf("reported %+v", p)
		}
		after(2 * time.Minute)
		_ = w.end()
		for i, want := range []int{0, 1, 3, 7, 15, 31, 63, 123} {
			if i >= len(at) || at[i] < want || at[i] > want+want/4+2 {
				t.Errorf("tried after %d seconds, want about %d at place %d", at, want, i)
				break
			}
		}
		same(t, "parted", y.parted, []string{"owed/crm/bad: bad: unavailable: status 500"})
		if told, _ := y.saw(); told[len(told)-1] != "behind" {
			t.Errorf("told %q last", told[len(told)-1])
		}
	})
}

// Without an order nobody waits for what fails.
func TestFailingEventHoldsUpNobody(t *testing.T) {
	own(t, webhook.Policy{Parallel: 1, Horizon: time.Minute}, func(t *testing.T, y *yard) {
		y.answers(func(event string) *webhook.Verdict {
			if event == "bad" {
				return answered(500)
			}
			return nil
		})
		w := y.begin()
		y.record("a", "bad", "1")
		y.record("a", "2")
		after(time.Second)
		told, _ := y.saw()
		same(t, "told", told, []string{"1", "2"})
		for i := range 100 {
			y.record("b", fmt.Sprint("b", i))
			after(time.Second)
		}
		_ = w.end()
		same(t, "parted", y.parted, []string{"owed/crm/bad: bad: unavailable: status 500"})
	})
}

// What is refused parts from its account, which goes on. When it is given back it is told, marked, and if it is refused again it
// parts into the same workflow.
func TestRefusedPartsAndComesBack(t *testing.T) {
	own(t, webhook.Policy{Ordered: true, Parallel: 2}, func(t *testing.T, y *yard) {
		y.answers(func(event string) *webhook.Verdict {
			if strings.HasPrefix(event, "bad") {
				return answered(422)
			}
			return nil
		})
		w := y.begin()
		y.record("a", "1", "bad", "2")
		after(time.Second)
		told, _ := y.saw()
		same(t, "told", told, []string{"1", "2"})
		parted := []string{"owed/crm/bad: bad: refused: status 422"}
		same(t, "parted", y.parted, parted)
		give := func() {
			t.Helper()
			if handed, err := y.Give(t.Context(), "owed/crm/bad", "crm"); err != nil || !handed {
				t.Fatalf("given back: %v, %v", handed, err)
			}
			after(10 * time.Second)
		}
		give()
		same(t, "parted again", y.parted, append(parted, parted...))
		y.answers(nil)
		give()
		_ = w.end()
		told, _ = y.saw()
		same(t, "told", told, []string{"1", "2", "bad"})
		same(t, "marked", y.late, []string{"bad"})
		if left, _ := y.left(); len(left) > 0 {
			t.Errorf("left %q", left)
		}
	})
}

// What a workflow was still trying to tell when the destination got an order is told late, and marked.
func TestGivenWhenItGotAnOrder(t *testing.T) {
	own(t, webhook.Policy{Ordered: true, Parallel: 2}, func(t *testing.T, y *yard) {
		y.policy.Own, y.policy.Ordered = false, false
		y.record("a", "1")
		y.policy.Own, y.policy.Ordered = true, true
		w := y.begin()
		y.record("a later", "2")
		after(time.Second)
		if handed, err := y.Give(t.Context(), "a", "crm"); !handed || err != nil {
			t.Fatal(handed, err)
		}
		after(time.Second)
		_ = w.end()
		told, _ := y.saw()
		same(t, "told", told, []string{"2", "1"})
		same(t, "marked", y.late, []string{"1"})
	})
}

// A horizon is for trying: what waited longer than that while it was parked, or while the destination was held, is not parked by
// the next failures.
func TestOlderThanItsHorizon(t *testing.T) {
	own(t, webhook.Policy{Ordered: true, Parallel: 2, Horizon: time.Hour}, func(t *testing.T, y *yard) {
		fails := func(answer *webhook.Verdict, d time.Duration) {
			until := time.Now().Add(d)
			y.answers(func(event string) *webhook.Verdict {
				if strings.HasPrefix(event, "bad") && time.Now().Before(until) {
					return answer
				}
				return nil
			})
		}
		fails(answered(422), time.Minute)
		y.record("a", "bad")
		w := y.begin()
		after(2 * time.Second)
		_ = w.end()
		parted := []string{"owed/crm/bad: bad: refused: status 422"}
		same(t, "parted", y.parted, parted)
		after(2 * time.Hour)
		if handed, err := y.Give(t.Context(), "owed/crm/bad", "crm"); !handed || err != nil {
			t.Fatal(handed, err)
		}
		fails(answered(500), 10*time.Minute)
		w = y.begin()
		after(20 * time.Minute)
		_ = w.end()
		y.record("b", "bad old")
		after(2 * time.Hour)
		y.record("c", "new")
		fails(answered(500), 20*time.Second)
		w = y.begin()
		after(2 * time.Minute)
		_ = w.end()
		told, _ := y.saw()
		slices.Sort(told)
		same(t, "told", told, []string{"bad", "bad old", "new"})
		same(t, "parted", y.parted, parted)
	})
}

// One bad event of a batch does not park the others, nor do they change their order.
func TestBatchWithABadEvent(t *testing.T) {
	for _, ordered := range []bool{true, false} {
		t.Run(fmt.Sprint("ordered ", ordered), func(t *testing.T) {
			own(t, webhook.Policy{Ordered: ordered, Parallel: 1, Batch: 5}, func(t *testing.T, y *yard) {
				y.answers(func(event string) *webhook.Verdict {
					if event == "a2" {
						return answered(422)
					}
					return nil
				})
				y.record("a", "a1", "a2", "a3")
				y.record("b", "b1", "b2", "b3")
				w := y.begin()
				after(time.Second)
				_ = w.end()
				told, tries := y.saw()
				same(t, "told", told, []string{"a1", "a3", "b1", "b2", "b3"})
				same(t, "parted", y.parted, []string{"owed/crm/a2: a2: refused: status 422"})
				if len(tries) != 5+5+1 {
					t.Errorf("tried %q", tries)
				}
			})
		})
	}
}

// More than is read at a time is told, each once, also what gets a place before it later.
func TestBacklogOfASession(t *testing.T) {
	own(t, webhook.Policy{Parallel: 4}, func(t *testing.T, y *yard) {
		const n = 3*readAtLeast + 5
		y.answers(func(string) *webhook.Verdict {
			time.Sleep(50 * time.Millisecond)
			return nil
		})
		for i := range n {
			y.record(fmt.Sprint("w", i), fmt.Sprint(i))
		}
		w := y.begin()
		after(time.Minute)
		_ = w.end()
		told, _ := y.saw()
		if once := len(slices.Compact(slices.Sorted(slices.Values(told)))); once != n || len(told) != n {
			t.Errorf("told %d events of %d, %d times", once, n, len(told))
		}
	})
}

// A clock that is a day ahead of the others where something is recorded keeps nothing from being told.
func TestRecordedByAClockThatIsAhead(t *testing.T) {
	own(t, webhook.Policy{Ordered: true}, func(t *testing.T, y *yard) {
		y.behind = 24 * time.Hour
		y.record("a", "1")
		w := y.begin()
		after(time.Second)
		_ = w.end()
		told, _ := y.saw()
		same(t, "told", told, []string{"1"})
	})
	y := newYard(t)
	y.behind = 24 * time.Hour
	y.record("a", "1")
	if _, err := y.drain(); err != nil {
		t.Fatal(err)
	}
	same(t, "told after it was held", y.told, []string{"1"})
}

// What is let go while it waits is not told.
func TestWhatIsDroppedIsNotTold(t *testing.T) {
	own(t, webhook.Policy{Ordered: true, Parallel: 2, Horizon: time.Hour}, func(t *testing.T, y *yard) {
		y.answers(down("status 500", "1"))
		y.record("a", "1", "2")
		w := y.begin()
		after(2 * time.Second)
		if _, _, err := y.Drop(t.Context(), "crm", time.Now().Add(time.Minute), func() {}); err != nil {
			t.Fatal(err)
		}
		y.answers(nil)
		y.record("a", "3")
		after(time.Minute)
		_ = w.end()
		told, _ := y.saw()
		same(t, "told", told, []string{"3"})
	})
}

// So is what has been read long before its turn comes.
func TestWhatIsDroppedIsSoonForgotten(t *testing.T) {
	own(t, webhook.Policy{Ordered: true, Parallel: 2, Rate: 100}, func(t *testing.T, y *yard) {
		for i := range 4 * readAtLeast {
			y.record(fmt.Sprint("w", i), fmt.Sprint(i))
		}
		w := y.begin()
		after(3 * time.Second)
		if _, _, err := y.Drop(t.Context(), "crm", time.Now().Add(time.Minute), func() {}); err != nil {
			t.Fatal(err)
		}
		before, _ := y.saw()
		after(10 * time.Second)
		_ = w.end()
		if told, _ := y.saw(); len(before) < 100 || len(told) > len(before)+50 {
			t.Errorf("told %d events, and %d after all was dropped", len(before), len(told)-len(before))
		}
	})
}

// A session ends when it is not to be told like this any more, and when its time is over.
func TestSessionEnds(t *testing.T) {
	for name, c := range map[string]struct {
		change func(y *yard, w *watchman)
		within time.Duration
		err    error
	}{
		"paused":      {func(y *yard, _ *watchman) { y.hold(webhook.Hold{Cause: webhook.ByOperator}) }, time.Second, nil},
		"held":        {func(y *yard, _ *watchman) { y.hold(webhook.Hold{Cause: webhook.ByTrouble}) }, time.Second, nil},
		"not its own": {func(y *yard, _ *watchman) { y.change(func(p *webhook.Policy) { p.Own = false }) }, time.Second, nil},
		"not ordered": {func(y *yard, _ *watchman) { y.change(func(p *webhook.Policy) { p.Ordered = false }) }, time.Second, nil},
		"cancelled":   {func(_ *yard, w *watchman) { w.cancel() }, time.Second, nil},
		"by its time": {func(*yard, *watchman) {}, time.Minute + time.Second, nil},
	} {
		t.Run(name, func(t *testing.T) {
			own(t, webhook.Policy{Ordered: true}, func(t *testing.T, y *yard) {
				w := y.begin(func(s *session) { s.ends = s.ends.Add(2*time.Minute - sessionTime) })
				y.record("a", "1")
				after(time.Minute)
				c.change(y, w)
				began := time.Now()
				if err := <-w.ended; !errors.Is(err, c.err) || time.Since(began) > c.within {
					t.Errorf("ended with %v after %v", err, time.Since(began))
				}
				if told, _ := y.saw(); len(told) != 1 {
					t.Errorf("told %q", told)
				}
			})
		})
	}
}

// While the database does not take it that something was told nothing more is told, and nothing is told twice.
func TestSettlingFailsForAWhile(t *testing.T) {
	own(t, webhook.Policy{Parallel: 1}, func(t *testing.T, y *yard) {
		y.record("a", "1")
		broken := &brokenLedger{ledger: ledger{y.Store, 0}, until: time.Now().Add(10 * time.Second)}
		w := y.begin(func(s *session) { s.drain.Destinations.Ledger = broken })
		after(time.Second)
		y.record("a", "2")
		after(5 * time.Second)
		told, _ := y.saw()
		same(t, "told meanwhile", told, []string{"1"})
		after(10 * time.Second)
		if err := w.end(); err != nil {
			t.Error(err)
		}
		told, _ = y.saw()
		same(t, "told", told, []string{"1", "2"})
		if left, _ := y.left(); len(left) > 0 {
			t.Errorf("left %q", left)
		}
	})
}

type brokenLedger struct {
	ledger
	until time.Time
}

func (b *brokenLedger) SettleAll(ctx context.Context, destination string, debts map[string]webhook.Settlement) error {
	if time.Now().Before(b.until) {
		return errors.New("connection refused")
	}
	return b.ledger.SettleAll(ctx, destination, debts)
}

// A session leaves it to another worker when its database does not answer at all.
func TestDatabaseThatHangs(t *testing.T) {
	own(t, webhook.Policy{Parallel: 1}, func(t *testing.T, y *yard) {
		w := y.begin(func(s *session) {
			s.drain.Destinations.Ledger = &hangingLedger{ledger{y.Store, 0}, time.Now().Add(10 * time.Second)}
		})
		began := time.Now()
		if err := <-w.ended; !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > time.Minute {
			t.Errorf("ended with %v after %v", err, time.Since(began))
		}
	})
}

type hangingLedger struct {
	ledger
	from time.Time
}

func (l *hangingLedger) Held(ctx context.Context, destination string) (*webhook.Hold, error) {
	if time.Now().Before(l.from) {
		return l.ledger.Held(ctx, destination)
	}
	select {
	case <-ctx.Done():
	case <-time.After(time.Hour):
	}
	return nil, ctx.Err()
}

// Every attempt can be looked up, with when the next one was to be.
func TestAttemptsOfASession(t *testing.T) {
	own(t, webhook.Policy{Ordered: true, Parallel: 1}, func(t *testing.T, y *yard) {
		began := time.Now()
		n := 0
		y.answers(func(string) *webhook.Verdict {
			time.Sleep(20 * time.Millisecond)
			if n++; n <= 2 {
				return answered(503)
			}
			return nil
		})
		y.record("a", "1")
		w := y.begin()
		after(10 * time.Second)
		_ = w.end()
		attempts, err := y.AttemptsOf(t.Context(), state.AttemptQuery{Event: "1", Limit: 10})
		if err != nil || len(attempts) != 3 {
			t.Fatalf("%+v, %v", attempts, err)
		}
		slices.Reverse(attempts)
		for i, a := range attempts {
			want := webhook.Attempt{Event: "1", At: a.At, Took: 20 * time.Millisecond, Number: i + 1, Outcome: webhook.Told}
			if i < 2 {
				want.Outcome, want.Status, want.Reason, want.Next = webhook.Retry, 503, "status 503", a.At.Add(20*time.Millisecond+time.Second<<i)
			}
			same(t, fmt.Sprint("attempt ", i+1), a.Attempt, want)
		}
		if attempts[0].At.Sub(began) > 300*time.Millisecond {
			t.Errorf("the first at %v", attempts[0].At.Sub(began))
		}
	})
}
