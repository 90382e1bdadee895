package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"holdfast/internal/cloudevent"
	"holdfast/internal/config"
	"holdfast/internal/routing"
	"holdfast/internal/webhook"
)

func newRoute(common *commonFlags) *cobra.Command {
	var hook, source, id string
	c := &cobra.Command{
		Use:   "route [FILE | -]",
		Short: "Say who would be told of an event, and why",
		Long: `Says of every destination of the configuration whether it is told of an event, and which of its settings decides that; and
what the configuration knows of the event's account. It needs no running Holdfast, and tells nobody.

The event is a file or standard input (-): a CloudEvent as destinations are told it, or an event as Temporal shows it; or a list of
them. Or --event names one of the log, and what was decided when it was recorded is shown as well. Or --webhook takes a webhook's
body, of which the provider of a source makes events; whether it verifies is not asked.`,
		Example: `  holdfast route event.json
  holdfast route --event evt_0123456789abcdef0123456789abcdef
  holdfast route --webhook body.json --source meta-main`,
		Args: func(_ *cobra.Command, args []string) error {
			given := len(args)
			for _, flag := range []string{hook, id} {
				if flag != "" {
					given++
				}
			}
			switch {
			case given != 1:
				return &usageError{errors.New("route takes one of: a file or - with an event, --event, --webhook")}
			case source != "" && hook == "":
				return &usageError{errors.New("--source is for --webhook: an event says itself where it came from")}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := common.load()
			if err != nil {
				return err
			}
			r, err := newRouter(cfg, c.OutOrStdout())
			if err != nil {
				return err
			}
			var events []webhook.Event
			switch {
			case id != "":
				return r.explainLogged(c.Context(), id)
			case hook != "":
				events, err = eventsOfWebhook(cfg, source, hook, c.InOrStdin())
			default:
				events, err = eventsOfFile(cfg, args[0], c.InOrStdin())
			}
			if err != nil {
				return err
			}
			for i := range events {
				if i > 0 {
					fmt.Fprintln(r.out)
				}
				if err := r.explain(&events[i]); err != nil {
					return err
				}
			}
			return nil
		},
	}
	c.Flags().StringVar(&id, "event", "", "id of an event of the log")
	c.Flags().StringVar(&hook, "webhook", "", "file with the body of a webhook, or -")
	c.Flags().StringVar(&source, "source", "", "source to which the webhook is sent (default: the only one)")
	return c
}

// A router explains who is told of events.
type router struct {
	config *config.Config
	table  *routing.Table
	out    io.Writer
}

func newRouter(cfg *config.Config, out io.Writer) (*router, error) {
	table, err := routing.New(cfg.Destinations, cfg.Accounts, nil)
	return &router{cfg, table, out}, err
}

func (r *router) explain(e *webhook.Event) error {
	entry, _ := webhook.Lookup(e.Type)
	fmt.Fprintf(r.out, "%s (%s)", e.Type, entry.Severity)
	if e.Source != "" {
		fmt.Fprintf(r.out, " from source %s", visible(e.Source))
	}
	if e.Account != "" {
		fmt.Fprintf(r.out, " of account %s", visible(e.Account))
	}
	fmt.Fprint(r.out, "\n\n")
	if _, ok := r.config.Sources[e.Source]; !ok && e.Source != "" {
		fmt.Fprintf(r.out, "The configuration has no source %s.\n\n", visible(e.Source))
	}
	verdicts := r.table.Explain(e)
	w := tabwriter.NewWriter(r.out, 0, 0, 2, ' ', 0)
	if len(verdicts) > 0 {
		fmt.Fprintln(w, "DESTINATION\tTOLD\tWHY")
	}
	told := false
	for _, v := range verdicts {
		told = told || v.Told
		fmt.Fprintf(w, "%s\t%s\t%s\n", v.Destination, map[bool]string{true: "yes", false: "no"}[v.Told], visible(v.Why))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if !told {
		fmt.Fprintln(r.out, "\nUnrouted: no destination is told of it. It is recorded and counted, and can be told later.")
	}
	fmt.Fprintf(r.out, "\n%s\n", r.account(e.Account))
	return nil
}

// explainLogged explains an event of the log, and says what was decided then.
func (r *router) explainLogged(ctx context.Context, id string) error {
	store, err := openExisting(ctx, r.config)
	if err != nil {
		return err
	}
	defer store.Close()
	logged, err := store.EventByID(ctx, id)
	switch {
	case err != nil:
		return err
	case logged.Event.ID == "":
		return fmt.Errorf("there is no event %q in the log", id)
	}
	if err := r.explain(&logged.Event); err != nil {
		return err
	}
	fmt.Fprintf(r.out, "\nrecorded at %s as %s by workflow %s; ", logged.Recorded.Local().Format(time.DateTime), logged.Outcome, logged.Workflow)
	switch told := strings.Join(logged.Routes, ", "); {
	case logged.Routes == nil:
		fmt.Fprintln(r.out, "who was to be told was not recorded yet")
	case !logged.Outcome.Told() && told != "":
		fmt.Fprintf(r.out, "as that nobody is told, or it would have been: %s\n", told)
	case told == "":
		fmt.Fprintln(r.out, "nobody was to be told")
	default:
		fmt.Fprintf(r.out, "to be told were: %s\n", told)
	}
	return nil
}

// account says what the configuration knows of an account.
func (r *router) account(id string) string {
	if id == "" {
		return "It belongs to no account."
	}
	a, ok := r.config.Accounts[id]
	if !ok {
		return fmt.Sprintf("account %s: not configured, so it has neither name nor labels", visible(id))
	}
	labels := a.AllLabels()
	said := []string{a.Name}
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		said = append(said, name+"="+labels[name])
	}
	return fmt.Sprintf("account %s: %s", id, strings.Join(said, ", "))
}

// maxEvents bounds what is read of a file: more than any webhook has.
const maxEvents = 64 << 20

func readUpTo(name string, stdin io.Reader) ([]byte, error) {
	in := stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err // it names the file
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, maxEvents+1))
	if err == nil && len(text) > maxEvents {
		err = fmt.Errorf("read %s: it has more than %d bytes", name, maxEvents)
	}
	return text, err
}

