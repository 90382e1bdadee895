package storage

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"

	"holdfast/internal/webhook"
)

// Webhooks are for their owner only.
func TestDirModes(t *testing.T) {
	root := filepath.Join(t.TempDir(), "made")
	e := newExam(newDirectory(root))
	e.store(t, of("wh/1"), payload(10))
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A disk that is full takes nothing, says so, and keeps what it has.
func TestDirFull(t *testing.T) {
	root := t.TempDir()
	if err := syscall.Mount("tmpfs", root, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("a small volume takes the right to mount: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(root, 0); err != nil {
			t.Error(err)
		}
	})
	e := newExam(newDirectory(root))
	small := payload(100_000)
	claims := e.store(t, of("wh/1"), small)
	for range 2 { // it does not fill up with halves
		_, err := e.Store(converter.StorageDriverStoreContext{Context: t.Context(), Target: of("wh/2")}, []*commonpb.Payload{payload(2 << 20)})
		if !errors.Is(err, webhook.ErrStorage) || !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("got %v", err)
		}
		if keys := e.keys(t, "default"); len(keys) != 1 {
			t.Errorf("objects %q", keys)
		}
	}
	if err := e.Probe(t.Context()); err != nil { // there is room for that
		t.Error(err)
	}
	if got, err := e.retrieve(t, claims...); err != nil || !same(got[0], small) {
		t.Errorf("got %v", err)
	}
	e.store(t, of("wh/3"), payload(100_000))
}

func TestDirUnusable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	e := newExam(newDirectory(file))
	_, err := e.Store(converter.StorageDriverStoreContext{Context: t.Context(), Target: of("wh/2")}, []*commonpb.Payload{payload(10)})
	if !errors.Is(err, webhook.ErrStorage) {
		t.Errorf("store: %v", err)
	}
	if err := e.Probe(t.Context()); err == nil {
		t.Error("the probe found nothing")
	}
}

// What a crash leaves in the middle of a write is nobody's, and goes with the workflow.
func TestDirLeftovers(t *testing.T) {
	root := t.TempDir()
	e := newExam(newDirectory(root))
	claims := e.store(t, of("wh/1"), payload(10))
	path := filepath.Join(root, filepath.FromSlash(claims[0].ClaimData[claimKey]))
	for _, name := range []string{path + ".123", filepath.Join(root, "default", "stray"), filepath.Join(filepath.Dir(path), "x")} {
		if err := os.WriteFile(name, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	e.pass(3 * day)
	n, err := e.Prune(t.Context(), Pruning{Namespace: "default", Gone: (&asked{gone: []string{"wh/1"}}).ask})
	if n != 2 || err != nil {
		t.Errorf("pruned %d, %v", n, err)
	}
}

// Folders come and go with their objects, whoever is at work at the same moment.
func TestDirWhilePruned(t *testing.T) {
	e := newExam(newDirectory(t.TempDir()))
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 50 {
				claims, err := e.Store(converter.StorageDriverStoreContext{Context: t.Context(), Target: of("wh/1")}, []*commonpb.Payload{payload(10)})
				if err != nil {
					t.Error(err)
					return
				}
				if err := e.objects.remove(t.Context(), claims[0].ClaimData[claimKey]); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if keys := e.keys(t, "default"); len(keys) != 0 {
		t.Errorf("left: %q", strings.Join(keys, " "))
	}
}
