package providertest

import (
	"bytes"
	"encoding/json"
	"io/fs"
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

// BenchmarkNormalize measures what a body takes.
func BenchmarkNormalize(b *testing.B, p provider.Provider, body []byte) {
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		p.Normalize(body, received)
	}
}
