package activities

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/internal/webhook"
)

// A rate holds for any second but for what a second's silence has saved, from one session to the next too.
func TestRate(t *testing.T) {
	for _, batch := range []int{1, 4} {
		own(t, webhook.Policy{Rate: 10, Parallel: 8, Batch: batch}, func(t *testing.T, y *yard) {
			began := time.Now()
			var at []time.Duration
			y.answers(func(string) *webhook.Verdict {
				y.mu.Lock()
				defer y.mu.Unlock()
				at = append(at, time.Since(began))
				return nil
			})
			for i := range 100 {
				y.record(fmt.Sprint("w", i), fmt.Sprint(i))
			}
			w := y.begin()
			after(4 * time.Second)
			_ = w.end()
			last := w.reported().Last
			w = y.begin(func(s *session) {
				s.bucket = nil
				s.pace(last)
			})
			after(20 * time.Second)
			_ = w.end()
			if len(at) != 100 {
				t.Fatalf("told %d times", len(at))
			}
			for i := 20; i < len(at); i++ {
				if d := at[i] - at[i-20]; d < time.Second {
					t.Fatalf("21 events in %v", d)
				}
			}
			if total := at[99]; total < 9*time.Second || total > 11*time.Second {
				t.Errorf("100 events took %v, want 9s: the first ten come at once", total)
			}
		})
	}
}

// A worker whose clock was ahead told it last: the next one does not wait for that time.
func TestRateAfterAClockThatWasAhead(t *testing.T) {
	own(t, webhook.Policy{Rate: 10}, func(t *testing.T, y *yard) {
		y.record("a", "1")
		w := y.begin(func(s *session) {
			s.bucket = nil
			s.pace(time.Now().Add(time.Hour))
		})
		after(2 * time.Second)
		_ = w.end()
		told, _ := y.saw()
		same(t, "told", told, []string{"1"})
	})
}

// A destination that asks to be left alone is, and is not held for that.
func TestAskedToWait(t *testing.T) {
	own(t, webhook.Policy{Ordered: true, Parallel: 4}, func(t *testing.T, y *yard) {
		asking := true
		y.answers(func(string) *webhook.Verdict {
			if asking {
				v := answered(429)
				v.RetryAfter = 30 * time.Second
				return v
			}
			return nil
		})
		y.record("a", "1")
		w := y.begin()
		after(time.Second)
		asking = false
		y.record("b", "2")
		after(20 * time.Second)
		if p := w.reported(); p.Until.IsZero() || p.Because != "status 429" {
			t.Errorf("reported %+v", p)
		}
		after(8 * time.Second)
		if told, tries := y.saw(); len(told) > 0 || len(tries) != 1 {
			t.Errorf("told %q, tried %q", told, tries)
		}
		after(3 * time.Second)
		_ = w.end()
		told, _ := y.saw()
		slices.Sort(told)
		if _, hold := y.left(); hold != nil || !slices.Equal(told, []string{"1", "2"}) {
			t.Errorf("held %+v, told %q", hold, told)
		}
	})
}

// Trouble holds it, with what to do; how soon it is asked again depends on what it says.
func TestSessionFindsTrouble(t *testing.T) {
	wait := answered(429)
	wait.RetryAfter = 2 * time.Minute
	for name, c := range map[string]struct {
		verdict *webhook.Verdict
		tries   int // at most
		next    time.Duration
	}{
		"it fails":      {answered(503), 30, 10 * time.Second},
		"it is wrong":   {answered(401), 5, 10 * time.Second},
		"it is gone":    {answered(410), 3, time.Hour},
		"it wants long": {wait, 3, 2 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			own(t, webhook.Policy{Ordered: true, Parallel: 3}, func(t *testing.T, y *yard) {
				for i := range 500 {
					y.record(fmt.Sprint("w", i), fmt.Sprint(i))
				}
				y.answers(func(string) *webhook.Verdict { return c.verdict })
				w := y.begin()
				if err := <-w.ended; err != nil || w.trouble == nil {
					t.Fatalf("ended with %v, trouble %v", err, w.trouble)
				}
				if err := w.drain.hold(t.Context()); err != nil {
					t.Fatal(err)
				}
				left, hold := y.left()
				if hold == nil || hold.Reason != c.verdict.Reason || hold.Advice != c.verdict.Advice || time.Until(hold.Next).Round(time.Second) != c.next {
					t.Errorf("held %+v", hold)
				}
				if _, tries := y.saw(); len(tries) > c.tries || len(left) != 500 || len(y.parted) > 0 {
					t.Errorf("%d tries, %d left, parted %q", len(tries), len(left), y.parted)
				}
			})
		})
	}
}

