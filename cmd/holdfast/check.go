package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newCheck(common *commonFlags) *cobra.Command {
	return &cobra.Command{
		Use: "check", Short: "Check a configuration without starting anything", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := common.load()
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "ok: %s\n", cfg)
			return nil
		},
	}
}
