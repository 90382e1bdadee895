package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"holdfast/internal/intake"
	"holdfast/internal/spool"
	"holdfast/internal/temporal"
)

func newSpool(common *commonFlags) *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use: "spool", Short: "Look at the webhooks that wait on disk",
		Long: `Looks at the directory in which an ingress keeps webhooks that Temporal could not take yet: those in urgent and bulk
are started once it does, those in aside it has refused. It may be in use by a process meanwhile.`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return &usageError{fmt.Errorf("unknown command %q", args[0])}
			}
			return c.Help()
		},
	}
	c.PersistentFlags().StringVar(&dir, "dir", "", "directory of the spool (default: as configured)")
	c.AddCommand(newSpoolLs(common, &dir), newSpoolVerify(common, &dir), newSpoolDrain(common, &dir))
	return c
}

// spoolDir is the directory that was named, or that of the configuration.
func (f *commonFlags) spoolDir(named string) (string, error) {
	if named != "" {
		return named, nil
	}
	cfg, err := f.load()
	if err != nil {
		return "", err
	}
	return cfg.Spool.Dir, nil
}

// A spoolList is what `holdfast spool ls` shows.
type spoolList struct {
	Dir string `json:"dir"`
	spool.Report
	Aside []asideEntry `json:"aside"`
}

// An asideEntry is a webhook that Temporal has refused. Its body is not shown.
type asideEntry struct {
	ID       string    `json:"id,omitempty"` // empty if it cannot be decoded
	Source   string    `json:"source,omitempty"`
	Received time.Time `json:"received"` // or appended, if it cannot be decoded
	Bytes    int       `json:"bytes"`    // of the body, or of all
}

func newSpoolLs(common *commonFlags, dir *string) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "ls", Short: "List how much waits, and what was set aside", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			at, err := common.spoolDir(*dir)
			if err != nil {
				return err
			}
			list, err := listSpool(at)
			if err != nil {
				return err
			}
			if asJSON {
				out := json.NewEncoder(c.OutOrStdout())
				out.SetIndent("", "  ")
				return out.Encode(list)
			}
			return list.print(c.OutOrStdout(), time.Now())
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func listSpool(dir string) (*spoolList, error) {
	payloads, err := temporal.Converter()
	if err != nil {
		return nil, err
	}
	codec := temporal.FileCodec{Converter: payloads}
	list := &spoolList{Dir: dir, Aside: []asideEntry{}}
	list.Report, err = spool.Inspect(dir, func(queue string, e spool.Entry) error {
		if queue == spool.Aside {
			list.Aside = append(list.Aside, readAside(codec, e))
		}
		return nil
	})
	return list, err
}

func readAside(codec intake.Codec, e spool.Entry) asideEntry {
	w, err := intake.Spooled(codec, e.Data)
	if err != nil {
		return asideEntry{Received: e.At.UTC(), Bytes: len(e.Data)} // why could quote what it says
	}
	return asideEntry{ID: w.ID, Source: w.Source, Received: w.Received, Bytes: len(w.Body)}
}

func (l *spoolList) print(out io.Writer, now time.Time) error {
	fmt.Fprintf(out, "%s, %s\n\n", l.Dir, heldBy(l.Report))
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "QUEUE\tENTRIES\tBYTES\tSEGMENTS\tOLDEST")
	for _, q := range l.Queues {
		oldest := "-"
		if !q.Oldest.IsZero() {
			oldest = now.Sub(q.Oldest).Round(time.Second).String()
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%s\n", q.Name, q.Entries, q.Bytes, q.Segments, oldest)
	}
	if len(l.Aside) > 0 {
		fmt.Fprintln(w, "\nSET ASIDE\tSOURCE\tRECEIVED\tBYTES")
	}
	for _, a := range l.Aside {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\n", cmp.Or(a.ID, "(cannot be decoded)"), cmp.Or(a.Source, "-"), a.Received.Local().Format(time.DateTime), a.Bytes)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if n := len(l.Damaged) + kept(l.Report); n > 0 {
		fmt.Fprintf(out, "\nsomething is damaged; 'holdfast spool verify --dir %s' says what\n", l.Dir)
	}
	return nil
}

func heldBy(r spool.Report) string {
	switch {
	case !r.Held:
		return "in use by no process"
	case r.Holder == 0:
		return "in use by a process"
	default:
		return "in use by process " + strconv.Itoa(r.Holder)
	}
}

// kept counts the files that are kept because of damage.
func kept(r spool.Report) int {
	n := 0
	for _, q := range r.Queues {
		n += len(q.Kept)
	}
	return n
}

func newSpoolVerify(common *commonFlags, dir *string) *cobra.Command {
	return &cobra.Command{
		Use: "verify", Short: "Read every byte of the spool and report damage", Args: noArgs,
		Long: `Reads every byte and checks it. Parts that cannot be read fail the command, and so do files that are kept because of
such parts after all else in them was started. What was not written to its end, because the process or the machine ended,
does not: nobody was told that it is durable.`,
		RunE: func(c *cobra.Command, _ []string) error {
			at, err := common.spoolDir(*dir)
			if err != nil {
				return err
			}
			report, err := spool.Inspect(at, nil)
			if err != nil {
				return err
			}
			out := c.OutOrStdout()
			entries, bytes := 0, int64(0)
			for _, q := range report.Queues {
				entries, bytes = entries+q.Entries, bytes+q.Bytes
				for _, file := range q.Kept {
					fmt.Fprintf(out, "kept because of damage: %s\n", file)
				}
			}
			for _, r := range report.Damaged {
				fmt.Fprintf(out, "damaged: bytes %d to %d of %s\n", r.From, r.To, r.File)
			}
			for _, r := range report.Torn {
				fmt.Fprintf(out, "not written to its end: bytes %d to %d of %s\n", r.From, r.To, r.File)
			}
			fmt.Fprintf(out, "%s, %s: %d entries wait, %d bytes\n", at, heldBy(report), entries, bytes)
			if len(report.Damaged)+kept(report) > 0 {
				return errors.New("the spool is damaged")
			}
			return nil
		},
	}
}
