package provider_test

import (
	"io/fs"
	"testing"

	"holdfast/internal/provider"
)

func TestList(t *testing.T) {
	names := map[string]bool{}
	for _, dialect := range provider.List() {
		t.Run(dialect.Name, func(t *testing.T) {
			if names[dialect.Name] {
				t.Error("is in the list twice")
			}
			names[dialect.Name] = true
			if files, err := fs.Glob(dialect.Samples, "samples/*.json"); err != nil || len(files) == 0 {
				t.Errorf("%d samples, %v", len(files), err)
			}
			if _, err := dialect.New(dialect.Options(), false); err == nil {
				t.Error("is made without any secret")
			}
			p, err := dialect.New(dialect.Options(), true)
			if err != nil {
				t.Fatalf("is not made without any secret, though insecure: %v", err)
			}
			if _, ok := p.(provider.Signer); !ok {
				t.Error("cannot sign")
			}
			if contentType, _ := p.Answer(); contentType == "" {
				t.Error("answers without a content type")
			}
		})
	}
}
