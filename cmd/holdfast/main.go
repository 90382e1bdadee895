// Command holdfast is the durable processor for WhatsApp Business webhooks: `holdfast ingress` accepts them,
// `holdfast worker` processes them, `holdfast serve` does both in one process, and `holdfast dev` brings everything that
// they need along. This package joins the rooms of the house; it is the only one that knows everyone.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	_ "time/tzdata" // a provider's zone may be named where the machine knows none
	"unicode"

	"github.com/spf13/cobra"
)

func main() {
	// The first signal drains; once that has begun, a second one ends the process at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the program: it returns the exit status, 0 for success, 1 for failure and 2 for a command line that makes no
// sense.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	command, err := root.ExecuteContextC(ctx)
	var usage *usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "holdfast: %s\nSee '%s --help'.\n", visible(err.Error()), command.CommandPath())
		return 2
	default:
		fmt.Fprintf(stderr, "holdfast: %s\n", visible(err.Error()))
		return 1
	}
}

// visible is a text without what would speak to the terminal or turn its letters around: it may quote what a stranger wrote.
// JSON escapes some of that only.
func visible(text string) string {
	const joiner = '\u200d' // makes families of emoji, and scripts of letters
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && r != joiner && !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
}

// counted is a number of things, in words that agree with it.
func counted[N int | int64](n N, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// A usageError is the fault of the command line.
type usageError struct{ error }

func newRoot() *cobra.Command {
	var common commonFlags
	root := &cobra.Command{
		Use:           "holdfast",
		Short:         "Durable processor for WhatsApp Business webhooks, on Temporal",
		Version:       version(),
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return &usageError{fmt.Errorf("unknown command %q", args[0])}
			}
			return c.Help()
		},
		Args: cobra.ArbitraryArgs,
	}
	root.SetVersionTemplate("holdfast {{.Version}}\n")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	common.register(root)
	root.AddCommand(
		newDev(&common), newServe(&common), newIngress(&common), newWorker(&common),
		newSend(&common), newState(&common), newOwed(&common), newParked(&common), newReprocess(&common), newRefused(&common), newVerify(&common), newSpool(&common),
		newCheck(&common), newSetup(&common), newBench(),
		newDestination(&common), newAttempts(&common), newReplay(&common),
		newMeta(&common), newNxtele(&common), newWhizard(&common),
		newEvents(), newRoute(&common),
	)
	return root
}

// version is the module's version, or the commit it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && v == "(devel)" {
			v = s.Value[:min(len(s.Value), 12)]
		}
	}
	return v
}

// noArgs refuses arguments with exit status 2.
func noArgs(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return &usageError{fmt.Errorf("%s takes no arguments, got %q", c.CommandPath(), args[0])}
	}
	return nil
}
