package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
)

// open opens a spool that is closed when the test ends.
func open(t testing.TB, o Options) *Spool {
	t.Helper()
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func reopen(t testing.TB, s *Spool) *Spool {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return open(t, Options{Dir: s.options.Dir, MaxBytes: s.options.MaxBytes, SegmentBytes: s.options.SegmentBytes, disk: s.options.disk})
}

func add(t testing.TB, q *Queue, entries ...string) {
	t.Helper()
	for _, e := range entries {
		if err := q.Append([]byte(e)); err != nil {
			t.Fatal(err)
		}
	}
}

func peek(t testing.TB, q *Queue) []Entry {
	t.Helper()
	entries, err := q.Peek(1e6, 1e9)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func texts(entries []Entry) []string {
	out := []string{}
	for _, e := range entries {
		out = append(out, string(e.Data))
	}
	return out
}

func done(t testing.TB, q *Queue, entries ...Entry) {
	t.Helper()
	if err := q.Done(entries); err != nil {
		t.Fatal(err)
	}
}

func wantQueue(t testing.TB, q *Queue, want ...string) {
	t.Helper()
	if diff := cmp.Diff(append([]string{}, want...), texts(peek(t, q))); diff != "" {
		t.Errorf("%s: %s", q.Name(), diff)
	}
	if n := q.Stats().Entries; n != len(want) {
		t.Errorf("%s: %d entries are counted, want %d", q.Name(), n, len(want))
	}
}

// files are the names of a queue's files.
func files(t testing.TB, q *Queue) []string {
	t.Helper()
	list, err := os.ReadDir(q.dir)
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for _, f := range list {
		out = append(out, f.Name())
	}
	return out
}

// ending are the files that end so.
func ending(t testing.TB, q *Queue, end string) []string {
	t.Helper()
	var out []string
	for _, f := range files(t, q) {
		if strings.HasSuffix(f, end) {
			out = append(out, filepath.Join(q.dir, f))
		}
	}
	return out
}

// diskBytes is what the files of a queue really take.
func diskBytes(t testing.TB, q *Queue) int64 {
	t.Helper()
	var sum int64
	for _, f := range files(t, q) {
		sum += fileSize(filepath.Join(q.dir, f))
	}
	return sum
}

func TestQueuesKeepOrderAndSurviveRestart(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	s := open(t, Options{Dir: filepath.Join(t.TempDir(), "new", "spool"), Now: func() time.Time { now = now.Add(time.Second); return now }})
	add(t, s.Bulk, "a", "b", "", "c")
	add(t, s.Urgent, "x")
	if err := s.Bulk.Append([]byte("d"), []byte("e")); err != nil {
		t.Fatal(err)
	}
	wantQueue(t, s.Bulk, "a", "b", "", "c", "d", "e")
	wantQueue(t, s.Urgent, "x")
	wantQueue(t, s.Aside)
	first := peek(t, s.Bulk)[0]
	if want := time.Date(2026, 1, 2, 3, 4, 6, 6, time.UTC); !first.At.Equal(want) {
		t.Errorf("appended at %v, want %v", first.At, want)
	}
	if got, want := s.Bulk.Stats().Oldest, first.At.Truncate(time.Second); !got.Equal(want) {
		t.Errorf("the oldest is of %v, want %v", got, want)
	}

	s = reopen(t, s)
	wantQueue(t, s.Bulk, "a", "b", "", "c", "d", "e")
	all := peek(t, s.Bulk)
	done(t, s.Bulk, all[4], all[1], all[2], all[1])
	wantQueue(t, s.Bulk, "a", "c", "e")
	s = reopen(t, s)
	wantQueue(t, s.Bulk, "a", "c", "e")
	wantQueue(t, s.Urgent, "x")
	if got, want := s.Bulk.Stats().Bytes, diskBytes(t, s.Bulk); got != want {
		t.Errorf("%d bytes are counted, and there are %d", got, want)
	}
	done(t, s.Bulk, peek(t, s.Bulk)...)
	if got := files(t, s.Bulk); len(got) > 0 {
		t.Errorf("all is done, and there is %v", got)
	}
	add(t, s.Bulk, "f")
	wantQueue(t, s.Bulk, "f")
	done(t, s.Bulk, peek(t, s.Bulk)...)
	wantQueue(t, s.Bulk)
	if got := s.Bulk.Stats(); got != (Stats{}) || len(files(t, s.Bulk)) > 0 {
		t.Errorf("all is done, and there is %+v", got)
	}
}

func TestPeekIsBounded(t *testing.T) {
	t.Parallel()
	s := open(t, Options{Dir: t.TempDir(), SegmentBytes: 100})
	add(t, s.Bulk, "1234567890", "1234567890", "1234567890", "1234567890", "1234567890")
	const one = headerSize + 10
	for _, tt := range []struct {
		entries int
		bytes   int64
		want    int
	}{{2, 1e6, 2}, {100, 1, 1}, {0, 0, 1}, {100, 2 * one, 2}, {100, 3*one - 1, 2}, {100, 5 * one, 5}} {
		got, err := s.Bulk.Peek(tt.entries, tt.bytes)
		if err != nil || len(got) != tt.want {
			t.Errorf("Peek(%d, %d): %d entries, %v, want %d", tt.entries, tt.bytes, len(got), err, tt.want)
		}
	}
}

func TestSegmentsRollAndAreDeleted(t *testing.T) {
	t.Parallel()
	s := open(t, Options{Dir: t.TempDir(), SegmentBytes: 64})
	var want []string
	for i := range 10 {
		want = append(want, strings.Repeat(strconv.Itoa(i), 10))
	}
	want = append(want, strings.Repeat("large", 100))
	add(t, s.Bulk, want...)
	wantQueue(t, s.Bulk, want...)
	before := s.Bulk.Stats()
	if before.Segments < 10 || before.Bytes != diskBytes(t, s.Bulk) {
		t.Fatalf("%+v, on disk %d bytes", before, diskBytes(t, s.Bulk))
	}
	done(t, s.Bulk, peek(t, s.Bulk)[3:7]...)
	after := s.Bulk.Stats()
	if after.Segments != before.Segments-4 || after.Bytes != diskBytes(t, s.Bulk) || len(ending(t, s.Bulk, segmentEnd)) != after.Segments {
		t.Errorf("%+v before, %+v after, on disk %d bytes", before, after, diskBytes(t, s.Bulk))
	}
	wantQueue(t, reopen(t, s).Bulk, slices.Delete(want, 3, 7)...)
}

func TestOthersCannotReadIt(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "spool")
	s := open(t, Options{Dir: dir})
	add(t, s.Bulk, "secret", "secret")
	done(t, s.Bulk, peek(t, s.Bulk)[0])
	found := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o600)
		if d.IsDir() {
			want = 0o700
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		found++
		return nil
	})
	if err != nil || found != 7 { // four directories, lock, segment, progress
		t.Errorf("%d files, %v", found, err)
	}
}

