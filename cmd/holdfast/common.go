package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"holdfast/internal/config"
	"holdfast/internal/notify"
	"holdfast/internal/provider"
	"holdfast/internal/state"
)

// commonFlags are understood by every command.
type commonFlags struct {
	config   string
	logLevel slog.Level
}

func (f *commonFlags) register(root *cobra.Command) {
	root.PersistentFlags().StringVarP(&f.config, "config", "c", "", "configuration file (default: holdfast.yaml, or that of 'holdfast dev')")
	root.PersistentFlags().TextVar(&f.logLevel, "log-level", slog.LevelInfo, "debug, info, warn or error")
}

// defaultData is where `holdfast dev` keeps everything, unless told otherwise.
const defaultData = "holdfast-data"

// demoConfig is the name of the configuration that `holdfast dev` makes in its data directory.
const demoConfig = "holdfast.yaml"

// load reads the configuration: the file that was named, or the one in the working directory, or the one that
// `holdfast dev` has made there.
func (f *commonFlags) load() (*config.Config, error) {
	path := f.config
	if path == "" {
		candidates := []string{"holdfast.yaml", filepath.Join(defaultData, demoConfig)}
		for _, c := range candidates {
			if _, err := os.Stat(c); err == nil {
				path = c
				break
			} else if !errors.Is(err, fs.ErrNotExist) {
				return nil, fmt.Errorf("look for a configuration: %w", err)
			}
		}
		if path == "" {
			return nil, fmt.Errorf("no configuration: there is neither %s nor %s here; name one with --config", candidates[0], candidates[1])
		}
	}
	return config.Load(path, known(), os.LookupEnv)
}

// openState opens the database of the configuration.
func (f *commonFlags) openState(ctx context.Context) (*state.Store, error) {
	cfg, err := f.load()
	if err != nil {
		return nil, err
	}
	return openExisting(ctx, cfg)
}

// openExisting opens the database of a configuration for an operator, who would be misled by a file of SQLite that is made for
// the occasion: nothing would be owed, and nothing held.
func openExisting(ctx context.Context, cfg *config.Config) (*state.Store, error) {
	if file, ok := strings.CutPrefix(string(cfg.State.URL), "sqlite:"); ok {
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("there is no database %s: nothing has run here with this configuration ('holdfast dev --config' keeps it in its data directory: name it there by an absolute path)", file)
		}
	}
	return state.Open(ctx, string(cfg.State.URL), state.Options{})
}

// heardOf refuses the names of a destination and of sources that are not configured, where nothing was found by them: it may be
// that they were misspelt. Empty ones are passed over.
func heardOf(cfg *config.Config, destination string, sources ...string) error {
	if _, ok := cfg.Destinations[destination]; !ok && destination != "" {
		return fmt.Errorf("nothing was found, and there is no destination %q in the configuration", destination)
	}
	for _, source := range sources {
		if _, ok := cfg.Sources[source]; !ok && source != "" {
			return fmt.Errorf("nothing was found, and there is no source %q in the configuration", source)
		}
	}
	return nil
}

// next is a command to be typed next, for the same installation.
func (f *commonFlags) next(command string, flags temporalFlags) string {
	words := []string{"holdfast", command}
	for _, flag := range [][2]string{{"config", f.config}, {"address", flags.address}, {"namespace", flags.namespace}, {"profile", flags.profile}} {
		if flag[1] != "" {
			words = append(words, "--"+flag[0], flag[1])
		}
	}
	return strings.Join(words, " ")
}

// build makes the house of the configuration, which logs to the command's standard error.
func (f *commonFlags) build(c *cobra.Command, flags temporalFlags) (*house, error) {
	cfg, err := f.load()
	if err != nil {
		return nil, err
	}
	return build(cfg, flags, f.logger(c.ErrOrStderr()))
}

// logger writes text to a terminal and JSON to everything else.
func (f *commonFlags) logger(w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: f.logLevel}
	if isTerminal(w) {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}

// isTerminal reports whether a stream is a terminal, at which somebody may be.
func isTerminal(w any) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// known are all providers and all types of destinations.
func known() config.Known { return config.Known{Dialects: provider.List(), Senders: notify.Types()} }
