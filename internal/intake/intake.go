// Package intake makes webhooks durable. It starts workflows for them, in groups when they come faster than workflows
// can be started one by one, and keeps them on disk while Temporal is slow or away.
//
// There are two lanes: an urgent one, whose webhooks never wait for others, and one for the bulk. Neither has a timer to
// tune: on a quiet system each webhook is started at once and alone; on a busy one, what arrives while a start is under
// way goes with the next, all together.
//
// Nobody waits long. What is not being started after a tenth of a second, and what is in a start that has not ended a
// little later, goes to the spool, which is as durable; from there it is started later, unless that start succeeded after
// all. While Temporal is away a breaker sends everything to the spool at once.
package intake

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast/internal/spool"
	"holdfast/internal/webhook"
)

// A Starter starts one workflow for a group of webhooks. It is safe for concurrent use.
type Starter interface {
	// Start returns nil once the group is durable, [webhook.ErrDuplicate] if the very same group is already, an error that
	// wraps [webhook.ErrUnprocessable] if the group as it is will never be taken, one that wraps [webhook.ErrStorage] if it
	// was not taken now for what it needs beside Temporal, and any other if it was not taken now.
	Start(ctx context.Context, group []webhook.Webhook, peek webhook.Peek) error
	// Size is how many bytes a group takes, compressed, and how many may be taken.
	Size(group []webhook.Webhook) (size, most int, err error)
}

// A Codec makes files of what is spooled.
type Codec interface {
	Encode(v any) ([]byte, error)
	Decode(data []byte, v any) error
}

