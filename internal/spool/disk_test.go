package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// hasty is a disk that syncs nothing, for tests that have nothing to lose.
type hasty struct{ system }

type hastyFile struct{ file }

func (hastyFile) Datasync() error { return nil }

func (hasty) syncDir(string) error { return nil }

func (d hasty) create(path string) (file, error) {
	f, err := d.system.create(path)
	return hastyFile{f}, err
}

// frail is a disk that fails when it is told to. What was written to a file since its last sync is garbage once a sync
// has failed, and the next sync says that all is well: as kernels do.
type frail struct {
	hasty
	mu   sync.Mutex
	fail func(operation, path string) error // nil if nothing fails
}

func (d *frail) told(operation, path string) error {
	d.mu.Lock()
	fail := d.fail
	d.mu.Unlock()
	if fail == nil {
		return nil
	}
	return fail(operation, path)
}

// set says what fails from now on.
func (d *frail) set(fail func(operation, path string) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fail = fail
}

type frailFile struct {
	file
	disk     *frail
	path     string
	from, to int64 // what was written and not synced
}

func (d *frail) create(path string) (file, error) {
	if err := d.told("create", path); err != nil {
		return nil, err
	}
	f, err := d.hasty.create(path)
	return &frailFile{file: f, disk: d, path: path}, err
}

func (d *frail) open(path string) (file, error) {
	if err := d.told("open", path); err != nil {
		return nil, err
	}
	f, err := d.hasty.open(path)
	return &frailFile{file: f, disk: d, path: path}, err
}

func (d *frail) openRead(path string) (readable, error) {
	if err := d.told("openRead", path); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	return frailReader{f, d, path}, err
}

func (d *frail) remove(path string) error {
	return errors.Join(d.told("remove", path), d.hasty.remove(path))
}

func (d *frail) rename(from, to string) error {
	if err := d.told("rename", from); err != nil {
		return err
	}
	return d.hasty.rename(from, to)
}

func (d *frail) syncDir(path string) error { return d.told("syncDir", path) }

func (f *frailFile) WriteAt(b []byte, at int64) (int, error) {
	if err := f.disk.told("write", f.path); err != nil {
		n, _ := f.file.WriteAt(b[:len(b)*2/3], at) // a part of it still fits
		f.from, f.to = at, at+int64(n)
		return n, err
	}
	f.from, f.to = at, at+int64(len(b))
	return f.file.WriteAt(b, at)
}

func (f *frailFile) Truncate(size int64) error {
	if err := f.disk.told("truncate", f.path); err != nil {
		return err
	}
	f.to = min(f.to, size)
	return f.file.Truncate(size)
}

func (f *frailFile) Datasync() error {
	err := f.disk.told("sync", f.path)
	if err != nil && f.to > f.from {
		if _, err := f.file.WriteAt(make([]byte, f.to-f.from), f.from); err != nil {
			return err
		}
	}
	f.from, f.to = 0, 0
	return err
}

type frailReader struct {
	*os.File
	disk *frail
	path string
}

func (r frailReader) ReadAt(b []byte, at int64) (int, error) {
	if err := r.disk.told(fmt.Sprintf("read %d", at), r.path); err != nil {
		return 0, err
	}
	return r.File.ReadAt(b, at)
}

// once fails the n-th operation, and those behind it if it is for long.
func once(n int, err error, forLong bool) (fail func(string, string) error, happened func() bool) {
	count := 0
	return func(operation, path string) error {
			count++
			if count == n || forLong && count > n {
				return &fs.PathError{Op: operation, Path: path, Err: err}
			}
			return nil
		}, func() bool {
			return count >= n
		}
}

// Whichever operation fails, what was acknowledged is there and what was refused is not, before a restart and after it.
// And once the disk works again, so does the spool.
func TestEveryOperationFails(t *testing.T) {
	t.Parallel()
	for _, failure := range []syscall.Errno{syscall.EIO, syscall.ENOSPC} {
		for _, forLong := range []bool{false, true} {
			failed := true
			for n := 1; failed; n++ {
				t.Run(fmt.Sprintf("%v/%v/%d", failure, forLong, n), func(t *testing.T) { failed = failAt(t, n, failure, forLong) })
			}
		}
	}
}

