package spool

import (
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// A Queue is one of the queues of a spool. It is safe for concurrent use.
type Queue struct {
	name  string
	dir   string
	spool *Spool
	wake  chan struct{}

	// Whoever needs several of these takes them in this order.
	writing  sync.Mutex // held while a batch is written
	settling sync.Mutex // held while progress is recorded and segments are deleted
	mu       sync.Mutex // held for a moment; guards what is below

	gathering *batch     // what the next sync will make durable, if somebody waits for one
	segments  []*segment // in the order in which they were written
	active    *segment   // the last of them while it is written to; changes only with writing held as well
	left      int        // entries
	bytes     int64      // of all files
	closed    bool

	writingSince atomic.Int64 // Unix time in nanoseconds at which the write under way began; 0 if there is none

	number uint64 // of the last segment; guarded by writing
	buf    []byte // of what is written; guarded by writing
}

func newQueue(s *Spool, name string) *Queue {
	return &Queue{name: name, dir: filepath.Join(s.options.Dir, name), spool: s, wake: make(chan struct{}, 1)}
}

// Err is nil if something could be appended to the queue, as far as is known: see [Spool.Err]. That another queue has
// reached its bound is nothing to this one.
func (q *Queue) Err() error { return q.spool.errFor(q) }

// Name is that of the queue: urgent, bulk or aside.
func (q *Queue) Name() string { return q.name }

// Wake has a value after something was appended, and after Open if there is something. One value may stand for many
// appends, and the entries may be done by then.
func (q *Queue) Wake() <-chan struct{} { return q.wake }

// signal wakes whoever waits on Wake.
func (q *Queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// Stats is how much a queue holds.
type Stats struct {
	Entries  int       `json:"entries"`         // that are not done
	Bytes    int64     `json:"bytes"`           // of its files
	Segments int       `json:"segments"`        // files with entries
	Oldest   time.Time `json:"oldest,omitzero"` // when the oldest entry was appended, to the second; zero if there is none
}

// Stats says how much is in the queue, from memory.
func (q *Queue) Stats() Stats {
	q.mu.Lock()
	defer q.mu.Unlock()
	out := Stats{Entries: q.left, Bytes: q.bytes, Segments: len(q.segments)}
	for _, s := range q.segments {
		if s.left > 0 {
			out.Oldest = s.oldest()
			break
		}
	}
	return out
}

// account adds to the bytes that the queue has on disk.
func (q *Queue) account(bytes int64) {
	q.bytes += bytes
	q.spool.used.Add(bytes)
}

// damaged counts and logs what cannot be read.
func (q *Queue) damaged(r Range, why error) {
	q.spool.metrics.damaged.Inc()
	q.spool.options.Logger.Error("Spool damaged", "queue", q.name, "segment", filepath.Base(r.File), "from", r.From, "to", r.To, "error", why)
}

// close waits for the batch that is being written; those behind it fail.
func (q *Queue) close() error {
	q.writing.Lock()
	defer q.writing.Unlock()
	q.settling.Lock()
	defer q.settling.Unlock()
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	if q.active == nil {
		return nil
	}
	out := q.active.out
	q.active.out, q.active = nil, nil
	return out.Close()
}
