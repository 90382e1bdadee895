package spool

import (
	"cmp"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The files of a queue: a segment holds records, the file beside it says which of them are done, and a segment that is
// through but for what cannot be read is kept under another name.
const (
	segmentEnd = ".seg"
	doneEnd    = ".done"
	damagedEnd = ".seg.damaged"
)

// A mark is what is kept in memory of an entry: eight bytes.
type mark struct {
	offset uint32
	at     uint32 // seconds since 1970; 0 once it is done
}

// A segment is a file of records and what is known of it. Its queue guards it.
type segment struct {
	base   string // the path of its files without their ends
	number uint64 // of its place in the queue
	salt   uint64 // see headerSum; it is in the name, so that no byte of the file can lose all others
	size   int64  // of what is durable in it
	marks  []mark // in the order of the file
	first  int    // marks before it are done
	left   int    // marks that are not done
	bad    bool   // a checksum in it does not hold
	unread bool   // the disk could not read all of it: the next process may

	out      file  // open only while it is written to
	recorded int64 // bytes of its file of progress
}

// segmentName is the name of a segment without its end.
func segmentName(number, salt uint64) string { return fmt.Sprintf("%010d-%016x", number, salt) }

// parseName reads a name that segmentName has made.
func parseName(name string) (number, salt uint64, ok bool) {
	a, b, _ := strings.Cut(name, "-")
	number, badNumber := strconv.ParseUint(a, 10, 64)
	salt, badSalt := strconv.ParseUint(b, 16, 64)
	return number, salt, badNumber == nil && badSalt == nil && segmentName(number, salt) == name
}

// add notes a record that is durable.
func (s *segment) add(offset int64, at time.Time) {
	s.marks = append(s.marks, mark{uint32(offset), uint32(min(max(at.Unix(), 1), math.MaxUint32))})
	s.left++
}

// find is the index of the record at an offset, or of the first one behind it.
func (s *segment) find(offset int64) int {
	i, _ := slices.BinarySearchFunc(s.marks, offset, func(m mark, offset int64) int { return int(int64(m.offset) - offset) })
	return i
}

// settle notes that a record is done, and reports whether that is new.
func (s *segment) settle(i int) bool {
	if s.marks[i].at == 0 {
		return false
	}
	s.marks[i].at = 0
	s.left--
	for s.first < len(s.marks) && s.marks[s.first].at == 0 {
		s.first++
	}
	return true
}

// end is where the record ends, or whatever damage is behind it.
func (s *segment) end(i int) int64 {
	if i+1 < len(s.marks) {
		return int64(s.marks[i+1].offset)
	}
	return s.size
}

// oldest is when the oldest record was appended that is not done, to the second.
func (s *segment) oldest() time.Time {
	if s.left == 0 {
		return time.Time{}
	}
	return time.Unix(int64(s.marks[s.first].at), 0)
}

// A name is that of a segment in a directory.
type name struct {
	base         string // path without end
	number, salt uint64
	damaged      bool // it is kept for what could not be read, and no longer a part of the queue
}

func (n name) path() string {
	if n.damaged {
		return n.base + damagedEnd
	}
	return n.base + segmentEnd
}

// segmentNames lists the segments in a directory in the order in which they were written, and the files of progress of
// which there is no segment.
func segmentNames(dir string) (names []name, orphans []string, err error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("list segments: %w", err)
	}
	known := make(map[string]bool)
	for _, f := range files {
		base, end, _ := strings.Cut(f.Name(), ".")
		number, salt, ok := parseName(base)
		if damaged := "."+end == damagedEnd; ok && (damaged || "."+end == segmentEnd) {
			names = append(names, name{filepath.Join(dir, base), number, salt, damaged})
			known[base] = true
		}
	}
	for _, f := range files {
		base, ok := strings.CutSuffix(f.Name(), doneEnd)
		if _, _, named := parseName(base); ok && named && !known[base] {
			orphans = append(orphans, filepath.Join(dir, f.Name()))
		}
	}
	slices.SortStableFunc(names, func(a, b name) int {
		return cmp.Compare(a.number, b.number)
	})
	return names, orphans, nil
}
