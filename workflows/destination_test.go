package workflows_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"holdfast/activities"
	"holdfast/internal/webhook"
	"holdfast/worker"
	"holdfast/workflows"
)

var began = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// mooring is what a destination's workflow meets: the deeds, and how things are.
type mooring struct {
	t   *testing.T
	env *testsuite.TestWorkflowEnvironment

	mu       sync.Mutex
	standing webhook.Standing
	deeds    []string // "minutes:seconds deed", but for looks
	looks    int
	drain    func() // what a drain brings about; nil: all is told
	orphans  int
	own      bool
	last     time.Time // what drains were told of the last one
}

func newMooring(t *testing.T) *mooring {
	m := &mooring{t: t, env: new(testsuite.WorkflowTestSuite).NewTestWorkflowEnvironment()}
	m.env.SetWorkflowRunTimeout(1000 * time.Hour)
	m.env.SetStartTime(began)
	worker.Register(m.env)
	m.env.RegisterActivity(m.Look)
	m.env.RegisterActivity(m.Drain)
	m.env.RegisterActivity(m.Pause)
	m.env.RegisterActivity(m.Resume)
	m.env.RegisterActivity(m.Sweep)
	return m
}

// did notes a deed. The mutex is locked.
func (m *mooring) did(deed string) {
	at := m.env.Now().Sub(began)
	m.deeds = append(m.deeds, fmt.Sprintf("%d:%02d %s", int(at.Minutes()), int(at.Seconds())%60, deed))
}

func (m *mooring) Look(context.Context, activities.DestinationInput) (activities.Standing, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.looks++
	return activities.Standing{Standing: m.standing, Configured: true, Own: m.own, At: m.env.Now()}, nil
}

func (m *mooring) Drain(_ context.Context, in activities.DestinationInput) (activities.DrainResult, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.did("drain")
	m.last = in.Last
	if m.drain != nil {
		m.drain()
	} else {
		m.standing = webhook.Standing{}
	}
	return activities.DrainResult{Last: m.env.Now()}, nil
}

func (m *mooring) Pause(_ context.Context, in activities.OrderInput) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.did("pause " + in.Actor)
	m.standing.Hold = &webhook.Hold{Cause: webhook.ByOperator, Actor: in.Actor, Reason: in.Reason, Since: m.env.Now()}
	return nil
}

func (m *mooring) Resume(_ context.Context, in activities.OrderInput) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.did("resume " + in.Actor)
	m.trouble(0, 0)
	return nil
}

func (m *mooring) Sweep(context.Context, activities.DestinationInput) (activities.SweepResult, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.did("sweep")
	m.standing.Orphan = false
	m.standing.Handed += m.orphans
	return activities.SweepResult{Adopted: m.orphans}, nil
}

// trouble holds the destination by trouble. The mutex is locked.
func (m *mooring) trouble(probes int, next time.Duration) {
	m.standing.Hold = &webhook.Hold{Cause: webhook.ByTrouble, Reason: "status 503", Probes: probes, Since: m.env.Now(), Next: m.env.Now().Add(next)}
}

// after does something once the workflow has waited that long.
func (m *mooring) after(d time.Duration, do func()) {
	m.env.RegisterDelayedCallback(func() {
		m.mu.Lock()
		do()
		m.mu.Unlock()
	}, d)
}

func (m *mooring) signal(after time.Duration, name string, arg any) {
	m.env.RegisterDelayedCallback(func() { m.env.SignalWorkflow(name, arg) }, after)
}

// run runs it for a while and returns how it ended.
func (m *mooring) run(d time.Duration) error {
	m.env.RegisterDelayedCallback(m.env.CancelWorkflow, d)
	m.env.ExecuteWorkflow(workflows.Destination, activities.DestinationInput{Destination: "crm"})
	return m.env.GetWorkflowError()
}

func (m *mooring) want(deeds ...string) {
	m.t.Helper()
	if !slices.Equal(m.deeds, deeds) {
		m.t.Errorf("did %q, want %q", m.deeds, deeds)
	}
}

// While nothing is wrong nothing is done.
func TestFlowingDestinationIsQuiet(t *testing.T) {
	m := newMooring(t)
	err := m.run(100 * time.Hour)
	if !temporal.IsCanceledError(err) || m.looks != 1 {
		t.Errorf("%d looks in a hundred hours, %v", m.looks, err)
	}
	m.want()
}