// failAt lives through a failure, and reports whether there was one.
func failAt(t *testing.T, n int, failure syscall.Errno, forLong bool) bool {
	d := &frail{}
	s := open(t, Options{Dir: t.TempDir(), SegmentBytes: 200, disk: d})
	fail, happened := once(n, failure, forLong)
	d.set(fail)
	var want []string
	refused := false
	for i := range 12 {
		text := fmt.Sprintf("entry %02d of a length that lets four be in a segment", i)
		err := s.Bulk.Append([]byte(text))
		if err == nil {
			want = append(want, text)
		} else {
			refused = true
			if !errors.Is(err, failure) || errors.Is(err, ErrFull) != (failure == syscall.ENOSPC) {
				t.Errorf("append: %v", err)
			}
			if forLong && !errors.Is(s.Err(), failure) {
				t.Errorf("an append has failed, and the spool says: %v", s.Err())
			}
		}
		if i%3 != 2 {
			continue
		}
		entries, err := s.Bulk.Peek(2, 1e6)
		if err != nil {
			if !errors.Is(err, failure) {
				t.Errorf("peek: %v", err)
			}
			continue
		}
		if diff := cmp.Diff(want[:min(2, len(want))], texts(entries), cmp.Transformer("", func(s []string) string { return fmt.Sprint(s) })); diff != "" {
			t.Errorf("peek: %s", diff)
		}
		if err := s.Bulk.Done(entries); err != nil && !errors.Is(err, failure) {
			t.Errorf("done: %v", err)
		}
		want = want[len(entries):]
	}
	if refused && !forLong && failure == syscall.EIO {
		t.Error("a single error of the disk has refused an append")
	}
	result := happened()
	d.set(nil)
	given := damages(t, s) > 0 // up by this process, as the disk could not read it
	if !given {
		wantQueue(t, s.Bulk, want...)
	}
	add(t, s.Bulk, "afterwards")
	if s.Err() != nil {
		t.Errorf("it works again, and says: %v", s.Err())
	}
	want = append(want, "afterwards")
	if !given {
		wantQueue(t, s.Bulk, want...)
	}

	// Some may be read again, but only such as were there; and nothing is missing.
	s = reopen(t, s)
	got := texts(peek(t, s.Bulk))
	missing := make(map[string]bool)
	for _, text := range want {
		missing[text] = true
	}
	for _, text := range got {
		delete(missing, text)
	}
	if len(missing) > 0 {
		t.Errorf("missing after a restart: %v", missing)
	}
	if !result && len(got) != len(want) {
		t.Errorf("nothing failed, and after a restart there is %v, want %v", got, want)
	}
	return result
}

// A segment whose sync has failed is not written to any more.
func TestFailedSyncRetiresTheSegment(t *testing.T) {
	t.Parallel()
	d := &frail{}
	s := open(t, Options{Dir: t.TempDir(), disk: d})
	add(t, s.Bulk, "before")
	first := s.Bulk.active
	syncs := 0
	d.set(func(operation, path string) error {
		if path != first.base+segmentEnd || operation == "openRead" || operation == "truncate" || operation == "read 16" {
			return nil
		}
		if operation == "sync" {
			syncs++
			return syscall.EIO
		}
		if syncs > 0 {
			t.Errorf("after the failed sync: %s", operation)
		}
		return nil
	})
	add(t, s.Bulk, "one", "two")
	if syncs != 1 || s.Bulk.active == first {
		t.Errorf("synced %d times, want once; written to %v", syncs, s.Bulk.active.base)
	}
	wantQueue(t, s.Bulk, "before", "one", "two")
	d.set(nil)
	wantQueue(t, reopen(t, s).Bulk, "before", "one", "two")
}

// A full disk leaves the segment as it was: it is written to again once there is room, and nobody has to try an append to
// find that out.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	d := &frail{}
	s := open(t, Options{Dir: t.TempDir(), disk: d})
	add(t, s.Bulk, "before")
	segment := s.Bulk.active
	d.set(func(operation, path string) error {
		if operation == "write" {
			return syscall.ENOSPC
		}
		return nil
	})
	for range 3 {
		if err := s.Bulk.Append([]byte("too much")); !errors.Is(err, ErrFull) {
			t.Errorf("appended to a full disk: %v", err)
		}
	}
	if err := s.Err(); !errors.Is(err, ErrFull) {
		t.Errorf("the disk is full, and the spool says: %v", err)
	}
	if err := s.Bulk.Append([]byte("some"), []byte("of it"), []byte("would fit")); !errors.Is(err, ErrFull) {
		t.Errorf("appended to a full disk: %v", err)
	}
	if got, want := fileSize(segment.base+segmentEnd), segment.size; got != want { // or the next process would read it
		t.Errorf("the segment has %d bytes, had %d before", got, want)
	}
	d.set(nil)
	s.mu.Lock()
	s.failure.asked = time.Now().Add(-probeEvery)
	s.mu.Unlock()
	if err := s.Err(); !errors.Is(err, ErrFull) {
		t.Errorf("nobody has tried yet, and the spool says: %v", err)
	}
	s.probing.Wait()
	if err := s.Err(); err != nil {
		t.Errorf("there is room again, and the spool says: %v", err)
	}
	add(t, s.Bulk, "after")
	if s.Bulk.active != segment {
		t.Error("another segment was begun")
	}
	if got, want := s.used.Load(), diskBytes(t, s.Bulk); got != want {
		t.Errorf("%d bytes are counted, and there are %d", got, want)
	}
	wantQueue(t, s.Bulk, "before", "after")
	wantQueue(t, reopen(t, s).Bulk, "before", "after")
}

