package chaos

import (
	"bytes"
	_ "embed"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"text/template"
	"time"
)

// An outcome is what became of one fault.
type outcome struct {
	fault
	run               *run
	verdict           *verdict
	lasted, recovered time.Duration
	failed            bool
}

// recovered is how long it took, once everything was mended, until everything sent before that was told.
func (r *run) recovered(mended time.Time) time.Duration {
	due := map[string]bool{}
	for i, at := range r.sent {
		if at.Before(mended) {
			for _, event := range r.script.deliveries[i].events {
				due[r.script.events[event].key] = true
			}
		}
	}
	var last time.Time
	for _, tellings := range r.tellings {
		told := map[string]bool{}
		for _, t := range tellings {
			if t.answered && due[t.key] && !told[t.key] {
				told[t.key] = true
				if t.at.After(last) {
					last = t.at
				}
			}
		}
	}
	return max(0, last.Sub(mended))
}

func (o outcome) row() map[string]any {
	acknowledged := 0
	for _, at := range o.run.acked {
		if !at.IsZero() {
			acknowledged++
		}
	}
	return map[string]any{
		"What": o.what, "Rate": o.rate, "Sent": len(o.run.sent), "Attempts": o.run.attempts, "Refused": o.run.refused, "Cut": o.run.cut,
		"Acknowledged": acknowledged, "Told": o.verdict.told, "Unanswered": o.verdict.unanswered, "Crashed": o.verdict.crashed,
		"Lost": o.verdict.lost, "Lasted": seconds(o.lasted), "Recovered": seconds(o.recovered), "Failed": o.failed,
	}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

//go:embed testdata/report.md
var reportTemplate string

// writeReport writes the page about a run of faults. Partial says what it lacks.
func writeReport(t *testing.T, path string, s *site, outcomes []outcome, took time.Duration, partial string) {
	t.Helper()
	var rows []map[string]any
	for _, o := range outcomes {
		rows = append(rows, o.row())
	}
	again := 0
	for _, d := range s.script.deliveries {
		if d.again {
			again++
		}
	}
	_, temporal, _ := strings.Cut(mustRun(t, s.devserver, "version"), "server ")
	temporal, _, _ = strings.Cut(temporal, ",")
	var page bytes.Buffer
	err := template.Must(template.New("report").Parse(reportTemplate)).Execute(&page, map[string]any{
		"Command": "make chaos", "Date": time.Now().UTC().Format(time.DateOnly), "Holdfast": revision(), "Go": runtime.Version(), "Temporal": temporal,
		"Postgres": mustRun(t, postgresPrograms(t)+"/postgres", "--version"), "Kernel": kernel(), "Cores": runtime.NumCPU(),
		"Took": took.Round(time.Second).String(), "Webhooks": len(s.script.quiet().deliveries), "Events": len(s.script.events), "Again": again,
		"Accounts": accounts, "Contacts": contacts, "NotedWithin": notedWithin.String(), "Outcomes": rows, "Partial": partial,
	})
	if err == nil {
		err = os.WriteFile(path, page.Bytes(), 0o644)
	}
	if err != nil {
		t.Errorf("write the report: %v", err)
	}
}

// revision is the commit that is tested, as git names it; "unknown" without git.
func revision() string {
	text, err := output("git", "describe", "--always", "--dirty", "--exclude=*")
	if err != nil {
		return "unknown"
	}
	return text
}

func kernel() string {
	text, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return runtime.GOOS
	}
	release, _, _ := strings.Cut(string(bytes.TrimSpace(text)), "-")
	return release
}