// eventsOfFile reads an event, or a list of them.
func eventsOfFile(cfg *config.Config, name string, stdin io.Reader) ([]webhook.Event, error) {
	text, err := readUpTo(name, stdin)
	if err != nil {
		return nil, err
	}
	list := []json.RawMessage{text}
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("[")) {
		if err := json.Unmarshal(text, &list); err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
	}
	events := make([]webhook.Event, len(list))
	for i, one := range list {
		if events[i], err = readEvent(one); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		e := &events[i]
		e.Provider = cmp.Or(e.Provider, cfg.Sources[e.Source].Dialect)
	}
	return events, nil
}

// readEvent reads an event in either of the two ways in which we write one.
func readEvent(text []byte) (webhook.Event, error) {
	var form struct {
		SpecVersion string `json:"specversion"`
	}
	if err := json.Unmarshal(text, &form); err != nil {
		return webhook.Event{}, fmt.Errorf("read event: %w", err)
	}
	if form.SpecVersion != "" {
		return cloudevent.Read(text)
	}
	var e webhook.Event
	return e, json.Unmarshal(text, &e)
}

// eventsOfWebhook makes events of a webhook as a worker would, but for their ids.
func eventsOfWebhook(cfg *config.Config, source, name string, stdin io.Reader) ([]webhook.Event, error) {
	source, s, err := target(cfg, source, "")
	if err != nil {
		return nil, &usageError{err}
	}
	body, err := readUpTo(name, stdin)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	events := s.Provider.Normalize(body, now)
	if len(events) == 0 {
		events = []webhook.Event{webhook.Event{}.Unrecognized("no elements", body)}
	}
	for i := range events {
		e := &events[i]
		e.Source, e.Provider = source, s.Dialect
		if e.Time.IsZero() {
			e.Time, e.TimeAssumed = now, true
		}
	}
	return events, nil
}