// What waits on a full disk can be done, which makes room.
func TestDoneOnFullDisk(t *testing.T) {
	t.Parallel()
	d := &frail{}
	s := open(t, Options{Dir: t.TempDir(), disk: d})
	add(t, s.Bulk, "a", "b")
	d.set(func(operation, _ string) error {
		if operation == "write" || operation == "open" || operation == "create" {
			return syscall.ENOSPC
		}
		return nil
	})
	all := peek(t, s.Bulk)
	if err := s.Bulk.Done(all[:1]); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("progress was not recorded, and nobody says so: %v", err)
	}
	wantQueue(t, s.Bulk, "b")
	if err := s.Bulk.Append([]byte("c")); !errors.Is(err, ErrFull) {
		t.Error(err)
	}
	done(t, s.Bulk, all[1])
	if got := files(t, s.Bulk); len(got) > 0 {
		t.Errorf("all is done, and there is %v", got)
	}
}

// What is done while an append fails makes room as well.
func TestDoneWhileDiskIsFull(t *testing.T) {
	t.Parallel()
	d := &frail{}
	s := open(t, Options{Dir: t.TempDir(), disk: d})
	add(t, s.Bulk, "a")
	all := peek(t, s.Bulk)
	d.set(func(operation, path string) error {
		if operation == "write" && filepath.Ext(path) == segmentEnd {
			done(t, s.Bulk, all...)
			return syscall.ENOSPC
		}
		return nil
	})
	if err := s.Bulk.Append([]byte("b")); !errors.Is(err, ErrFull) {
		t.Error(err)
	}
	if got := files(t, s.Bulk); len(got) > 0 {
		t.Errorf("all is done, and there is %v", got)
	}
}

// What the disk cannot read stands in nobody's way, and is there for the next process.
func TestUnreadableSector(t *testing.T) {
	t.Parallel()
	d := &frail{}
	s := open(t, Options{Dir: t.TempDir(), disk: d})
	add(t, s.Bulk, "a", "b", "c")
	const second = len(magic) + headerSize + 1
	d.set(func(operation, _ string) error {
		if operation == fmt.Sprintf("read %d", len(magic)) || operation == fmt.Sprintf("read %d", second) {
			return syscall.EIO
		}
		return nil
	})
	wantQueue(t, s.Bulk, "c")
	if n := damages(t, s); n != 2 {
		t.Errorf("%v parts are damaged, want 2", n)
	}
	done(t, s.Bulk, peek(t, s.Bulk)...)
	d.set(nil)
	wantQueue(t, s.Bulk)
	wantQueue(t, reopen(t, s).Bulk, "a", "b")
}

// A spool on a disk that is full from the start can be drained.
func TestOpenOnFullDisk(t *testing.T) {
	t.Parallel()
	s := open(t, Options{Dir: t.TempDir()})
	add(t, s.Bulk, "a")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	d := &frail{fail: func(operation, _ string) error {
		if operation == "write" || operation == "create" {
			return syscall.ENOSPC
		}
		return nil
	}}
	s = open(t, Options{Dir: s.options.Dir, disk: d})
	if err := s.Err(); !errors.Is(err, ErrFull) {
		t.Errorf("the disk is full, and the spool says: %v", err)
	}
	wantQueue(t, s.Bulk, "a")
	done(t, s.Bulk, peek(t, s.Bulk)...)
	wantQueue(t, s.Bulk)
}

func TestUnusableDirectory(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := Open(Options{Dir: path}); err == nil {
		t.Error("opened a file", s.Close())
	}
}
