package state_test

import (
	"context"
	"crypto/md5"
	"database/sql"
	"encoding/hex"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"holdfast/internal/state"
	"holdfast/internal/state/statetest"
	"holdfast/internal/webhook"
)

var (
	logRows  = flag.Int("rows", 1_000_000, "events in the log for BenchmarkLog")
	logOwed  = flag.Int("owed", 0, "unsettled notifications in the outbox for BenchmarkLog")
	logBytes = flag.Int("payload", 300, "bytes of each event's payload for BenchmarkLog")
)

const (
	logVolumes  = 4 // closed ones and the latest, as many as there are in normal operation
	logAccounts = 10000
)

// What is asked of a PostgreSQL that has so much in it already: the cost must not depend on that. `make bench-log` runs it.
// A hundred million events take 28 GB in the directory for temporary files, and 26 GB more with payloads of 300 bytes.
func BenchmarkLog(b *testing.B) {
	url := statetest.Postgres(b)
	db := behind(b, url)
	s := open(b, url)
	fillLog(b, s, db)
	waitForDisk(b, url)
	execute(b, db, "CHECKPOINT")
	// Ids of this run are not those of earlier ones: the testing package calls what it measures several times.
	n := 0
	each := func(name string, do func(ctx context.Context) error) {
		b.Run(fmt.Sprintf("rows=%d/owed=%d/%s", *logRows, *logOwed, name), func(b *testing.B) {
			for b.Loop() {
				n++
				if err := do(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	record := func(size int, known bool) func(context.Context) error {
		return func(ctx context.Context) error {
			workflow := groupID(fmt.Sprint("log ", n))
			records := traffic(workflow, size, "informs")
			want := webhook.Fresh
			if known {
				want = webhook.Duplicate
				for i := range records {
					records[i].Events[0].Event.ID = "evt_" + knownHash(rand.IntN(*logRows))
				}
			}
			recorded, err := s.Record(ctx, workflow, records)
			if err == nil && recorded.Outcomes[0][0] != want {
				err = fmt.Errorf("outcome %v, want %s", recorded.Outcomes[0], want)
			}
			return err
		}
	}
	each("record 1 fresh", record(1, false))
	each("record 100 fresh", record(100, false))
	if *logRows > 0 {
		each("record 100 known", record(100, true))
	}
	each("record and settle 100", func(ctx context.Context) error {
		if err := record(100, false)(ctx); err != nil {
			return err
		}
		workflow := groupID(fmt.Sprint("log ", n))
		owed, err := s.Owed(ctx, workflow, "crm")
		if err != nil {
			return err
		}
		var events []string
		for _, e := range owed {
			events = append(events, e.ID)
		}
		return s.Settle(ctx, workflow, "crm", told(events...))
	})
	n++
	owing := groupID(fmt.Sprint("log ", n))
	if err := record(100, false)(b.Context()); err != nil {
		b.Fatal(err)
	}
	each("owed 100", func(ctx context.Context) error {
		_, err := s.Owed(ctx, owing, "crm")
		return err
	})
	each("events of an account", func(ctx context.Context) error {
		_, err := s.EventsOf(ctx, fmt.Sprint(rand.IntN(logAccounts)), 100)
		return err
	})
	each("workflow of a webhook", func(ctx context.Context) error {
		_, err := s.Workflow(ctx, knownHash(rand.IntN(*logRows+1)))
		return err
	})
	each("standings", func(ctx context.Context) error {
		_, err := s.Standings(ctx, time.Minute)
		return err
	})
	each("unsettled 100", func(ctx context.Context) error {
		_, err := s.Unsettled(ctx, 100)
		return err
	})
}

// knownHash is the hash in the id of the i-th event of the log.
func knownHash(i int) string {
	sum := md5.Sum(fmt.Append(nil, i))
	return hex.EncodeToString(sum[:])
}

// fillLog makes the volumes of an installation that has run for long. They are filled before they have indexes.
func fillLog(b *testing.B, s *state.Store, db *sql.DB) {
	b.Helper()
	execute(b, db, "ALTER SYSTEM SET maintenance_work_mem = '1GB'")
	execute(b, db, "ALTER SYSTEM SET max_wal_size = '4GB'")
	execute(b, db, "SELECT pg_reload_conf()")
	for range logVolumes - 1 {
		if _, err := s.Prune(b.Context(), 0, func() {}); err != nil {
			b.Fatal(err)
		}
	}
	from := 0
	began := time.Now()
	for v := 1; v <= logVolumes; v++ {
		to := *logRows * v / logVolumes
		for _, statement := range []string{
			"DROP TABLE events_%[1]d",
			"CREATE TABLE events_%[1]d (LIKE events INCLUDING ALL EXCLUDING INDEXES)",
			`INSERT INTO events_%[1]d SELECT decode(md5(i::text), 'hex'), %[1]d, 'message.status', 'meta', (i %% %[4]d)::text,
				1772366400000000 + i::bigint * 1000, 1772366400000000 + i::bigint * 1000, decode(md5((-i)::text), 'hex'),
				'wg/' || md5((i / 100)::text), 'fresh', convert_to('{"type":"account.alert","data":{"type":"' || repeat('x', greatest(0, %[5]d - 43)) || '"}}', 'UTF8')
				FROM generate_series(%[2]d, %[3]d - 1) i`,
			"ALTER TABLE events_%[1]d ADD PRIMARY KEY (id, volume)",
			"CREATE INDEX ON events_%[1]d (account, time)",
			"CREATE INDEX ON events_%[1]d (recorded_at)",
			"ALTER TABLE events ATTACH PARTITION events_%[1]d FOR VALUES IN (%[1]d)",
			"VACUUM ANALYZE events_%[1]d",
		} {
			query := fmt.Sprintf(statement, v, from, to, logAccounts, *logBytes)
			if _, err := db.ExecContext(b.Context(), query); err != nil {
				b.Fatalf("%v: %s", err, query)
			}
		}
		from = to
		if *logRows > 0 {
			b.Logf("volume %d after %v", v, time.Since(began).Round(time.Second))
		}
	}
	execute(b, db, fmt.Sprintf(`INSERT INTO outbox (workflow, destination, seq, events, created_at)
		SELECT 'wg/' || md5('owed' || i), 'crm', 1772366400000000 + i, '["evt_' || md5(i::text) || '"]', 1772366400000000 + i FROM generate_series(1, %d) i`, *logOwed))
	execute(b, db, "VACUUM ANALYZE outbox")
}
