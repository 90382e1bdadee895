package provider

import (
	"io/fs"

	"holdfast/internal/provider/dialog360"
	"holdfast/internal/provider/innopaas"
	"holdfast/internal/provider/meta"
	"holdfast/internal/provider/nxtele"
	"holdfast/internal/provider/whizard"
)

// List names every provider, in the order in which they are shown.
func List() []Dialect {
	return []Dialect{
		dialect("meta", meta.Samples, meta.New),
		dialect("nxtele", nxtele.Samples, nxtele.New),
		dialect("innopaas", innopaas.Samples, innopaas.New),
		dialect("whizard", whizard.Samples, whizard.New),
		dialect("360dialog", dialog360.Samples, dialog360.New),
	}
}

// A Dialect is an entry of the list of providers.
type Dialect struct {
	Name    string
	Samples fs.FS // webhooks as this provider publishes or documents them: samples/*.json
	// Options returns a pointer to the settings of a source that only its provider knows, with their defaults: a struct
	// whose yaml tags name them.
	Options func() any
	// New makes the provider from what Options returned, filled. Without any secret it is an error, unless insecure says
	// that whoever knows the URL may send. Errors name the option at fault, never its value.
	New func(options any, insecure bool) (Provider, error)
}

// dialect makes an entry from what a provider's package exports. The packages of the providers cannot name the types of
// this one, which lists them; so the types are joined here.
func dialect[O any, P Provider](name string, samples fs.FS, construct func(options O, insecure bool) (P, error)) Dialect {
	return Dialect{
		Name:    name,
		Samples: samples,
		Options: func() any { return new(O) },
		New: func(options any, insecure bool) (Provider, error) {
			return construct(*options.(*O), insecure)
		},
	}
}
