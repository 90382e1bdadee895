package activities

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"holdfast/internal/webhook"
)

// Everything is told once, beginning with the oldest.
func TestDrainInOrder(t *testing.T) {
	y := newYard(t)
	for i := range 150 { // some portions
		account := fmt.Sprint("a", i%7)
		id := fmt.Sprint(account, "-", i)
		y.record(fmt.Sprint(account, "/", i), id)
	}
	result, err := y.drain()
	same(t, "result", result, DrainResult{Told: 150})
	left, hold := y.left()
	if err != nil || len(left) > 0 || hold != nil || y.told[0] != "a0-0" {
		t.Errorf("%v, left %q, held %+v, first told %s", err, left, hold, y.told[0])
	}
	if n := len(slices.Compact(slices.Sorted(slices.Values(y.told)))); n != 150 || len(y.told) != 150 {
		t.Errorf("told %d of 150 events, %d times", n, len(y.told))
	}
}

// Events of one account keep their order, whatever others do.
func TestDrainKeepsTheOrderOfAnAccount(t *testing.T) {
	y := newYard(t)
	var want []string
	for i := range 3 * drainPortion {
		id := fmt.Sprint(i)
		want = append(want, id)
		y.record("same", id)
		y.record(fmt.Sprint("other", i), "x"+id)
	}
	if _, err := y.drain(); err != nil {
		t.Fatal(err)
	}
	got := slices.DeleteFunc(y.told, func(id string) bool { return id[0] == 'x' })
	same(t, "told of one account", got, want)
}

// A destination that takes none of three is held for longer, and nobody else is tried.
func TestProbeFails(t *testing.T) {
	y := newYard(t)
	for _, id := range []string{"1", "2", "3", "4"} {
		y.record(id, id)
	}
	y.answer = down("status 503")
	waits := []time.Duration{10 * time.Second, 20 * time.Second}
	tries := [][]string{{"1", "2", "3"}, {"1", "2", "4"}} // one of them is another each time
	for probe, wait := range waits {
		y.tries = nil
		began := time.Now()
		if _, err := y.drain(); err != nil {
			t.Fatal(err)
		}
		left, hold := y.left()
		same(t, "left", left, []string{"1", "2", "3", "4"})
		same(t, "tried", y.tries, tries[probe])
		if hold == nil || hold.Probes != probe+1 || hold.Reason != "status 503" || hold.Next.Sub(began) < wait || hold.Next.Sub(began) > wait+10*time.Second {
			t.Errorf("probe %d: held %+v", probe, hold)
		}
	}
	if len(y.parted) > 0 {
		t.Errorf("parted %q", y.parted)
	}
}

func TestProbeIsAskedToWait(t *testing.T) {
	y := newYard(t)
	y.record("w", "1")
	y.answer = func(string) *webhook.Verdict {
		return &webhook.Verdict{Kind: webhook.Retry, Reason: "status 429", RetryAfter: time.Hour}
	}
	if _, err := y.drain(); err != nil {
		t.Fatal(err)
	}
	if _, hold := y.left(); hold == nil || time.Until(hold.Next) < 50*time.Minute {
		t.Errorf("held %+v", hold)
	}
}

func TestProbeFailsWithAllThereIs(t *testing.T) {
	y := newYard(t)
	y.record("w", "1")
	y.answer = down("status 500")
	if _, err := y.drain(); err != nil {
		t.Fatal(err)
	}
	if left, hold := y.left(); hold == nil || hold.Reason != "status 500" || len(left) != 1 || len(y.parted) != 0 {
		t.Errorf("held %+v, left %q, parted %q", hold, left, y.parted)
	}
}

