package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"holdfast/internal/load"
)

// A machine is what was measured on.
type machine struct {
	CPU, Kernel                string
	Cores                      int
	Memory                     int64         // bytes
	Sync, SyncP99              time.Duration // of 4 KiB, until it is on disk: median and p99
	Holdfast, Postgres, Golang string        // versions
	Temporal                   string
	Day                        string
}

func describe(ctx context.Context, bin, data string) (machine, error) {
	m := machine{Cores: runtime.NumCPU(), Golang: runtime.Version(), Day: time.Now().UTC().Format(time.DateOnly)}
	m.CPU = field("/proc/cpuinfo", "model name")
	var kilobytes int64
	if _, err := fmt.Sscanf(field("/proc/meminfo", "MemTotal"), "%d kB", &kilobytes); err != nil {
		return m, fmt.Errorf("read how much memory there is: %w", err)
	}
	m.Memory = kilobytes << 10
	kernel, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return m, err
	}
	m.Kernel = strings.TrimSpace(string(kernel))
	if m.Sync, m.SyncP99, err = syncTime(data); err != nil {
		return m, fmt.Errorf("measure the disk: %w", err)
	}
	if m.Holdfast, err = says(ctx, filepath.Join(bin, "holdfast"), "--version"); err != nil {
		return m, err
	}
	m.Holdfast = strings.TrimPrefix(m.Holdfast, "holdfast ")
	where, err := postgresPrograms()
	if err != nil {
		return m, err
	}
	if m.Postgres, err = says(ctx, filepath.Join(where, "postgres"), "--version"); err != nil {
		return m, err
	}
	m.Postgres = strings.TrimPrefix(m.Postgres, "postgres (PostgreSQL) ")
	m.Temporal = "unknown" // only Go's own program can tell
	if text, err := says(ctx, "go", "version", "-m", filepath.Join(bin, "holdfast-devserver")); err == nil {
		for line := range strings.Lines(text) {
			if f := strings.Fields(line); len(f) > 2 && f[1] == "go.temporal.io/server" {
				m.Temporal = strings.TrimPrefix(f[2], "v")
			}
		}
	}
	return m, nil
}

// field is what a file of /proc says first of a name.
func field(file, name string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

func says(ctx context.Context, path string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, path, args...).Output()
	if err != nil {
		return "", fmt.Errorf("ask %s for its version: %w", filepath.Base(path), err)
	}
	return string(bytes.TrimSpace(out)), nil
}

// syncTime is how long the disk takes to keep 4 KiB more of a file, as a database's log does.
func syncTime(dir string) (median, p99 time.Duration, err error) {
	f, err := os.CreateTemp(dir, "sync-")
	if err != nil {
		return 0, 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	var took []time.Duration
	for range 500 {
		began := time.Now()
		if _, err := f.Write(make([]byte, 4<<10)); err != nil {
			return 0, 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, 0, err
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	return took[len(took)/2], took[len(took)*99/100], nil
}

// calm waits until the machine is quiet, and returns how busy it was in the end, in cores.
func calm(ctx context.Context) (float64, error) {
	deadline := time.Now().Add(quietPatience)
	for {
		meter, err := load.StartMeter(nil)
		if err != nil {
			return 0, err
		}
		sleep(ctx, time.Second)
		_, m, err := meter.Costs()
		if err != nil {
			return 0, err
		}
		busy := m.Busy / m.Seconds
		if busy < quiet || ctx.Err() != nil || time.Now().After(deadline) {
			return busy, ctx.Err()
		}
	}
}
