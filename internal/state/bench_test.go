package state_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"holdfast/internal/state"
	"holdfast/internal/state/statetest"
	"holdfast/internal/webhook"
)

// Webhooks of one event that informs, which is most of the traffic, and of one that bans another account each; what they
// owe is read and settled. PostgreSQL waits for the disk here, as it does in production and SQLite does anyway.
func BenchmarkRecord(b *testing.B) {
	for _, database := range []string{"sqlite", "postgres"} {
		for _, size := range []int{1, 100} {
			for _, kind := range []string{"informs", "bans"} {
				for _, callers := range []int{1, 4} {
					b.Run(fmt.Sprintf("%s/%d/%s/by=%d", database, size, kind, callers), func(b *testing.B) {
						benchmarkRecord(b, openFor(b, database), size, kind, callers)
					})
				}
			}
		}
	}
}

func benchmarkRecord(b *testing.B, s *state.Store, size int, kind string, callers int) {
	var n atomic.Int64
	perCaller(b, callers, func(ctx context.Context) error {
		workflow := groupID(fmt.Sprint("record ", n.Add(1)))
		recorded, err := s.Record(ctx, workflow, traffic(workflow, size, kind))
		if err == nil && recorded.Outcomes[size-1][0] != webhook.Fresh {
			err = fmt.Errorf("outcome %v", recorded.Outcomes[size-1])
		}
		return err
	})
	b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "webhooks/s")
}

func BenchmarkSettle(b *testing.B) {
	benchmarkOutbox(b, func(ctx context.Context, s *state.Store, workflow string, events []string) error {
		return s.Settle(ctx, workflow, "crm", told(events...))
	})
}

func BenchmarkOwed(b *testing.B) {
	benchmarkOutbox(b, func(ctx context.Context, s *state.Store, workflow string, events []string) error {
		owed, err := s.Owed(ctx, workflow, "crm")
		if err == nil && len(owed) != len(events) {
			err = fmt.Errorf("%d events are owed, want %d", len(owed), len(events))
		}
		return err
	})
}

func benchmarkOutbox(b *testing.B, do func(ctx context.Context, s *state.Store, workflow string, events []string) error) {
	for _, database := range []string{"sqlite", "postgres"} {
		for _, size := range []int{1, 100} {
			for _, callers := range []int{1, 4} {
				b.Run(fmt.Sprintf("%s/%d/by=%d", database, size, callers), func(b *testing.B) {
					s := openFor(b, database)
					todo := make(chan webhook.Recorded, b.N)
					workflows := make(chan string, b.N)
					for i := range b.N {
						workflow := groupID(fmt.Sprint("outbox ", i))
						recorded, err := s.Record(b.Context(), workflow, traffic(workflow, size, "informs"))
						if err != nil {
							b.Fatal(err)
						}
						todo <- recorded
						workflows <- workflow
					}
					b.ResetTimer()
					perCaller(b, callers, func(ctx context.Context) error {
						return do(ctx, s, <-workflows, (<-todo).Owed[0].Events)
					})
				})
			}
		}
	}
}

// perCaller does something b.N times, by so many callers at once.
func perCaller(b *testing.B, callers int, do func(context.Context) error) {
	b.Helper()
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if err := do(b.Context()); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// traffic is a group of webhooks with an event each, with ids as they are in production.
func traffic(workflow string, size int, kind string) []webhook.Record {
	records := make([]webhook.Record, size)
	for i := range records {
		id := "evt_" + hashOf(fmt.Sprint(workflow, i))
		c := informs(id)
		c.Event.Data = &webhook.Alert{Type: "SOMETHING", Description: strings.Repeat("what happened ", 22)}
		if kind == "bans" {
			c = ban(id, noon)
			c.Changes[0].Entity = webhook.AccountEntity(id)
		}
		records[i] = in(hashOf(id), c)
	}
	return records
}

func groupID(of string) string { return "wg/" + hashOf(of) }

func hashOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:16])
}

func openFor(b *testing.B, database string) *state.Store {
	b.Helper()
	url := sqliteURL(b)
	if database == "postgres" {
		url = statetest.Postgres(b)
		waitForDisk(b, url)
	}
	return open(b, url)
}

func waitForDisk(b *testing.B, url string) {
	b.Helper()
	db := behind(b, url)
	for _, statement := range []string{"ALTER SYSTEM SET fsync = on", "SELECT pg_reload_conf()"} {
		execute(b, db, statement)
	}
}
