package main

import (
	"errors"
	"fmt"
	"strings"

	"holdfast/internal/load"
)

// A section is a part of the page that is written anew each time. What stands between its marks is replaced; all else
// belongs to people.
type section struct{ name, heading, text string }

func (s section) begin() string { return "<!-- make bench: " + s.name + " -->" }
func (s section) end() string   { return "<!-- end of " + s.name + " -->" }

// merge puts sections into a page: where their marks are, or else at its end with a heading.
func merge(page string, sections []section) (string, error) {
	if page == "" {
		page = "# Performance\n\nThe parts between marks are written by `make bench`; words around them stay.\n"
	}
	for _, s := range sections {
		fresh := s.begin() + "\n\n" + strings.TrimSpace(s.text) + "\n\n" + s.end()
		before, rest, found := strings.Cut(page, s.begin())
		if !found {
			page = strings.TrimRight(page, "\n") + "\n\n## " + s.heading + "\n\n" + fresh + "\n"
			continue
		}
		_, after, found := strings.Cut(rest, s.end())
		if !found {
			return "", errors.New("the page has a mark that does not end: " + s.begin())
		}
		page = before + fresh + after
	}
	return page, nil
}

func sections(m machine, o options, results []result) []section {
	return []section{
		{"machine", "What was measured on", aboutMachine(m, o)},
		{"latency", "How fast", latencies(results)},
		{"cost", "What it costs", costs(results)},
		{"attack", "Under attack", underAttack(results)},
		{"commands", "Commands", commands(results)},
	}
}

func aboutMachine(m machine, o options) string {
	var b strings.Builder
	fmt.Fprintf(&b, `%s: %d cores (%s), %.0f GB of memory, Linux %s; everything on this one machine, the load and the destinations included.
To append 4 KiB and have it on disk takes %.2f ms (p99 %.2f ms).

Holdfast %s, Temporal %s with 64 shards, PostgreSQL %s, %s. PostgreSQL as it comes (it waits for the disk), but for `,
		m.Day, m.Cores, m.CPU, float64(m.Memory)/1e9, m.Kernel, m.Sync.Seconds()*1000, m.SyncP99.Seconds()*1000, m.Holdfast, m.Temporal, m.Postgres, m.Golang)
	for i, line := range strings.Split(strings.TrimSpace(settings), "\n")[1:] {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "`%s`", line)
	}
	b.WriteString(".\n\n")
	repeats := fmt.Sprintf("Each scenario was measured %d times, in rotated order; tables have the median and, in parentheses, the least and the most.", o.repeats)
	if o.repeats == 1 {
		repeats = "Each scenario was measured once."
	}
	b.WriteString(repeats)
	if o.quick {
		b.WriteString(" **Measured with -quick: seconds only, to see that it works. These figures are not to be published.**")
	}
	return b.String()
}

// millis shows a latency's p50, p95 and p99.
func (r result) millis(of func(measured) load.Latency) string {
	return fmt.Sprintf("%s | %s | %s", r.over(func(m measured) float64 { return of(m).P50 }),
		r.over(func(m measured) float64 { return of(m).P95 }), r.over(func(m measured) float64 { return of(m).P99 }))
}

func acknowledged(m measured) load.Latency { return m.Report.Acknowledged }
func endToEnd(m measured) load.Latency     { return m.told().Latency }

func latencies(results []result) string {
	var b strings.Builder
	b.WriteString(`Milliseconds from when a webhook was due: until it was acknowledged, and until the destination was told the last of its events. Drained is
when the last one was told, after the load had ended. Not accepted is what was refused, or not answered within 10 s; missing is what was
accepted and not told within a minute after the load.

| scenario | ack p50 | p95 | p99 | told p50 | p95 | p99 | acknowledged/s | not accepted | missing | drained s |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
`)
	for _, r := range results {
		if r.scenario.attack != "" {
			continue
		}
		fmt.Fprintf(&b, "| %s%s | %s | %s | %s | %s | %s | %s |\n", r.Name, r.marks(), r.millis(acknowledged), r.millis(endToEnd),
			r.over(func(m measured) float64 { return m.Report.PerSecond }),
			r.over(func(m measured) float64 { return float64(m.Report.Webhooks.Refused + m.Report.Webhooks.Unanswered) }),
			r.over(func(m measured) float64 { return float64(m.lost()) }),
			r.over(func(m measured) float64 { return m.told().Drained }))
	}
	b.WriteString(bans(results))
	b.WriteString("\nWhat was promised and not reached:\n\n")
	missed := false
	for _, r := range results {
		if list := r.misses(); len(list) > 0 {
			missed = true
			fmt.Fprintf(&b, "- **%s**: %s\n", r.Name, strings.Join(list, "; "))
		}
	}
	if !missed {
		b.WriteString("- nothing\n")
	}
	for _, r := range results {
		if r.marks() != "" {
			b.WriteString("\n* other programs used half a core or more during a measurement, or before one.\n")
			break
		}
	}
	return b.String()
}

