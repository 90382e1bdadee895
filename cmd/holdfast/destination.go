package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
	"unicode/utf16"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"holdfast/console"
	"holdfast/internal/config"
	"holdfast/internal/state"
	"holdfast/internal/webhook"
	"holdfast/workflows"
)

func newDestination(common *commonFlags) *cobra.Command {
	return group("destination", "Show destinations, pause and resume them, try them, and let go what they are owed", "",
		newDestinationList(common), newDestinationShow(common), newDestinationPause(common), newDestinationResume(common), newDestinationTest(common), newDropOwed(common))
}

func newDestinationList(common *commonFlags) *cobra.Command {
	var flags temporalFlags
	var asJSON bool
	c := &cobra.Command{
		Use: "list", Short: "List destinations: how things are with them, and what they are owed", Args: noArgs,
		Long: `Lists the destinations that are configured, held or owed something.

flowing  it is told: at once by the workflows of webhooks, or in order or at a rate by its own workflow
held     it is in trouble: only its own workflow asks it, now and then
paused   an operator holds it

The configuration and the database are enough for that. If Temporal answers as well, it says which of them are being told right
now what waited.`,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := common.load()
			if err != nil {
				return err
			}
			store, err := common.openState(c.Context())
			if err != nil {
				return err
			}
			defer store.Close()
			standings, err := store.Standings(c.Context(), orphanAge)
			if err != nil {
				return err
			}
			list := console.Destinations(inWords(cfg.Destinations), standings)
			if asJSON {
				return printJSON(c.OutOrStdout(), list)
			}
			if len(list) == 0 {
				fmt.Fprintln(c.OutOrStdout(), "there are no destinations")
				return nil
			}
			h, err := common.build(c, flags)
			if err != nil {
				return err
			}
			defer h.close()
			telling := h.telling(c.Context(), list, c.ErrOrStderr())
			return printDestinations(c.OutOrStdout(), list, telling)
		},
	}
	flags.register(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON, as /api/destinations of a worker does")
	return c
}

func newDestinationShow(common *commonFlags) *cobra.Command {
	var flags temporalFlags
	c := &cobra.Command{
		Use: "show NAME", Short: "Show how things are with a destination, and what its receiver needs to check signatures",
		Args: oneDestination,
		RunE: func(c *cobra.Command, args []string) error {
			o, err := common.operate(c, flags, args...)
			if err != nil {
				return err
			}
			defer o.close()
			d, err := o.standing(c.Context(), args[0])
			if err != nil {
				return err
			}
			list := []console.Destination{d}
			if err := printDestinations(c.OutOrStdout(), list, o.telling(c.Context(), list, c.ErrOrStderr())); err != nil {
				return err
			}
			for _, key := range publicKeys(o.config.Destinations[d.Name].Options) {
				fmt.Fprintf(c.OutOrStdout(), "    public key, by which its receiver checks signatures: %s\n", key)
			}
			return nil
		},
	}
	flags.register(c)
	return c
}

// publicKeys are those that receivers of a destination need, if it is of a type that has any. They are no secrets.
func publicKeys(options any) []string {
	if o, ok := options.(interface{ PublicKeys() []string }); ok {
		return o.PublicKeys()
	}
	return nil
}

// oneDestination refuses command lines that do not name one destination.
func oneDestination(c *cobra.Command, args []string) error {
	if len(args) != 1 {
		return &usageError{errors.New(c.CommandPath() + " takes the name of one destination")}
	}
	return nil
}

