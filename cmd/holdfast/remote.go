package main

import (
	"errors"
	"fmt"
	"net/url"
	"os"

	"github.com/spf13/cobra"

	"holdfast/internal/config"
	"holdfast/internal/provider"
	"holdfast/internal/signature"
)

// What the commands have in common that speak to a provider's API.

// group is a command that has others below it and does nothing itself.
func group(use, short, long string, below ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short, Long: long, Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return &usageError{fmt.Errorf("unknown command %q", args[0])}
			}
			return c.Help()
		},
	}
	c.AddCommand(below...)
	return c
}

// A spoken source is one whose provider is of a certain kind.
type spoken[P provider.Provider] struct {
	name     string
	source   config.Source
	provider P
}

// speaking chooses a source as target does; it must be of the dialect.
func speaking[P provider.Provider](cfg *config.Config, name, dialect string) (spoken[P], error) {
	name, source, err := target(cfg, name, dialect)
	if err != nil {
		return spoken[P]{}, err
	}
	p, ok := source.Provider.(P)
	if !ok {
		return spoken[P]{}, fmt.Errorf("source %s is of provider %s, not %s", name, source.Dialect, dialect)
	}
	return spoken[P]{name, source, p}, nil
}

// endpoint is the URL of the source below that of the ingress, as a provider reaches it.
func (s spoken[P]) endpoint(public string) (string, error) {
	at, err := url.JoinPath(public, "webhooks", s.source.Path)
	if err != nil {
		return "", &usageError{errors.New("--url: want the URL at which the ingress is reached, such as https://hooks.example.com")}
	}
	return at, nil
}

// secretOf reads a secret from the environment: a flag would be seen by everybody who lists processes.
func secretOf(variable, what string) (signature.Secret, error) {
	if value := os.Getenv(variable); value != "" {
		return signature.Secret(value), nil
	}
	return "", fmt.Errorf("%s is not set: it holds %s", variable, what)
}

// required refuses a command line without a flag.
func required(flag, value, what string) error {
	if value == "" {
		return &usageError{fmt.Errorf("--%s is required: %s", flag, what)}
	}
	return nil
}
