package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"holdfast/console"
	"holdfast/workflows"
)

// reprocessFlags are the flags of `holdfast reprocess`.
type reprocessFlags struct {
	temporal      temporalFlags
	choose        chooseFlags
	ids, webhooks []string
	query         string
	all, closed   bool
	action        string
	reason, actor string
	dryRun, yes   bool
	rate          int
	wait, timeout time.Duration
}

func newReprocess(common *commonFlags) *cobra.Command {
	var f reprocessFlags
	c := &cobra.Command{
		Use: "reprocess", Short: "Make parked workflows go on, one or many; begin anew with those that have ended", Args: noArgs,
		Long: `Gives workflows a command: retry what is parked (the default), restart with all of its webhooks, accept webhooks that do
not verify, skip a destination, or give_up what is parked. What was told is not told again, whatever the command.

Those named by --id or --webhook are asked one after the other, and answer. One that has ended begins anew: it verifies,
normalizes and records again, and tells what is still owed, or was not found before.

All others are chosen among those that are parked, by --destination, --problem, --source, --account, --since, --until and
--query, or --all of them. Temporal then sends the commands by itself, as a batch: Ctrl-C does not end it. With --destination
the command concerns that destination only; to skip one, or give it up, also reaches those who still retry it. --closed chooses
among those that have ended instead, all of which begin anew.`,
		RunE: func(c *cobra.Command, _ []string) error {
			r, err := f.plan(c, time.Now())
			if err != nil {
				return &usageError{err}
			}
			h, err := common.build(c, f.temporal)
			if err != nil {
				return err
			}
			defer h.close()
			r.house, r.operator = h, h.operate()
			ids := f.ids
			if len(f.webhooks) > 0 {
				more, err := common.workflowsOf(c.Context(), f.webhooks)
				if err != nil {
					return err
				}
				ids = append(slices.Clone(ids), more...)
			}
			if len(ids) > 0 {
				return r.each(c.Context(), ids)
			}
			return r.many(c.Context())
		},
	}
	f.temporal.register(c)
	c.Flags().StringSliceVar(&f.ids, "id", nil, "workflow id; repeatable")
	c.Flags().StringSliceVar(&f.webhooks, "webhook", nil, "id of a webhook, whose workflow is looked up; repeatable")
	f.choose.register(c)
	c.Flags().StringVar(&f.query, "query", "", "those that this list filter of Temporal's finds, in addition")
	c.Flags().BoolVar(&f.all, "all", false, "all that are parked")
	c.Flags().BoolVar(&f.closed, "closed", false, "those that have ended, instead of those that are parked")
	c.Flags().StringVar(&f.action, "action", string(workflows.Retry), "retry, restart, accept, skip or give_up")
	c.Flags().StringVar(&f.reason, "reason", "", "why; it is kept in the history")
	c.Flags().StringVar(&f.actor, "actor", "", "who; it is kept in the history (default: user@host)")
	c.Flags().BoolVar(&f.dryRun, "dry-run", false, "say which and how many, and do nothing")
	c.Flags().BoolVarP(&f.yes, "yes", "y", false, "do not ask")
	c.Flags().IntVar(&f.rate, "rate", 0, "so many in a second at most, sent from here (default: as fast as Temporal's own batches are)")
	c.Flags().DurationVar(&f.wait, "wait", 30*time.Second, "how long to look what becomes of it")
	c.Flags().DurationVar(&f.timeout, "timeout", 10*time.Second, "how long a single workflow may take to answer")
	return c
}

// A reprocessing is one call of `holdfast reprocess`.
type reprocessing struct {
	house    *house
	operator *workflows.Operator
	filter   workflows.Filter
	command  workflows.Command
	closed   bool // begin those anew that have ended
	dryRun   bool
	yes      bool
	rate     int
	wait     time.Duration
	timeout  time.Duration
	in       io.Reader
	out      io.Writer
}

