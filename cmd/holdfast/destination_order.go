package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"holdfast/console"
	"holdfast/internal/webhook"
	"holdfast/workflows"
)

// orderFlags say why something is ordered, and by whom: both are for those who look later.
type orderFlags struct{ reason, actor string }

func (f *orderFlags) register(c *cobra.Command) {
	c.Flags().StringVar(&f.reason, "reason", "", "why; everybody who may list workflows can read it")
	c.Flags().StringVar(&f.actor, "actor", "", "who orders it; it is kept in the history (default: user@host)")
}

func (f orderFlags) order() workflows.Order {
	return workflows.Order{Reason: f.reason, Actor: cmp.Or(f.actor, whoami())}.Kept()
}

// obeyedWithin is how long a command waits for its order to be obeyed.
const obeyedWithin = 20 * time.Second

func newDestinationPause(common *commonFlags) *cobra.Command {
	c := newDestinationOrder(common, workflows.Pause, func(o workflows.Order, _ console.Destination) func(console.Destination) bool {
		return func(d console.Destination) bool {
			return d.Stage == workflows.StagePaused && d.Reason == o.Reason && d.Actor == o.Actor
		}
	})
	c.Short = "Tell destinations nothing until they are resumed; what they are owed waits"
	return c
}

func newDestinationResume(common *commonFlags) *cobra.Command {
	c := newDestinationOrder(common, workflows.Resume, func(_ workflows.Order, before console.Destination) func(console.Destination) bool {
		return func(d console.Destination) bool {
			switch d.Stage {
			case workflows.StagePaused:
				return false
			case workflows.StageHeld: // asked since, in vain
				return d.Probes > 0 && !d.Next.Equal(before.Next)
			}
			return true
		}
	})
	c.Short = "Tell destinations again, whoever holds them"
	c.Long = `Asks destinations at once, whoever holds them. Those that take something are told all that waited; those that do not are held
on, and asked now and then.`
	return c
}

// newDestinationOrder makes a command that sends destinations a signal and waits until it can be seen that it was obeyed.
func newDestinationOrder(common *commonFlags, signal string, obeyed func(workflows.Order, console.Destination) func(console.Destination) bool) *cobra.Command {
	var flags temporalFlags
	var by orderFlags
	c := &cobra.Command{
		Use: signal + " NAME…",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return &usageError{errors.New(c.CommandPath() + " takes the names of destinations")}
			}
			return nil
		},
		RunE: func(c *cobra.Command, names []string) error {
			o, err := common.operate(c, flags, names...)
			if err != nil {
				return err
			}
			defer o.close()
			before := make([]console.Destination, len(names))
			for i, name := range names { // all are sent before any is waited for
				if before[i], err = o.standing(c.Context(), name); err != nil {
					return err
				}
				if err := o.house.operate().Order(c.Context(), name, signal, by.order()); err != nil {
					return err
				}
			}
			var list []console.Destination
			var late []error
			for i, name := range names {
				d, err := o.awaitStanding(c.Context(), name, obeyed(by.order(), before[i]))
				if errors.Is(err, errNotYet) {
					late = append(late, fmt.Errorf("%s does not show it yet: the %s is recorded, and obeyed once a worker runs%s", name, signal, map[string]string{workflows.Resume: " and has asked it"}[signal]))
				} else if err != nil {
					return err
				}
				list = append(list, d)
			}
			return errors.Join(append([]error{printDestinations(c.OutOrStdout(), list, nil)}, late...)...)
		},
	}
	flags.register(c)
	by.register(c)
	return c
}

var errNotYet = errors.New("not yet")

// awaitStanding waits for a while until a destination stands as it should, and returns how it stands. The error is errNotYet
// if that is not so in time.
func (o *operated) awaitStanding(ctx context.Context, name string, should func(console.Destination) bool) (console.Destination, error) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	enough := time.NewTimer(obeyedWithin)
	defer enough.Stop()
	for {
		d, err := o.standing(ctx, name)
		if err != nil || should(d) {
			return d, err
		}
		select {
		case <-ctx.Done():
			return d, ctx.Err()
		case <-enough.C:
			return d, errNotYet
		case <-tick.C:
		}
	}
}

// standing is how things are with a destination now.
func (o *operated) standing(ctx context.Context, name string) (console.Destination, error) {
	s, err := o.store.Standing(ctx, name, orphanAge)
	if err != nil {
		return console.Destination{}, err
	}
	configured := inWords(o.config.Destinations)
	for other := range configured {
		if other != name {
			delete(configured, other)
		}
	}
	return console.Destinations(configured, map[string]webhook.Standing{name: s})[0], nil
}