// marks flags what was disturbed.
func (r result) marks() string {
	for _, m := range r.Measured {
		if m.disturbed() {
			return " *"
		}
	}
	return ""
}

// bans is what became of the few that matter among the many.
func bans(results []result) string {
	var b strings.Builder
	for _, r := range results {
		of := func(m measured) load.Latency { return m.told().ByKind[load.Ban.String()] }
		if n := r.over(func(m measured) float64 { return float64(of(m).Count) }); n.median >= 20 && r.scenario.attack == "" {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", r.Name, n, r.millis(of))
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return "\nBans among the statuses, from when each was due until it was told:\n\n| scenario | bans | p50 | p95 | p99 |\n| --- | --- | --- | --- | --- |\n" + b.String()
}

func costs(results []result) string {
	var b strings.Builder
	b.WriteString(`CPU seconds per 1,000 webhooks, how many cores were busy, the most memory at a time, and how much larger the databases are for each webhook.
Late is by how many milliseconds the load was late itself (p99): part of every latency above.

| scenario | holdfast | Temporal | PostgreSQL | load | busy cores | late | holdfast MB | Temporal MB | PostgreSQL MB | Temporal kB | state kB |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
`)
	for _, r := range results {
		if r.scenario.attack != "" {
			continue
		}
		fmt.Fprintf(&b, "| %s", r.Name)
		for _, name := range []string{"holdfast", "Temporal", "PostgreSQL", "bench"} {
			fmt.Fprintf(&b, " | %s", r.over(func(m measured) float64 { return m.Report.PerThousand(m.cost(name)) }))
		}
		fmt.Fprintf(&b, " | %s", r.over(func(m measured) float64 { return m.Report.Machine.Busy / m.Report.Machine.Seconds }))
		fmt.Fprintf(&b, " | %s", r.over(func(m measured) float64 { return m.Report.Driver.Late.P99 }))
		for _, name := range []string{"holdfast", "Temporal", "PostgreSQL"} {
			fmt.Fprintf(&b, " | %s", r.over(func(m measured) float64 { return float64(m.cost(name).Memory) / 1e6 }))
		}
		each := func(bytes func(stored) int64) spread {
			return r.over(func(m measured) float64 {
				return float64(bytes(m.Stored)) / 1000 / float64(max(1, m.Report.Webhooks.Acknowledged))
			})
		}
		fmt.Fprintf(&b, " | %s | %s |\n", each(func(s stored) int64 { return s.Temporal }), each(func(s stored) int64 { return s.State }))
	}
	return b.String()
}

// cost is that of a program, nothing if it was not measured.
func (m measured) cost(name string) load.Cost {
	for _, c := range m.Report.Costs {
		if c.Name == name {
			return c
		}
	}
	return load.Cost{Name: name}
}

func underAttack(results []result) string {
	var b strings.Builder
	b.WriteString(`The latency of 200 good webhooks per second, while somebody without a secret does harm from the same machine.

| meanwhile | ack p50 | p95 | p99 | told p50 | p95 | p99 | not accepted | holdfast MB | requests | answers | connections |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
`)
	for _, r := range results {
		if !strings.HasPrefix(r.Name, "attack ") {
			continue
		}
		about := strings.TrimPrefix(r.scenario.about, "200/s, and ")
		if r.scenario.attack == "" {
			about = "nothing"
		}
		fmt.Fprintf(&b, "| %s%s | %s | %s | %s | %s", about, r.marks(), r.millis(acknowledged), r.millis(endToEnd),
			r.over(func(m measured) float64 { return float64(m.Report.Webhooks.Refused + m.Report.Webhooks.Unanswered) }),
			r.over(func(m measured) float64 { return float64(m.cost("holdfast").Memory) / 1e6 }))
		for _, of := range []func(attackReport) int64{
			func(a attackReport) int64 { return a.Requests }, func(a attackReport) int64 { return a.Answers },
			func(a attackReport) int64 { return a.Connections },
		} {
			fmt.Fprintf(&b, " | %s", r.over(func(m measured) float64 {
				if m.Attack == nil {
					return 0
				}
				return float64(of(*m.Attack))
			}))
		}
		b.WriteString(" |\n")
	}
	return b.String()
}

func commands(results []result) string {
	var b strings.Builder
	b.WriteString("`make bench` starts everything and runs these, each with `--url`, `--sink`, `--json` and `--cpu` as well:\n\n| scenario | is | command |\n| --- | --- | --- |\n")
	for _, r := range results {
		fmt.Fprintf(&b, "| %s | %s | `holdfast bench %s` |\n", r.Name, r.scenario.about, strings.Join(r.scenario.command(), " "))
	}
	return b.String()
}