// plan checks the command line.
func (f *reprocessFlags) plan(c *cobra.Command, now time.Time) (*reprocessing, error) {
	filter, err := f.choose.filter(now)
	if err != nil {
		return nil, err
	}
	for _, hash := range f.webhooks {
		if err := console.CheckIDs("", hash); err != nil {
			return nil, err
		}
	}
	filter.Query, filter.Closed = f.query, f.closed
	action := workflows.Action(f.action)
	named, chosen := len(f.ids)+len(f.webhooks) > 0, f.choose != (chooseFlags{destination: f.choose.destination}) || f.query != ""
	switch {
	case !slices.Contains(workflows.Actions(), action):
		return nil, fmt.Errorf("--action: want one of %s", strings.Trim(fmt.Sprint(workflows.Actions()), "[]"))
	case !named && !chosen && f.choose.destination == "" && !f.all:
		return nil, errors.New("say which: --id, --webhook, --destination, --problem, --source, --account, --since, --until or --query; or --all that are parked")
	case named && (chosen || f.all || f.closed):
		return nil, errors.New("--id and --webhook name workflows; --destination is all that may be said besides of which")
	case action == workflows.Restart && f.choose.destination != "":
		return nil, errors.New("--action restart concerns all destinations; choose with --query \"HoldfastWaiting = '…'\" instead")
	case action == workflows.Skip && f.choose.destination == "":
		return nil, errors.New("--action skip needs --destination: whom to leave untold")
	case f.closed && action != workflows.Retry && action != workflows.Restart:
		return nil, errors.New("--closed: what has ended can only begin anew")
	case f.closed && f.all && !chosen && f.choose.destination == "":
		return nil, errors.New("--closed: say which, for instance by --since and --until")
	case f.rate < 0 || f.wait < 0 || f.timeout <= 0:
		return nil, errors.New("--rate and --wait must not be negative, and --timeout must be more than nothing")
	}
	if !f.closed {
		filter.Stages = []string{workflows.StageParked}
		if letsGo := action == workflows.Skip || action == workflows.GiveUp; letsGo && f.choose.destination != "" {
			filter.Stages = append(filter.Stages, workflows.StageRetrying)
		}
	}
	return &reprocessing{
		filter: filter, closed: f.closed, dryRun: f.dryRun, yes: f.yes, rate: f.rate, wait: f.wait, timeout: f.timeout,
		command: workflows.Command{Action: action, Destination: f.choose.destination, Reason: f.reason, Actor: cmp.Or(f.actor, whoami())},
		in:      c.InOrStdin(), out: c.OutOrStdout(),
	}, nil
}

// whoami is who calls, as far as one can tell.
func whoami() string {
	name := cmp.Or(os.Getenv("USER"), os.Getenv("LOGNAME"), os.Getenv("USERNAME"), "somebody")
	if host, err := os.Hostname(); err == nil {
		name += "@" + host
	}
	return name
}

