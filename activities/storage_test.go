package activities

import (
	"context"
	"errors"
	"testing"

	"go.temporal.io/sdk/testsuite"
)

// attic is a storage that tells how far it is, and may fail behind that.
type attic struct {
	from string
	err  error
}

func (a *attic) Prune(_ context.Context, after string, progress func(string)) (int, error) {
	a.from = after
	progress("key-7")
	return 3, a.err
}

func TestPruneStorage(t *testing.T) {
	for name, c := range map[string]struct {
		before any // details of the attempt before
		attic  *attic
		from   string
	}{
		"first attempt": {nil, &attic{}, ""},
		"next attempt":  {"key-5", &attic{}, "key-5"},
		"away":          {nil, &attic{err: errors.New("away")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
			a := &Activities{Storage: c.attic}
			env.RegisterActivity(a.PruneStorage)
			if c.before != nil {
				env.SetHeartbeatDetails(c.before)
			}
			value, err := env.ExecuteActivity(a.PruneStorage)
			if (err != nil) != (c.attic.err != nil) || c.attic.from != c.from {
				t.Fatalf("began behind %q, %v", c.attic.from, err)
			}
			if err != nil {
				return
			}
			var out PruneStorageResult
			if err := value.Get(&out); err != nil || out.Objects != 3 {
				t.Errorf("result %+v, %v", out, err)
			}
		})
	}
}

func TestPruneNoStorage(t *testing.T) {
	env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	a := &Activities{}
	env.RegisterActivity(a.PruneStorage)
	if _, err := env.ExecuteActivity(a.PruneStorage); err != nil {
		t.Error(err)
	}
}