func TestOneProcessPerDirectory(t *testing.T) {
	t.Parallel()
	s := open(t, Options{Dir: t.TempDir()})
	_, err := Open(Options{Dir: s.options.Dir})
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), fmt.Sprintf("in use by process %d", os.Getpid())) {
		t.Errorf("opened twice: %v", err)
	}
	add(t, s.Bulk, "a")
	wantQueue(t, reopen(t, s).Bulk, "a")
}

func TestClosedIsClosed(t *testing.T) {
	t.Parallel()
	s := open(t, Options{Dir: t.TempDir()})
	add(t, s.Bulk, "a")
	entries := peek(t, s.Bulk)
	next := reopen(t, s)
	_, err := s.Bulk.Peek(1, 1)
	for _, err := range []error{err, s.Bulk.Append([]byte("b")), s.Bulk.Done(entries)} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("used after it was closed: %v", err)
		}
	}
	wantQueue(t, next.Bulk, "a")
}

func TestBound(t *testing.T) {
	t.Parallel()
	s := open(t, Options{Dir: t.TempDir(), MaxBytes: 16 << 10})
	entry := make([]byte, 1000)
	fill := func(q *Queue) (n int) {
		for {
			err := q.Append(entry)
			if errors.Is(err, ErrFull) {
				return n
			}
			if err != nil || n > 100 {
				t.Fatal(n, err)
			}
			n++
		}
	}
	if n := fill(s.Bulk); n < 12 || n > 14 {
		t.Errorf("bulk took %d entries of 1000 bytes in 14 KiB", n)
	}
	if !errors.Is(s.Err(), ErrFull) {
		t.Errorf("a full spool says: %v", s.Err())
	}
	if n := fill(s.Urgent); n < 1 {
		t.Error("bulk has left no room for what is urgent")
	}
	if s.used.Load() > 16<<10 || diskBytes(t, s.Bulk)+diskBytes(t, s.Urgent) != s.used.Load() {
		t.Errorf("%d bytes are counted, and there are %d", s.used.Load(), diskBytes(t, s.Bulk)+diskBytes(t, s.Urgent))
	}
	done(t, s.Bulk, peek(t, s.Bulk)[:4]...)
	if s.Err() != nil {
		t.Errorf("there is room again, and it says: %v", s.Err())
	}
	add(t, s.Bulk, string(entry))
	if err := s.Aside.Append(make([]byte, maxAppend)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("far too large: %v", err)
	}

	// What was there before counts as well.
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	small := open(t, Options{Dir: s.options.Dir, MaxBytes: 8 << 10})
	if err := small.Aside.Append(entry); !errors.Is(err, ErrFull) {
		t.Errorf("there is more than it may hold, and more is taken: %v", err)
	}
}