func TestHeldDestinationIsAskedByTimer(t *testing.T) {
	m := newMooring(t)
	m.after(time.Minute, func() {
		m.standing.Handed, m.standing.Owed = 3, 4
		m.trouble(0, 5*time.Second)
	})
	m.signal(time.Minute, workflows.Look, nil)
	probes := 0
	m.drain = func() {
		if probes++; probes < 3 {
			m.trouble(probes, 10*time.Second<<probes)
			return
		}
		m.standing = webhook.Standing{}
	}
	_ = m.run(2 * time.Hour) // cancelled
	m.want("1:05 drain", "1:25 drain", "2:05 drain")
}

// A worker whose clock is hours ahead has held it: it is asked before that.
func TestHeldByAnotherClock(t *testing.T) {
	m := newMooring(t)
	m.trouble(0, 5*time.Hour)
	_ = m.run(3 * time.Hour) // cancelled
	m.want("65:00 drain")
}

func TestPausedUntilResumed(t *testing.T) {
	m := newMooring(t)
	m.signal(time.Minute, workflows.Pause, workflows.Order{Actor: "ada", Reason: "maintenance"})
	m.signal(time.Hour, workflows.Look, nil)
	m.after(time.Hour, func() { m.standing.Handed = 7 })
	m.signal(2*time.Hour, workflows.Resume, workflows.Order{Actor: "bob"})
	_ = m.run(4 * time.Hour) // cancelled
	m.want("1:00 pause ada", "120:00 resume bob", "120:00 drain")
}

// What is paused while it is held is not asked by timer any more.
func TestPausedWhileHeld(t *testing.T) {
	m := newMooring(t)
	m.trouble(0, 5*time.Minute)
	m.signal(time.Minute, workflows.Pause, workflows.Order{Actor: "ada"})
	_ = m.run(4 * time.Hour) // cancelled
	m.want("1:00 pause ada")
}

// What nobody tells any more is found, and told at once if nothing is held.
func TestOrphansAreTold(t *testing.T) {
	for held, want := range map[bool][]string{
		false: {"1:00 sweep", "1:00 drain"},
		true:  {"1:00 sweep", "6:00 drain"},
	} {
		t.Run(fmt.Sprint("held ", held), func(t *testing.T) {
			m := newMooring(t)
			m.orphans = 2
			m.after(time.Minute, func() {
				m.standing.Orphan = true
				if held {
					m.trouble(0, 5*time.Minute)
				}
			})
			m.signal(time.Minute, workflows.Look, nil)
			_ = m.run(4 * time.Hour) // cancelled
			m.want(want...)
		})
	}
}

// What was handed over while nobody looked, because the workflow was not there, is told when it is.
func TestFirstLook(t *testing.T) {
	m := newMooring(t)
	m.standing.Handed = 1
	_ = m.run(time.Hour) // cancelled
	m.want("0:00 drain")
}

// An operator's pause is obeyed while a drain is under way.
func TestPausedWhileDrained(t *testing.T) {
	m := newMooring(t)
	m.standing.Handed = 1
	m.drain = func() {
		m.mu.Unlock()
		defer m.mu.Lock()
		m.env.SignalWorkflow(workflows.Pause, workflows.Order{Actor: "ada"})
		for paused := false; !paused; {
			m.mu.Lock()
			paused = m.standing.Hold != nil
			m.mu.Unlock()
		}
	}
	_ = m.run(time.Hour) // cancelled
	m.want("0:00 drain", "0:00 pause ada")
}

// However long it lives, no history grows without bound; it has nothing to hand on.
func TestDestinationContinuesAsNew(t *testing.T) {
	m := newMooring(t)
	m.env.SetContinueAsNewSuggested(true)
	m.signal(time.Minute, workflows.Look, nil)
	var next *workflow.ContinueAsNewError
	if err := m.run(time.Hour); !errors.As(err, &next) {
		t.Errorf("ended with %v", err)
	}
}

// One that nobody else tells is told all the time. If that ends at once it is not begun again at once.
func TestOwnDestinationIsToldAllTheTime(t *testing.T) {
	m := newMooring(t)
	m.own = true
	drains := 0
	m.drain = func() {
		if drains++; drains == 4 {
			m.own = false
		}
	}
	m.after(30*time.Minute, func() { m.own = true })
	m.signal(30*time.Minute, workflows.Look, nil)
	_ = m.run(30*time.Minute + 7*time.Second) // cancelled
	m.want("0:00 drain", "0:05 drain", "0:10 drain", "0:15 drain", "30:00 drain", "30:05 drain")
	if m.last.IsZero() {
		t.Error("the last drain was not told of the one before")
	}
}

