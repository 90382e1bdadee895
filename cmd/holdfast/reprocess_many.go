package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"holdfast/workflows"
)

const (
	shown     = 10 // workflows of a dry run, failures of a real one
	resetting = 8  // workflows that begin anew at a time
	lookEvery = 500 * time.Millisecond
)

// many gives all workflows that the filter finds the command.
func (r *reprocessing) many(ctx context.Context) error {
	query := r.operator.Query(r.filter)
	total, err := r.operator.Count(ctx, query)
	if err != nil {
		return err
	}
	if total == 0 {
		if err := heardOf(r.house.config, r.command.Destination, r.filter.Source); err != nil {
			return err
		}
		fmt.Fprintf(r.out, "no workflow matches: %s\n", query)
		return nil
	}
	if r.closed {
		r.equivalent("workflow", "reset", "--query", query, "--type", "FirstWorkflowTask", "--reapply-exclude", "All", "--reason", r.resetReason(), "--yes")
	} else {
		r.equivalent("workflow", "signal", "--query", query, "--name", workflows.Reprocess, "--input", r.input(), "--reason", r.batchReason(), "--yes")
	}
	if r.dryRun {
		return r.show(ctx, query, total)
	}
	if err := confirm(r.in, r.out, r.yes, fmt.Sprintf("%s %d workflows", r.command.Action, total)); err != nil {
		return err
	}
	began := time.Now()
	switch {
	case r.closed:
		err = r.pace(ctx, query, total, "begun anew", r.beginAnew())
	case r.rate > 0:
		err = r.pace(ctx, query, total, "signalled", func(ctx context.Context, f workflows.Found) (bool, error) {
			return true, r.operator.Signal(ctx, f.ID, f.Run, r.command)
		})
	default:
		err = r.batch(ctx, query, total)
	}
	if err != nil {
		return err
	}
	if !r.closed {
		r.remaining(ctx, query, began)
	}
	return nil
}

// show is a dry run: how many there are, and the first of them.
func (r *reprocessing) show(ctx context.Context, query string, total int64) error {
	fmt.Fprintf(r.out, "would %s %d workflows\n", r.command.Action, total)
	n := int64(0)
	err := r.operator.List(ctx, query, shown, func(f workflows.Found) bool {
		n++
		fmt.Fprintf(r.out, "%s  %s  %s  source %s  account %s  %s  %s\n", f.Started.Local().Format(time.DateTime), f.ID, f.Stage, f.Source,
			few(f.Accounts, 3), f.Problem, few(f.Waiting, 3))
		return true
	})
	if err == nil && total > n {
		fmt.Fprintf(r.out, "… and %d more\n", total-n)
	}
	return err
}

// batch has Temporal send the command, and looks how far it is.
func (r *reprocessing) batch(ctx context.Context, query string, total int64) error {
	job := "holdfast-reprocess-" + strconv.FormatInt(time.Now().UnixNano(), 36)
	if err := r.operator.SignalAll(ctx, job, query, r.batchReason(), r.command); err != nil {
		return err
	}
	fmt.Fprintf(r.out, "batch job %s\n", job)
	bar := newProgress(r.out, "signalled")
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			bar.end()
			return fmt.Errorf("interrupted; the batch goes on by itself: %s; to end it: %s",
				r.line("batch", "describe", "--job-id", job), r.line("batch", "terminate", "--job-id", job, "--reason", "…"))
		case <-tick.C:
		}
		p, err := r.operator.Progress(ctx, job) // if it cannot be told, the job goes on nevertheless
		if err == nil {
			bar.at(p.Done, p.Failed, max(p.Total, total))
		}
		if err != nil || !p.Ended {
			continue
		}
		bar.end()
		if p.Broken {
			return fmt.Errorf("batch job %s was ended early: %d signalled, %d failed", job, p.Done, p.Failed)
		}
		fmt.Fprintf(r.out, "%d matched, %d signalled, %d failed, in %s\n", total, p.Done, p.Failed, bar.took())
		if p.Failed > 0 {
			return fmt.Errorf("%d workflows could not be signalled; Temporal's log says why", p.Failed)
		}
		return nil
	}
}

// A tally counts what became of many workflows. It is safe for concurrent use.
type tally struct {
	mu                   sync.Mutex
	done, failed, passed int64
	failures             []string // the first of them
}

func (t *tally) note(acted bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err != nil:
		if t.failed++; len(t.failures) < shown {
			t.failures = append(t.failures, err.Error())
		}
	case acted:
		t.done++
	default:
		t.passed++
	}
}

func (t *tally) so() (done, failed int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.done, t.failed
}

