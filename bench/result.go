package main

import (
	"fmt"
	"slices"

	"holdfast/internal/load"
)

// A result is all measurements of one scenario.
type result struct {
	Name     string     `json:"name"`
	Measured []measured `json:"measured"`
	scenario scenario
}

// A measured is one measurement.
type measured struct {
	Report load.Report   `json:"report"`
	Stored stored        `json:"stored"`
	Attack *attackReport `json:"attack,omitempty"`
	Before float64       `json:"busy_cores_before"`
}

// told is the destination that everything is about.
func (m measured) told() load.DestinationReport {
	for _, d := range m.Report.Destinations {
		if d.Name == crm {
			return d
		}
	}
	return load.DestinationReport{}
}

// lost adds up what no destination was told.
func (m measured) lost() int {
	n := 0
	for _, d := range m.Report.Destinations {
		n += d.Lost
	}
	return n
}

// several adds up what was told under several ids.
func (m measured) several() int {
	n := 0
	for _, d := range m.Report.Destinations {
		n += d.SeveralIDs
	}
	return n
}

// strangers is how busy programs were, in cores, that are no part of what is measured; an attacker is.
func (m measured) strangers() float64 {
	if m.Report.Machine == nil || m.Report.Machine.Seconds == 0 {
		return 0
	}
	busy := m.Report.Machine.Busy
	for _, c := range m.Report.Costs {
		busy -= c.CPU
	}
	return max(0, busy/m.Report.Machine.Seconds)
}

// disturbed says whether somebody else used the machine.
func (m measured) disturbed() bool {
	return m.Before >= quiet || m.Attack == nil && m.strangers() >= quiet
}

// settled reports whether nothing is left of the scenario that the next would notice.
func (m measured) settled(sc scenario) bool { return m.lost() == 0 && !sc.hanging && sc.outage == 0 }

// line is for who watches.
func (m measured) line() string {
	r, d := m.Report, m.told()
	return fmt.Sprintf("acknowledged %.1f / %.1f ms, told %.1f / %.1f ms, %.0f/s, refused %d, missing %d",
		r.Acknowledged.P50, r.Acknowledged.P99, d.Latency.P50, d.Latency.P99, r.PerSecond, r.Webhooks.Refused+r.Webhooks.Unanswered, m.lost())
}

// A spread is the median of several measurements, with the least and the most.
type spread struct{ median, least, most float64 }

// over takes a figure of every measurement.
func (r result) over(figure func(measured) float64) spread {
	var all []float64
	for _, m := range r.Measured {
		all = append(all, figure(m))
	}
	if len(all) == 0 {
		return spread{}
	}
	slices.Sort(all)
	return spread{median: all[(len(all)-1)/2], least: all[0], most: all[len(all)-1]}
}

// String shows the range where it says something.
func (s spread) String() string {
	median, least, most := figure(s.median), figure(s.least), figure(s.most)
	if least == most {
		return median
	}
	return fmt.Sprintf("%s (%s–%s)", median, least, most)
}

// figure shows three digits.
func figure(f float64) string {
	switch {
	case f == 0:
		return "0"
	case f < 1:
		return fmt.Sprintf("%.2f", f)
	case f < 10:
		return fmt.Sprintf("%.1f", f)
	}
	return thousands(int64(f + .5))
}

func thousands(n int64) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}

// misses says what of the goal was not reached, by the median of all measurements, or of the worst for what may never be.
func (r result) misses() []string {
	var out []string
	g := r.scenario.goal
	for _, part := range []struct {
		name  string
		bound float64
		of    func(measured) float64
	}{
		{"acknowledged p50", g.ackP50, func(m measured) float64 { return m.Report.Acknowledged.P50 }},
		{"acknowledged p99", g.ackP99, func(m measured) float64 { return m.Report.Acknowledged.P99 }},
		{"told p50", g.toldP50, func(m measured) float64 { return m.told().Latency.P50 }},
		{"told p99", g.toldP99, func(m measured) float64 { return m.told().Latency.P99 }},
		{"ban told p99", g.banP99, func(m measured) float64 { return m.told().ByKind[load.Ban.String()].P99 }},
		{"drained s", g.drained.Seconds(), func(m measured) float64 { return m.told().Drained }},
	} {
		if got := r.over(part.of).median; part.bound > 0 && got > part.bound {
			out = append(out, fmt.Sprintf("%s %.1f > %.0f", part.name, got, part.bound))
		}
	}
	worst := func(of func(measured) int) int {
		return int(r.over(func(m measured) float64 { return float64(of(m)) }).most)
	}
	if n := worst(func(m measured) int { return m.Report.Webhooks.Refused + m.Report.Webhooks.Unanswered }); n > 0 && g.kept {
		out = append(out, fmt.Sprintf("%s not accepted", thousands(int64(n))))
	}
	if n := worst(measured.lost); n > 0 {
		out = append(out, fmt.Sprintf("%s updates not told within a minute", thousands(int64(n))))
	}
	if n := worst(measured.several); n > 0 {
		out = append(out, fmt.Sprintf("%s told under several ids", thousands(int64(n))))
	}
	return out
}
