package chaos

import (
	"flag"
	"os"
	"testing"
	"time"
)

var (
	full         = flag.Bool("full", false, "all faults, at their full length")
	only         = flag.String("fault", "", "only the fault of this name")
	webhooks     = flag.Int("webhooks", 0, "length of the script; 0: as long as it takes")
	report       = flag.String("report", "", "file to write the report to")
	unprivileged = flag.Bool("unprivileged", false, "leave out what only root can do, instead of failing")
)

// How many webhooks a script has: with those that last, sending goes on for longer than the longest fault.
const (
	fullScript  = 2000
	shortScript = 150
)

// TestChaos runs the same script through a world for each fault: a few of them, or all with -full.
func TestChaos(t *testing.T) {
	began := time.Now()
	n := *webhooks
	switch {
	case n > 0:
	case *full:
		n = fullScript
	default:
		n = shortScript
	}
	s := newSite(t, n)
	var outcomes []outcome
	partial := ""
	for _, f := range faults() {
		switch {
		case *only != "" && *only != f.name:
			partial = "only one fault was tried"
			continue
		case *only == "" && f.long && !*full:
			partial = "only the short faults were tried"
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			began := time.Now()
			o := f.strikes(t, s)
			outcomes = append(outcomes, o)
			t.Logf("%v, in %v", o.row(), time.Since(began).Round(time.Second))
		})
	}
	switch {
	case partial != "":
	case t.Failed():
		partial = "something failed"
	case *webhooks > 0:
		partial = "the script was of another length"
	case *unprivileged:
		partial = "what only root can do was left out"
	}
	if *report != "" {
		writeReport(t, *report, s, outcomes, time.Since(began), partial)
	}
}

// needsRoot fails a test that cannot be run: a fault that was not tried is not survived.
func needsRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if *unprivileged {
		t.Skip("only root can do this")
	}
	t.Fatal("only root can do this; with -unprivileged it is left out")
}
