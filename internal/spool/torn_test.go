package spool

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A specimen is a queue with one segment, as the files that it has.
type specimen struct {
	segment, progress string // names
	whole, parts      []byte
	entries           []string
	ends              []int // of the records
}

// prepare makes a segment of several batches, of which the second and the fourth entry are done.
func prepare(t *testing.T) specimen {
	t.Helper()
	s := open(t, Options{Dir: t.TempDir()})
	out := specimen{entries: []string{"first", "", "third, which is a little longer than the others are", "fourth", "fifth"}}
	add(t, s.Bulk, out.entries[0])
	if err := s.Bulk.Append([]byte(out.entries[1]), []byte(out.entries[2]), []byte(out.entries[3])); err != nil {
		t.Fatal(err)
	}
	add(t, s.Bulk, out.entries[4])
	end := len(magic)
	for _, e := range out.entries {
		end += headerSize + len(e)
		out.ends = append(out.ends, end)
	}
	all := peek(t, s.Bulk)
	done(t, s.Bulk, all[3])
	done(t, s.Bulk, all[1])
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	segment, progress := ending(t, s.Bulk, segmentEnd)[0], ending(t, s.Bulk, doneEnd)[0]
	var err error
	if out.whole, err = os.ReadFile(segment); err != nil {
		t.Fatal(err)
	}
	if out.parts, err = os.ReadFile(progress); err != nil {
		t.Fatal(err)
	}
	out.segment, out.progress = filepath.Base(segment), filepath.Base(progress)
	return out
}

// place opens a spool with such files.
func (p specimen) place(t *testing.T, segment, progress []byte) *Spool {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, Bulk), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{p.segment: segment, p.progress: progress} {
		if b == nil {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, Bulk, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return open(t, Options{Dir: dir, disk: hasty{}})
}

// goesOn checks that what is appended now survives another restart.
func goesOn(t *testing.T, s *Spool, before []string) {
	t.Helper()
	wantQueue(t, s.Bulk, before...)
	add(t, s.Bulk, "later")
	s = reopen(t, s)
	wantQueue(t, s.Bulk, append(slices.Clip(before), "later")...)
	if got, want := s.Bulk.Stats().Bytes, diskBytes(t, s.Bulk); got > want || got <= want-doneSize { // or a part of progress
		t.Errorf("%d bytes are counted, and there are %d", got, want)
	}
	done(t, s.Bulk, peek(t, s.Bulk)...)
	wantQueue(t, reopen(t, s).Bulk)
}

// A segment may end anywhere: what was whole is read, and nothing is damaged.
func TestCutAtEveryByte(t *testing.T) {
	t.Parallel()
	p := prepare(t)
	for size := range p.whole {
		var want []string
		begin := 0 // of what was cut
		for i, end := range p.ends {
			if end <= size {
				want, begin = append(want, p.entries[i]), end
			}
		}
		s := p.place(t, p.whole[:size], nil)
		if n := damages(t, s); n > 0 {
			t.Errorf("cut to %d bytes: %v parts are damaged", size, n)
		}
		goesOn(t, s, want)
		if left := files(t, s.Bulk); len(left) > 0 {
			t.Errorf("cut to %d bytes: left are %v", size, left)
		}
		// Some file systems leave zeros where nothing was written yet. In the middle of a record they may be damage.
		s = p.place(t, append(bytes.Clone(p.whole[:size]), make([]byte, 1000)...), nil)
		if n := damages(t, s); n > 0 && size == begin {
			t.Errorf("cut to %d bytes with zeros behind: %v parts are damaged", size, n)
		}
		goesOn(t, s, want)
	}
}

// Whatever byte rots, it costs one record at most, and the file is kept.
func TestRotAtEveryByte(t *testing.T) {
	t.Parallel()
	p := prepare(t)
	for at := range p.whole {
		rotten := bytes.Clone(p.whole)
		rotten[at] ^= 1 << (at % 8)
		s := p.place(t, rotten, nil)
		var want []string
		begin := len(magic)
		for i, end := range p.ends {
			if at < begin || at >= end {
				want = append(want, p.entries[i])
			}
			begin = end
		}
		if n := damages(t, s); n != 1 {
			t.Errorf("byte %d: %v parts are damaged", at, n)
		}
		report, err := Inspect(s.options.Dir, nil)
		if err != nil || len(report.Damaged) != 1 || report.Damaged[0].From > int64(at) || report.Damaged[0].To <= int64(at) || len(report.Torn) > 0 {
			t.Errorf("byte %d: %+v, %v", at, report, err)
		}
		goesOn(t, s, want)
		kept := ending(t, s.Bulk, damagedEnd)
		if len(kept) != 1 {
			t.Fatalf("byte %d: kept: %v", at, kept)
		}
		if b, err := os.ReadFile(kept[0]); err != nil || !bytes.Equal(b, rotten) {
			t.Errorf("byte %d: not kept as it was, %v", at, err)
		}
	}
}

// Progress that is cut or rotten means that something is read again, and never that something is not.
func TestProgressIsCutOrRotten(t *testing.T) {
	t.Parallel()
	p := prepare(t)
	if s := p.place(t, p.whole, p.parts); len(p.parts) != 2*doneSize {
		t.Fatal("not what was meant")
	} else {
		goesOn(t, s, []string{p.entries[0], p.entries[2], p.entries[4]})
	}
	for at := range p.parts {
		var cut, rotted []string
		for i, e := range p.entries {
			fourth, second := i == 3, i == 1
			if !(fourth && at >= doneSize) && !(second && at >= 2*doneSize) {
				cut = append(cut, e)
			}
			if !(fourth && at >= doneSize) && !(second && at < doneSize) {
				rotted = append(rotted, e)
			}
		}
		goesOn(t, p.place(t, p.whole, p.parts[:at]), cut)
		rotten := bytes.Clone(p.parts)
		rotten[at] ^= 1 << (at % 8)
		goesOn(t, p.place(t, p.whole, rotten), rotted)
	}
	// Without its segment it says nothing.
	s := p.place(t, nil, p.parts)
	wantQueue(t, s.Bulk)
	if got := files(t, s.Bulk); len(got) > 0 {
		t.Errorf("left: %v", got)
	}
}

// What could not be read once and can be read later was not done in between.
func TestDamageThatPasses(t *testing.T) {
	t.Parallel()
	p := prepare(t)
	rotten := bytes.Clone(p.whole)
	rotten[p.ends[2]-1] ^= 1
	s := p.place(t, rotten, nil)
	done(t, s.Bulk, peek(t, s.Bulk)[:3]...)
	wantQueue(t, s.Bulk, p.entries[4])
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.Bulk.dir, p.segment), p.whole, 0o600); err != nil {
		t.Fatal(err)
	}
	wantQueue(t, open(t, s.options).Bulk, p.entries[2], p.entries[4])
}

