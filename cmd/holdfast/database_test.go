package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"holdfast/internal/state/statetest"
)

// While the database is away, a webhook waits in an activity that an operator can see and that Temporal retries: its
// workflow does not fail.
func TestDatabaseAway(t *testing.T) {
	r := newRig(t)
	r.stateURL = statetest.Postgres(t)
	crm := newListener(t)
	h := r.start(r.config(map[string]*listener{"crm": crm}), both)
	config, err := pgx.ParseConfig(r.stateURL)
	if err != nil {
		t.Fatal(err)
	}
	database := config.Database
	config.Database = "postgres"
	admin, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(t.Context())
	for _, statement := range []string{
		"ALTER DATABASE " + database + " ALLOW_CONNECTIONS false",
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" + database + "'",
	} {
		if _, err := admin.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	body := ban(account, time.Now())
	if code := r.post(h, body); code != http.StatusOK {
		t.Fatalf("status %d: to accept takes no database", code)
	}
	eventually(t, "an activity waits for the database", func() bool {
		d, err := r.temporal.DescribeWorkflowExecution(t.Context(), r.workflow(body), "")
		return err == nil && len(d.GetPendingActivities()) == 1
	})
	if _, err := admin.Exec(t.Context(), "ALTER DATABASE "+database+" ALLOW_CONNECTIONS true"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is told", func() bool { return len(crm.told()) == 1 })
	eventually(t, "the workflow ends", func() bool { return r.closed(body) })
}