// What always fails, or is refused, parts from the rest and holds up nobody.
func TestPoisonParts(t *testing.T) {
	y := newYard(t)
	for _, id := range []string{"1", "2", "3", "4"} {
		y.record(id, id, id+"b")
	}
	y.answer = func(event string) *webhook.Verdict {
		switch event {
		case "1", "4":
			return &webhook.Verdict{Kind: webhook.Retry, Reason: "status 500"}
		case "2", "2b":
			return &webhook.Verdict{Kind: webhook.Refused, Reason: "status 422"}
		}
		return nil
	}
	result, err := y.drain()
	same(t, "result", result, DrainResult{Told: 4, Parted: 4})
	left, hold := y.left()
	if err != nil || len(left) > 0 || hold != nil {
		t.Errorf("%v, left %q, held %+v", err, left, hold)
	}
	slices.Sort(y.parted)
	same(t, "parted", y.parted, []string{"owed/crm/1: 1: ", "owed/crm/2: 2 2b: refused: status 422", "owed/crm/4: 4: "})
	slices.Sort(y.told)
	same(t, "told", y.told, []string{"1b", "3", "3b", "4b"})
}

// Some that always fail, the oldest of all, do not keep a destination from being released that takes the others.
func TestPoisonAtTheHead(t *testing.T) {
	y := newYard(t)
	for _, id := range []string{"1", "2", "3", "4", "5"} {
		y.record(id, id)
	}
	y.answer = func(event string) *webhook.Verdict {
		if event <= "3" {
			return &webhook.Verdict{Kind: webhook.Retry, Reason: "status 500"}
		}
		return nil
	}
	for range 3 {
		if _, err := y.drain(); err != nil {
			t.Fatal(err)
		}
	}
	left, hold := y.left()
	if len(left) > 0 || hold != nil {
		t.Errorf("left %q, held %+v", left, hold)
	}
	slices.Sort(y.told)
	same(t, "told", y.told, []string{"4", "5"})
	if len(y.parted) != 3 {
		t.Errorf("parted %q", y.parted)
	}
}

// Nothing overtakes what fails, as long as that may yet be told with the rest.
func TestFailureEndsALane(t *testing.T) {
	y := newYard(t)
	y.record("first", "0")
	y.record("same", "1", "2")
	overtook := false
	y.answer = func(event string) *webhook.Verdict {
		switch event {
		case "1":
			return &webhook.Verdict{Kind: webhook.Retry, Reason: "status 500"}
		case "2":
			y.mu.Lock()
			defer y.mu.Unlock()
			overtook = len(y.parted) == 0
		}
		return nil
	}
	result, err := y.drain()
	same(t, "result", result, DrainResult{Told: 2, Parted: 1})
	if err != nil || overtook {
		t.Errorf("%v, overtook: %v", err, overtook)
	}
}

// A destination that falls ill again while it is told is held again, asked again soon, and told only what it was not.
func TestDiesWhileItIsTold(t *testing.T) {
	y := newYard(t)
	y.hold(webhook.Hold{Cause: webhook.ByTrouble, Probes: 6})
	var all []string
	for i := range 3 * drainPortion {
		id := fmt.Sprintf("%03d", i)
		all = append(all, id)
		y.record(id, id)
	}
	y.answer = func(string) *webhook.Verdict {
		y.mu.Lock()
		defer y.mu.Unlock()
		if len(y.told) >= drainPortion+10 {
			return &webhook.Verdict{Kind: webhook.Trouble, Reason: "status 404"}
		}
		return nil
	}
	if _, err := y.drain(); err != nil {
		t.Fatal(err)
	}
	left, hold := y.left()
	if hold == nil || hold.Reason != "status 404" || hold.Probes != 1 || time.Until(hold.Next) > time.Minute || time.Until(hold.Next) < 0 {
		t.Errorf("held %+v", hold)
	}
	together := slices.Concat(y.told, left)
	slices.Sort(together)
	same(t, "told or left", together, all)
	if len(y.parted) > 0 {
		t.Errorf("parted %q", y.parted)
	}
}

