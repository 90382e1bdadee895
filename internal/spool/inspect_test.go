package spool

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Whoever looks at a spool sees what its process sees, takes nothing from it and keeps nobody out.
func TestInspect(t *testing.T) {
	t.Parallel()
	s := open(t, Options{Dir: t.TempDir(), SegmentBytes: 100})
	add(t, s.Bulk, "one", "two", "three", "four", "five", "six")
	add(t, s.Aside, "refused")
	done(t, s.Bulk, peek(t, s.Bulk)[1])
	look := func() (Report, map[string][]string) {
		t.Helper()
		seen := make(map[string][]string)
		report, err := Inspect(s.options.Dir, func(queue string, e Entry) error {
			seen[queue] = append(seen[queue], string(e.Data))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return report, seen
	}
	report, seen := look()
	want := Report{Held: true, Holder: os.Getpid()}
	for _, q := range s.queues() {
		want.Queues = append(want.Queues, QueueReport{Name: q.Name(), Stats: q.Stats()})
	}
	if diff := cmp.Diff(want, report); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string][]string{Bulk: {"one", "three", "four", "five", "six"}, Aside: {"refused"}}, seen); diff != "" {
		t.Error(diff)
	}

	// A torn tail is seen, and left to whoever opens the spool.
	torn := ending(t, s.Aside, segmentEnd)[0]
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(torn, fileSize(torn)-1); err != nil {
		t.Fatal(err)
	}
	report, seen = look()
	if diff := cmp.Diff([]Range{{torn, int64(len(magic)), fileSize(torn)}}, report.Torn); diff != "" || report.Held || len(report.Damaged) > 0 || len(seen[Aside]) > 0 {
		t.Errorf("%+v, %v, %s", report, seen, diff)
	}
	if _, err := Inspect(t.TempDir()+"/nowhere", nil); err == nil {
		t.Error("looked at a spool that is not there")
	}
}
