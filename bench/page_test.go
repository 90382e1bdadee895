package main

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/load"
)

var update = flag.Bool("update", false, "rewrite the expected page")

// TestPage writes the page of results that are given, into one that a person has written.
func TestPage(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "results.json"))
	if err != nil {
		t.Fatal(err)
	}
	var results []result
	if err := json.Unmarshal(text, &results); err != nil {
		t.Fatal(err)
	}
	for i := range results {
		chosen, err := choose(strings.ReplaceAll(results[i].Name, " ", "-"), false)
		if err != nil {
			t.Fatal(err)
		}
		results[i].scenario = chosen[0]
	}
	m := machine{
		CPU: "A processor", Kernel: "6.1.0", Cores: 4, Memory: 16e9, Sync: 1500 * time.Microsecond, SyncP99: 4 * time.Millisecond,
		Holdfast: "v1.0.0", Postgres: "15.18", Golang: "go1.26", Temporal: "1.32.1", Day: "2026-11-21",
	}
	page := "# Performance\n\nA person's words.\n\n<!-- make bench: cost -->\nold figures\n<!-- end of cost -->\n\nMore words.\n"
	got, err := merge(page, sections(m, options{repeats: 3}, results))
	if err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "page.md")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
	again, err := merge(got, sections(m, options{repeats: 3}, results))
	if err != nil || again != got {
		t.Errorf("written again it is another: %v%s", err, cmp.Diff(got, again))
	}
}

func TestMerge(t *testing.T) {
	t.Parallel()
	one := []section{{name: "x", heading: "Of x", text: "new\n"}}
	for _, c := range []struct{ page, want string }{
		{"", "# Performance\n\nThe parts between marks are written by `make bench`; words around them stay.\n\n## Of x\n\n<!-- make bench: x -->\n\nnew\n\n<!-- end of x -->\n"},
		{"a <!-- make bench: x -->old<!-- end of x --> b", "a <!-- make bench: x -->\n\nnew\n\n<!-- end of x --> b"},
		{"<!-- make bench: x --> old", ""},
		{"<!-- make bench: y -->old<!-- end of y -->", "<!-- make bench: y -->old<!-- end of y -->\n\n## Of x\n\n<!-- make bench: x -->\n\nnew\n\n<!-- end of x -->\n"},
	} {
		got, err := merge(c.page, one)
		if (err != nil) != (c.want == "") {
			t.Errorf("%q: %v", c.page, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%q: %s", c.page, diff)
		}
	}
}

func TestMisses(t *testing.T) {
	t.Parallel()
	of := func(ackP99, banP99 float64, lost, refused int) measured {
		return measured{Report: load.Report{
			Acknowledged: load.Latency{P99: ackP99}, Webhooks: load.Webhooks{Refused: refused},
			Destinations: []load.DestinationReport{{Name: crm, Lost: lost, ByKind: map[string]load.Latency{"ban": {P99: banP99}}}},
		}}
	}
	chosen, err := choose("2000/s", false)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		measured []measured
		want     []string
	}{
		{[]measured{of(100, 250, 0, 0), of(99, 2000, 0, 0), of(500, 1, 0, 0)}, nil}, // medians within
		{[]measured{of(101, 1, 0, 0)}, []string{"acknowledged p99 101.0 > 100"}},
		{[]measured{of(1, 251, 0, 0), of(1, 300, 0, 0), of(1, 1, 0, 0)}, []string{"ban told p99 251.0 > 250"}},
		{[]measured{of(1, 1, 0, 0), of(1, 1, 1200, 3), of(1, 1, 0, 0)}, []string{"3 not accepted", "1,200 updates not told within a minute"}},
	} {
		if diff := cmp.Diff(c.want, result{Measured: c.measured, scenario: chosen[0]}.misses()); diff != "" {
			t.Error(diff)
		}
	}
}

func TestChoose(t *testing.T) {
	t.Parallel()
	all, err := choose("", false)
	if err != nil || len(all) != len(scenarios()) {
		t.Fatalf("%d of all: %v", len(all), err)
	}
	seen := map[string]bool{}
	seconds := 0
	for _, s := range all {
		if seen[s.name] {
			t.Errorf("%s is there twice", s.name)
		}
		seen[s.name] = true
		seconds += s.seconds
	}
	// Three rounds must fit in 25 minutes, with a minute for each backlog of 4,000/s and seconds between scenarios.
	if seconds > 400 {
		t.Errorf("a round takes %d s", seconds)
	}
	some, err := choose("outage,3000/s,8-callers", true)
	if err != nil || len(some) != 3 || some[1].name != "3000/s" || some[0].seconds > 15 || some[1].seconds > 10 {
		t.Errorf("%+v: %v", some, err)
	}
	for _, bad := range []string{"nonsense", "0/s", "-1/s", "outage,", "5"} {
		if got, err := choose(bad, false); err == nil {
			t.Errorf("%s is %+v", bad, got)
		}
	}
}

func TestFigures(t *testing.T) {
	t.Parallel()
	for want, s := range map[string]spread{
		"0": {}, "0.25": {.251, .249, .2501}, "3.1 (2.0–4.5)": {3.14, 2, 4.51}, "12": {12.3, 11.6, 12.4}, "1,234,568 (999–2,000,000)": {1234567.8, 999.4, 2e6},
	} {
		if got := s.String(); got != want {
			t.Errorf("%+v is %s, want %s", s, got, want)
		}
	}
}