// workflowsOf finds the workflows that recorded webhooks.
func (f *commonFlags) workflowsOf(ctx context.Context, webhooks []string) ([]string, error) {
	store, err := f.openState(ctx)
	if err != nil {
		return nil, err
	}
	defer store.Close()
	var ids []string
	for _, hash := range webhooks {
		id, err := store.Workflow(ctx, hash)
		if err != nil {
			return nil, err
		}
		if id == "" {
			return nil, fmt.Errorf("no workflow has recorded webhook %s; if it is parked before that, its workflow is wh/{source}/%s, or that of a group", hash, hash)
		}
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// each gives workflows that were named the command, one after the other. One that fails does not keep the others from it.
func (r *reprocessing) each(ctx context.Context, ids []string) error {
	if len(ids) > 1 && !r.dryRun {
		if err := confirm(r.in, r.out, r.yes, fmt.Sprintf("%s %d workflows", r.command.Action, len(ids))); err != nil {
			return err
		}
	}
	failed := 0
	for _, id := range ids {
		if err := r.one(ctx, id); err != nil {
			if ctx.Err() != nil || len(ids) == 1 {
				return err
			}
			failed++
			fmt.Fprintf(r.out, "%s: %s\n", id, visible(err.Error()))
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d workflows could not be reprocessed", failed, len(ids))
	}
	return nil
}

func (r *reprocessing) one(ctx context.Context, id string) error {
	f, known, err := r.operator.Find(ctx, id)
	switch {
	case err != nil:
		return err
	case !known:
		return fmt.Errorf("Temporal knows no workflow %s; if it is older than the namespace's retention, its events are still in the log", id)
	case f.Open:
		return r.open(ctx, f)
	case r.command.Action != workflows.Retry && r.command.Action != workflows.Restart:
		return fmt.Errorf("%s has ended (%s, %s): it can only begin anew", id, f.Status, f.Stage)
	}
	fmt.Fprintf(r.out, "%s has ended (%s, %s): it begins anew\n", id, f.Status, f.Stage)
	r.equivalent("workflow", "reset", "--workflow-id", id, "--type", "FirstWorkflowTask", "--reapply-exclude", "All", "--reason", r.resetReason())
	if r.dryRun {
		return nil
	}
	if _, err := r.operator.Restart(ctx, id, f.Run, r.resetReason(), ""); err != nil {
		return err
	}
	return r.follow(ctx, id, "")
}

// open gives an open workflow the command, which answers it.
func (r *reprocessing) open(ctx context.Context, f workflows.Found) error {
	asking, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	if r.dryRun {
		w := parkedWorkflow{Found: f}
		if s, err := r.operator.State(asking, f.ID); err == nil {
			w.State = &s
		}
		w.print(r.out)
		r.equivalent("workflow", "update", "execute", "--workflow-id", f.ID, "--name", workflows.Reprocess, "--input", r.input())
		return nil
	}
	r.equivalent("workflow", "update", "execute", "--workflow-id", f.ID, "--name", workflows.Reprocess, "--input", r.input())
	s, err := r.operator.Send(asking, f.ID, r.command)
	if asking.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("%s has not answered in %s: is there a worker? A signal is kept until there is one: %s",
			f.ID, r.timeout, r.line("workflow", "signal", "--workflow-id", f.ID, "--name", workflows.Reprocess, "--input", r.input()))
	}
	if err != nil {
		return err
	}
	if s.Last != nil {
		fmt.Fprintf(r.out, "%s: %s\n", f.ID, visible(s.Last.String()))
	}
	return r.follow(ctx, f.ID, s.Park)
}

// resetReason is what is said where Temporal takes no command.
func (r *reprocessing) resetReason() string {
	text := "restart by " + r.command.Actor
	if r.command.Reason != "" {
		text += ", because: " + r.command.Reason
	}
	return text
}

// follow looks what becomes of a workflow until it ends, parks, or it has waited long enough. Park is where it comes from.
func (r *reprocessing) follow(ctx context.Context, id, park string) error {
	ctx, cancel := context.WithTimeout(ctx, r.wait)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	stage := "going on"
	for {
		select {
		case <-ctx.Done(): // waited long enough, or interrupted: what was ordered is ordered
			if r.wait > 0 {
				fmt.Fprintf(r.out, "%s: %s; it goes on by itself\n", id, stage)
			}
			return nil
		case <-tick.C:
		}
		f, known, err := r.operator.Find(ctx, id)
		if err != nil || !known {
			continue
		}
		stage = cmp.Or(f.Stage, stage)
		if !f.Open {
			fmt.Fprintf(r.out, "%s: %s\n", id, stage)
			return nil
		}
		if f.Stage != workflows.StageParked {
			continue
		}
		if s, err := r.operator.State(ctx, id); err == nil && s.Park != "" && s.Park != park {
			parkedWorkflow{Found: f, State: &s}.print(r.out)
			return fmt.Errorf("%s is parked again", id)
		}
	}
}
