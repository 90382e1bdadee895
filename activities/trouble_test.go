package activities

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast/internal/webhook"
)

func TestWatch(t *testing.T) {
	type seen struct {
		n    int
		kind webhook.Kind // empty: told
		at   time.Duration
	}
	const told = webhook.Kind("")
	for name, c := range map[string]struct {
		seen []seen
		due  string
	}{
		"two troubles":                   {[]seen{{2, webhook.Trouble, 0}}, ""},
		"three troubles":                 {[]seen{{3, webhook.Trouble, 0}}, "trouble"},
		"troubles among others":          {[]seen{{2, webhook.Trouble, 0}, {1, webhook.Retry, 0}, {2, webhook.Trouble, 0}}, ""},
		"one failure among successes":    {[]seen{{9, told, 0}, {1, webhook.Retry, time.Second}, {9, told, time.Hour}}, ""},
		"failures between successes":     {[]seen{{7, webhook.Retry, 0}, {1, told, time.Minute}, {7, webhook.Retry, time.Hour}}, ""},
		"a refusal is an answer":         {[]seen{{7, webhook.Retry, 0}, {1, webhook.Refused, time.Minute}, {7, webhook.Retry, time.Hour}}, ""},
		"a burst":                        {[]seen{{50, webhook.Retry, 0}}, ""},
		"failures that last":             {[]seen{{4, webhook.Retry, 0}, {4, webhook.Retry, failing}}, "retry"},
		"few failures that last":         {[]seen{{3, webhook.Retry, 0}, {4, webhook.Retry, time.Hour}}, ""},
		"refusals only":                  {[]seen{{99, webhook.Refused, time.Hour}}, ""},
		"busy, and answering":            {[]seen{{99, webhook.Deferred, 0}, {1, told, unanswered}, {1, webhook.Deferred, unanswered}}, ""},
		"busy for a moment":              {[]seen{{99, webhook.Deferred, 0}}, ""},
		"busy, and nobody is answered":   {[]seen{{4, webhook.Deferred, 0}, {4, webhook.Deferred, unanswered}}, noAnswerEver},
		"busy, and a few have timed out": {[]seen{{9, webhook.Deferred, 0}, {2, webhook.Retry, unanswered}}, "retry"},
		"busy, and many have timed out":  {[]seen{{1, webhook.Deferred, 0}, {8, webhook.Retry, failing}}, "retry"},
	} {
		t.Run(name, func(t *testing.T) {
			var w watch
			begin := time.Now()
			at := begin
			for _, s := range c.seen {
				at = begin.Add(s.at)
				for range s.n {
					var v *webhook.Verdict
					if s.kind != told {
						v = &webhook.Verdict{Kind: s.kind, Reason: string(s.kind)}
					}
					w.saw("crm", v, at)
					w.saw("other", nil, at)
				}
			}
			why, due := w.due("crm", at)
			if reason := why.reason; reason != c.due || due != (c.due != "") {
				t.Errorf("due %v because %q, want %q", due, reason, c.due)
			}
			if due {
				if _, again := w.due("crm", at); again {
					t.Error("it is said twice")
				}
			}
			if _, due := w.due("other", at); due {
				t.Error("another is due")
			}
		})
	}
}

// An attempt that finds out that the destination is gone holds it, and hands over what is left; the next one, also of
// another process, does not try.
func TestTroubleIsHeldAndHandedOver(t *testing.T) {
	for name, local := range map[string]bool{"first attempt": true, "regular attempt": false} {
		t.Run(name, func(t *testing.T) {
			var tries atomic.Int64 // events are tried beside each other
			b := &book{owed: []string{"a", "b", "c"}, answer: func(context.Context, string) error {
				tries.Add(1)
				return &webhook.Verdict{Kind: webhook.Trouble, Reason: "status 410"}
			}}
			var in []webhook.Event
			if local {
				in = events(b.owed...)
			}
			if result, err := b.notify(t, in...); err != nil || !result.Handed {
				t.Fatalf("%+v, %v", result, err)
			}
			if len(b.holds) != 1 || b.holds[0].Reason != "status 410" || b.holds[0].Cause != webhook.ByTrouble || b.looks != 1 {
				t.Errorf("held %+v, %d looks", b.holds, b.looks)
			}
			tries.Store(0)
			if result, err := b.notify(t); err != nil || !result.Handed || tries.Load() > 0 {
				t.Errorf("another process: %+v, %v, %d tries", result, err, tries.Load())
			}
		})
	}
}

// Attempts of different webhooks are counted together.
func TestTroubleOverSeveralWebhooks(t *testing.T) {
	b := &book{answer: func(context.Context, string) error {
		return &webhook.Verdict{Kind: webhook.Trouble, Reason: "status 401"}
	}}
	b.activities = &Activities{State: b, Notifier: b, Desk: b, Metrics: NewMetrics(prometheus.NewRegistry())}
	for i := range troubles {
		b.owed = []string{"a"}
		result, err := b.notify(t, events("a")...)
		if err != nil || result.Handed != (i == troubles-1) {
			t.Errorf("webhook %d: %+v, %v", i, result, err)
		}
	}
}

// First attempts that take long have a few places, so that a slow destination leaves the others some.
func TestFirstAttemptsThatLinger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w watch
		var ends []func()
		begin := func(destination string) bool {
			end, ok := w.first(destination)
			if ok {
				ends = append(ends, end)
			}
			return ok
		}
		for range 3 * mostLinger {
			if !begin("slow") {
				t.Fatal("an attempt was turned away before any took long")
			}
		}
		time.Sleep(2 * lingers)
		if begin("slow") || !begin("quick") {
			t.Error("the slow one should be turned away, and nobody else")
		}
		for _, end := range ends {
			end()
		}
		if !begin("slow") {
			t.Error("turned away although nothing is under way")
		}
	})
}
