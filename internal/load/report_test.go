package load

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the expected report")

func TestLatency(t *testing.T) {
	t.Parallel()
	var took []time.Duration
	for i := 1000; i > 0; i-- {
		took = append(took, time.Duration(i)*time.Millisecond)
	}
	for _, c := range []struct {
		took []time.Duration
		want Latency
	}{
		{nil, Latency{}},
		{[]time.Duration{1500 * time.Nanosecond}, Latency{1, .002, .002, .002, .002}},
		{[]time.Duration{time.Second, time.Millisecond}, Latency{2, 1, 1000, 1000, 1000}},
		{took, Latency{1000, 500, 950, 990, 1000}},
	} {
		if diff := cmp.Diff(c.want, latencyOf(c.took)); diff != "" {
			t.Error(diff)
		}
	}
}

// TestReport has every fault once: the report is the reader's own arithmetic, and so is golden.
func TestReport(t *testing.T) {
	t.Parallel()
	ms := time.Millisecond
	began := time.Unix(1_790_000_000, 0)
	shot := func(first uint32, updates uint16, intended, done time.Duration, status int16) Shot {
		return Shot{Webhook: Webhook{First: first, Updates: updates}, Intended: intended, Queued: intended, Started: intended + ms, Done: done, Status: status, Attempts: 1}
	}
	repeat := shot(1, 1, 1100*ms, 1105*ms, 200)
	repeat.Repeat = true
	forged := shot(2, 1, 1200*ms, 1201*ms, 401)
	forged.Forged = true
	believed := shot(3, 1, 1300*ms, 1301*ms, 200)
	believed.Forged = true
	ban := shot(6, 1, 1600*ms, 1640*ms, 200)
	ban.Kind = Ban
	outcome := &Outcome{
		Began: began, Sent: 2 * time.Second, Ended: 3 * time.Second,
		Shots: []Shot{
			shot(1, 1, 1000*ms, 1010*ms, 200), repeat, forged, believed,
			shot(4, 1, 1400*ms, 1410*ms, 503), shot(5, 1, 1500*ms, 1510*ms, 0), ban,
			shot(7, 3, 1700*ms, 1710*ms, 200), // of which one update is lost
			shot(0, 1, 0, 5*ms, 200),          // of the warm-up
		},
		Answers: map[int]int{200: 6, 401: 1, 503: 2, 0: 1},
	}
	crm := &Destination{Ledger: NewLedger(1)}
	tell := func(n uint32, id string, at time.Duration, answered bool) {
		numbers := crm.arrive(id, Run(1).appendToken(nil, n), began.Add(at))
		if answered {
			crm.answer(numbers)
		}
	}
	tell(0, "e0", 20*ms, true)
	tell(1, "e1", 1020*ms, true)
	tell(1, "e1", 1030*ms, true) // again, without need
	tell(4, "e4", 1500*ms, true) // though it was answered 503
	tell(6, "e6", 1700*ms, false)
	tell(6, "e6b", 1750*ms, true)
	tell(7, "e7", 1720*ms, true)
	tell(8, "e8", 2500*ms, true)
	m := Measurement{
		Version: "v1", Options: Options{Dialect: "meta"}, Plan: Plan{Rate: 5, Duration: 2 * time.Second, Duplicates: .1, Forged: .2},
		Warmup: time.Second, Outcome: outcome,
	}
	r := m.Report(map[string]*Destination{"crm": crm})
	r.Costs = []Cost{{Name: "holdfast", Processes: 1, CPU: 1.5, Memory: 50_000_000}}
	r.Machine = &Machine{Cores: 4, Seconds: 3, Idle: .5, Stolen: .25, Busy: 3}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	var table bytes.Buffer
	if err := r.Table(&table); err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintf("%s\n\n%s", text, &table)
	golden := filepath.Join("testdata", "report.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
}

func TestAwait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &Outcome{Began: time.Now(), Shots: []Shot{
			{Webhook: Webhook{First: 0, Updates: 2}, Status: 200},
			{Webhook: Webhook{First: 2, Updates: 1}, Status: 503}, // nobody waits for it
			{Webhook: Webhook{First: 3, Updates: 1}, Status: 200},
		}}
		l := NewLedger(1)
		tell := func(n uint32) { l.arrive("e", Run(1).appendToken(nil, n), time.Now()) }
		tell(0)
		tell(3)
		began := time.Now()
		if o.Await(t.Context(), l, 10*time.Second) || time.Since(began) < 10*time.Second || time.Since(began) > 11*time.Second {
			t.Errorf("gave up after %s", time.Since(began))
		}
		time.AfterFunc(8*time.Second, func() { tell(1) })
		if !o.Await(t.Context(), l, 10*time.Second) {
			t.Error("did not see the last one")
		}
	})
}
