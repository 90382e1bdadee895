package workflows_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/sdk/testsuite"

	"holdfast/activities"
	"holdfast/internal/webhook"
	"holdfast/worker"
	"holdfast/workflows"
)

// stubborn is a log that cannot be pruned at first.
type stubborn struct {
	failures int
	tries    int
}

func (s *stubborn) Prune(_ context.Context, dedupe time.Duration, beat func()) (webhook.Pruned, error) {
	beat()
	if s.tries++; s.tries <= s.failures {
		return webhook.Pruned{Notifications: 1}, errors.New("a backup reads the log")
	}
	return webhook.Pruned{Opened: true, Volumes: 1, Events: int64(dedupe.Hours())}, nil
}

func keepHouse(t *testing.T, log *stubborn) *testsuite.TestWorkflowEnvironment {
	t.Helper()
	env := new(testsuite.WorkflowTestSuite).NewTestWorkflowEnvironment()
	env.SetWorkflowRunTimeout(24 * time.Hour)
	worker.Register(env)
	env.RegisterActivity(&activities.Activities{
		Log: log, Dedupe: 240 * time.Hour, Metrics: activities.NewMetrics(prometheus.NewRegistry()),
	})
	env.ExecuteWorkflow(workflows.Housekeeping)
	if !env.IsWorkflowCompleted() {
		t.Fatal("housekeeping has not ended")
	}
	return env
}

func TestHousekeeping(t *testing.T) {
	env := keepHouse(t, &stubborn{failures: 3})
	var done workflows.Housekept
	if err := env.GetWorkflowResult(&done); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(workflows.Housekept{Log: webhook.Pruned{Opened: true, Volumes: 1, Events: 240}}, done); diff != "" {
		t.Errorf("done (-want +got):\n%s", diff)
	}
}

// What cannot be done is given up some time, visibly: the next one tries again.
func TestHousekeepingFails(t *testing.T) {
	log := &stubborn{failures: 1 << 30}
	if err := keepHouse(t, log).GetWorkflowError(); err == nil {
		t.Error("housekeeping succeeded without having done anything")
	}
	if log.tries < 3 {
		t.Errorf("tried %d times", log.tries)
	}
}
