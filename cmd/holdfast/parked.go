package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"holdfast/workflows"
)

// A parkedList is what `holdfast parked` shows.
type parkedList struct {
	Total         int64            `json:"total"`
	Workflows     []parkedWorkflow `json:"workflows"` // the latest first, as many as were asked for
	ByProblem     map[string]int64 `json:"by_problem"`
	ByDestination map[string]int64 `json:"by_destination"`
}

// A parkedWorkflow is one that waits for an operator.
type parkedWorkflow struct {
	workflows.Found
	State *workflows.Status `json:"state,omitempty"` // nil if no worker said it in time
}

func newParked(common *commonFlags) *cobra.Command {
	var (
		flags   temporalFlags
		choose  chooseFlags
		limit   int
		asJSON  bool
		timeout time.Duration
	)
	c := &cobra.Command{
		Use: "parked", Short: "List which workflows wait for an operator, why, and what to do", Args: noArgs,
		Long: `Lists the workflows that have used up their retries and wait, the latest first: since when, about which accounts, why,
and what to do. The details come from a worker, if one answers in time. In the end it counts all of them, by problem and by
destination; one that waits for several destinations counts for each.`,
		RunE: func(c *cobra.Command, _ []string) error {
			if limit < 1 {
				return &usageError{fmt.Errorf("--limit must be at least 1, got %d", limit)}
			}
			filter, err := choose.filter(time.Now())
			if err != nil {
				return &usageError{err}
			}
			filter.Stages = []string{workflows.StageParked}
			h, err := common.build(c, flags)
			if err != nil {
				return err
			}
			defer h.close()
			list, err := listParked(c.Context(), h, filter, limit, timeout)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), list)
			}
			if list.Total == 0 {
				if err := heardOf(h.config, filter.Destination, filter.Source); err != nil {
					return err
				}
			}
			return list.print(c.OutOrStdout(), func(command string) string { return common.next(command, flags) })
		},
	}
	flags.register(c)
	choose.register(c)
	c.Flags().IntVar(&limit, "limit", 20, "how many to list at most; all are counted")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON, as /api/parked of a worker does")
	c.Flags().DurationVar(&timeout, "timeout", 10*time.Second, "how long to wait for details from workers")
	return c
}

const asking = 8 // how many workflows, or counts, are asked for at a time

func listParked(ctx context.Context, h *house, filter workflows.Filter, limit int, timeout time.Duration) (*parkedList, error) {
	operator := h.operate()
	query := operator.Query(filter)
	list := &parkedList{Workflows: []parkedWorkflow{}}
	var err error
	if list.Total, err = operator.Count(ctx, query); err != nil {
		return nil, err
	}
	err = operator.List(ctx, query, limit, func(f workflows.Found) bool {
		list.Workflows = append(list.Workflows, parkedWorkflow{Found: f})
		return true
	})
	if err != nil {
		return nil, err
	}
	list.ask(ctx, operator, timeout)
	slices.SortStableFunc(list.Workflows, func(a, b parkedWorkflow) int { return b.since().Compare(a.since()) })

	destinations := map[string]bool{}
	for name := range h.config.Destinations {
		destinations[name] = true
	}
	for _, w := range list.Workflows { // which may wait for one that is not configured any more
		for _, name := range w.Waiting {
			destinations[name] = true
		}
	}
	if list.ByProblem, err = countBy(ctx, operator, filter, workflows.Problems(), func(f *workflows.Filter, kind string) bool {
		return swap(&f.Problem, kind)
	}); err != nil {
		return nil, err
	}
	list.ByDestination, err = countBy(ctx, operator, filter, slices.Sorted(maps.Keys(destinations)), func(f *workflows.Filter, name string) bool {
		return swap(&f.Destination, name)
	})
	return list, err
}

// swap narrows a filter's member to a value, and reports false if it wants another already.
func swap(member *string, value string) bool {
	if *member != "" && *member != value {
		return false
	}
	*member = value
	return true
}

// countBy counts what a filter finds for each of the values by which it can be narrowed, without those of which there are
// none.
func countBy(ctx context.Context, o *workflows.Operator, filter workflows.Filter, values []string, narrow func(*workflows.Filter, string) bool) (map[string]int64, error) {
	counts := map[string]int64{}
	var mu sync.Mutex
	all, ctx := errgroup.WithContext(ctx)
	all.SetLimit(asking)
	for _, value := range values {
		narrowed := filter
		if !narrow(&narrowed, value) {
			continue
		}
		all.Go(func() error {
			n, err := o.Count(ctx, o.Query(narrowed))
			if n > 0 {
				mu.Lock()
				defer mu.Unlock()
				counts[value] = n
			}
			return err
		})
	}
	return counts, all.Wait()
}

// ask gets the details from the workflows themselves. Whoever does not answer in time is shown without.
func (l *parkedList) ask(ctx context.Context, o *workflows.Operator, timeout time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var all errgroup.Group
	all.SetLimit(asking)
	for i := range l.Workflows {
		all.Go(func() error {
			if ctx.Err() == nil {
				if s, err := o.State(ctx, l.Workflows[i].ID); err == nil {
					l.Workflows[i].State = &s
				}
			}
			return nil
		})
	}
	_ = all.Wait() // the functions return nil
}