// A spool that somebody has deleted takes nothing more, until it is there again.
func TestDeletedWhileOpen(t *testing.T) {
	t.Parallel()
	s := open(t, Options{Dir: t.TempDir()})
	add(t, s.Bulk, "a")
	if err := os.RemoveAll(s.Bulk.dir); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Bulk.Append([]byte("b")); !errors.Is(err, fs.ErrNotExist) || s.Err() == nil {
			t.Errorf("appended to what was deleted: %v, and the spool says: %v", err, s.Err())
		}
	}
	if err := os.Mkdir(s.Bulk.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	add(t, s.Bulk, "c")
	wantQueue(t, s.Bulk, "c")
	wantQueue(t, reopen(t, s).Bulk, "c")
}

func TestWake(t *testing.T) {
	t.Parallel()
	s := open(t, Options{Dir: t.TempDir()})
	woken := func(q *Queue) bool {
		select {
		case <-q.Wake():
			return true
		default:
			return false
		}
	}
	if woken(s.Bulk) {
		t.Error("woken by nothing")
	}
	add(t, s.Bulk, "a", "b")
	if !woken(s.Bulk) || woken(s.Bulk) || woken(s.Urgent) {
		t.Error("not woken once by two entries")
	}
	s = reopen(t, s)
	if !woken(s.Bulk) || woken(s.Urgent) {
		t.Error("not woken by what was there before")
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	reg := prometheus.NewRegistry()
	s := open(t, Options{Dir: t.TempDir(), MaxBytes: 1 << 10, Registerer: reg, Now: func() time.Time { return now }})
	add(t, s.Bulk, "a", "b")
	if err := s.Bulk.Append(make([]byte, 1000)); !errors.Is(err, ErrFull) {
		t.Fatal(err)
	}
	now = now.Add(90 * time.Second)
	want := map[string]float64{"holdfast_spool_damaged_total": 0, "holdfast_spool_fsync_seconds": 2}
	for _, queue := range names() {
		want["holdfast_spool_append_failures_total "+sorted(queue, "full")] = 0
		want["holdfast_spool_append_failures_total "+sorted(queue, "io")] = 0
		for _, name := range []string{"appended_total", "entries", "bytes", "oldest_seconds"} {
			want["holdfast_spool_"+name+" "+queue] = 0
		}
	}
	want["holdfast_spool_append_failures_total bulk full"] = 1
	want["holdfast_spool_appended_total bulk"] = 2
	want["holdfast_spool_entries bulk"] = 2
	want["holdfast_spool_bytes bulk"] = float64(diskBytes(t, s.Bulk))
	want["holdfast_spool_oldest_seconds bulk"] = 90
	if diff := cmp.Diff(want, gather(t, reg)); diff != "" {
		t.Error(diff)
	}
	if _, err := Open(Options{Dir: t.TempDir(), Registerer: reg}); err == nil {
		t.Error("two spools in one registry")
	}
}

// gather has the values of all series, and of histograms how much they have observed.
func gather(t testing.TB, g prometheus.Gatherer) map[string]float64 {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string]float64)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetValue())
			}
			slices.Sort(labels)
			series := strings.Join(append([]string{f.GetName()}, labels...), " ")
			out[series] = m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return out
}

// sorted are labels as gather names them.
func sorted(labels ...string) string {
	slices.Sort(labels)
	return strings.Join(labels, " ")
}

// registered has the series of a spool that was opened without a registry.
func registered(t testing.TB, s *Spool) prometheus.Gatherer {
	t.Helper()
	reg := prometheus.NewRegistry()
	if err := s.metrics.register(reg, s.queues()); err != nil {
		t.Fatal(err)
	}
	return reg
}

// damages is how many unreadable parts a spool has found.
func damages(t testing.TB, s *Spool) float64 {
	t.Helper()
	return gather(t, registered(t, s))["holdfast_spool_damaged_total"]
}
