package activities

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"holdfast/internal/webhook"
)

// A bell counts who is told to look.
type bell struct {
	*yard
	rung int
}

func (b *bell) Look(context.Context, string) error {
	b.rung++
	return nil
}

// A clerk has a book of which portions may be lost on the way.
type clerk struct {
	Book
	portions int
	before   func(portion int) error // called before each
}

func (c *clerk) Replay(ctx context.Context, s webhook.Selection, to webhook.Route, owner, after string, limit int) (int, string, error) {
	c.portions++
	if err := c.before(c.portions); err != nil {
		return 0, "", err
	}
	return c.Book.Replay(ctx, s, to, owner, after, min(limit, 2))
}

// handOver runs the activity once on the events of a yard, two in a portion.
func (y *yard) handOver(env *testsuite.TestActivityEnvironment, before func(portion int) error) (HandOverResult, *bell, error) {
	y.t.Helper()
	d, b := y.destinations(), &bell{yard: y}
	d.Desk, d.Book = b, &clerk{Book: y.Store, before: before}
	env.RegisterActivity(d)
	in := HandOverInput{Destination: "crm", Selection: webhook.Selection{Types: []string{"account.*"}, Until: time.Now()}, Owner: "replay/crm/test"}
	value, err := env.ExecuteActivity(d.HandOverSelected, in)
	var out HandOverResult
	if err == nil {
		err = value.Get(&out)
	}
	return out, b, err
}

func newReplayYard(t *testing.T) (y *yard, want []string) {
	y = newYard(t)
	for i := range 5 {
		want = append(want, fmt.Sprint("evt-", i))
		y.record(fmt.Sprint("w", i), want[i])
	}
	y.drop(time.Now().Add(time.Hour))
	return y, want
}

// drop settles what is handed over.
func (y *yard) drop(before time.Time) DropResult {
	y.t.Helper()
	d := y.destinations()
	d.Book = y.Store
	env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	env.RegisterActivity(d)
	value, err := env.ExecuteActivity(d.DropOwed, DropInput{Destination: "crm", Before: before})
	var out DropResult
	if err == nil {
		err = value.Get(&out)
	}
	if err != nil {
		y.t.Fatal(err)
	}
	return out
}

func nothing(int) error { return nil }

// What is selected is owed once more, handed over in recorded order, and the destination's workflow is told to look.
func TestHandOverSelected(t *testing.T) {
	y, want := newReplayYard(t)
	done, b, err := y.handOver(new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment(), nothing)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(HandOverResult{Events: 5, Done: true}, done); diff != "" {
		t.Errorf("done (-want +got):\n%s", diff)
	}
	if left, _ := y.left(); !slices.Equal(left, want) || b.rung != 1 {
		t.Errorf("handed over %q, rung %d times; want %q, once", left, b.rung, want)
	}
	// The same again, as after a reset, adds nothing.
	if _, _, err := y.handOver(new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment(), nothing); err != nil {
		t.Fatal(err)
	}
	if left, _ := y.left(); !slices.Equal(left, want) {
		t.Errorf("after it was repeated: %q, want %q", left, want)
	}
}

// An attempt goes on where the heartbeat of the one before was, and counts what that has done.
func TestHandOverGoesOn(t *testing.T) {
	y, want := newReplayYard(t)
	var beat HandOverResult
	env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	env.SetOnActivityHeartbeatListener(func(_ *activity.Info, details converter.EncodedValues) {
		if err := details.Get(&beat); err != nil {
			t.Error(err)
		}
	})
	lost := errors.New("the database is gone")
	_, _, err := y.handOver(env, func(portion int) error {
		if portion == 3 {
			return lost
		}
		return nil
	})
	if err == nil || beat.Events != 4 || beat.After == "" {
		t.Fatalf("ended with %v, beat %+v", err, beat)
	}
	env = new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	env.SetHeartbeatDetails(beat)
	portions := 0
	done, _, err := y.handOver(env, func(portion int) error {
		portions = portion
		return nil
	})
	if err != nil || done.Events != 5 || !done.Done || portions != 1 {
		t.Errorf("then: %+v in %d portions, %v", done, portions, err)
	}
	if left, _ := y.left(); !slices.Equal(left, want) {
		t.Errorf("handed over %q, want %q", left, want)
	}
}

// One that is cancelled says how far it came, so that the workflow can say so.
func TestHandOverIsCancelled(t *testing.T) {
	y, want := newReplayYard(t)
	env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	ctx, cancel := context.WithCancel(t.Context())
	env.SetWorkerOptions(worker.Options{BackgroundActivityContext: ctx})
	done, b, err := y.handOver(env, func(portion int) error {
		if portion == 3 {
			cancel()
			return errors.New("cancelled")
		}
		return nil
	})
	if err != nil || done.Events != 4 || done.Done || b.rung != 1 {
		t.Errorf("done %+v, rung %d times, %v", done, b.rung, err)
	}
	if left, _ := y.left(); !slices.Equal(left, want[:4]) {
		t.Errorf("handed over %q", left)
	}
}

// To whom nobody knows nothing is handed over; trying again would not help.
func TestHandOverToAStranger(t *testing.T) {
	y, _ := newReplayYard(t)
	d := y.destinations()
	d.Notifier = strangers{y}
	env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	env.RegisterActivity(d)
	_, err := env.ExecuteActivity(d.HandOverSelected, HandOverInput{Destination: "crm"})
	var app *temporal.ApplicationError
	if !errors.As(err, &app) || app.Type() != UnknownDestination || !app.NonRetryable() {
		t.Errorf("ended with %v", err)
	}
}

type strangers struct{ Notifier }

func (strangers) Policy(string) (webhook.Policy, bool) { return webhook.Policy{}, false }

func TestDropOwed(t *testing.T) {
	y := newYard(t)
	y.record("w1", "evt-1", "evt-2")
	between := time.Now()
	y.record("w2", "evt-3")
	if diff := cmp.Diff(DropResult{Notifications: 1, Events: 2}, y.drop(between)); diff != "" {
		t.Errorf("dropped (-want +got):\n%s", diff)
	}
	if left, _ := y.left(); !slices.Equal(left, []string{"evt-3"}) {
		t.Errorf("left %q, want what was recorded later", left)
	}
}

func TestCountSelected(t *testing.T) {
	y, _ := newReplayYard(t)
	d := y.destinations()
	d.Book = y.Store
	env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	env.RegisterActivity(d)
	value, err := env.ExecuteActivity(d.CountSelected, webhook.Selection{Accounts: []string{"w1", "w2"}})
	n := 0
	if err == nil {
		err = value.Get(&n)
	}
	if err != nil || n != 2 {
		t.Errorf("%d events, %v", n, err)
	}
}