// Options are what an Intake is made of. All but Single must be set.
type Options struct {
	Starter    Starter
	Spool      *spool.Spool // closed by its owner, after the Intake
	Codec      Codec
	Starts     int  // of bulk webhooks, at a time, at most
	Single     bool // each webhook has a workflow of its own, at any rate
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// The figures of reference measurements: a second start at the same time pays once as many wait, groups beyond a
// hundred gain nothing, and what is urgent needs two slots so that one slow start does not hold the next.
const (
	groupStep   = 50
	groupCap    = 100
	urgentSlots = 2
)

const (
	// groupBytes bounds a group as it is stored; a single webhook may be larger. A group that is below it before it is
	// compressed needs no measuring, and rawBytes bounds what is tried at all.
	groupBytes = 1 << 20
	rawBytes   = 4 << 20
	// surelyFits is the size of bodies that fit alone whatever they hold: not even escaping every byte makes these too
	// large.
	surelyFits = 256 << 10
)

const (
	patience      = 100 * time.Millisecond // with which a webhook waits for a start to begin, if there is a spool to go to
	hedgeAfter    = 150 * time.Millisecond // since it came, a webhook goes to the spool although its start is under way
	startDeadline = time.Second            // of a start that somebody may wait for
	drainDeadline = 5 * time.Second        // of one that nobody waits for
	probeEvery    = time.Second            // while Temporal is away
)

// An Intake accepts webhooks.
type Intake struct {
	starter Starter
	spool   *spool.Spool
	codec   Codec
	urgent  *lane
	bulk    *lane
	aside   *spool.Queue
	breaker breaker
	log     *slog.Logger
	metrics *metrics

	closing context.Context // done when the Intake is being closed
	close   context.CancelFunc
	drains  sync.WaitGroup
}

// New makes an Intake and begins to start what the spool has from before. What was set aside is tried once more.
func New(o Options) (*Intake, error) {
	in := &Intake{starter: o.Starter, spool: o.Spool, codec: o.Codec, aside: o.Spool.Aside, log: o.Logger}
	in.closing, in.close = context.WithCancel(context.Background())
	most := groupCap
	if o.Single {
		most = 1
	}
	in.urgent = newLane(in, "urgent", o.Spool.Urgent, shape{slots: urgentSlots, most: 1})
	in.bulk = newLane(in, "bulk", o.Spool.Bulk, shape{slots: o.Starts, most: most, step: groupStep})
	if o.Single {
		in.bulk.step = 0
	}
	var err error
	if in.metrics, err = newMetrics(o.Registerer, in); err != nil {
		return nil, fmt.Errorf("new intake: %w", err)
	}
	if err := in.retryAside(); err != nil {
		in.log.Warn("What was set aside stays there", "error", err)
	}
	for _, l := range []*lane{in.urgent, in.bulk} {
		in.drains.Go(func() { l.drain(in.closing) })
	}
	return in, nil
}

// Close stops starting what is spooled; it is kept for the next process. Call it when no Start is under way any more.
func (in *Intake) Close() {
	in.close()
	in.drains.Wait()
}

// Start returns nil once the webhook is durable, in Temporal or on disk. The other outcomes are [webhook.ErrDuplicate],
// if the same webhook is durable already; [webhook.ErrTooLarge]; and what kept both Temporal and the disk from taking it.
// A duplicate of what was started in a group, or spooled, is accepted and found out later.
func (in *Intake) Start(ctx context.Context, w webhook.Webhook, peek webhook.Peek) error {
	if len(w.Body) > surelyFits {
		size, most, err := in.starter.Size([]webhook.Webhook{w})
		if err != nil {
			return err
		}
		if size > most {
			return webhook.ErrTooLarge
		}
	}
	l := in.bulk
	if peek.Urgent {
		l = in.urgent
	}
	it, first := l.add(w, peek)
	select {
	case <-it.done:
	case <-ctx.Done():
		l.leave(it)
		return fmt.Errorf("wait for a start: %w", context.Cause(ctx))
	}
	if it.err == nil && !first {
		return webhook.ErrDuplicate
	}
	return it.err
}

// Ask returns nil if webhooks can be accepted, those that are urgent at least: one of Temporal and the disk suffices.
func (in *Intake) Ask(context.Context) error {
	away := in.breaker.reason()
	if away == "" {
		return nil
	}
	if err := in.urgent.queue.Err(); err != nil {
		return fmt.Errorf("Temporal does not take webhooks (%s), and neither does the spool: %w", away, err)
	}
	return nil
}

// start starts a workflow for a group and tells the breaker how that went.
func (in *Intake) start(l *lane, group []record, deadline time.Duration) error {
	webhooks, peek := merge(group)
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	began := time.Now()
	err := in.starter.Start(ctx, webhooks, peek)
	l.metrics.started(err, len(group), time.Since(began))
	switch {
	case err == nil, errors.Is(err, webhook.ErrDuplicate):
		if in.breaker.worked() {
			in.log.Info("Temporal takes webhooks again")
		}
	case errors.Is(err, webhook.ErrUnprocessable), errors.Is(err, webhook.ErrStorage): // say nothing of Temporal
	default:
		if in.breaker.failed(ctx.Err() != nil) {
			in.log.Error("Temporal does not take webhooks; they go to the spool", "error", err)
		}
	}
	return err
}

// setAside keeps what Temporal will not take as it is where an operator finds it.
func (in *Intake) setAside(data []byte, why error) error {
	if err := in.aside.Append(data); err != nil {
		return fmt.Errorf("set aside: %w", err)
	}
	in.metrics.aside.Inc()
	in.log.Error("A webhook cannot be started and was set aside", "error", why, "see", "holdfast spool ls")
	return nil
}

// retryAside puts what was set aside into the bulk once more: what kept it from being started may have been mended.
func (in *Intake) retryAside() error {
	for {
		entries, err := in.aside.Peek(groupCap, groupBytes)
		if err != nil || len(entries) == 0 {
			return err
		}
		data := make([][]byte, len(entries))
		for i, e := range entries {
			data[i] = e.Data
		}
		if err := in.bulk.queue.Append(data...); err != nil {
			return err
		}
		if err := in.aside.Done(entries); err != nil {
			return err
		}
	}
}
