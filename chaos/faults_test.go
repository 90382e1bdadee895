package chaos

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"go.temporal.io/api/serviceerror"
)

// A fault is something that goes wrong while a provider sends.
type fault struct {
	name string
	what string // goes wrong: for the report
	rate float64
	// long faults take their time, and are left out of the short form.
	long bool
	// world says what is special about the world; nil: nothing.
	world func(t *testing.T, s *site) *options
	// strike does it, while webhooks arrive, and mends it again.
	strike func(w *world)
}

// How many webhooks a second are sent: as many as a small machine bears, and fewer where the fault has to last.
const (
	busy   = 80
	steady = 30
)

// outage is how long things are away.
const outage = time.Minute

// faults are all that can be done to Holdfast here. A new one is a line here and, if it is no one-liner, a function below.
func faults() []fault {
	return []fault{
		{
			name: "kill an ingress", what: "`kill -9` of one of two ingresses, which comes back", rate: busy,
			strike: func(w *world) { w.after(0.2); w.killRoom(w.ingress(0)) },
		},
		{
			name: "kill a worker", what: "`kill -9` of one of two workers, which comes back", rate: busy,
			strike: func(w *world) { w.after(0.2); w.killRoom(w.worker(0)) },
		},
		{
			name: "kill everything of ours", what: "`kill -9` of both ingresses and both workers, again and again", rate: busy, long: true,
			strike: func(w *world) {
				for i := range 4 {
					w.after(0.15 * float64(i+1))
					w.killRoom(w.rooms...)
				}
			},
		},
		{
			name: "kill Temporal", what: "`kill -9` of Temporal, which comes back", rate: busy, long: true,
			strike: func(w *world) { w.after(0.2); w.killTemporal() },
		},
		{
			name: "kill Temporal's database", what: "`kill -9` of Temporal's PostgreSQL, which comes back", rate: busy, long: true,
			strike: func(w *world) { w.after(0.2); w.killPostgres(w.pgTemporal) },
		},
		{
			name: "kill the state's database", what: "`kill -9` of the state's PostgreSQL, which comes back", rate: busy,
			strike: func(w *world) { w.after(0.2); w.killPostgres(w.pgState) },
		},
		{
			name: "kill a destination", what: "a destination is cut off in the middle of its connections, and comes back after 10 s", rate: busy, long: true,
			strike: func(w *world) {
				w.after(0.2)
				mended := w.broken("the destination all")
				w.sink("all").cut()
				w.pass(10 * time.Second)
				w.sink("all").open()
				mended()
			},
		},
		{
			name: "stop Temporal", what: "Temporal is stopped for 60 s", rate: steady, long: true,
			strike: func(w *world) {
				w.after(0.1)
				mended := w.broken("Temporal")
				w.temporal.stop()
				w.pass(outage)
				w.temporalUp()
				mended()
			},
		},
		{
			name: "stop Temporal's database", what: "Temporal's PostgreSQL is stopped for 60 s", rate: steady, long: true,
			strike: func(w *world) { w.after(0.1); w.stopPostgres(w.pgTemporal, outage) },
		},
		{
			name: "stop the state's database", what: "the state's PostgreSQL is stopped for 60 s", rate: steady, long: true,
			strike: func(w *world) { w.after(0.1); w.stopPostgres(w.pgState, outage) },
		},
		{
			name: "fill the disk", what: "Temporal is stopped until the disks of both spools are full, and comes back after they have space again", rate: busy, long: true,
			world: smallDisks, strike: fillDisks,
		},
		{
			name: "hang a destination", what: "a destination accepts and never answers, for 60 s", rate: steady, long: true,
			strike: func(w *world) {
				w.after(0.1)
				stop := make(chan struct{})
				w.sink("crm").fails(hanging(stop))
				w.pass(outage)
				w.sink("crm").mend()
				close(stop)
			},
		},
		{
			name: "terminate workflows", what: "a destination refuses every fourth event with 503, and all workflows are terminated, those that retry these and those of the destinations", rate: busy, long: true,
			strike: terminate,
		},
		{
			name: "restore Temporal", what: "Temporal is restored from a copy older than the state", rate: busy, long: true,
			strike: restore,
		},
		{
			name: "cut the network", what: "an ingress and a worker, in a network namespace of their own, are cut off for 20 s", rate: steady, long: true,
			world: namespaced, strike: cutNetwork,
		},
		{
			name: "skew clocks", what: "an ingress is an hour behind and a worker an hour ahead, all the time", rate: busy, long: true,
			world: skewed, strike: func(*world) {},
		},
	}
}

