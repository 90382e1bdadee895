package spool

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// recover reads what is in the directory.
func (q *Queue) recover() error {
	names, orphans, err := segmentNames(q.dir)
	if err != nil {
		return err
	}
	for _, path := range orphans {
		if err := q.spool.options.disk.remove(path); err != nil {
			q.spool.warn("a file without a segment could not be deleted", err)
		}
	}
	var l loader
	for _, n := range names {
		q.number = max(q.number, n.number)
		if n.damaged {
			q.account(fileSize(n.path()) + fileSize(n.base+doneEnd))
			continue
		}
		s, found, err := l.load(n, nil)
		if err != nil {
			return err
		}
		for _, r := range found.bad {
			q.damaged(r, errUnreadable)
		}
		if found.torn < found.size && !s.unread {
			q.spool.options.Logger.Info("Cut what was being written when the process ended",
				"queue", q.name, "segment", filepath.Base(n.path()), "bytes", found.size-found.torn)
			if err := os.Truncate(n.path(), found.torn); err != nil {
				q.spool.warn("a segment could not be cut", err)
			}
		}
		q.segments = append(q.segments, s)
		q.left += s.left
		q.account(s.size + s.recorded)
		if _, err := q.sweep(s); err != nil {
			q.spool.warn("a segment could not be deleted", err)
		}
	}
	if q.left > 0 {
		q.signal()
	}
	return nil
}

func fileSize(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// A loader reads segments into a buffer that it keeps.
type loader struct{ buf []byte }

// load reads a segment and what is done of it. Each entry that is not done is told, if somebody asks; its data are in the
// loader's buffer.
func (l *loader) load(n name, each func(Entry) error) (*segment, scan, error) {
	b, unread, err := l.read(n.path())
	if err != nil {
		return nil, scan{}, fmt.Errorf("read segment: %w", err)
	}
	s := &segment{base: n.base, number: n.number, salt: n.salt, unread: unread}
	found := scanSegment(n.path(), b, n.salt, func(offset int64, h header, _ []byte) { s.add(offset, h.at) })
	s.marks = slices.Clip(s.marks)
	s.size, s.bad = found.torn, len(found.bad) > 0
	if err := s.readProgress(); err != nil {
		return nil, scan{}, err
	}
	for i := s.first; i < len(s.marks) && each != nil; i++ {
		if s.marks[i].at == 0 {
			continue
		}
		offset := int64(s.marks[i].offset)
		h, data, _ := readRecord(b[offset:], s.salt, offset)
		if err := each(Entry{At: h.at, Data: data, segment: s.number, offset: offset}); err != nil {
			return nil, scan{}, err
		}
	}
	return s, found, nil
}

// sector is what a disk may be unable to read, at least.
const sector = 4096

// read reads a whole file. Parts that the disk cannot read are made unreadable for us as well, and are damage: the rest
// of the file is worth having.
func (l *loader) read(path string) (b []byte, unread bool, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, false, err
	}
	if info.Size() > maxSegment+maxAppend+int64(len(magic)) {
		return nil, false, fmt.Errorf("%s is too large to be one of ours: move it away", path)
	}
	l.buf = slices.Grow(l.buf[:0], int(info.Size()))[:info.Size()]
	n, err := f.ReadAt(l.buf, 0)
	if err == nil || errors.Is(err, io.EOF) { // it may have been cut since, by its process
		return l.buf[:n], false, nil
	}
	for from := 0; from < len(l.buf); from += sector {
		part := l.buf[from:min(from+sector, len(l.buf))]
		if n, err := f.ReadAt(part, int64(from)); err != nil {
			for i := range part[n:] {
				part[n+i] = 0xff
			}
		}
	}
	return l.buf, true, nil
}
