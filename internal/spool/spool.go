// Package spool keeps webhooks on disk that Temporal could not take yet: three queues in a directory, locked for one
// process, in which what was appended is durable before anybody is told so.
//
// # Files
//
// A queue is a directory of segments, files of records with checksums (see record.go). They are written once, from front
// to end, and synced to disk for all callers at once that wait. Beside a segment lies a file that says which of its entries
// are done; it is not synced, as losing it only means that they are read again. A segment of which everything is done is
// deleted. After a restart no segment is written to that was there before.
//
// # Failure
//
//   - A record that was being written when the process or the machine ended is cut off: nobody was told that it is durable.
//   - A segment is not used again after a write or sync to it has failed: what the kernel could not write it may have
//     dropped, and a second sync would not say so. What was on its way is written once more, to a new segment.
//   - A full disk fails the append and leaves the segment as it was. It works again once there is room.
//   - What cannot be read although it was written to its end is counted, logged and kept: once everything else in the
//     segment is done, the file is renamed to *.damaged. It is never deleted.
//
// The data are opaque. They belong to customers: files are made with mode 0600, directories with 0700.
package spool

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// The errors that callers tell apart.
var (
	ErrFull     = errors.New("spool is full")
	ErrInUse    = errors.New("in use")
	ErrClosed   = errors.New("spool is closed")
	ErrTooLarge = errors.New("too large for the spool")

	errHangs = errors.New("the disk of the spool does not answer")
)

// hangs is how long a write may take before nobody should count on the disk.
const hangs = time.Second

const (
	defaultSegment = 16 << 20
	maxAppend      = 128 << 20 // what one Append may hold
	maxSegment     = 1 << 30   // offsets have 32 bits, and an append may go beyond it

	probeName  = "probe"     // the file that is written to see whether one can be
	probeBytes = 1 << 20     // that it has at most
	probeEvery = time.Second // how often that is tried
)

// Options say where a spool is and how much it may hold.
type Options struct {
	Dir string // made if it is not there

	// MaxBytes bounds the files of all queues together, those that are kept for damage included. Zero is no bound. Bulk may
	// use seven eighths of it, so that there is room for what is urgent or has to be set aside.
	MaxBytes int64

	// SegmentBytes is the size from which a segment is followed by another. Zero is 16 MiB, or a sixteenth of MaxBytes if
	// that is less. A segment is read into memory once, when the spool is opened.
	SegmentBytes int64

	Logger     *slog.Logger          // none if nil
	Registerer prometheus.Registerer // none if nil
	Now        func() time.Time      // time.Now if nil

	disk disk // that of the system if nil
}

// A Spool is a directory with three queues, locked for this process. It is safe for concurrent use.
type Spool struct {
	Urgent *Queue // what should be started first
	Bulk   *Queue // message traffic
	Aside  *Queue // what Temporal refuses, for an operator

	options Options
	lock    *os.File
	metrics *metrics
	used    atomic.Int64   // bytes of all files, and of what is being appended
	probing sync.WaitGroup // at most one

	mu      sync.Mutex
	failure *failure // of the last append; nil if it succeeded
	warned  time.Time
	closed  bool
}

// A failure is why nothing could be appended.
type failure struct {
	err   error
	queue *Queue // whose bound was reached; nil if it was the disk
	need  int64  // bytes that were to be appended
	asked time.Time
}

