package ingress

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// A Check asks whether something is well.
type Check struct {
	Name string // one word or two, for operators
	// Advisory is for what webhooks can be accepted without, because something else stands in for it. That it is not well
	// is shown, and does not make the ingress not ready.
	Advisory bool
	// Ask returns nil if all is well. The text of an error is logged and shown to operators, so it is in our words and
	// holds no secret. Ask is never called twice at a time; it should return soon after ctx is done.
	Ask func(ctx context.Context) error
}

// CheckState is what is known of a [Check].
type CheckState struct {
	Name     string    `json:"name"`
	OK       bool      `json:"ok"`
	Advisory bool      `json:"advisory,omitempty"` // see [Check]
	Error    string    `json:"error,omitempty"`
	Since    time.Time `json:"since"` // it has been well, or not well, for that long
}

// Readiness is the JSON of /readyz of [Ingress.OperatorHandler].
type Readiness struct {
	Ready    bool         `json:"ready"`
	Draining bool         `json:"draining"` // see [Ingress.Drain]
	Checks   []CheckState `json:"checks"`
}

const (
	checksHold   = time.Second     // for how long an answer is repeated to whoever probes
	checksWithin = 2 * time.Second // to answer
)

var errNoAnswer = errors.New("no answer in time")

// A readiness asks the checks, all at once and not more often than it must.
type readiness struct {
	now    func() time.Time
	log    *slog.Logger
	within time.Duration

	mu     sync.Mutex // held while asking: probes that come meanwhile wait for the same answers
	asked  time.Time
	checks []*checked
}

type checked struct {
	ask     func(ctx context.Context) error
	pending chan error // of a call under way; nil if there is none
	state   CheckState
}

func newReadiness(checks []Check, now func() time.Time, log *slog.Logger) *readiness {
	r := &readiness{now: now, log: log, within: checksWithin}
	for _, c := range checks {
		r.checks = append(r.checks, &checked{ask: c.Ask, state: CheckState{Name: c.Name, Advisory: c.Advisory}})
	}
	return r
}

// look returns the state of every check, not older than checksHold.
func (r *readiness) look(ctx context.Context) []CheckState {
	r.mu.Lock()
	defer r.mu.Unlock()
	if age := r.now().Sub(r.asked); r.asked.IsZero() || age < 0 || age >= checksHold {
		r.askAll(ctx)
		r.asked = r.now()
	}
	states := []CheckState{} // [] in JSON, not null
	for _, c := range r.checks {
		states = append(states, c.state)
	}
	return states
}

func (r *readiness) askAll(ctx context.Context) {
	// The answers are for everybody, so the one who asked first must not end it by leaving.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.within)
	defer cancel()
	for _, c := range r.checks {
		if c.pending == nil { // else the last call has not returned yet: wait for that one
			c.start(ctx)
		}
	}
	for _, c := range r.checks {
		select {
		case err := <-c.pending:
			c.pending = nil
			r.note(c, err)
		case <-ctx.Done():
			r.note(c, errNoAnswer)
		}
	}
}

func (c *checked) start(ctx context.Context) {
	pending := make(chan error, 1)
	c.pending = pending
	go func() {
		var err error
		defer func() { pending <- err }()
		defer recoverAs(&err)
		err = c.ask(ctx)
	}()
}

// note keeps an answer, and logs it where it is news.
func (r *readiness) note(c *checked, err error) {
	was := c.state
	c.state = CheckState{Name: was.Name, OK: err == nil, Advisory: was.Advisory, Since: was.Since}
	if err != nil {
		c.state.Error = err.Error()
	}
	if !was.Since.IsZero() && was.OK == c.state.OK {
		return
	}
	c.state.Since = r.now().UTC()
	switch {
	case err != nil:
		r.log.Error("check failed", "check", was.Name, "err", err)
	case !was.Since.IsZero():
		r.log.Info("check passed again", "check", was.Name, "after", fmt.Sprint(c.state.Since.Sub(was.Since)))
	}
}

// ready reports whether webhooks should be sent here, and why.
func (in *Ingress) ready(ctx context.Context) Readiness {
	state := Readiness{Draining: in.draining.Load(), Checks: in.readiness.look(ctx)}
	state.Ready = !state.Draining
	for _, c := range state.Checks {
		state.Ready = state.Ready && (c.OK || c.Advisory)
	}
	return state
}
