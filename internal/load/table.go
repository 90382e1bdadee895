package load

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"text/tabwriter"
)

func answersOf(answers map[int]int) map[string]int {
	out := make(map[string]int, len(answers))
	for status, n := range answers {
		name := strconv.Itoa(status)
		if status == 0 {
			name = "none"
		}
		out[name] = n
	}
	return out
}

// Table writes a report for a person.
func (r *Report) Table(to io.Writer) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight)
	sent := r.Webhooks
	fmt.Fprintf(to, "sent %d webhooks (%d duplicates, %d forged) with %d updates in %.1f s, %s\n",
		sent.Sent, sent.Duplicates, sent.Forged, sent.Updates, r.Driver.Seconds, r.Offered)
	fmt.Fprintf(to, "acknowledged %d (%.0f/s), refused %d, unanswered %d (%d of them never sent: no caller was free), forged and accepted %d\nanswers:",
		sent.Acknowledged, r.PerSecond, sent.Refused, sent.Unanswered, r.Driver.Unsent, sent.Believed)
	for _, status := range slices.Sorted(maps.Keys(r.Answers)) {
		fmt.Fprintf(to, "  %s", status)
		if code, err := strconv.Atoi(status); err == nil {
			fmt.Fprintf(to, " %s", http.StatusText(code))
		}
		fmt.Fprintf(to, " %d", r.Answers[status])
	}
	fmt.Fprint(to, "\n\n")
	fmt.Fprintf(w, "milliseconds\tcount\tp50\tp95\tp99\tmax\t\n")
	line := func(name string, l Latency) {
		if l.Count > 0 {
			fmt.Fprintf(w, "%s\t%d\t%.1f\t%.1f\t%.1f\t%.1f\t\n", name, l.Count, l.P50, l.P95, l.P99, l.Max)
		}
	}
	kinds := func(of map[string]Latency) {
		for _, name := range slices.Sorted(maps.Keys(of)) {
			if len(of) > 1 {
				line("of these, "+name, of[name])
			}
		}
	}
	line("acknowledged", r.Acknowledged)
	kinds(r.ByKind)
	line("from the request", r.FromSend)
	line("refused", r.Refused)
	for _, d := range r.Destinations {
		line("told "+d.Name, d.Latency)
		kinds(d.ByKind)
	}
	line("driver late", r.Driver.Late)
	line("no caller free", r.Driver.Waited)
	if err := w.Flush(); err != nil {
		return err
	}
	for _, d := range r.Destinations {
		fmt.Fprintf(to, "\n%s: told %d of %d updates (%.0f/s), lost %d, again %d, under several ids %d, unasked %d; the last %.2f s after the end\n",
			d.Name, d.Told, d.Expected, d.PerSecond, d.Lost, d.Repeated, d.SeveralIDs, d.Unasked, d.Drained)
	}
	if len(r.Costs) == 0 || r.Machine == nil {
		return nil
	}
	fmt.Fprintf(w, "\nprogram\tCPU s\ts per 1,000\tcores\tmemory MB\t\n")
	for _, c := range r.Costs {
		fmt.Fprintf(w, "%s\t%.1f\t%.3f\t%.2f\t%.0f\t\n", c.Name, c.CPU, r.PerThousand(c), c.CPU/r.Machine.Seconds, float64(c.Memory)/1e6)
	}
	m := r.Machine
	fmt.Fprintf(w, "all\t%.1f\t%.3f\t%.2f\t\t\n", m.Busy, m.Busy/float64(max(1, sent.Sent))*1000, m.Busy/m.Seconds)
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(to, "%d cores, %.0f %% idle, %.0f %% stolen\n", m.Cores, m.Idle*100, m.Stolen*100)
	return nil
}

// PerThousand is a cost in CPU seconds per 1,000 webhooks that were sent.
func (r *Report) PerThousand(c Cost) float64 { return c.CPU / float64(max(1, r.Webhooks.Sent)) * 1000 }

func (o Offered) String() string {
	if o.Rate > 0 {
		return fmt.Sprintf("%s at %g/s: %s", o.Provider, o.Rate, o.Mix)
	}
	return fmt.Sprintf("%s by %d callers: %s", o.Provider, o.Callers, o.Mix)
}
