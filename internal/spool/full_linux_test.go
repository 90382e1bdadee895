package spool

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// inTmpfs says that the test runs in a mount namespace of its own.
const inTmpfs = "HOLDFAST_TEST_SPOOL_MOUNT"

// A file system that is really full: a small one is mounted where nobody else sees it. Who is not root becomes it in a
// namespace of his own.
func TestFullFileSystem(t *testing.T) {
	if os.Getenv(inTmpfs) != "" {
		fillFileSystem(t)
		return
	}
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := exec.CommandContext(t.Context(), self, "-test.run=^TestFullFileSystem$", "-test.v")
	p.Env = append(os.Environ(), inTmpfs+"="+t.TempDir())
	p.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Getuid() != 0 {
		p.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		p.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		p.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	out, err := p.CombinedOutput()
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) {
		t.Skipf("this machine allows no mount namespaces: %v; what a full disk does is tested with a disk that says so only", err)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}

func fillFileSystem(t *testing.T) {
	dir := os.Getenv(inTmpfs)
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		t.Fatal("keep mounts to ourselves:", err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Fatal("mount:", err)
	}
	s := open(t, Options{Dir: dir, SegmentBytes: 200 << 10})
	entry := make([]byte, 10_000)
	var taken int
	for ; taken < 1000; taken++ {
		entry[0] = byte(taken)
		err := s.Bulk.Append(entry)
		if errors.Is(err, ErrFull) && errors.Is(err, syscall.ENOSPC) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if taken < 50 || taken > 110 {
		t.Fatalf("%d entries of 10 kB are in 1 MiB", taken)
	}
	if !errors.Is(s.Err(), ErrFull) {
		t.Errorf("full, and the spool says: %v", s.Err())
	}
	for range 20 { // it is as full as before, and nothing gets worse
		if err := s.Bulk.Append(entry); !errors.Is(err, ErrFull) {
			t.Fatal(err)
		}
	}
	check := func(q *Queue, from, to int) {
		t.Helper()
		entries := peek(t, q)
		if len(entries) != to-from {
			t.Fatalf("%d entries, want %d", len(entries), to-from)
		}
		for i, e := range entries {
			if e.Data[0] != byte(from+i) || len(e.Data) != len(entry) {
				t.Errorf("entry %d is another", i)
			}
		}
	}
	check(s.Bulk, 0, taken)
	s = reopen(t, s)
	check(s.Bulk, 0, taken)
	const some = 45
	done(t, s.Bulk, peek(t, s.Bulk)[:some]...)
	for i := range some / 2 {
		entry[0] = byte(taken + i)
		if err := s.Bulk.Append(entry); err != nil {
			t.Fatalf("there is room again, and the %dth append says: %v", i, err)
		}
	}
	if s.Err() != nil {
		t.Errorf("there is room again, and the spool says: %v", s.Err())
	}
	check(reopen(t, s).Bulk, some, taken+some/2)
}
