package load

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A proc is a /proc that says what the test wants.
type proc struct {
	t   *testing.T
	dir string
}

func (p proc) write(name, text string) {
	p.t.Helper()
	name = filepath.Join(p.dir, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

func (p proc) process(pid, parent, start, user, system, resident, shared int, name, line string) {
	dir := strconv.Itoa(pid)
	p.write(dir+"/stat", fmt.Sprintf("%d (%s) S %d 1 1 0 -1 4194560 1 2 3 4 %d %d 70 80 20 0 1 0 %d 1000 250", pid, name, parent, user, system, start))
	p.write(dir+"/statm", fmt.Sprintf("99999 %d %d 1 0 2 0", resident, shared))
	p.write(dir+"/cmdline", line)
}

func (p proc) end(pid int) {
	if err := os.RemoveAll(filepath.Join(p.dir, strconv.Itoa(pid))); err != nil {
		p.t.Fatal(err)
	}
}

func TestMeter(t *testing.T) {
	t.Parallel()
	p := proc{t, t.TempDir()}
	p.write("stat", "cpu  1000 0 500 8000 500 0 0 0 0 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n")
	p.process(10, 1, 5, 100, 50, 200, 100, "postgres", "/usr/bin/postgres\x00-D\x00x")
	p.process(11, 10, 6, 10, 0, 150, 100, "postgres) (S 1", "postgres: holdfast")
	p.process(20, 1, 7, 1000, 0, 10, 0, "holdfast", "bin/holdfast\x00serve")
	p.process(30, 1, 8, 7, 7, 10, 0, "bystander", "bin/other")
	targets := []Target{{Name: "postgres", PID: 10}, {Name: "serve", Text: "holdfast serve"}}
	m, err := startMeter(p.dir, targets)
	if err != nil {
		t.Fatal(err)
	}
	// A backend has ended, another began, and a third has the id of the one that ended.
	p.process(11, 10, 6, 30, 0, 160, 100, "postgres", "postgres: holdfast")
	p.process(12, 11, 9, 40, 0, 130, 90, "postgres", "postgres: worker")
	if err := m.look(false); err != nil {
		t.Fatal(err)
	}
	p.end(12)
	p.process(11, 10, 99, 5, 0, 101, 100, "postgres", "postgres: another")
	p.process(10, 1, 5, 150, 100, 200, 100, "postgres", "/usr/bin/postgres\x00-D\x00x")
	p.process(20, 1, 7, 1300, 20, 40, 20, "holdfast", "bin/holdfast\x00serve")
	p.write("stat", "cpu  1500 0 600 8600 600 50 50 100 0 0\n")
	costs, machine, err := m.Costs()
	if err != nil {
		t.Fatal(err)
	}
	page := int64(os.Getpagesize())
	want := []Cost{
		{Name: "postgres", Processes: 4, CPU: 1.00 + .20 + .40 + .05, Memory: (100 + 60 + 40 + 100) * page},
		{Name: "serve", Processes: 1, CPU: 3.20, Memory: 40 * page},
	}
	if diff := cmp.Diff(want, costs, cmp.Comparer(func(a, b float64) bool { return a-b < 1e-9 && b-a < 1e-9 })); diff != "" {
		t.Error(diff)
	}
	if machine.Idle != 700./1500 || machine.Stolen != 100./1500 || machine.Busy != 7 {
		t.Errorf("%+v", machine)
	}
}

func TestMeterOfThisMachine(t *testing.T) {
	t.Parallel()
	m, err := StartMeter([]Target{{Name: "self", PID: os.Getpid()}})
	if err != nil {
		t.Fatal(err)
	}
	sum := uint64(0)
	for m.first[0]+1 > 0 { // until a tick of processor time was used
		for i := range uint64(1_000_000) {
			sum += mix(i)
		}
		if costs, machine, err := m.Costs(); err != nil {
			t.Fatal(err)
		} else if costs[0].CPU > 0 {
			if costs[0].Memory < 1<<20 || machine.Idle < 0 || machine.Idle > 1 || machine.Cores < 1 || sum == 0 {
				t.Errorf("%+v %+v", costs, machine)
			}
			return
		}
	}
}

func TestTargets(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Target{
		"pg=12": {Name: "pg", PID: 12}, "serve=holdfast serve": {Name: "serve", Text: "holdfast serve"}, "a=b=c": {Name: "a", Text: "b=c"},
	} {
		if got, err := ParseTarget(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, bad := range []string{"", "x", "=1", "x=", "x=0", "x=-4"} {
		if got, err := ParseTarget(bad); err == nil {
			t.Errorf("%s reads as %+v", bad, got)
		}
	}
}