// What rots while the spool is open is found when it is read; a file that somebody deletes is noticed.
func TestDamageWhileOpen(t *testing.T) {
	t.Parallel()
	s := open(t, Options{Dir: t.TempDir(), SegmentBytes: 80})
	add(t, s.Bulk, "one", "two", "three", "four", "five", "six")
	segments := ending(t, s.Bulk, segmentEnd)
	if len(segments) != 3 {
		t.Fatal(segments)
	}
	b, err := os.ReadFile(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	b[len(magic)+headerSize] ^= 1
	if err := os.WriteFile(segments[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(segments[1]); err != nil {
		t.Fatal(err)
	}
	got := peek(t, s.Bulk)
	if diff := cmp.Diff([]string{"two", "five", "six"}, texts(got)); diff != "" {
		t.Error(diff)
	}
	if n := damages(t, s); n != 2 {
		t.Errorf("%v parts are damaged, want 2", n)
	}
	wantQueue(t, s.Bulk, "two", "five", "six")
	done(t, s.Bulk, got...)
	if got := ending(t, s.Bulk, damagedEnd); len(got) != 1 || len(ending(t, s.Bulk, segmentEnd)) != 0 {
		t.Errorf("kept: %v", got)
	}
	add(t, s.Bulk, "seven")
	s = reopen(t, s)
	wantQueue(t, s.Bulk, "seven")
	if got, want := s.Bulk.Stats().Bytes, diskBytes(t, s.Bulk); got != want {
		t.Errorf("%d bytes are counted, and there are %d", got, want)
	}
}

// Behind a rotten header no record is found that somebody has put into the body of another.
func TestForgedRecord(t *testing.T) {
	t.Parallel()
	const salt = 42
	forged := appendRecord(nil, salt, int64(len(magic)), time.Unix(1, 0), []byte("forged"))
	b := appendRecord([]byte(magic), salt, int64(len(magic)), time.Unix(1, 0), append([]byte("body of "), forged...))
	b = appendRecord(b, salt, int64(len(b)), time.Unix(1, 0), []byte("next"))
	b[len(magic)] ^= 1
	var got []string
	scanSegment("", b, salt, func(_ int64, _ header, data []byte) { got = append(got, string(data)) })
	if diff := cmp.Diff([]string{"next"}, got); diff != "" {
		t.Error(diff)
	}
}

// A segment that looks like a later format is left alone and kept.
func TestOtherFormatIsKept(t *testing.T) {
	t.Parallel()
	p := prepare(t)
	other := append([]byte(magic[:len(magic)-1]+"2"), bytes.Repeat([]byte("something new"), 10)...)
	s := p.place(t, other, p.parts)
	wantQueue(t, s.Bulk)
	kept := ending(t, s.Bulk, damagedEnd)
	if len(kept) != 1 {
		t.Fatalf("kept: %v", kept)
	}
	if b, err := os.ReadFile(kept[0]); err != nil || !bytes.Equal(b, other) {
		t.Errorf("not kept as it was: %v", err)
	}
}
