package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"time"
)

// An Entry is what was appended, and its place in the queue.
type Entry struct {
	At   time.Time // when it was appended
	Data []byte    // shares memory with the entries that were read with it

	segment uint64 // number
	offset  int64
}

// A run is a part of a segment whose entries are read at once.
type run struct {
	segment *segment
	offsets []int64
	end     int64
}

var (
	errUnreadable = errors.New("checksums do not hold")
	errGone       = errors.New("the file is gone")
)

// Peek reads the oldest entries that are not done, at most so many and so many bytes, but at least one if there is any.
// They stay in the queue. What turns out to be damaged is skipped.
func (q *Queue) Peek(maxEntries int, maxBytes int64) ([]Entry, error) {
	for {
		runs, err := q.oldest(maxEntries, maxBytes)
		if err != nil || len(runs) == 0 {
			return nil, err
		}
		var list []Entry
		for _, r := range runs {
			if list, err = q.read(list, r); err != nil {
				return nil, fmt.Errorf("read spool: %w", err)
			}
		}
		if len(list) > 0 {
			return list, nil
		}
	}
}

// oldest finds where to read.
func (q *Queue) oldest(maxEntries int, maxBytes int64) ([]run, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return nil, ErrClosed
	}
	var runs []run
	for _, s := range q.segments {
		for i := s.first; i < len(s.marks); i++ {
			if s.marks[i].at == 0 {
				continue
			}
			offset, end := int64(s.marks[i].offset), s.end(i)
			if len(runs) > 0 && (maxEntries <= 0 || end-offset > maxBytes) {
				return runs, nil
			}
			maxEntries--
			maxBytes -= end - offset
			if last := len(runs) - 1; last < 0 || runs[last].segment != s || runs[last].end != offset {
				runs = append(runs, run{segment: s})
			}
			r := &runs[len(runs)-1]
			r.offsets, r.end = append(r.offsets, offset), end
		}
	}
	return runs, nil
}

// read adds the entries of a run to a list.
func (q *Queue) read(list []Entry, r run) ([]Entry, error) {
	f, err := q.spool.options.disk.openRead(r.segment.base + segmentEnd)
	if errors.Is(err, fs.ErrNotExist) { // unless all is done by now, somebody else has deleted it
		q.lose(r.segment, r.offsets, r.end, errGone)
		return list, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	begin := r.offsets[0]
	buf := make([]byte, r.end-begin)
	_, failed := f.ReadAt(buf, begin)
	for i, offset := range r.offsets {
		end := r.end
		if i+1 < len(r.offsets) {
			end = r.offsets[i+1]
		}
		b := buf[offset-begin : end-begin]
		var why error
		if failed != nil { // one bad sector is no reason to lose the others
			_, why = f.ReadAt(b, offset)
		}
		h, data, ok := readRecord(b, r.segment.salt, offset)
		if why == nil && !ok {
			why = errUnreadable
		}
		if why != nil {
			q.lose(r.segment, r.offsets[i:i+1], end, why)
			continue
		}
		list = append(list, Entry{At: h.at, Data: data, segment: r.segment.number, offset: offset})
	}
	return list, nil
}

// lose gives up entries that cannot be read: this process will not try again. The file that they are in is kept.
func (q *Queue) lose(s *segment, offsets []int64, end int64, why error) {
	q.settling.Lock()
	defer q.settling.Unlock()
	q.mu.Lock()
	lost := false
	for _, offset := range offsets {
		if s.settle(s.find(offset)) { // otherwise it was done meanwhile
			q.left--
			lost = true
		}
	}
	s.bad = s.bad || lost && errors.Is(why, errUnreadable)
	s.unread = s.unread || lost && !errors.Is(why, errUnreadable)
	q.mu.Unlock()
	if lost {
		q.damaged(Range{s.base + segmentEnd, offsets[0], end}, why)
	}
	if _, err := q.sweep(s); err != nil {
		q.spool.warn("a damaged segment could not be renamed", err)
	}
}