// Open opens the spool in a directory, makes it if there is none, and reads what is in it. It fails with ErrInUse if
// another process has it open; the error names the process.
func Open(o Options) (*Spool, error) {
	o.SegmentBytes = min(cmp.Or(o.SegmentBytes, defaultSegment), maxSegment)
	if o.MaxBytes > 0 {
		o.SegmentBytes = min(o.SegmentBytes, max(o.MaxBytes/16, 1))
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.disk == nil {
		o.disk = system{}
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make spool: %w", err)
	}
	if err := o.disk.syncDir(filepath.Dir(filepath.Clean(o.Dir))); err != nil && !errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("make spool: %w", err)
	}
	held, err := takeLock(o.Dir)
	if err != nil {
		return nil, err
	}
	s := &Spool{options: o, lock: held}
	if err := s.open(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Spool) open() error {
	s.metrics = newMetrics()
	s.Urgent, s.Bulk, s.Aside = newQueue(s, Urgent), newQueue(s, Bulk), newQueue(s, Aside)
	for _, q := range s.queues() {
		if err := os.MkdirAll(q.dir, 0o700); err != nil {
			return fmt.Errorf("make spool: %w", err)
		}
	}
	if err := s.options.disk.syncDir(s.options.Dir); err != nil {
		return fmt.Errorf("sync spool: %w", err)
	}
	for _, q := range s.queues() {
		if err := q.recover(); err != nil {
			return fmt.Errorf("open spool %s: %w", q.dir, err)
		}
	}
	s.probe(0, nil) // it may be full, and can be drained all the same
	return s.metrics.register(s.options.Registerer, s.queues())
}

// The names of the queues, as directories and in metrics.
const (
	Urgent = "urgent"
	Bulk   = "bulk"
	Aside  = "aside"
)

// names are the queues in the order in which they are shown.
func names() []string { return []string{Urgent, Bulk, Aside} }

func (s *Spool) queues() []*Queue { return []*Queue{s.Urgent, s.Bulk, s.Aside} }

// Close waits for what is being appended and gives the directory back. What is not done stays for the next who opens it.
func (s *Spool) Close() error {
	s.mu.Lock()
	again := s.closed
	s.closed = true
	s.mu.Unlock()
	if again {
		return nil
	}
	s.probing.Wait()
	var err error
	for _, q := range s.queues() {
		err = errors.Join(err, q.close())
	}
	if err = errors.Join(err, s.lock.Close()); err != nil {
		return fmt.Errorf("close spool: %w", err)
	}
	return nil
}

// Err is nil if the last append succeeded, or could succeed by now: otherwise it says why not. It never waits: at most
// once a second it has somebody try to write, and says what came of it when it is asked again.
func (s *Spool) Err() error { return s.errFor(nil) }

// errFor is Err for a queue: that another one has reached its bound is nothing to it.
func (s *Spool) errFor(q *Queue) error {
	for _, q := range s.queues() {
		if since := q.writingSince.Load(); since != 0 && time.Since(time.Unix(0, since)) > hangs {
			return errHangs
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.failure
	switch {
	case q != nil && f != nil && f.queue != nil && f.queue != q:
		return nil
	case f == nil:
		return nil
	case f.queue != nil && f.queue.room() >= f.need:
		s.failure = nil
		return nil
	case f.queue == nil && !s.closed && time.Since(f.asked) >= probeEvery:
		f.asked = time.Now()
		s.probing.Go(func() { s.probe(f.need, f) })
	}
	return f.err
}

// probe finds out whether so many bytes could be appended. If so, the failure is over, unless there was another meanwhile.
func (s *Spool) probe(size int64, over *failure) {
	err := s.tryWrite(make([]byte, min(max(size, int64(len(magic))), probeBytes)))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failure == over {
		s.failure = nil
		if err != nil {
			s.failure = &failure{err: asFull(err), need: size, asked: time.Now()}
		}
	}
}

func (s *Spool) tryWrite(b []byte) error {
	path := filepath.Join(s.options.Dir, probeName)
	_ = s.options.disk.remove(path) // of a process that ended in the middle
	f, err := s.options.disk.create(path)
	if err != nil {
		return fmt.Errorf("try to write to the spool: %w", err)
	}
	_, err = f.WriteAt(b, 0)
	if err == nil {
		err = f.Datasync()
	}
	if err = errors.Join(err, f.Close(), s.options.disk.remove(path)); err != nil {
		return fmt.Errorf("try to write to the spool: %w", err)
	}
	return nil
}

// failed notes why an append failed.
func (s *Spool) failed(f failure) {
	f.asked = time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failure = &f
}

func (s *Spool) succeeded() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failure = nil
}

// warn logs what the disk could not do and no caller is told of, at most once a second: a broken disk breaks every write.
func (s *Spool) warn(what string, err error) {
	s.mu.Lock()
	again := time.Since(s.warned) < time.Second
	if !again {
		s.warned = time.Now()
	}
	s.mu.Unlock()
	if again {
		return
	}
	s.options.Logger.Warn("Spool in trouble", "because", what, "error", err)
}
