package spool

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"time"
)

// batchBytes is what one sync makes durable at most, unless a single Append holds more.
const batchBytes = 4 << 20

// A batch is what several callers want to be durable, in one write.
type batch struct {
	entries []pending
	bytes   int64
	done    chan struct{} // closed when err says what became of it
	err     error
}

type pending struct {
	at   time.Time
	data []byte
}

// Append makes entries durable, all of them or none. Callers at the same time share a sync.
//
// After an error this process will not read any of them. Of a sync that failed nobody knows what it has written, so after
// a crash the next process may read some, as it may what was being appended when the crash came. The error is ErrFull if
// the bound of the spool is reached or the disk is full, ErrTooLarge for more than 128 MiB at once, ErrClosed, or that of
// the file system.
func (q *Queue) Append(entries ...[]byte) error {
	if len(entries) == 0 {
		return nil
	}
	var size int64
	for _, e := range entries {
		size += headerSize + int64(len(e))
	}
	if size > maxAppend {
		return fmt.Errorf("append %d bytes: %w", size, ErrTooLarge)
	}
	err := q.reserve(size)
	if err == nil {
		if err = q.commit(entries, size); err != nil {
			q.spool.used.Add(-size)
		}
	}
	if err != nil {
		return fmt.Errorf("append to spool: %w", err)
	}
	return nil
}

// reserve takes room for an append, if there is.
func (q *Queue) reserve(size int64) error {
	q.spool.used.Add(size)
	if q.room() >= 0 {
		return nil
	}
	q.spool.used.Add(-size)
	err := fmt.Errorf("%w: its bound is reached", ErrFull)
	q.spool.metrics.failed(q.name, err)
	q.spool.failed(failure{err: err, queue: q, need: size})
	return err
}

// room is how much may be appended before the bound is reached.
func (q *Queue) room() int64 {
	most := q.spool.options.MaxBytes
	if most == 0 {
		return maxAppend
	}
	if q.name == Bulk {
		most -= most / 8
	}
	return most - q.spool.used.Load()
}

// commit has entries written together with those of others. While one batch is written, the next one gathers: that is
// what makes a busy spool fast. Whoever begins a batch writes it, once the one before is through.
func (q *Queue) commit(entries [][]byte, size int64) error {
	b, first, err := q.join(entries, size)
	if err != nil {
		return err
	}
	if !first {
		<-b.done
		return b.err
	}
	q.writing.Lock()
	defer q.writing.Unlock()
	defer close(b.done)
	q.mu.Lock()
	if q.gathering == b {
		q.gathering = nil
	}
	closed := q.closed
	q.mu.Unlock()
	if closed {
		b.err = ErrClosed
	} else {
		q.writingSince.Store(time.Now().UnixNano())
		b.err = q.writeBatch(b)
		q.writingSince.Store(0)
	}
	return b.err
}

// join adds entries to the batch that gathers, or begins one.
func (q *Queue) join(entries [][]byte, size int64) (b *batch, first bool, err error) {
	now := q.spool.options.Now()
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return nil, false, ErrClosed
	}
	b = q.gathering
	if b == nil || b.bytes+size > batchBytes {
		b, first = &batch{done: make(chan struct{})}, true
		q.gathering = b
	}
	for _, e := range entries {
		b.entries = append(b.entries, pending{now, e})
	}
	b.bytes += size
	return b, first, nil
}

func (q *Queue) writeBatch(b *batch) error {
	err := q.write(b)
	if err != nil && !errors.Is(err, ErrFull) {
		q.spool.warn("a segment could not be written to, another one is tried", err)
		err = q.write(b)
	}
	if cap(q.buf) > 2*batchBytes {
		q.buf = nil
	}
	if err != nil {
		q.spool.metrics.failed(q.name, err)
		q.spool.failed(failure{err: err, need: b.bytes})
		return err
	}
	q.spool.metrics.appended.WithLabelValues(q.name).Add(float64(len(b.entries)))
	q.spool.succeeded()
	q.signal()
	return nil
}

// write writes a batch to the active segment, or to a new one.
func (q *Queue) write(b *batch) error {
	s, fresh, err := q.segment(b.bytes)
	if err != nil {
		return asFull(err)
	}
	q.buf = q.buf[:0]
	if fresh {
		q.buf = append(q.buf, magic...)
	}
	for _, e := range b.entries {
		q.buf = appendRecord(q.buf, s.salt, s.size+int64(len(q.buf)), e.at, e.data)
	}
	if err := q.flush(s, fresh); err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if fresh {
		s.size = int64(len(magic))
		q.segments, q.active = append(q.segments, s), s
		q.account(s.size)
	}
	for _, e := range b.entries {
		s.add(s.size, e.at)
		s.size += headerSize + int64(len(e.data))
	}
	q.left += len(b.entries)
	q.bytes += b.bytes
	return nil
}

// segment is the one that a batch goes to. A fresh one is not known to anybody yet.
func (q *Queue) segment(bytes int64) (s *segment, fresh bool, err error) {
	if s := q.active; s != nil {
		if s.size+bytes <= q.spool.options.SegmentBytes {
			return s, false, nil
		}
		q.retire(s)
	}
	q.number++
	s = &segment{number: q.number, salt: rand.Uint64()}
	s.base = filepath.Join(q.dir, segmentName(s.number, s.salt))
	if s.out, err = q.spool.options.disk.create(s.base + segmentEnd); err != nil {
		return nil, false, fmt.Errorf("make segment: %w", err)
	}
	return s, true, nil
}

// flush writes the buffer behind what is durable of a segment, and makes it so. If it fails the segment is not written to
// again, except when there was no room and it is as it was before.
func (q *Queue) flush(s *segment, fresh bool) error {
	d := q.spool.options.disk
	_, err := s.out.WriteAt(q.buf, s.size)
	written := err == nil
	if written {
		began := time.Now()
		err = s.out.Datasync()
		q.spool.metrics.sync.Observe(time.Since(began).Seconds())
	}
	if err == nil && fresh {
		err = d.syncDir(q.dir)
	}
	if err == nil {
		return nil
	}
	err = asFull(err)
	if fresh {
		_ = s.out.Close()
		_ = d.remove(s.base + segmentEnd) // nothing in it was promised to anybody
		return err
	}
	cut := s.out.Truncate(s.size)
	q.mu.Lock()
	through := s.left == 0
	q.mu.Unlock()
	if written || cut != nil || through || !errors.Is(err, ErrFull) {
		q.retire(s)
	}
	return err
}

// retire ends writing to the active segment. Whoever calls it holds writing.
func (q *Queue) retire(s *segment) {
	q.mu.Lock()
	out := s.out
	s.out, q.active = nil, nil
	q.mu.Unlock()
	_ = out.Close() // what is in it was synced, or given up
	q.settling.Lock()
	defer q.settling.Unlock()
	if _, err := q.sweep(s); err != nil {
		q.spool.warn("a segment could not be deleted", err)
	}
}
