package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"holdfast/docs/schemas"
	"holdfast/internal/webhook"
)

func newEvents() *cobra.Command {
	var schema bool
	c := &cobra.Command{
		Use: "events [TYPE]", Short: "List the types of events, or show what one means",
		Long: "Lists the types of events that destinations may be told of, in this version; or shows what one of them means and\n" +
			"where it comes from, or the JSON Schema of its data.",
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) > 1:
				return &usageError{fmt.Errorf("events takes one type at most, got %q", args)}
			case len(args) == 0 && schema:
				return &usageError{fmt.Errorf("--schema needs a type")}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return listEvents(c.OutOrStdout())
			}
			entry, ok := webhook.Lookup(webhook.Type(args[0]))
			if !ok {
				return fmt.Errorf("there is no type %q of events; 'holdfast events' lists them", args[0])
			}
			if !schema {
				fmt.Fprintf(c.OutOrStdout(), "%s (%s)\n\n%s\n\nfrom    %s\nschema  %s: holdfast events %s --schema\n",
					entry.Type, entry.Severity, entry.Meaning, entry.From, entry.Type.Schema(), entry.Type)
				return nil
			}
			text, err := schemas.Of(entry.Type)
			if err != nil {
				return err
			}
			_, err = c.OutOrStdout().Write(text)
			return err
		},
	}
	c.Flags().BoolVar(&schema, "schema", false, "print the JSON Schema of the type's data")
	return c
}

func listEvents(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "TYPE\tSEVERITY\tMEANING")
	for _, e := range webhook.Catalog() {
		fmt.Fprintf(w, "%s\t%s\t%s\n", e.Type, e.Severity, e.Meaning)
	}
	return w.Flush()
}