// What fails for itself does not get the destination held, however quiet it is otherwise; and a held one is asked with others.
func TestPoisonDoesNotHold(t *testing.T) {
	own(t, webhook.Policy{Ordered: true, Parallel: 2, Horizon: 24 * time.Hour}, func(t *testing.T, y *yard) {
		y.answers(func(event string) *webhook.Verdict {
			if strings.HasPrefix(event, "bad") {
				return answered(500)
			}
			return nil
		})
		for _, id := range []string{"bad1", "bad2", "bad3", "4", "5"} {
			y.record(id, id)
		}
		y.hold(webhook.Hold{Cause: webhook.ByTrouble, Probes: 1})
		w := y.begin()
		after(2 * time.Minute)
		y.record("6", "6")
		after(time.Second)
		_ = w.end()
		told, _ := y.saw()
		slices.Sort(told)
		if _, hold := y.left(); hold != nil || !slices.Equal(told, []string{"4", "5", "6"}) {
			t.Errorf("held %+v, told %q", hold, told)
		}
	})
}

// A destination that is held is asked with three events of as many accounts, and not more.
func TestSessionProbes(t *testing.T) {
	own(t, webhook.Policy{Ordered: true, Parallel: 8}, func(t *testing.T, y *yard) {
		for i := range 9 {
			y.record("a", fmt.Sprint("a", i))
			y.record(fmt.Sprint("b", i), fmt.Sprint("b", i))
		}
		y.hold(webhook.Hold{Cause: webhook.ByTrouble, Probes: 2})
		y.answers(down("status 503"))
		w := y.begin()
		if err := <-w.ended; err != nil {
			t.Fatal(err)
		}
		_, tries := y.saw()
		same(t, "tried", tries, []string{"a0", "b0", "b3"})
		if w.trouble == nil || time.Until(w.trouble.next(time.Now(), w.probesAfter())) != 40*time.Second {
			t.Errorf("trouble %+v", w.trouble)
		}
	})
}

// However many wait behind what fails, others are told, and memory is bounded: what holds up others for longest is parked.
func TestManyWaitBehindWhatFails(t *testing.T) {
	own(t, webhook.Policy{Ordered: true, Parallel: 2, Horizon: 24 * time.Hour}, func(t *testing.T, y *yard) {
		y.answers(down("status 500", "bad0", "worse0"))
		for i := range 30 {
			y.record("bad", fmt.Sprint("bad", i))
		}
		y.record("good", "good0")
		w := y.begin(func(s *session) { s.limit = 50 })
		after(time.Minute)
		if told, _ := y.saw(); len(told) != 1 || len(y.parted) > 0 {
			t.Errorf("told %q, parted %q", told, y.parted)
		}
		for i := range 30 {
			y.record("worse", fmt.Sprint("worse", i))
		}
		y.record("good", "good1")
		after(2 * time.Minute)
		_ = w.end()
		told, _ := y.saw()
		if len(told) != 2+29 || !slices.Contains(told, "good1") || !slices.Contains(told, "bad29") {
			t.Errorf("told %q", told)
		}
		same(t, "parted", y.parted, []string{"owed/crm/bad0: bad0: unavailable: status 500" + tooMany})
	})
}
