package spool

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// appending makes the test binary a process that appends to the spool in this directory, and says what is durable.
const appending = "HOLDFAST_TEST_SPOOL"

func TestMain(m *testing.M) {
	if dir := os.Getenv(appending); dir != "" {
		if err := appendForEver(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// appendForEver appends from several goroutines, which print "+ID" for what is durable, and takes out every third entry,
// which is printed as "-ID" before.
func appendForEver(dir string) error {
	s, err := Open(Options{Dir: dir, SegmentBytes: 4 << 10})
	if err != nil {
		return err
	}
	var out sync.Mutex
	say := func(line string) {
		out.Lock()
		defer out.Unlock()
		fmt.Println(line)
	}
	failed := make(chan error)
	for g := range 4 {
		go func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%d-%d-%d", os.Getpid(), g, i)
				if err := s.Bulk.Append([]byte(id + strings.Repeat("x", rand.IntN(300)))); err != nil {
					failed <- err
				}
				say("+" + id)
			}
		}()
	}
	go func() {
		for range s.Bulk.Wake() {
			entries, err := s.Bulk.Peek(30, 1<<20)
			if err != nil {
				failed <- err
			}
			var through []Entry
			for i := 0; i < len(entries); i += 3 {
				say("-" + strings.TrimRight(string(entries[i].Data), "x"))
				through = append(through, entries[i])
			}
			if err := s.Bulk.Done(through); err != nil {
				failed <- err
			}
		}
	}()
	return <-failed
}

// Whatever a killed process has acknowledged is there, unless it was taken out; round after round.
func TestKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rounds := 25
	if testing.Short() {
		rounds = 5
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	acknowledged, taken := make(map[string]bool), make(map[string]bool)
	for range rounds {
		p := exec.CommandContext(t.Context(), self)
		p.Env = append(os.Environ(), appending+"="+dir)
		p.Stderr = os.Stderr
		out, err := p.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReader(out)
		first, err := lines.ReadString('\n')
		if err != nil {
			t.Fatal("nothing was appended", err)
		}
		time.AfterFunc(rand.N(50*time.Millisecond), func() { _ = p.Process.Kill() })
		rest, err := io.ReadAll(lines)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Wait(); !p.ProcessState.Sys().(syscall.WaitStatus).Signaled() {
			t.Fatal("it was to be killed, and ended by itself:", err)
		}
		for line := range strings.Lines(first + string(rest)) {
			id, whole := strings.CutSuffix(line, "\n")
			switch {
			case whole && id[0] == '+':
				acknowledged[id[1:]] = true
			case id[0] == '-': // if the process was killed while it said so, it had not done it yet
				taken[strings.TrimSuffix(id[1:], "\n")] = true
			}
		}
		report, err := Inspect(dir, nil)
		if err != nil || len(report.Damaged) > 0 || report.Held {
			t.Fatalf("%+v, %v", report, err)
		}
	}
	s := open(t, Options{Dir: dir})
	there := make(map[string]bool)
	for _, e := range peek(t, s.Bulk) {
		there[strings.TrimRight(string(e.Data), "x")] = true
	}
	for id := range acknowledged {
		if !there[id] && !taken[id] {
			t.Errorf("%s was acknowledged, and is not there", id)
		}
	}
	if len(acknowledged) < rounds || len(there) == 0 || len(taken) == 0 {
		t.Fatalf("%d acknowledged, %d there, %d taken", len(acknowledged), len(there), len(taken))
	}
	t.Logf("%d rounds: %d acknowledged, %d there, %d taken out", rounds, len(acknowledged), len(there), len(taken))
}
