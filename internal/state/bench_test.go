package state_test

import (
	"fmt"
	"testing"

	"holdfast/internal/state/statetest"
	"holdfast/internal/webhook"
)

// Webhooks of one event that informs, which is most of the traffic, and of one that bans another account each; and
// settling what they owe. PostgreSQL waits for the disk here, as it does in production and SQLite does anyway.
func BenchmarkRecord(b *testing.B) {
	for _, database := range []string{"sqlite", "postgres"} {
		for _, size := range []int{1, 100} {
			for _, kind := range []string{"informs", "bans"} {
				b.Run(fmt.Sprintf("%s/%d/%s", database, size, kind), func(b *testing.B) {
					url := sqliteURL(b)
					if database == "postgres" {
						url = statetest.Postgres(b)
						waitForDisk(b, url)
					}
					s := open(b, url)
					n := 0
					for b.Loop() {
						n++
						workflow := fmt.Sprint("w", n)
						group := hundred(workflow, 1)[:size]
						for i := range group {
							if kind == "informs" {
								group[i].Events[0].Changes = nil
							}
						}
						recorded, err := s.Record(b.Context(), workflow, group)
						if err != nil {
							b.Fatal(err)
						}
						if recorded.Outcomes[size-1][0] != webhook.Fresh {
							b.Fatalf("outcome %v", recorded.Outcomes[size-1])
						}
						for _, o := range recorded.Owed {
							if err := s.Settle(b.Context(), workflow, o.Destination, o.Events, "told"); err != nil {
								b.Fatal(err)
							}
						}
					}
					b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "webhooks/s")
				})
			}
		}
	}
}

func waitForDisk(b *testing.B, url string) {
	b.Helper()
	db := behind(b, url)
	for _, statement := range []string{"ALTER SYSTEM SET fsync = on", "SELECT pg_reload_conf()"} {
		execute(b, db, statement)
	}
}
