package spool

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"
)

// BenchmarkAppend shows how syncs are shared: entries of 1 KB by so many callers.
func BenchmarkAppend(b *testing.B) {
	for _, callers := range []int{1, 8, 64, 512} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			s := open(b, Options{Dir: b.TempDir()})
			data := make([]byte, 1000)
			b.SetBytes(int64(len(data)))
			b.ResetTimer()
			var working sync.WaitGroup
			for c := range callers {
				working.Go(func() {
					for i := c; i < b.N; i += callers {
						if err := s.Bulk.Append(data); err != nil {
							b.Error(err)
						}
					}
				})
			}
			working.Wait()
			b.ReportMetric(gather(b, registered(b, s))["holdfast_spool_fsync_seconds"]/float64(b.N), "syncs/op")
		})
	}
}

// BenchmarkBacklog is what a backlog of a million entries of 1 KB costs: memory for each, time to open, time to drain.
func BenchmarkBacklog(b *testing.B) {
	const entries, together = 1_000_000, 1000
	s := open(b, Options{Dir: b.TempDir()})
	group := make([][]byte, together)
	for i := range group {
		group[i] = make([]byte, 1000)
	}
	for range entries / together {
		if err := s.Bulk.Append(group...); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		before := heap()
		began := time.Now()
		s = open(b, Options{Dir: s.options.Dir})
		b.ReportMetric(time.Since(began).Seconds(), "s/open")
		b.ReportMetric(float64(heap()-before)/entries, "B/entry")
		began = time.Now()
		const drained = 100_000
		for range drained / 100 {
			list, err := s.Bulk.Peek(100, 1<<20)
			if err == nil {
				err = s.Bulk.Done(list)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(drained/time.Since(began).Seconds(), "drained/s")
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