// What is recorded while the old is told comes after it, and after the release, so that the new does not wait for it.
func TestOldBeforeNew(t *testing.T) {
	y := newYard(t)
	y.record("1", "1")
	y.record("2", "2")
	var heldAtNew, began bool
	y.answer = func(event string) *webhook.Verdict {
		if !began {
			began = true
			y.record("new", "new")
		}
		if event == "new" {
			_, hold := y.left()
			heldAtNew = hold != nil
		}
		return nil
	}
	if _, err := y.drain(); err != nil {
		t.Fatal(err)
	}
	same(t, "told", y.told, []string{"1", "2", "new"})
	if left, hold := y.left(); len(left) > 0 || hold != nil || heldAtNew {
		t.Errorf("left %q, held %+v, held when the new was told: %v", left, hold, heldAtNew)
	}
}

func TestPauseEndsADrain(t *testing.T) {
	y := newYard(t)
	for i := range 2 * drainPortion {
		y.record(fmt.Sprint(i), fmt.Sprint(i))
	}
	y.answer = func(event string) *webhook.Verdict {
		if event == "0" {
			y.hold(webhook.Hold{Cause: webhook.ByOperator, Actor: "ada"})
		}
		return nil
	}
	if _, err := y.drain(); err != nil {
		t.Fatal(err)
	}
	if left, hold := y.left(); hold == nil || hold.Cause != webhook.ByOperator || len(left) != drainPortion {
		t.Errorf("%d left, held %+v", len(left), hold)
	}
	y.tries = nil
	if _, err := y.drain(); err != nil || len(y.tries) > 0 {
		t.Errorf("tried %q while it is paused, %v", y.tries, err)
	}
}

func TestDrainIsInterrupted(t *testing.T) {
	y := newYard(t)
	for i := range 2 * drainPortion {
		y.record(fmt.Sprint(i), fmt.Sprint(i))
	}
	stop := make(chan struct{})
	var once sync.Once
	y.answer = func(string) *webhook.Verdict {
		once.Do(func() { close(stop) })
		return nil
	}
	env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	env.SetWorkerStopChannel(stop)
	_, err := y.drainIn(env)
	var app *temporal.ApplicationError
	if !errors.As(err, &app) || app.Type() != DrainInterrupted {
		t.Errorf("error %v", err)
	}
	left, hold := y.left()
	if len(y.told)+len(left) != 2*drainPortion || len(left) < drainPortion || hold == nil {
		t.Errorf("told %d, left %d, held %+v", len(y.told), len(left), hold)
	}
}

// What waits for a place among the attempts under way is no failure.
func TestDrainWaitsForAPlace(t *testing.T) {
	y := newYard(t)
	y.record("w", "1")
	y.answer = func(string) *webhook.Verdict {
		if len(y.tries) < 3 {
			return &webhook.Verdict{Kind: webhook.Deferred, Reason: "busy"}
		}
		return nil
	}
	if _, err := y.drain(); err != nil || len(y.told) != 1 {
		t.Errorf("%v, told %q", err, y.told)
	}
}

// Workflows that do not run are relieved of what they owe, and those that run are not.
func TestSweep(t *testing.T) {
	y := newYard(t)
	if err := y.Release(t.Context(), "crm"); err != nil {
		t.Fatal(err)
	}
	for i := range sweepPortion + 2 {
		id := fmt.Sprintf("%03d", i)
		y.record(id, id)
		if i > 1 {
			y.running = append(y.running, id)
		}
	}
	sweep := func() (out SweepResult) {
		t.Helper()
		env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
		d := y.destinations()
		env.RegisterActivity(d)
		value, err := env.ExecuteActivity(d.Sweep, DestinationInput{Destination: "crm"})
		if err == nil {
			err = value.Get(&out)
		}
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if out := sweep(); out.Adopted != 2 {
		t.Errorf("%+v", out)
	}
	if n := len(slices.Compact(slices.Sorted(slices.Values(y.asked)))); n != sweepPortion+2 {
		t.Errorf("asked about %d workflows", n)
	}
	left, _ := y.left()
	same(t, "handed over", left, []string{"000", "001"})
}
