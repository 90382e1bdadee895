// Command bench measures Holdfast as `make bench` publishes it: it starts PostgreSQL, a Temporal server on it and
// `holdfast serve`, has `holdfast bench` send the load of each scenario, several times in rotated order, and writes
// docs/performance.md. Every figure there is one that `holdfast bench` has printed.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if len(os.Args) > 1 && os.Args[1] == "attack" {
		err = attack(ctx, os.Args[2:])
	} else {
		err = run(ctx, os.Args[1:], os.Stderr)
	}
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	quick     bool
	repeats   int
	scenarios string
	bin, data string
	out, json string
}

func run(ctx context.Context, args []string, errOut io.Writer) error {
	var o options
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(errOut)
	f.BoolVar(&o.quick, "quick", false, "every scenario once and for seconds only: to see that it works, not to publish")
	f.IntVar(&o.repeats, "repeats", 0, "how often to measure each scenario (default 3, or 1 with -quick)")
	f.StringVar(&o.scenarios, "scenarios", "", "only these, separated by commas; also N/s for a rate (default all: "+strings.Join(names(scenarios()), ", ")+")")
	f.StringVar(&o.bin, "bin", "bin", "where holdfast and holdfast-devserver are")
	f.StringVar(&o.data, "data", "", "where to keep databases meanwhile: a disk like that of production (default: made in /var/tmp, and removed)")
	f.StringVar(&o.out, "out", "docs/performance.md", "the page to write; what stands outside of its marks is kept")
	f.StringVar(&o.json, "json", "", "also write all reports to this file")
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() > 0 {
		return fmt.Errorf("unknown argument %q", f.Arg(0))
	}
	if o.repeats = cmp.Or(o.repeats, map[bool]int{true: 1, false: 3}[o.quick]); o.repeats < 1 {
		return errors.New("-repeats must be at least 1")
	}
	chosen, err := choose(o.scenarios, o.quick)
	if err != nil {
		return err
	}
	if o.data == "" {
		if o.data, err = os.MkdirTemp("/var/tmp", "holdfast-bench-"); err != nil {
			return fmt.Errorf("make a directory for the databases: %w", err)
		}
		defer os.RemoveAll(o.data)
	}
	b := bench{options: o, say: func(format string, args ...any) { fmt.Fprintf(errOut, format, args...) }}
	if b.bin, err = filepath.Abs(o.bin); err != nil {
		return err
	}
	results, err := b.all(ctx, chosen)
	if err != nil {
		return err
	}
	host, err := describe(ctx, b.bin, o.data)
	if err != nil {
		return err
	}
	return publish(o, host, results)
}

// publish writes the page, and the reports if they are asked for.
func publish(o options, host machine, results []result) error {
	if o.json != "" {
		text, err := json.MarshalIndent(results, "", "  ")
		if err == nil {
			err = os.WriteFile(o.json, text, 0o644) //nolint:gosec // figures are nobody's secret
		}
		if err != nil {
			return fmt.Errorf("write the reports: %w", err)
		}
	}
	old, err := os.ReadFile(o.out)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the page: %w", err)
	}
	page, err := merge(string(old), sections(host, o, results))
	if err == nil {
		err = os.WriteFile(o.out, []byte(page), 0o644) //nolint:gosec // for everybody to read
	}
	if err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}

// A bench is a series of measurements.
type bench struct {
	options
	say func(format string, args ...any)
}

// all measures every scenario as often as was asked, each time in another order and on databases that were new at its
// beginning: also after a scenario that left something behind.
func (b *bench) all(ctx context.Context, chosen []scenario) ([]result, error) {
	results := make([]result, len(chosen))
	for i, s := range chosen {
		results[i] = result{Name: s.name, scenario: s}
	}
	for repeat := range b.repeats {
		order := make([]int, len(chosen))
		for i := range order {
			order[i] = (i + repeat*len(chosen)/b.repeats) % len(chosen)
		}
		var s *stack
		for n, i := range order {
			b.say("%d of %d, %d of %d: %-14s ", repeat+1, b.repeats, n+1, len(order), chosen[i].name)
			took, next, err := b.once(ctx, s, chosen[i])
			s = next
			if err != nil {
				s.close()
				return nil, fmt.Errorf("scenario %s: %w", chosen[i].name, err)
			}
			b.say("%s\n", took.line())
			results[i].Measured = append(results[i].Measured, took)
		}
		s.close()
	}
	return results, nil
}

// once measures a scenario on the stack that is there, or on a new one if there is none or it needs another. It returns the
// stack to go on with: none if this one is no longer as new.
func (b *bench) once(ctx context.Context, s *stack, sc scenario) (measured, *stack, error) {
	if s != nil && !slices.Equal(s.destinations, sc.destinations()) {
		s.close()
		s = nil
	}
	if s == nil {
		var err error
		if s, err = startStack(ctx, b.bin, b.data, sc.destinations()); err != nil {
			return measured{}, s, err
		}
	}
	m, err := s.measure(ctx, sc)
	if err != nil {
		return m, s, err
	}
	if !m.settled(sc) {
		s.close()
		s = nil
	}
	return m, s, nil
}

// quiet is how busy the machine may be before a measurement, in cores; who waits longer than patience measures anyway,
// and says so.
const (
	quiet         = .5
	quietPatience = 10 * time.Second
)
