package main

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/testsuite"

	"holdfast/internal/state/statetest"
	"holdfast/internal/temporal"
	"holdfast/workflows"
)

// BenchmarkWholeWay measures a webhook from its POST to the acknowledgement, and to the destination that is told, through
// `holdfast serve` and a Temporal server of its own, with every write waiting for the disk. Callers is how many webhooks
// are on their way at a time; an iteration is one webhook.
func BenchmarkWholeWay(b *testing.B) {
	for _, store := range []string{"sqlite", "postgres"} {
		b.Run(store, func(b *testing.B) {
			r := newBenchRig(b, store)
			sink := newStopwatch(b)
			h := r.start(r.config(map[string]*listener{"sink": sink.listener}), both)
			var n atomic.Int64
			var last atomic.Pointer[[]byte]
			for _, callers := range []int{1, 8} {
				b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
					var mu sync.Mutex
					var acks, ends []time.Duration
					work := make(chan struct{}, b.N)
					for range b.N {
						work <- struct{}{}
					}
					close(work)
					b.ResetTimer()
					var wg sync.WaitGroup
					for range callers {
						wg.Go(func() {
							for range work {
								account := fmt.Sprintf("77%d", n.Add(1))
								told := sink.expect(account)
								began := time.Now()
								body := ban(account, began)
								last.Store(&body)
								if code := r.post(h, body); code != http.StatusOK {
									b.Errorf("status %d", code)
									return
								}
								ack := time.Since(began)
								end := (<-told).Sub(began)
								mu.Lock()
								acks, ends = append(acks, ack), append(ends, end)
								mu.Unlock()
							}
						})
					}
					wg.Wait()
					b.StopTimer()
					if b.Failed() {
						return
					}
					report(b, acks, "ack")
					report(b, ends, "told")
					b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "webhooks/s")
					b.ReportMetric(0, "ns/op") // of no use beside the others
					b.ReportMetric(r.historyLength(b, *last.Load()), "events/webhook")
				})
			}
		})
	}
}

func report(b *testing.B, took []time.Duration, of string) {
	slices.Sort(took)
	for name, q := range map[string]float64{"p50": .5, "p99": .99} {
		at := took[min(len(took)-1, int(q*float64(len(took))))]
		b.ReportMetric(float64(at.Microseconds())/1000, fmt.Sprintf("%s-%s-ms", of, name))
	}
}

// A stopwatch is a destination that tells those who wait for an account when it was told of it.
type stopwatch struct {
	listener *listener
	waiting  sync.Map
}

func newStopwatch(b *testing.B) *stopwatch {
	s := &stopwatch{}
	s.listener = newListener(b)
	s.listener.heard = func(e told) {
		if c, ok := s.waiting.LoadAndDelete(e.Subject); ok {
			c.(chan time.Time) <- time.Now()
		}
	}
	return s
}

func (s *stopwatch) expect(account string) <-chan time.Time {
	c := make(chan time.Time, 1)
	s.waiting.Store("account/"+account, c)
	return c
}

func newBenchRig(b *testing.B, store string) *rig {
	b.Helper()
	options := testsuite.DevServerOptions{
		ExistingPath: devserverPath(b), ClientOptions: &client.Options{Logger: silent{}}, LogLevel: "error",
	}
	url := "sqlite:" + filepath.Join(b.TempDir(), "state.db")
	if store == "sqlite" {
		options.DBFilename = filepath.Join(b.TempDir(), "temporal.db")
	} else {
		url = statetest.Postgres(b)
		durable(b, url)
		options.ExtraArgs = []string{"--postgres", statetest.Postgres(b)}
	}
	server, err := testsuite.StartDevServer(b.Context(), options)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = server.Stop() }) // its data goes with the test
	plan, err := temporal.Check(b.Context(), server.Client(), "default", workflows.SearchAttributes())
	if err == nil && !plan.Done() {
		err = temporal.Apply(b.Context(), server.Client(), plan)
	}
	if err != nil {
		b.Fatal(err)
	}
	return &rig{
		t: b, temporal: server.Client(), address: server.FrontendHostPort(), name: "bench", secret: "secret",
		stateURL: url, horizon: time.Hour,
	}
}

// durable makes the cluster of the tests wait for the disk, as one in production does.
func durable(b *testing.B, url string) {
	b.Helper()
	conn, err := pgx.Connect(b.Context(), url)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(b.Context()))
	for _, statement := range []string{"ALTER SYSTEM SET fsync = on", "SELECT pg_reload_conf()"} {
		if _, err := conn.Exec(b.Context(), statement); err != nil {
			b.Fatal(err)
		}
	}
}

// historyLength is how many events the history of a quiet webhook has.
func (r *rig) historyLength(b *testing.B, body []byte) float64 {
	b.Helper()
	eventually(b, "the workflow ends", func() bool { return r.closed(body) })
	events := r.temporal.GetWorkflowHistory(b.Context(), r.workflow(body), "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	n := 0.0
	for events.HasNext() {
		if _, err := events.Next(); err != nil {
			b.Fatal(err)
		}
		n++
	}
	return n
}