// printDestinations prints a line for each destination, and below it what there is to say of it.
func printDestinations(out io.Writer, list []console.Destination, telling map[string]string) error {
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tTYPE\tSTAGE\tSINCE\tOWED\tOLDEST\tTOLD\tOF")
	for _, d := range list {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\n", visible(d.Name), orDash(d.Type), d.Stage, local(d.Since), d.Owed, local(d.Oldest), manner(d), orDash(visible(d.ToldOf)))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	head, lines, _ := strings.Cut(table.String(), "\n")
	fmt.Fprintln(out, head)
	for i, line := range strings.Split(strings.TrimSuffix(lines, "\n"), "\n") {
		fmt.Fprintln(out, strings.TrimRight(line, " "))
		for _, remark := range remarks(list[i], telling[list[i].Name]) {
			fmt.Fprintln(out, "    "+visible(remark))
		}
	}
	return nil
}

// longOwed is how long something is owed before it is worth a remark with whom it is.
const longOwed = time.Minute

// manner is how a destination is told while it is flowing.
func manner(d console.Destination) string {
	how := "at once"
	if d.Ordered {
		how = "in order"
	}
	switch {
	case d.Rate > 0 && d.Ordered:
		how += ", " + webhook.PerTime(d.Rate)
	case d.Rate > 0:
		how = webhook.PerTime(d.Rate)
	}
	return how
}

// remarks are what is to be said of a destination besides, a line each.
func remarks(d console.Destination, telling string) []string {
	var all []string
	switch {
	case d.Stage == workflows.StagePaused && d.Actor != "":
		all = append(all, "by "+d.Actor+colon(d.Reason))
	case d.Reason != "":
		all = append(all, d.Reason)
	}
	if d.Advice != "" {
		all = append(all, d.Advice)
	}
	if !d.Next.IsZero() {
		again := "asked at "
		if d.Probes > 0 {
			again = "asked " + counted(d.Probes, "time", "times") + " in vain; again at "
		}
		all = append(all, again+d.Next.Local().Format(time.TimeOnly))
	}
	if telling != "" && d.Owed > 0 { // some are told by theirs all the time
		all = append(all, telling)
	}
	if with := d.Owed - d.Handed; with > 0 && time.Since(d.Oldest) > longOwed {
		all = append(all, fmt.Sprintf("%d of them with workflows that retry them, or are parked: 'holdfast parked --destination %s'", with, d.Name))
	}
	if !d.Configured {
		all = append(all, "it is not in the configuration: put it back until it is told what it is owed, or let that go by 'holdfast destination drop-owed "+d.Name+"'")
	}
	return all
}

func colon(text string) string {
	if text == "" {
		return ""
	}
	return ": " + text
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// local is a time as operators read it.
func local(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format(time.DateTime)
}

// printJSON escapes what [visible] would not show: that is the same to programs.
func printJSON(out io.Writer, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	var b strings.Builder
	for _, r := range string(text) {
		switch high, low := utf16.EncodeRune(r); {
		case string(r) == visible(string(r)):
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	_, err = fmt.Fprintln(out, b.String())
	return err
}

// brief is the first line of an error.
func brief(err error) string {
	text, _, _ := strings.Cut(err.Error(), "\n")
	return text
}

// temporalPatience is how long a listing waits for what only Temporal knows.
const temporalPatience = 3 * time.Second

// telling says, by name, which destinations are being told right now what waited for them. If Temporal does not say so in time,
// that is said to whoever reads errors.
func (h *house) telling(ctx context.Context, list []console.Destination, errOut io.Writer) map[string]string {
	ctx, cancel := context.WithTimeout(ctx, temporalPatience)
	defer cancel()
	var mu sync.Mutex
	said := map[string]string{}
	all, ctx := errgroup.WithContext(ctx)
	all.SetLimit(8)
	for _, d := range list {
		all.Go(func() error {
			text, err := h.draining(ctx, d.Name)
			mu.Lock()
			defer mu.Unlock()
			said[d.Name] = text
			return err
		})
	}
	if err := all.Wait(); err != nil {
		fmt.Fprintf(errOut, "Temporal does not answer (%s): what is being told right now is not shown\n", brief(err))
	}
	return said
}

// draining says how far a destination's workflow is with telling what waited; nothing if it tells nothing now, or does not run.
func (h *house) draining(ctx context.Context, name string) (string, error) {
	d, ok, err := h.operate().Draining(ctx, name)
	if err != nil || !ok {
		return "", err
	}
	text := "its workflow is telling it"
	if d.Told > 0 || d.Parted > 0 {
		text += fmt.Sprintf(": %d told so far", d.Told)
	}
	if d.Parted > 0 {
		text += fmt.Sprintf(", %d left to workflows of their own", d.Parted)
	}
	if d.Attempt > 1 {
		text += fmt.Sprintf("; attempt %d", d.Attempt)
	}
	return text, nil
}

// operated is a house in which something is ordered, with its database.
type operated struct {
	*house
	config *config.Config
	store  *state.Store
}

// operate opens what a command needs that orders something for destinations of these names.
func (f *commonFlags) operate(c *cobra.Command, flags temporalFlags, names ...string) (*operated, error) {
	h, err := f.build(c, flags)
	if err != nil {
		return nil, err
	}
	store, err := openExisting(c.Context(), h.config)
	if err != nil {
		h.close()
		return nil, err
	}
	h.store.Store(store) // closed with the house
	o := &operated{h, h.config, store}
	if err := o.known(c.Context(), names); err != nil {
		h.close()
		return nil, err
	}
	return o, nil
}

// known refuses names of destinations that nobody has heard of.
func (o *operated) known(ctx context.Context, names []string) error {
	standings, err := o.store.Standings(ctx, orphanAge)
	if err != nil {
		return err
	}
	all := console.Destinations(inWords(o.config.Destinations), standings)
	for _, name := range names {
		if !slices.ContainsFunc(all, func(d console.Destination) bool { return d.Name == name }) {
			return fmt.Errorf("there is no destination %q; 'holdfast destination list' lists them", name)
		}
	}
	return nil
}
