package providertest

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/provider"
)

// FuzzNormalize asks of every body what [Check] asks, that the events are the same the second time, and that the body
// stays as it was. It begins with the samples and some more bodies.
func FuzzNormalize(f *testing.F, p provider.Provider, samples fs.FS, more ...string) {
	for _, body := range samplesOf(f, samples) {
		f.Add(body)
	}
	for _, body := range more {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		before := bytes.Clone(body)
		events := p.Normalize(body, received)
		Check(t, body, events)
		if !json.Valid(body) && len(events) != 1 {
			t.Errorf("not JSON, and %d events", len(events))
		}
		p.Peek(body)
		if again := p.Normalize(bytes.Clone(body), received); !cmp.Equal(events, again) {
			t.Error(cmp.Diff(events, again))
		}
		if !bytes.Equal(before, body) {
			t.Error("the body was changed")
		}
	})
}

// FuzzVerify asks of every request that a provider with one secret accepts that a provider with another refuses it, and
// that every refusal is one of the closed set. Known makes a provider that signs with the first of its secrets. A request is
// a body and headers, a name and a value a line, put over those that the first provider would sign with or sent alone.
func FuzzVerify[P provider.Provider](f *testing.F, known func(t testing.TB, secrets ...string) P, samples fs.FS) {
	a, b := known(f, "secret-a"), known(f, "secret-b")
	for _, body := range samplesOf(f, samples) {
		f.Add("", true, body)
		for _, by := range []provider.Provider{a, b} {
			h := sign(f, by, body)
			var lines strings.Builder
			for _, name := range slices.Sorted(maps.Keys(h)) {
				line := name + ": " + h.Get(name) + "\n"
				f.Add(line, true, body)
				lines.WriteString(line)
			}
			f.Add(lines.String(), false, body)
		}
	}
	f.Fuzz(func(t *testing.T, lines string, signed bool, body []byte) {
		h := http.Header{}
		if signed {
			h = sign(t, a, body)
		}
		for line := range strings.Lines(lines) {
			name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
			if len(h.Values(name)) > 0 && signed {
				h.Set(name, value)
			} else {
				h.Add(name, value)
			}
		}
		if accept(t, a, h, body) == nil && accept(t, b, h, body) == nil {
			t.Errorf("accepted with either secret: %q", h)
		}
	})
}

// BenchmarkNormalize measures what a body takes.
func BenchmarkNormalize(b *testing.B, p provider.Provider, body []byte) {
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		p.Normalize(body, received)
	}
}