// An operator's order is obeyed at once also if a drain has just ended, and nothing turns in circles until the pause after that
// is over.
func TestOwnDestinationIsResumedAtOnce(t *testing.T) {
	m := newMooring(t)
	m.own = true
	m.drain = func() { m.trouble(1, 10*time.Second) }
	m.after(2*time.Second, func() { m.trouble(1, time.Second) }) // by another worker
	m.signal(2*time.Second, workflows.Look, nil)
	m.signal(6*time.Second, workflows.Resume, workflows.Order{Actor: "bob"})
	m.signal(8*time.Second, workflows.Resume, workflows.Order{Actor: "bob"})
	_ = m.run(15 * time.Second) // cancelled
	m.want("0:00 drain", "0:05 drain", "0:06 resume bob", "0:06 drain", "0:08 resume bob", "0:08 drain")
	if m.looks > 15 {
		t.Errorf("%d looks", m.looks)
	}
}

// While it is told, signals are heard, and it is looked for what nobody tells.
func TestOwnDestinationHearsWhileItIsTold(t *testing.T) {
	m := newMooring(t)
	m.own, m.orphans = true, 1
	m.drain = func() {
		m.standing.Orphan = true
		m.mu.Unlock()
		defer m.mu.Lock()
		m.env.SignalWorkflow(workflows.Look, nil)
		m.env.SignalWorkflow(workflows.Pause, workflows.Order{Actor: "ada"})
		for done := false; !done; {
			m.mu.Lock()
			done = m.standing.Hold != nil && !m.standing.Orphan
			m.mu.Unlock()
		}
	}
	_ = m.run(time.Hour) // cancelled
	if slices.Sort(m.deeds); !slices.Equal(m.deeds, []string{"0:00 drain", "0:00 pause ada", "0:00 sweep"}) {
		t.Errorf("did %q", m.deeds)
	}
}

// A history that has grown long is cut, although it is told all the time.
func TestOwnDestinationContinuesAsNew(t *testing.T) {
	m := newMooring(t)
	m.own = true
	ended := make(chan struct{})
	m.drain = func() {
		m.mu.Unlock()
		defer m.mu.Lock()
		m.env.SetContinueAsNewSuggested(true)
		m.env.SignalWorkflow(workflows.Look, nil)
		<-ended
	}
	err := m.run(time.Hour)
	close(ended)
	if _, cut := errors.AsType[*workflow.ContinueAsNewError](err); !cut {
		t.Errorf("ended with %v", err)
	}
}

// What a held destination is owed is not tried, and the workflow ends, whatever became of the others.
func TestOwedToAHeldDestination(t *testing.T) {
	w := newWorld(t)
	w.routes = []string{"crm", "log"}
	w.held["crm"] = true
	status := w.run("a")
	if status.Stage != workflows.StageOwed || w.tries["crm"] != 0 || !slices.Equal(w.told, []string{"log account.banned"}) {
		t.Errorf("stage %q, %d tries, told %q", status.Stage, w.tries["crm"], w.told)
	}
	if d := status.Deliveries; len(d) != 2 || d[0].Stage != workflows.StageOwed || d[1].Stage != workflows.StageTold {
		t.Errorf("deliveries %+v", d)
	}
}

// What is retried is handed over when the destination is held meanwhile, by whomever.
func TestHeldWhileItIsRetried(t *testing.T) {
	w := newWorld(t)
	before := 0
	w.answer = func(string, int) error { return &webhook.Verdict{Kind: webhook.Retry, Reason: "status 503"} }
	w.env.RegisterDelayedCallback(func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.held["crm"] = true
		before = w.tries["crm"]
	}, 20*time.Second)
	status := w.run("a")
	if status.Stage != workflows.StageOwed || !w.handed["crm"] || before < 3 || w.tries["crm"] != before {
		t.Errorf("stage %q, handed %v, %d tries, %d of them before it was held", status.Stage, w.handed["crm"], w.tries["crm"], before)
	}
}

// Trouble that the workflow's own attempts find holds the destination.
func TestTroubleHolds(t *testing.T) {
	w := newWorld(t)
	w.answer = func(string, int) error { return &webhook.Verdict{Kind: webhook.Trouble, Reason: "status 401"} }
	status := w.run("a")
	if status.Stage != workflows.StageOwed || !w.held["crm"] || w.tries["crm"] != 3 {
		t.Errorf("stage %q, held %v, %d tries", status.Stage, w.held["crm"], w.tries["crm"])
	}
}
