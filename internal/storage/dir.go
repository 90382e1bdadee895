package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// A directory keeps objects as files, on a volume that all processes share. What is put there is on disk before it is
// known: the file first, then its name and those of the folders above it.
type directory struct {
	root string
	// hands bounds those who are at the disk: a volume that hangs (a network's) does not answer, and cannot be asked to
	// give up.
	hands chan struct{}
}

const hands = 16

func newDirectory(root string) *directory {
	return &directory{root, make(chan struct{}, hands)}
}

func (*directory) kind() string    { return "dir" }
func (d *directory) where() string { return d.root }

func (d *directory) path(key string) string { return filepath.Join(d.root, filepath.FromSlash(key)) }

func (d *directory) put(ctx context.Context, key string, data []byte) error {
	_, err := try(ctx, d, func() (none struct{}, err error) {
		for range 10 { // whoever prunes may remove the folder again, as it is empty
			if err = d.write(d.path(key), data); !errors.Is(err, fs.ErrNotExist) {
				break
			}
		}
		return none, err
	})
	return err
}

func (d *directory) write(path string, data []byte) (err error) {
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	// What is left of it by a crash has the day of the object in its name, and is pruned as that.
	f, err := os.CreateTemp(folder, filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close()           // it may be closed
			_ = os.Remove(f.Name()) // it has no name that anybody knows
		}
	}()
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	// Up to the root each time: another process may have made a folder, and not come as far as this.
	for at := folder; ; at = filepath.Dir(at) {
		if err := syncFolder(at); err != nil {
			return err
		}
		if at == filepath.Clean(d.root) || at == filepath.Dir(at) {
			return nil
		}
	}
}

func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

func (d *directory) get(ctx context.Context, key string, most int64) ([]byte, error) {
	return try(ctx, d, func() ([]byte, error) {
		f, err := os.Open(d.path(key))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, ErrMissing
		} else if err != nil {
			return nil, err
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return nil, err
		}
		if info.Size() > most {
			return nil, errDamaged
		}
		data := make([]byte, info.Size())
		if _, err := io.ReadFull(f, data); err != nil {
			return nil, err
		}
		return data, nil
	})
}

func (d *directory) list(_ context.Context, folder, after string) iter.Seq2[string, error] {
	_, rest, _ := strings.Cut(after, "/")
	done, _, _ := strings.Cut(rest, "/")
	return func(yield func(string, error) bool) {
		workflows, err := names(d.path(folder))
		if err != nil {
			yield("", err)
			return
		}
		for _, w := range workflows {
			if after != "" && w <= done {
				continue
			}
			files, err := names(filepath.Join(d.path(folder), w))
			if err != nil {
				yield("", err)
				return
			}
			for _, f := range files {
				if !yield(folder+"/"+w+"/"+f, nil) {
					return
				}
			}
		}
	}
}

// names lists a folder, sorted. What is no folder, or is there no more, holds nothing.
func names(folder string) ([]string, error) {
	f, err := os.Open(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("list: %w", err)
	}
	defer f.Close()
	list, err := f.Readdirnames(-1)
	if err != nil && !errors.Is(err, syscall.ENOTDIR) {
		return nil, fmt.Errorf("list: %w", err)
	}
	slices.Sort(list)
	return list, nil
}

func (d *directory) remove(ctx context.Context, key string) error {
	_, err := try(ctx, d, func() (none struct{}, err error) {
		if err := os.Remove(d.path(key)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return none, err
		}
		_ = os.Remove(filepath.Dir(d.path(key))) // fails unless it was the last
		return none, nil
	})
	return err
}

// try does something at the disk, and waits for it no longer than the context allows.
func try[T any](ctx context.Context, d *directory, do func() (T, error)) (out T, err error) {
	if err := ctx.Err(); err != nil {
		return out, err
	}
	select {
	case d.hands <- struct{}{}:
	case <-ctx.Done():
		return out, fmt.Errorf("wait for the disk: %w", ctx.Err())
	}
	type answer struct {
		out T
		err error
	}
	done := make(chan answer, 1)
	go func() {
		defer func() { <-d.hands }()
		out, err := do()
		done <- answer{out, err}
	}()
	select {
	case a := <-done:
		return a.out, a.err
	case <-ctx.Done():
		return out, fmt.Errorf("wait for the disk: %w", ctx.Err())
	}
}