// pace does one after the other from here, several at a time. What do returns says whether there was anything to do.
func (r *reprocessing) pace(ctx context.Context, query string, total int64, word string, do func(context.Context, workflows.Found) (bool, error)) error {
	var t tally
	bar := newProgress(r.out, word)
	var all errgroup.Group
	all.SetLimit(resetting)
	var tick <-chan time.Time // nil: as fast as it goes
	if r.rate > 0 {
		ticker := time.NewTicker(time.Second / time.Duration(r.rate))
		defer ticker.Stop()
		tick = ticker.C
	}
	listed := r.operator.List(ctx, query, 0, func(f workflows.Found) bool {
		if tick != nil {
			select {
			case <-ctx.Done():
			case <-tick:
			}
		}
		all.Go(func() error {
			if acted, err := do(ctx, f); ctx.Err() == nil { // interrupted: who knows
				t.note(acted, err)
			}
			return nil
		})
		done, failed := t.so()
		bar.at(done, failed, total)
		return ctx.Err() == nil
	})
	_ = all.Wait() // the functions return nil
	bar.end()
	fmt.Fprintf(r.out, "%d matched, %d %s, %d failed, in %s\n", total, t.done, word, t.failed, bar.took())
	if t.passed > 0 {
		fmt.Fprintf(r.out, "%d were passed by: a later run of the same workflow counts\n", t.passed)
	}
	for _, f := range t.failures {
		fmt.Fprintln(r.out, visible(f))
	}
	switch {
	case ctx.Err() != nil:
		return errors.New("interrupted; what was not reached stays as it is")
	case listed != nil:
		return listed
	case t.failed > 0:
		return fmt.Errorf("%d workflows failed", t.failed)
	}
	return nil
}

// beginAnew begins workflows anew that have ended: each once, and only by its latest run. Others match as well: those that a
// reset has ended.
func (r *reprocessing) beginAnew() func(context.Context, workflows.Found) (bool, error) {
	reason := r.resetReason()
	return func(ctx context.Context, f workflows.Found) (bool, error) {
		latest, known, err := r.operator.Find(ctx, f.ID)
		if err != nil || !known || latest.Run != f.Run || latest.Open {
			return false, err
		}
		_, err = r.operator.Restart(ctx, f.ID, f.Run, reason, "")
		return true, err
	}
}

// remaining says how many are still, or again, as they were.
func (r *reprocessing) remaining(ctx context.Context, query string, began time.Time) {
	if r.wait == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, r.wait)
	defer cancel()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	left := int64(-1)
	for {
		if n, err := r.operator.Count(ctx, query); err == nil {
			left = n
		}
		if left == 0 {
			break
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
			continue
		}
		break
	}
	after := time.Since(began).Round(time.Second)
	switch {
	case left < 0:
		fmt.Fprintln(r.out, "how many are left could not be counted; 'holdfast parked' tries again")
	case left == 0:
		fmt.Fprintf(r.out, "after %s none of them is left\n", after)
	default:
		fmt.Fprintf(r.out, "after %s there are %d left, or again; 'holdfast parked' says why\n", after, left)
	}
}

// batchReason is what Temporal keeps with the batch. It must not be empty.
func (r *reprocessing) batchReason() string {
	text := fmt.Sprintf("%s by %s", r.command.Action, r.command.Actor)
	if r.command.Reason != "" {
		text += ", because: " + r.command.Reason
	}
	return text
}

// input is the command as the temporal command takes it.
func (r *reprocessing) input() string {
	data, _ := json.Marshal(r.command) // strings always can be
	return string(data)
}

// equivalent says how the temporal command would do the same.
func (r *reprocessing) equivalent(args ...string) {
	fmt.Fprintf(r.out, "# %s\n", visible(r.line(args...)))
}

// line is a command line of the temporal command, for the same Temporal.
func (r *reprocessing) line(args ...string) string {
	if a := r.house.address; a != "127.0.0.1:7233" && a != "localhost:7233" {
		args = append(args, "--address", a)
	}
	if n := r.house.namespace; n != "default" {
		args = append(args, "--namespace", n)
	}
	if p := cmp.Or(r.house.flags.profile, r.house.config.Temporal.Profile); p != "" {
		args = append(args, "--profile", p)
	}
	words := []string{"temporal"}
	for _, a := range args {
		if strings.ContainsAny(a, " '\"{}()[]<>|&;*?$`\\!#~…") || a == "" {
			a = quoted(a)
		}
		words = append(words, a)
	}
	return strings.Join(words, " ")
}

// quoted is a word as a shell reads it, by the quotes that leave most of it as it is.
func quoted(word string) string {
	if strings.Contains(word, "'") && !strings.ContainsAny(word, "\"$`\\!") {
		return `"` + word + `"`
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