// print says what to type next in the words of next.
func (l *parkedList) print(out io.Writer, next func(command string) string) error {
	if l.Total == 0 {
		_, err := fmt.Fprintln(out, "nothing is parked")
		return err
	}
	for _, w := range l.Workflows {
		w.print(out)
	}
	if more := l.Total - int64(len(l.Workflows)); more > 0 {
		fmt.Fprintf(out, "… and %d more; --limit shows them\n", more)
	}
	fmt.Fprintln(out)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "PROBLEM\tPARKED\tWHAT TO DO")
	for _, kind := range byCount(l.ByProblem) {
		fmt.Fprintf(w, "%s\t%d\t%s\n", kind, l.ByProblem[kind], workflows.Advice(kind))
	}
	if len(l.ByDestination) > 0 {
		fmt.Fprintln(w, "\nDESTINATION\tPARKED\tWHEN IT IS MENDED")
	}
	for _, name := range byCount(l.ByDestination) {
		shown := visible(name)
		fmt.Fprintf(w, "%s\t%d\t%s\n", shown, l.ByDestination[name], next("reprocess --destination "+shown))
	}
	fmt.Fprintf(w, "\nall\t%d\t%s\n", l.Total, next("reprocess --all"))
	return w.Flush()
}

// byCount sorts names, the most frequent first.
func byCount(counts map[string]int64) []string {
	return slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), strings.Compare(a, b))
	})
}

// since is when it parked; when it began, if no worker says more.
func (w parkedWorkflow) since() time.Time {
	if w.State != nil && !w.State.Since.IsZero() {
		return w.State.Since
	}
	return w.Started
}

// print takes a line for the workflow, and one for each thing that is parked in it.
//
// Names are as they are in Temporal, where others can write them as well.
func (w parkedWorkflow) print(out io.Writer) {
	const most = 3 // of each
	say := func(format string, args ...any) { fmt.Fprintln(out, visible(fmt.Sprintf(format, args...))) }
	about := ""
	if len(w.Accounts) > 0 {
		about = "  account " + few(w.Accounts, most)
	}
	if len(w.Events) > 0 {
		about += "  " + few(w.Events, most)
	}
	say("%s  %s  source %s%s", w.since().Local().Format(time.DateTime), w.ID, w.Source, about)
	if w.State == nil {
		say("    %s; no worker says more; %s", cmp.Or(w.Problem, "parked"), workflows.Advice(w.Problem))
		return
	}
	var lines []string
	for _, p := range w.State.Parked {
		lines = append(lines, fmt.Sprintf("webhook %s: %s; %s", p.Webhook, p.Problem, workflows.Advice(p.Problem)))
	}
	for _, d := range w.State.Deliveries {
		if d.Stage == workflows.StageParked {
			lines = append(lines, fmt.Sprintf("%s, events: %d: %s; %s", d.Destination, d.Events, d.Problem, workflows.Advice(d.Problem)))
		}
	}
	for _, line := range lines[:min(len(lines), most)] {
		say("    %s", line)
	}
	if len(lines) > most {
		say("    … and %d more; holdfast reprocess --dry-run --id %s shows them", len(lines)-most, w.ID)
	}
	if l := w.State.Last; l != nil {
		say("    last command: %s", l)
	}
}

func few(values []string, most int) string {
	text := strings.Join(values[:min(len(values), most)], ", ")
	if more := len(values) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// operate makes the operator for the house's Temporal.
func (h *house) operate() *workflows.Operator {
	return workflows.NewOperator(h.temporal, workflows.OperatorOptions{
		Namespace: h.namespace, TaskQueue: h.config.Temporal.TaskQueue, Converter: h.converter,
	})
}

// chooseFlags say which workflows are meant.
type chooseFlags struct {
	destination, problem, source, account, since, until string
}

func (f *chooseFlags) register(c *cobra.Command) {
	c.Flags().StringVar(&f.destination, "destination", "", "those that wait for this destination")
	c.Flags().StringVar(&f.problem, "problem", "", "those with this kind of problem: "+strings.Join(workflows.Problems(), ", "))
	c.Flags().StringVar(&f.source, "source", "", "those of this source")
	c.Flags().StringVar(&f.account, "account", "", "those about this WhatsApp business account")
	c.Flags().StringVar(&f.since, "since", "", "those accepted since: how long ago, such as 36h or 7d, or a time, such as 2026-04-16T08:00:00Z")
	c.Flags().StringVar(&f.until, "until", "", "those accepted before, likewise")
}

func (f *chooseFlags) filter(now time.Time) (workflows.Filter, error) {
	out := workflows.Filter{Destination: f.destination, Problem: f.problem, Source: f.source, Account: f.account}
	if f.problem != "" && !slices.Contains(workflows.Problems(), f.problem) {
		return out, fmt.Errorf("--problem: want one of %s", strings.Join(workflows.Problems(), ", "))
	}
	for _, m := range []struct {
		flag, text string
		into       *time.Time
	}{{"since", f.since, &out.Since}, {"until", f.until, &out.Until}} {
		if m.text == "" {
			continue
		}
		at, err := moment(m.text, now)
		if err != nil {
			return out, fmt.Errorf("--%s: %w", m.flag, err)
		}
		*m.into = at
	}
	return out, nil
}
