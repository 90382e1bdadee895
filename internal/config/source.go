package config

import (
	"log/slog"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"holdfast/internal/provider"
)

// A Source is one endpoint to which a provider sends webhooks: /webhooks/{path}.
//
// Beside the settings here a source has those of its provider, such as its secrets; they are in the manual of the
// provider's package. Common to all that relay messages is opt_out, the words by which people stop marketing messages,
// which has its defaults and their reasons in package optout:
//
//	opt_out: {stop: [STOP, BAJA], resume: [START]}
type Source struct {
	// Dialect is the name of the provider: meta, nxtele and so on. Required.
	Dialect string `yaml:"provider"`

	// Path is the last part of the endpoint's URL: letters, digits, and . _ ~ -, at most 128, different for every
	// source. Default: the name of the source. Choose one that cannot be guessed where the provider proves nothing else.
	Path string `yaml:"path"`

	// Insecure allows a source without any secret: then whoever knows its URL can send. Default false, where a source
	// without a secret is an error.
	Insecure bool `yaml:"insecure"`

	// MaxBody is the largest webhook accepted here. Default: that of ingress; 1KiB to 64MiB.
	MaxBody Size `yaml:"max_body"`

	// Provider verifies and reads the webhooks of this source, with its secrets. It is made from the settings above and
	// those of the provider; it is never nil in a Config that was read without error.
	Provider provider.Provider `yaml:"-"`

	// Options are the settings that only the provider knows, as it was made from them: what its Dialect's Options returns.
	Options any `yaml:"-"`
}

// String is the dialect only: the path may be a secret, and the provider holds some.
func (s Source) String() string { return s.Dialect }

// LogValue is the same as String.
func (s Source) LogValue() slog.Value { return slog.StringValue(s.Dialect) }

// decode reads a source: its provider first, which knows what else may be said.
func (s *Source) decode(r *reader, n ast.Node, at string) {
	before := len(r.problems)
	entries := r.entries(n, at)
	dialect, ok := r.dialect(entries, at)
	if !ok { // without it nothing can be said about the other settings
		return
	}
	options := dialect.Options()
	r.fill(entries, at, reflect.ValueOf(s).Elem(), reflect.ValueOf(options).Elem())
	if len(r.problems) > before { // New would only complain about what could not be read
		return
	}
	made, err := dialect.New(options, s.Insecure)
	if err != nil {
		r.problem(at, "%s", strings.ReplaceAll(err.Error(), "\n", "; "))
		return
	}
	s.Provider, s.Options = made, options
}

// dialect finds the provider that a source names.
func (r *reader) dialect(entries []entry, at string) (provider.Dialect, bool) {
	var names []string
	for _, d := range r.dialects {
		names = append(names, d.Name)
	}
	var name string
	given := false
	for _, e := range entries {
		if e.key == "provider" {
			before := len(r.problems)
			r.set(e, at+".provider", reflect.ValueOf(&name).Elem())
			if len(r.problems) > before {
				return provider.Dialect{}, false
			}
			given = true
		}
	}
	if !given {
		r.problem(at, "provider is required, one of: %s", strings.Join(names, ", "))
		return provider.Dialect{}, false
	}
	for _, d := range r.dialects {
		if d.Name == name {
			return d, true
		}
	}
	r.problem(at+".provider", "unknown provider%s (known: %s)", didYouMean(name, names), strings.Join(names, ", "))
	return provider.Dialect{}, false
}
