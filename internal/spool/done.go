package spool

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"slices"
)

// A file of progress is a list of these, in little-endian order:
//
//	0  uint32  offset of the first of some records that are done
//	4  uint32  offset of the last of them
//	8  uint32  CRC-32C of the segment's salt and the eight bytes above
//
// One that cannot be read only means that these records are read again.
const doneSize = 12

func appendDone(buf []byte, salt uint64, first, last uint32) []byte {
	n := len(buf)
	buf = binary.LittleEndian.AppendUint32(buf, first)
	buf = binary.LittleEndian.AppendUint32(buf, last)
	return binary.LittleEndian.AppendUint32(buf, doneSum(salt, buf[n:]))
}

func doneSum(salt uint64, fields []byte) uint32 {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:], salt)
	copy(b[8:], fields[:8])
	return crc32.Checksum(b[:], castagnoli)
}

// readProgress marks what the file beside the segment says is done.
func (s *segment) readProgress() error {
	b, err := os.ReadFile(s.base + doneEnd)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read progress: %w", err)
	}
	s.applyProgress(b)
	return nil
}

func (s *segment) applyProgress(b []byte) {
	b = b[:len(b)-len(b)%doneSize]
	s.recorded = int64(len(b)) // what is behind it was never written to its end, and is written over
	for part := range slices.Chunk(b, doneSize) {
		if binary.LittleEndian.Uint32(part[8:]) != doneSum(s.salt, part) {
			continue
		}
		first, last := binary.LittleEndian.Uint32(part), binary.LittleEndian.Uint32(part[4:])
		for i := s.find(int64(first)); i < len(s.marks) && s.marks[i].offset <= last; i++ {
			s.settle(i)
		}
	}
}

// Done takes entries out of the queue, whatever their order: they are not read again. That is not synced, so after a crash
// some of the last may be. After an error they may all be read again, but only by the next process.
func (q *Queue) Done(entries []Entry) error {
	q.settling.Lock()
	defer q.settling.Unlock()
	progress, err := q.settle(entries)
	for s := range progress { // first, as it makes room
		gone, failed := q.sweep(s)
		if gone && !s.bad && !s.unread {
			delete(progress, s)
		}
		err = errors.Join(err, failed)
	}
	for s, parts := range progress {
		err = errors.Join(err, q.record(s, parts))
	}
	if err != nil {
		return fmt.Errorf("record progress of spool: %w", err)
	}
	return nil
}

// settle marks entries in memory and makes what the files of progress have to say of it.
func (q *Queue) settle(entries []Entry) (map[*segment][]byte, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return nil, ErrClosed
	}
	marks := make(map[*segment][]int)
	for _, e := range entries {
		at, ok := slices.BinarySearchFunc(q.segments, e.segment, func(s *segment, number uint64) int {
			return cmp.Compare(s.number, number)
		})
		if !ok {
			continue // deleted: it was done before
		}
		s := q.segments[at]
		if i := s.find(e.offset); i < len(s.marks) && s.settle(i) {
			marks[s] = append(marks[s], i)
			q.left--
		}
	}
	progress := make(map[*segment][]byte)
	for s, indices := range marks {
		progress[s] = s.progress(indices)
	}
	return progress, nil
}

// progress makes the parts that say that these marks are done. Neighbours share one, unless there may be a record between
// them that could not be read: the next process may be able to.
func (s *segment) progress(indices []int) []byte {
	slices.Sort(indices)
	var parts []byte
	for i := 0; i < len(indices); {
		j := i + 1
		for j < len(indices) && indices[j] == indices[j-1]+1 && !s.bad && !s.unread {
			j++
		}
		parts = appendDone(parts, s.salt, s.marks[indices[i]].offset, s.marks[indices[j-1]].offset)
		i = j
	}
	return parts
}

// record appends to the file of progress.
func (q *Queue) record(s *segment, parts []byte) error {
	f, err := q.spool.options.disk.open(s.base + doneEnd)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(parts, s.recorded)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	s.recorded += int64(len(parts))
	q.mu.Lock()
	defer q.mu.Unlock()
	q.account(int64(len(parts)))
	return nil
}

// sweep deletes a segment if everything in it is done and nothing is on its way into it, and reports whether it is gone.
// One with damage is only renamed: somebody may want to look at it. One that the disk could not read stays for the next
// process. Whoever calls it holds settling.
func (q *Queue) sweep(s *segment) (gone bool, err error) {
	if !q.takeOut(s) {
		return false, nil
	}
	d, freed := q.spool.options.disk, int64(0)
	switch {
	case s.unread:
	case s.bad:
		err = d.rename(s.base+segmentEnd, s.base+damagedEnd)
	default:
		freed = s.size + s.recorded
		if err = d.remove(s.base + segmentEnd); err == nil && s.recorded > 0 {
			err = d.remove(s.base + doneEnd)
		}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return true, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.account(-freed)
	return true, nil
}

// takeOut takes a segment off the list if everything in it is done and nothing is on its way into it.
func (q *Queue) takeOut(s *segment) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.Index(q.segments, s)
	if i < 0 || s.left > 0 || q.closed {
		return false
	}
	if s == q.active {
		if !q.writing.TryLock() {
			return false
		}
		defer q.writing.Unlock()
		_ = s.out.Close() // all that was in it is done
		s.out, q.active = nil, nil
	}
	q.segments = slices.Delete(q.segments, i, i+1)
	return true
}