// after waits until a part of the script was sent.
func (w *world) after(part float64) {
	w.t.Helper()
	w.provider.await(part)
}

func (w *world) killRoom(rooms ...*room) {
	w.t.Helper()
	for _, r := range rooms {
		mended := w.broken(r.name)
		defer mended()
		r.kill()
	}
	for _, r := range rooms {
		w.roomUp(r)
	}
}

func (w *world) killTemporal() {
	w.t.Helper()
	defer w.broken("Temporal")()
	w.temporal.kill()
	w.temporalUp()
}

func (w *world) killPostgres(p *postgres) {
	w.t.Helper()
	defer w.broken(p.name)()
	p.kill()
	p.up()
}

func (w *world) stopPostgres(p *postgres, d time.Duration) {
	w.t.Helper()
	defer w.broken(p.name)()
	p.stop()
	w.pass(d)
	p.up()
}

// terminate ends the workflows that still have somebody to tell. Of a webhook that is not recorded nothing is known but its
// workflow: to terminate that is to decide that it is not wanted, so they are all recorded before.
func terminate(w *world) {
	w.after(0.1)
	w.sink("crm").fails(moody)
	w.after(0.6)
	release := w.provider.hold()
	defer release()
	defer w.broken("workflows")()
	w.recorded()
	ids, err := w.running(w.t.Context(), ` AND WorkflowType IN ("ProcessWebhooks", "Destination")`)
	if err != nil {
		w.t.Fatal(err)
	}
	if len(ids) == 0 {
		w.t.Error("no workflow was open, so none could be terminated")
	}
	for _, id := range ids {
		err := w.client.TerminateWorkflow(w.t.Context(), id, "", "a test")
		if _, ended := errors.AsType[*serviceerror.NotFound](err); err != nil && !ended { // by itself, meanwhile
			w.t.Fatal(err)
		}
	}
	w.sink("crm").mend()
}

// restore puts an older copy of Temporal's database in the place of the current one. What was accepted in between is
// recorded; some of it is not told yet.
func restore(w *world) {
	data, copied := w.pgTemporal.data, filepath.Join(w.dir, "older")
	w.after(0.2)
	release := w.provider.hold()
	w.recorded()
	mended := w.broken("Temporal")
	w.temporal.stop()
	w.pgTemporal.stop()
	copyFiles(w.t, data, copied)
	w.pgTemporal.up()
	w.temporalUp()
	mended()
	w.sink("crm").fails(refusing)
	release()
	w.after(0.6)
	release = w.provider.hold()
	defer release()
	w.recorded()
	defer w.broken("Temporal")()
	w.temporal.stop()
	w.pgTemporal.stop()
	copyFiles(w.t, copied, data)
	w.pgTemporal.up()
	w.temporalUp()
	w.sink("crm").mend()
}

// recorded waits until everything that was sent is acknowledged and recorded in the state.
func (w *world) recorded() {
	w.t.Helper()
	eventually(w.t, patience, "everything that was sent is recorded", func() bool {
		if w.provider.waiting() > 0 {
			return false
		}
		r := w.look()
		recorded := make(map[string]bool, len(r.log))
		for _, l := range r.log {
			recorded[correlate(l.typ, l.at)] = true
		}
		for i, at := range r.acked {
			if at.IsZero() {
				continue
			}
			for _, event := range r.script.deliveries[i].events {
				if !recorded[r.script.events[event].key] {
					return false
				}
			}
		}
		return true
	})
}

// strikes runs a script through a world in which something goes wrong.
func (f fault) strikes(t *testing.T, s *site) outcome {
	var o *options
	if f.world != nil {
		o = f.world(t, s)
	}
	w := s.world(t, o)
	w.open(s.script, f.rate)
	ctx, cancel := context.WithCancel(context.Background())
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		w.provider.send(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-sent
	})
	began := time.Now()
	f.strike(w)
	mended := time.Now()
	w.after(1)
	r := w.settle()
	v := check(r, s.quiet)
	v.report(t)
	w.close()
	return outcome{fault: f, run: r, verdict: v, lasted: mended.Sub(began), recovered: r.recovered(mended), failed: t.Failed()}
}
