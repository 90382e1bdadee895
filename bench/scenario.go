package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A scenario is a load, what happens meanwhile, and what should come of it.
type scenario struct {
	name  string
	about string // what the page says of it
	args  []string
	// seconds is how long it takes, and quick how long with -quick. The first are for warming up, and do not count.
	seconds, quick, warmup int
	hanging                bool // there is a second destination, which never answers
	attack                 string
	outage                 time.Duration // Temporal is stopped in the middle for so long
	goal                   goal
}

// A goal is what a scenario should reach, in milliseconds; 0: nothing was promised.
type goal struct {
	ackP50, ackP99, toldP50, toldP99, banP99 float64
	drained                                  time.Duration // how long after the end everything must be told
	kept                                     bool          // nothing refused
}

const (
	crm   = "crm"
	other = "other"
)

// scenarios are those that are published, in the order of the page.
func scenarios() []scenario {
	list := []scenario{
		rate(100, 60, goal{ackP50: 10, toldP50: 25, kept: true}),
		rate(500, 10, goal{kept: true}),
		rate(1000, 10, goal{kept: true}),
		rate(2000, 60, goal{ackP99: 100, toldP99: 150, banP99: 250, kept: true}),
		rate(4000, 60, goal{ackP99: 250, drained: time.Minute, kept: true}),
	}
	for _, callers := range []int{8, 64, 256} {
		list = append(list, scenario{
			name:  fmt.Sprintf("%d callers", callers),
			about: "each sends the next webhook when the last was answered",
			args:  []string{"--callers", strconv.Itoa(callers)}, seconds: 7, quick: 5, warmup: 1,
		})
	}
	healthy := rate(1000, 12, goal{kept: true})
	healthy.name, healthy.about = "hang none", "two destinations, both well"
	sick := healthy
	sick.name, sick.about, sick.hanging = "hang one", "the same, but one never answers; latencies are of the other", true
	list = append(list, healthy, sick,
		scenario{
			name: "batches", about: "2/s with a thousand long messages each: 3 MB", args: []string{"--rate", "2", "--mix", "big=1", "--timeout", "30s"},
			seconds: 10, quick: 6, warmup: 1, goal: goal{kept: true},
		},
		scenario{
			name: "duplicates", about: "500/s, and one in ten sent again two seconds later",
			args: []string{"--rate", "500", "--duplicates", "0.1", "--duplicates-after", "2s"}, seconds: 12, quick: 8, warmup: 1, goal: goal{kept: true},
		},
	)
	base := rate(200, 6, goal{kept: true})
	base.name, base.about = "attack none", "200/s, to compare with"
	list = append(list, base)
	for _, a := range attacks() {
		s := base
		s.name, s.about, s.attack = "attack "+a.name, "200/s, and "+a.about, a.name
		list = append(list, s)
	}
	outage := rate(200, 30, goal{ackP99: 250, drained: time.Minute, kept: true})
	outage.name, outage.about = "outage", "200/s; Temporal is stopped after 5 s, and for 20 s"
	outage.outage, outage.quick = 20*time.Second, 15
	return append(list, outage)
}

// rate is an open loop of so many webhooks in a second.
func rate(perSecond, seconds int, g goal) scenario {
	warmup := 1
	if seconds >= 30 {
		warmup = 2
	}
	return scenario{
		name: fmt.Sprintf("%d/s", perSecond), about: "evenly, of the usual mix",
		args: []string{"--rate", strconv.Itoa(perSecond)}, seconds: seconds + warmup, quick: min(seconds+1, 8), warmup: warmup, goal: g,
	}
}

func names(list []scenario) []string {
	var out []string
	for _, s := range list {
		out = append(out, strings.ReplaceAll(s.name, " ", "-"))
	}
	return out
}

// choose finds scenarios by their names, with hyphens for spaces. N/s is a rate of one's own.
func choose(text string, quick bool) ([]scenario, error) {
	all := scenarios()
	chosen := all
	if text != "" {
		chosen = nil
		for name := range strings.SplitSeq(text, ",") {
			i := slices.Index(names(all), name)
			switch n, err := strconv.Atoi(strings.TrimSuffix(name, "/s")); {
			case i >= 0:
				chosen = append(chosen, all[i])
			case err == nil && n > 0 && strings.HasSuffix(name, "/s"):
				chosen = append(chosen, rate(n, 60, goal{kept: true}))
			default:
				return nil, fmt.Errorf("there is no scenario %q; there are %s, and N/s", name, strings.Join(names(all), ", "))
			}
		}
	}
	if quick {
		for i := range chosen {
			s := &chosen[i]
			s.seconds, s.warmup = s.quick, 1
			if s.outage > 0 {
				s.outage = 5 * time.Second
			}
		}
	}
	return chosen, nil
}

func (s scenario) destinations() []string {
	if strings.HasPrefix(s.name, "hang") {
		return []string{crm, other}
	}
	return []string{crm}
}

// command is what `holdfast bench` is told, but for addresses and process ids.
func (s scenario) command() []string {
	args := append(slices.Clone(s.args), "--duration", fmt.Sprintf("%ds", s.seconds), "--warmup", fmt.Sprintf("%ds", s.warmup), "--drain", "60s")
	if s.hanging {
		return append(args, "--hang", other, "--destinations", crm)
	}
	return append(args, "--destinations", strings.Join(s.destinations(), ","))
}

// meanwhile does what happens during a scenario, and returns when it is over or the context ends.
func (s scenario) meanwhile(ctx context.Context, on *stack) error {
	if s.outage == 0 {
		return nil
	}
	if !sleep(ctx, 5*time.Second) {
		return nil
	}
	if err := on.stopTemporal(); err != nil {
		return err
	}
	sleep(ctx, s.outage)
	return on.startTemporal(context.WithoutCancel(ctx))
}

// sleep reports whether the time has passed before the context ended.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
