// Package worker registers the workflows and activities and runs them.
package worker

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"holdfast/activities"
	"holdfast/workflows"
)

// Options are the settings of a worker.
type Options struct {
	TaskQueue   string
	StopTimeout time.Duration // how long activities may go on after a stop before they are cancelled
	// Storage says that the client has an external storage. The SDK's own check of sizes is off then: it looks at the
	// results of local activities before they are stored, and would refuse what Temporal never sees.
	Storage bool
}

// tasks is how many workflow tasks are under way at a time. Beyond what a machine can do, fewer tell what is urgent sooner;
// where destinations are slow, more tell more.
const tasks = 32

// computing is how long a workflow may compute before it is taken for one that hangs. The SDK's second is not enough for a
// busy machine to read a webhook of some megabytes. Its own remedy, to stop the clock while a converter is at work, is no
// choice: it is not safe where local activities end at the same time.
const computing = 10 * time.Second

// Register makes a worker, or a replayer, know the workflows of this program by their names.
func Register(r worker.WorkflowRegistry) {
	r.RegisterWorkflow(workflows.ProcessWebhooks)
	r.RegisterWorkflow(workflows.Housekeeping)
	r.RegisterWorkflow(workflows.Destination)
	r.RegisterWorkflow(workflows.Replay)
}

// Run works until the context is done, then finishes what is in flight. The error is one that makes going on impossible.
// ready is called once the worker polls.
func Run(ctx context.Context, c client.Client, a *activities.Activities, d *activities.Destinations, o Options, ready func()) error {
	fatal := make(chan error, 1)
	autoscaling := worker.NewPollerBehaviorAutoscaling(worker.PollerBehaviorAutoscalingOptions{})
	w := worker.New(c, o.TaskQueue, worker.Options{
		WorkflowTaskPollerBehavior: autoscaling,
		ActivityTaskPollerBehavior: autoscaling,
		WorkerStopTimeout:          o.StopTimeout,
		DisablePayloadErrorLimit:   o.Storage,
		DeadlockDetectionTimeout:   computing,
		// A task is a whole group of webhooks on its way. More at a time than keep the processors busy while others wait for
		// destinations would only make each of them slow, until the server takes them for lost and has them done again.
		MaxConcurrentWorkflowTaskExecutionSize: tasks,
		OnFatalError:                           func(err error) { fatal <- err },
	})
	Register(w)
	w.RegisterActivity(a)
	w.RegisterActivity(d)
	if err := w.Start(); err != nil {
		return fmt.Errorf("start worker: %w", err)
	}
	ready()
	select {
	case err := <-fatal: // the SDK has stopped the worker
		return fmt.Errorf("worker: %w", err)
	case <-ctx.Done():
		w.Stop()
		return nil
	}
}
